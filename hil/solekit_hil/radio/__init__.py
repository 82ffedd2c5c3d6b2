"""The air between foot and host, with the faults that real air has."""
