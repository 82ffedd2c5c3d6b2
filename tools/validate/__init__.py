"""Comparisons with real people's recordings: one module per data set, one command for all."""
