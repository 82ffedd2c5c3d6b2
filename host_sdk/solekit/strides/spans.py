"""Stretches of time (gaps, turns) and whether a stride meets one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from solekit.errors import DataError
from solekit.layouts import BoolArray, FloatArray
from solekit.strides.events import finite, require_columns


@dataclass(frozen=True, eq=False)
class Spans:
    """Disjoint stretches of time, ascending; ``start_s`` and ``end_s`` have shape (n_spans,)."""

    start_s: FloatArray
    end_s: FloatArray

    def meets(self, from_s: FloatArray, to_s: FloatArray) -> BoolArray:
        """Return per range [from_s, to_s], shape (n,), whether it meets or touches a span."""
        if not len(self.start_s):
            return np.zeros(len(from_s), dtype=bool)
        following = np.searchsorted(self.end_s, from_s, side="left")
        inside = following < len(self.start_s)
        return inside & (self.start_s[np.minimum(following, len(self.start_s) - 1)] <= to_s)

    def covered_s(self, from_s: float, to_s: float) -> float:
        """Return how much of [from_s, to_s] the spans cover."""
        overlap = np.minimum(self.end_s, to_s) - np.maximum(self.start_s, from_s)
        return float(np.sum(np.clip(overlap, 0.0, None)))


def read_spans(table: pd.DataFrame | None, name: str) -> Spans:
    """Return the columns ``start_s`` and ``end_s`` with overlaps joined; DataError if broken."""
    if table is None or not len(table):
        return Spans(np.empty(0), np.empty(0))
    require_columns(table, name, "start_s", "end_s")
    start_s, end_s = finite(table, name, "start_s"), finite(table, name, "end_s")
    if np.any(end_s < start_s):
        raise DataError(f"{name}: end_s lies before start_s")
    order = np.argsort(start_s, kind="stable")
    start_s, reach_s = start_s[order], np.maximum.accumulate(end_s[order])
    is_new = np.concatenate([[True], start_s[1:] > reach_s[:-1]])
    last = np.concatenate([np.flatnonzero(is_new)[1:] - 1, [len(start_s) - 1]])
    return Spans(start_s[is_new], reach_s[last])
