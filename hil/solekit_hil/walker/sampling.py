"""One form of a sample for all walkers: a scalar time or many, one sole after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from solekit.layouts import FloatArray, Side
from solekit_hil.walker.interface import Float32Array, Sample, Truth, Walker

# Side and times (n,) -> cells (n, n_cells), force (n,) in N, centre of pressure (n, 2) in mm.
Pressed = Callable[[Side, FloatArray], tuple[Float32Array, FloatArray, FloatArray]]


def sampled(
    walker: Walker, t_s: FloatArray | float, sides: Iterable[Side], pressed: Pressed
) -> Sample:
    """Return cells, IMU and truth of ``walker``; for a scalar time without the axis of samples."""
    t = np.asarray(t_s, dtype=float)
    if t.ndim > 1:
        raise ValueError(f"t_s must be a scalar or have one axis, not shape {t.shape}")
    times = np.atleast_1d(t)
    cells: dict[Side, Float32Array] = {}
    force_n: dict[Side, FloatArray] = {}
    cop_mm: dict[Side, FloatArray] = {}
    for side in sides:
        cells[side], force_n[side], cop_mm[side] = pressed(side, times)
    imu: dict[Side, Float32Array] = walker.imu(times)
    if t.ndim == 0:
        cells = {side: array[0] for side, array in cells.items()}
        imu = {side: array[0] for side, array in imu.items()}
        force_n = {side: array[0] for side, array in force_n.items()}
        cop_mm = {side: array[0] for side, array in cop_mm.items()}
    return cells, imu, Truth(force_n, cop_mm, walker)
