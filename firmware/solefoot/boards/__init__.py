"""One file per board: pins, clock, buses, limits; here and in main.py ``machine`` is known."""
