"""Geometry of the Moticon 16-cell sole, recovered from the exports themselves.

The vendor publishes neither areas nor positions with a file, but every row states the cell
pressures, the total force and the centre of pressure: total = sum(p * area) and
CoP = sum(p * area * position) / sum(p * area) are linear in the unknowns. Solved over four feet
(two recordings of sizes 7 and 3 in the vendor's Apache-2.0 examples, 4422 rows):

* shares of the sole's area, common to both feet and both sizes; one scale per foot (205.1 cm2 at
  size 7, 143.7 cm2 at size 3) then explains the total force within 0.31-0.55 N rms and 1.9 N at
  most, where the column's rounding to 1 N alone gives 0.29 N rms;
* positions, in fractions of length and width from the centre, equal within 0.006 on all four feet;
  with them the CoP columns are reproduced within 0.0007 of length and width rms, 0.0018 at most.

The second coordinate is positive on the medial side of both feet: the metatarsal cells 9-13 run
from far forward (medial) to further back (lateral), the hallux cell 14 takes more than 15 and 16,
and in mid-stance the lateral arch (8) is loaded while the medial one (7) is not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from solekit.errors import DataError
from solekit.layouts import Layout, Side, cells

FloatArray = NDArray[np.float64]

NOMINAL_LENGTH_MM = 260.0  # the file's size is a vendor code without millimetres
NOMINAL_WIDTH_MM = 90.0

AREA_SHARE = np.array(
    [0.06004, 0.05354, 0.06541, 0.06435, 0.06360, 0.06349, 0.08775, 0.08898,
     0.07626, 0.06224, 0.05981, 0.06203, 0.04992, 0.04915, 0.06122, 0.03219]
)  # fmt: skip
FORWARD = np.array(
    [-0.403, -0.417, -0.266, -0.287, -0.125, -0.152, 0.080, -0.012,
     0.256, 0.241, 0.226, 0.207, 0.170, 0.413, 0.408, 0.358]
)  # fmt: skip
MEDIAL = np.array(
    [0.109, -0.166, 0.089, -0.225, 0.061, -0.273, 0.241, -0.392,
     0.274, 0.064, -0.116, -0.294, -0.462, 0.178, -0.082, -0.312]
)  # fmt: skip

_LOADED_N = 20.0  # a foot below this in every row says nothing about areas
_GOOD_FIT_N = 2.0  # rms; above it the table is not this sole's
_ROW_MISFIT_N = 5.0  # one row's; 1.9 N was the largest seen
_MAX_MISFIT = 0.2  # of the rms force; above it pressure and force do not belong together
_MAX_CONDITION = 1000.0


def cell_areas_cm2(
    pressure_n_cm2: FloatArray, total_n: FloatArray, side: Side
) -> tuple[FloatArray | None, list[str]]:
    """Return the effective areas that turn pressures into the file's total force, and notes.

    One scale on ``AREA_SHARE`` by least squares over all rows. Where that misses by more than 2 N
    rms (another sole), areas cell by cell by non-negative least squares, if the rows determine
    them. None if the foot is never loaded.
    """
    share = AREA_SHARE / AREA_SHARE.sum()
    mean = pressure_n_cm2 @ share
    if total_n.max() < _LOADED_N or not mean @ mean > 0:
        return None, []
    areas = share * max(0.0, float(mean @ total_n / (mean @ mean)))
    misfit = _rms(total_n - pressure_n_cm2 @ areas)
    notes = []
    if misfit > _GOOD_FIT_N:
        own = _areas_by_cell(pressure_n_cm2, total_n)
        if own is not None and _rms(total_n - pressure_n_cm2 @ own) < 0.5 * misfit:
            areas = own
            misfit = _rms(total_n - pressure_n_cm2 @ areas)
            notes.append(
                f"The {side} sole is not the known 16-cell sole: areas were fitted cell by cell "
                f"and explain the total force within {misfit:.1f} N rms."
            )
        else:
            notes.append(
                f"The {side} total force differs from the sum of the cells by {misfit:.1f} N rms."
            )
    n_off = int((np.abs(total_n - pressure_n_cm2 @ areas) > _ROW_MISFIT_N).sum())
    if n_off and misfit <= _GOOD_FIT_N:
        notes.append(
            f"{side}: in {n_off} rows the total force is over {_ROW_MISFIT_N:g} N off the sum of "
            "the cells; the cells were kept."
        )
    if misfit > _MAX_MISFIT * _rms(total_n):
        raise DataError(
            f"the {side} pressures explain the total force column only within {misfit:.0f} N rms; "
            "the two do not belong together: export the recording again with both unfiltered"
        )
    return areas, notes


def _areas_by_cell(pressure_n_cm2: FloatArray, total_n: FloatArray) -> FloatArray | None:
    norms = np.linalg.norm(pressure_n_cm2, axis=0)
    if len(total_n) < 10 * AREA_SHARE.size or not (norms > 0).all():
        return None
    if np.linalg.cond(pressure_n_cm2 / norms) > _MAX_CONDITION:
        return None
    try:
        areas, _ = nnls(pressure_n_cm2 / norms, total_n)
    except RuntimeError:  # no convergence
        return None
    return areas / norms if (areas > 0).all() else None


def _rms(residual: FloatArray) -> float:
    return float(np.sqrt(np.mean(residual**2)))


def sole_layout(areas_cm2: FloatArray, side: Side) -> Layout:
    """Return the 16 cells of ``side`` on the nominal sole, with their effective areas."""
    rightwards = MEDIAL if side == "left" else -MEDIAL
    return cells(
        "moticon-16",
        (0.5 + rightwards) * NOMINAL_WIDTH_MM,
        (0.5 + FORWARD) * NOMINAL_LENGTH_MM,
        areas_cm2 * 100.0,
        length_mm=NOMINAL_LENGTH_MM,
        width_mm=NOMINAL_WIDTH_MM,
    )


def cop_misfit(force_n: FloatArray, forward: FloatArray, medial: FloatArray) -> float:
    """Return the rms distance, in sole lengths or widths, of the table's CoP to the file's.

    Rows in which the file gives no CoP (both zero) or the foot is unloaded are left out; 0 if
    none is left.
    """
    total = force_n.sum(axis=1)
    known = ((forward != 0) | (medial != 0)) & (total > _LOADED_N)
    if not known.any():
        return 0.0
    share = force_n[known] / total[known, None]
    return max(_rms(share @ FORWARD - forward[known]), _rms(share @ MEDIAL - medial[known]))
