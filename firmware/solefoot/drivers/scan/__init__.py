"""How the cells are read: one interface (``readout.Readout``), one back-end per file."""
