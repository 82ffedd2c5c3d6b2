"""Benchmarks: figures as ratios within one run, printed by one command each."""
