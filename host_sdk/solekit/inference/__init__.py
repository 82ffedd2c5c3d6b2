"""Quantised models on the recordings and streams of the insoles, offline."""
