"""Gait events as they happen, one call per frame, integers only."""
