"""Closure against body weight: over whole strides the mean force of both feet is the weight.

The centre of mass is as high and as fast after a stride as before it, so the mean of the vertical
force over the stride is the weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from solekit.calibration.body_weight import G_M_S2, check_mass
from solekit.calibration.creep import check_times
from solekit.errors import DataError
from solekit.layouts import FloatArray

MAX_CORRECTION = 0.20
MIN_STRIDES = 10
STRIDE_S = (0.5, 3.0)  # shorter or longer is no stride of walking


@dataclass(frozen=True, eq=False)
class Closure:
    """``ratio`` of body weight to what was measured, its standard error, and the strides used.

    ``strides`` (n,) is the mean force of each as a share of the body weight.
    """

    ratio: float
    ratio_sd: float
    strides: FloatArray

    def __str__(self) -> str:
        """Return it in words."""
        return (
            f"closure while walking: body weight / measured = {self.ratio:.3f} "
            f"+- {1.96 * self.ratio_sd:.3f} over {len(self.strides)} strides"
        )


def walking_closure(
    force_left_n: ArrayLike,
    force_right_n: ArrayLike,
    t_s: ArrayLike,
    ic_s: ArrayLike,
    *,
    body_mass_kg: float,
    body_mass_sd_kg: float = 0.5,
) -> Closure:
    """Return how far the forces (n,) at ``t_s`` (n,) miss the body weight over whole strides.

    ``ic_s`` are the initial contacts of one foot. DataError for too few strides, and where the
    correction would exceed 20 %: then something is wrong that a factor does not mend.
    """
    left, right, t = (np.asarray(v, dtype=float) for v in (force_left_n, force_right_n, t_s))
    check_times(left[:, None], t)
    check_times(right[:, None], t)
    check_mass(body_mass_kg)
    ic = np.asarray(ic_s, dtype=float)
    ic = ic[(ic >= t[0]) & (ic <= t[-1])]
    impulse = np.concatenate(([0.0], np.cumsum(np.diff(t) * _between(left + right))))
    at = np.interp(ic, t, impulse)
    duration = np.diff(ic)
    is_stride = (duration >= STRIDE_S[0]) & (duration <= STRIDE_S[1])
    mean_n = np.diff(at)[is_stride] / duration[is_stride]
    if len(mean_n) < MIN_STRIDES:
        raise DataError(f"{len(mean_n)} whole strides; closure needs {MIN_STRIDES} or more")
    weight_n = body_mass_kg * G_M_S2
    strides = mean_n / weight_n
    mean = float(np.median(strides))
    # Speed changes from stride to stride tilt single ones: the error is of their middle.
    scatter = 1.4826 * float(np.median(np.abs(strides - mean)))
    share_sd = np.hypot(1.2533 * scatter / mean / np.sqrt(len(strides)), 0.0)
    ratio = 1 / mean if mean > 0 else np.inf
    if not 1 - MAX_CORRECTION <= ratio <= 1 + MAX_CORRECTION:
        raise DataError(
            f"walking shows {100 * mean:.0f} % of the body weight: a correction by more than "
            f"{100 * MAX_CORRECTION:.0f} % is refused; check the body mass and both insoles, then "
            "calibrate again"
        )
    sd = ratio * float(np.hypot(share_sd, body_mass_sd_kg / body_mass_kg))
    return Closure(float(ratio), sd, strides)


def _between(values: FloatArray) -> FloatArray:
    return (values[1:] + values[:-1]) / 2
