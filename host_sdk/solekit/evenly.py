"""Samples on an even grid, in pieces without gaps: what every filter needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from solekit.errors import DataError
from solekit.layouts import FloatArray

_JITTER = 0.02  # share of a period; below it the samples are even as they are
_MIN_SAMPLES = 2


@dataclass(frozen=True, eq=False)
class Piece:
    """Even samples: ``values`` (n, k) taken at ``start_s + i / rate_hz``."""

    start_s: float
    rate_hz: float
    values: FloatArray

    @property
    def t_s(self) -> FloatArray:
        """Sampling times, shape (n,)."""
        return self.start_s + np.arange(len(self.values)) / self.rate_hz


def rate_of(t_s: FloatArray, *, max_gap_s: float) -> float:
    """Return the sampling rate of ``t_s`` (n,) without its gaps; DataError where time stands."""
    steps = np.diff(t_s)
    if not np.all(np.isfinite(t_s)) or np.any(steps <= 0):
        raise DataError(
            "t_s must be finite and increase from sample to sample; sort, drop repeats"
        )
    inside = steps[steps <= max_gap_s]
    return 1.0 / float(inside.mean()) if inside.size else 0.0


def even_pieces(t_s: FloatArray, values: FloatArray, *, max_gap_s: float = 0.1) -> list[Piece]:
    """Cut ``values`` (n,) or (n, k) at ``t_s`` (n,) where more than ``max_gap_s`` is missing.

    Uneven times (a jittery clock, single lost samples) are interpolated linearly onto an even
    grid; what is longer than ``max_gap_s`` is never filled. Samples that stand alone are left out.
    DataError if the times do not increase or a value is not finite.
    """
    t_s = np.asarray(t_s, dtype=float)
    table = np.asarray(values, dtype=float)
    table = table[:, None] if table.ndim == 1 else table
    if t_s.shape != (len(table),):
        raise DataError(f"t_s has shape {t_s.shape} for {len(table)} samples; give one time each")
    if not np.all(np.isfinite(table)):
        row = int(np.argwhere(~np.isfinite(table))[0][0])
        raise DataError(f"sample {row} (counted from 0) is not finite; drop it or repair the file")
    if len(t_s) < _MIN_SAMPLES:
        return []
    rate_hz = rate_of(t_s, max_gap_s=max_gap_s)
    pieces = []
    for rows in np.split(np.arange(len(t_s)), np.flatnonzero(np.diff(t_s) > max_gap_s) + 1):
        if len(rows) >= _MIN_SAMPLES:
            pieces.append(_even(t_s[rows], table[rows], rate_hz))
    return pieces


def _even(t_s: FloatArray, table: FloatArray, rate_hz: float) -> Piece:
    n = len(t_s)
    own_hz = (n - 1) / float(t_s[-1] - t_s[0])
    grid = t_s[0] + np.arange(n) / own_hz
    if np.abs(t_s - grid).max() * own_hz <= _JITTER:
        return Piece(float(t_s[0]), own_hz, table)
    n_even = int(np.floor((t_s[-1] - t_s[0]) * rate_hz)) + 1
    grid = t_s[0] + np.arange(n_even) / rate_hz
    columns = [np.interp(grid, t_s, column) for column in table.T]
    return Piece(float(t_s[0]), rate_hz, np.stack(columns, axis=1))


def runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first and behind-the-last index of every run of True, shapes (n_runs,)."""
    edges = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def low_pass(values: FloatArray, cutoff_hz: float, rate_hz: float) -> FloatArray:
    """Return ``values`` (n,) or (n, k) below ``cutoff_hz``, zero phase; unchanged if too slow."""
    if cutoff_hz >= 0.45 * rate_hz or len(values) < 16:
        return values
    sos = signal.butter(2, cutoff_hz, fs=rate_hz, output="sos")
    return signal.sosfiltfilt(sos, values, axis=0)
