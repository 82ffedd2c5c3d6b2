"""One file per board: pins, clock, buses, limits. Only here (and in main.py) ``machine`` is known."""
