"""Where the body's centre goes when the ground pushes so: forces first, motion after.

The inverse of dynamics.py. A walker that prescribes its contacts gets the motion that they
ask for, so that force, centre of pressure and body agree.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_banded, solveh_banded

from solekit.layouts import FloatArray
from solekit_hil.walker.person import GRAVITY_M_S2

_HOLD_HZ = 0.25  # slower than this the height is held, or errors of the force would add up


def heights_m(force_bw: FloatArray, rest_m: FloatArray, rate_hz: float) -> FloatArray:
    """Return the height (n,) whose acceleration is g (force - 1), held near ``rest_m`` (n,).

    Least squares of both; the hold changes what is faster than its frequency by its fourth power.
    """
    n = len(force_bw)
    wanted = GRAVITY_M_S2 * (force_bw[1:-1] - 1.0) / rate_hz**2
    hold = (2 * np.pi * _HOLD_HZ / rate_hz) ** 4
    # Rows of the second difference D: D'D + hold is a band of five diagonals.
    bands = np.zeros((3, n))
    for row in ((0, 0, 1.0), (1, 1, 4.0), (2, 2, 1.0)):
        first, last, value = row
        bands[2, first : n - 2 + last] += value
    bands[1, 1:] = -2.0 * np.array([1, *[2] * (n - 3), 1]) if n > 3 else 0.0
    bands[0, 2:] = 1.0
    bands[2] += hold
    right = hold * rest_m
    right[:-2] += wanted
    right[1:-1] -= 2 * wanted
    right[2:] += wanted
    return solveh_banded(bands, right)


def paths_m(
    force_bw: FloatArray, centre_m: FloatArray, height_m: FloatArray, rate_hz: float
) -> FloatArray:
    """Return the level path (n, 2) of a body's centre ``height_m`` (n,) above its support.

    The linear inverted pendulum: the centre is pushed away from the centre of pressure
    ``centre_m`` (n, 2) by force / height; in flight nothing pushes. It begins and ends over its
    support, which the solution forgets within a second or two.
    """
    n = len(force_bw)
    push = GRAVITY_M_S2 * force_bw / height_m / rate_hz**2
    bands = np.zeros((3, n))
    bands[0, 2:] = 1.0
    bands[1, 1:-1] = -2.0 - push[1:-1]
    bands[2, :-2] = 1.0
    bands[1, [0, -1]] = 1.0
    right = -push[:, None] * centre_m
    right[[0, -1]] = centre_m[[0, -1]]
    return solve_banded((1, 1), bands, right)
