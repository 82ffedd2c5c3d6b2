"""Walking bouts, and the strides that do not count: the outlier rules."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from solekit.layouts import SIDES, BoolArray, FloatArray, Side
from solekit.strides.spans import Spans

NO_BOUT = -1
MAD_TO_SD = 1.4826  # median absolute deviation to standard deviation, for a normal distribution
ABSENT_SHARE = 0.5  # a foot whose data are missing for more of a bout than this is absent in it


def number_runs(start_s: FloatArray, end_s: FloatArray, *, max_break_s: float) -> np.ndarray:
    """Return the run of each stride, from 0, shape (n,); strides ascend by ``start_s``."""
    if not len(start_s):
        return np.empty(0, dtype=np.int64)
    reach_s = np.maximum.accumulate(end_s)
    breaks = np.concatenate([[False], start_s[1:] - reach_s[:-1] > max_break_s])
    return np.cumsum(breaks).astype(np.int64)


def refuse_bout(
    n_by_side: dict[Side, int],
    present: list[Side],
    *,
    min_bout_strides: int,
    min_strides_per_foot: int,
) -> str:
    """Return why a run of strides is no walking bout, '' if it is one."""
    n_total = sum(n_by_side.values())
    if n_total < min_bout_strides:
        return f"bout of {n_total} strides, fewer than {min_bout_strides}"
    if len(present) == len(SIDES):
        for side in SIDES:
            if n_by_side[side] < min_strides_per_foot:
                n_strides = n_by_side[side]
                return f"bout with {n_strides} {side} strides, fewer than {min_strides_per_foot}"
    return ""


def feet_present(
    start_s: float, end_s: float, gaps: dict[Side, Spans], sides: tuple[Side, ...]
) -> list[Side]:
    """Return the feet whose data cover at least half of [start_s, end_s]."""
    limit_s = ABSENT_SHARE * (end_s - start_s)
    return [side for side in sides if gaps[side].covered_s(start_s, end_s) <= limit_s]


def find_bout(bouts: pd.DataFrame, start_s: FloatArray, end_s: FloatArray) -> np.ndarray:
    """Return the bout that holds each range [start_s, end_s], ``NO_BOUT`` where none does."""
    if not len(bouts):
        return np.full(len(start_s), NO_BOUT, dtype=np.int64)
    row = np.searchsorted(bouts["start_s"].to_numpy(), start_s, side="right") - 1
    held = (row >= 0) & (end_s <= bouts["end_s"].to_numpy()[np.maximum(row, 0)])
    return np.where(held, bouts["bout"].to_numpy()[np.maximum(row, 0)], NO_BOUT).astype(np.int64)


def is_outlier(stride_s: FloatArray, *, n_mads: float, floor_s: float) -> BoolArray:
    """Return which strides lie further from the median than ``n_mads`` scaled MADs, shape (n,).

    Nothing within ``floor_s`` of the median is an outlier: with a MAD of zero (more than half of
    the strides equal, as with times in whole frames) everything else would be one.
    """
    distance_s = np.abs(stride_s - np.median(stride_s))
    return distance_s > max(n_mads * MAD_TO_SD * float(np.median(distance_s)), floor_s)


def by_foot(strides: pd.DataFrame, mask: BoolArray) -> Iterator[np.ndarray]:
    """Yield, for each foot in each bout, the row numbers of its strides in ``mask``, ascending."""
    rows = np.flatnonzero(mask & (strides["bout"] != NO_BOUT).to_numpy(dtype=bool))
    for within in strides.iloc[rows].groupby(["side", "bout"]).indices.values():
        yield rows[np.sort(within)]


def edges(
    strides: pd.DataFrame, mask: BoolArray, *, n_strides: int
) -> tuple[BoolArray, BoolArray]:
    """Return which strides in ``mask`` are the first and the last of their foot in a bout."""
    first, last = np.zeros(len(strides), dtype=bool), np.zeros(len(strides), dtype=bool)
    if n_strides:
        for rows in by_foot(strides, mask):
            first[rows[:n_strides]] = True
            last[rows[-n_strides:]] = True
    return first, last
