"""Inverse dynamics of the whole body: what the ground must have done to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solekit.evenly import low_pass
from solekit.layouts import FloatArray
from solekit_hil.walker.body import Motion, angular_momentum, centre_of_mass
from solekit_hil.walker.person import GRAVITY_M_S2

_LEAST_SHARE = 0.1  # of the body's weight: below it the place of the force means nothing


@dataclass(frozen=True, eq=False)
class Wrench:
    """What the ground does to the whole body, (n, 3) each: force, and where its line meets z = 0.

    ``centre_m`` is the centre of pressure on level ground (zero moment point); NaN in flight.
    """

    force_n: FloatArray
    centre_m: FloatArray


def wrench(motion: Motion, *, cutoff_hz: float) -> Wrench:
    """Return force and centre of pressure of the whole body, from the motion alone.

    Newton and Euler for all segments together: the force accelerates the centre of mass against
    gravity, its moment about the centre of mass changes the angular momentum.
    """
    rate = motion.rate_hz
    smooth = low_pass(motion.points_m.reshape(len(motion.points_m), -1), cutoff_hz, rate)
    points = smooth.reshape(motion.points_m.shape)
    centre = centre_of_mass(points)
    force = _derivative2(centre, rate) + np.array([0.0, 0.0, GRAVITY_M_S2])
    turning = np.gradient(angular_momentum(points, rate), axis=0) * rate
    lift = force[:, 2]
    safe = np.where(lift > _LEAST_SHARE * GRAVITY_M_S2, lift, np.nan)
    x = centre[:, 0] - (centre[:, 2] * force[:, 0] + turning[:, 1]) / safe
    y = centre[:, 1] - (centre[:, 2] * force[:, 1] - turning[:, 0]) / safe
    return Wrench(motion.mass_kg * force, np.column_stack([x, y, np.zeros(len(x))]))


def _derivative2(values: FloatArray, rate_hz: float) -> FloatArray:
    """Return the second derivative; the ends repeat their neighbours."""
    inner = (values[2:] - 2 * values[1:-1] + values[:-2]) * rate_hz**2
    return np.concatenate([inner[:1], inner, inner[-1:]])
