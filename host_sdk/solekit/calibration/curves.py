"""Pressure of each cell from its counts: measured points under known uniform pressures.

Between points a curve is straight in the logarithms of both, so it is a power law there, which is
what piezoresistive film follows; beyond the ends the outer pieces go on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solekit.errors import DataError
from solekit.layouts import FloatArray

MIN_COUNTS = 8.0  # above base: less is noise, not a point
MIN_OWN_POINTS = 3  # fewer: the cell takes the shape of the others
MIN_POINTS = 2
MIN_SLOPE = 0.05  # of log counts over log pressure: a curve must rise
MEMORY_CELLS = 1 << 21  # frames times cells that are turned into pressure at once
# Where nothing was measured: part-to-part repeatability of a batch of force-sensing resistors is
# 6 % (Interlink FSR 400 data sheet), taken twice for a sheet made by hand; and an exponent
# that is off by 0.1 makes 17 % of a pressure five times that of the stances.
ASSUMED_CELL_SHARE_SD = 0.12
ASSUMED_SHAPE_SHARE_SD = 0.10


@dataclass(frozen=True, eq=False)
class Curves:
    """One rising curve per cell.

    ``pressure_kpa`` (n_points,) and the ``counts`` above base that belong to it,
    (n_points, n_cells). ``is_own`` (n_cells,) is False for cells that have the shape of the
    others. ``cell_share_sd`` (n_cells,) and ``shape_share_sd`` are the standard errors of a
    pressure as shares of it: of each cell on its own, and common to all.
    """

    pressure_kpa: FloatArray
    counts: FloatArray
    is_own: NDArray[np.bool_]
    cell_share_sd: FloatArray
    shape_share_sd: float
    is_measured: bool = True

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.counts.shape[1]

    def pressure(self, counts: ArrayLike) -> FloatArray:
        """Return kilopascals, (n, n_cells), of ``counts`` above base of that shape.

        Odd in the counts: the noise of an unloaded cell keeps its mean of zero.
        """
        above = np.asarray(counts, dtype=float)
        if above.ndim != 2 or above.shape[1] != self.n_cells:
            raise DataError(f"counts are {above.shape}; the curves are of {self.n_cells} cells")
        out = np.empty(above.shape)
        rows = max(1, MEMORY_CELLS // self.n_cells)
        for start in range(0, len(above), rows):
            part = slice(start, start + rows)
            out[part] = self._pressure(above[part])
        return out

    def _pressure(self, above: FloatArray) -> FloatArray:
        log_p, log_x = np.log(self.pressure_kpa), np.log(self.counts)
        size = np.log(np.maximum(np.abs(above), 1e-6))
        slope = np.diff(log_p)[:, None] / np.diff(log_x, axis=0)
        found = log_p[0] + (size - log_x[0]) * slope[0]
        for k in range(1, len(slope)):
            found = np.where(size > log_x[k], log_p[k] + (size - log_x[k]) * slope[k], found)
        return np.where(above == 0, 0.0, np.sign(above) * np.exp(found))


def fit_curves(
    pressure_kpa: ArrayLike, counts: ArrayLike, *, max_counts: ArrayLike = np.inf
) -> Curves:
    """Return the curves through ``counts`` (n_points, n_cells) above base.

    ``pressure_kpa`` (n_points,) is uniform over the cells; ``max_counts`` is where a cell
    saturates. A point that is saturated, NaN or no more than noise is left out; a cell with fewer
    than three points takes the shape of the others through the points it has, one without any is
    the typical cell. DataError where there is too little for any curve.
    """
    p = np.asarray(pressure_kpa, dtype=float)
    x = np.asarray(counts, dtype=float)
    if p.ndim != 1 or x.ndim != 2 or len(p) != len(x):
        raise DataError(f"{p.shape} pressures do not belong to counts of {x.shape}")
    order = np.argsort(p)
    p, x = p[order], x[order]
    if len(p) < MIN_POINTS or p[0] <= 0 or (np.diff(p) <= 0).any() or not np.isfinite(p).all():
        raise DataError(
            f"pressures of {p.tolist()} kPa: give at least {MIN_POINTS} different ones above zero"
        )
    is_point = np.isfinite(x) & (x >= MIN_COUNTS) & (x < max_counts)
    log_x = np.log(np.where(is_point, x, 1.0))
    level, shape = _two_way(log_x, is_point)
    slope = np.diff(shape) / np.diff(np.log(p))
    if (slope < MIN_SLOPE).any():
        raise DataError(
            f"between {p[slope.argmin()]:g} and {p[slope.argmin() + 1]:g} kPa the counts do not "
            "rise: the press did not hold, or the readout is saturated"
        )
    n_points = is_point.sum(axis=0)
    is_own = n_points >= min(MIN_OWN_POINTS, len(p))
    filled = np.where(is_point, log_x, level + shape[:, None])
    # A reading that does not rise is noise on a flat piece: it is lifted to the least slope.
    least = MIN_SLOPE * np.log(p)[:, None]
    filled = np.maximum.accumulate(filled - least, axis=0) + least
    cell_sd, shape_sd = _left_out(np.log(p), filled, is_own)
    spread = float(np.std(level[n_points > 0])) / float(slope.mean())
    cell_share_sd = np.where(n_points == 0, spread, np.where(is_own, cell_sd, 2 * cell_sd))
    return Curves(p, np.exp(filled), is_own, cell_share_sd, shape_sd)


def assumed_curves(
    n_cells: int, *, kpa_per_count: ArrayLike = 1.0, exponent: float = 1.0
) -> Curves:
    """Return power laws for an insole that no press has seen; their errors are assumptions.

    ``kpa_per_count`` at 100 kPa is one number or (n_cells,), as the gains of an insole say; counts
    grow with the ``exponent`` of the pressure.
    """
    per_count = np.broadcast_to(np.asarray(kpa_per_count, dtype=float), (n_cells,))
    if not (per_count > 0).all():
        raise DataError("kilopascals per count must be positive for every cell")
    p = np.array([1.0, 1000.0])
    return Curves(
        p,
        100.0 / per_count * (p[:, None] / 100.0) ** exponent,
        np.zeros(n_cells, bool),
        np.full(n_cells, ASSUMED_CELL_SHARE_SD),
        ASSUMED_SHAPE_SHARE_SD,
        is_measured=False,
    )


def _two_way(
    log_x: FloatArray, is_point: NDArray[np.bool_], rounds: int = 20
) -> tuple[FloatArray, FloatArray]:
    """Return the level of each cell and the shape of all; medians, so that a bad cell is one."""
    masked = np.where(is_point, log_x, np.nan)
    if not is_point.any(axis=1).all():
        raise DataError(
            "at some pressure no cell has a reading between noise and saturation; leave it out"
        )
    level = np.zeros(log_x.shape[1])
    shape = np.zeros(len(log_x))
    has_any = is_point.any(axis=0)
    for _ in range(rounds):
        shape = np.nanmedian(masked - level, axis=1)
        level[has_any] = np.nanmedian((masked - shape[:, None])[:, has_any], axis=0)
        typical = float(np.median(level[has_any]))
        level, shape = level - typical, shape + typical
        level[~has_any] = 0.0
    return level, shape


def _left_out(
    log_p: FloatArray, log_x: FloatArray, is_own: NDArray[np.bool_]
) -> tuple[float, float]:
    """Return the errors of a cell and of the shape, found by leaving out each inner point.

    A curve without a point spans twice the gap, so both are upper bounds.
    """
    if len(log_p) < 3 or not is_own.any():
        return ASSUMED_CELL_SHARE_SD, ASSUMED_SHAPE_SHARE_SD
    x = log_x[:, is_own]
    part = (x[1:-1] - x[:-2]) / (x[2:] - x[:-2])
    error = log_p[:-2, None] + part * (log_p[2:] - log_p[:-2])[:, None] - log_p[1:-1, None]
    common = error.mean(axis=1)
    cell_sd = float(np.sqrt(np.mean((error - common[:, None]) ** 2)))
    return cell_sd, float(np.sqrt(np.mean(common**2)))
