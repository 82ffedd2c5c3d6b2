"""The virtual board: the same code runs in CPython (``sim:``) and inside MicroPython (``mpy:``)."""
