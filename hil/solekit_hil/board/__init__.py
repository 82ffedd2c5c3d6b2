"""The virtual board: the same code in CPython (``sim:``) and in MicroPython (``mpy:``)."""
