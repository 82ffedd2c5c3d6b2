"""What is trained, and how: run from a checkout as ``python -m models.<task>.train``."""
