"""``sim:jumps``: a person who stands and jumps straight up every few seconds, on both feet.

Both feet leave the floor and land together, exactly: what is seen between them is the clocks'.
"""

from __future__ import annotations

import numpy as np

from solekit.layouts import Layout, Side
from solekit_hil import walker as walkers
from solekit_hil.walker.body import Motion
from solekit_hil.walker.person import GRAVITY_M_S2
from solekit_hil.walker.played import PlayedWalker

RATE_HZ = 120.0
HEIGHT_M = 0.10
STAND_S = 3.0  # before each jump, and after the last
N_JUMPS = 20


def jumper(*, seed: int, layouts: dict[Side, Layout]) -> PlayedWalker:
    """Return the person of ``seed``, a minute of standing and jumping; then they stand."""
    person = walkers.Person.from_seed(seed)
    standing = walkers.build("stand", seed=seed, layouts=layouts, person=person)
    in_air_s = 2 * np.sqrt(2 * HEIGHT_M / GRAVITY_M_S2)
    at_s = np.arange(round(in_air_s * RATE_HZ)) / RATE_HZ
    flight_m = GRAVITY_M_S2 / 2 * at_s * (in_air_s - at_s)
    ground_m = np.zeros(round(STAND_S * RATE_HZ))
    lifted_m = np.concatenate([ground_m, *[flight_m, ground_m] * N_JUMPS])
    points_m = np.repeat(standing.body(np.zeros(1)).keypoints_m[0][None], lifted_m.size, axis=0)
    points_m[:, :, 2] += lifted_m[:, None]
    motion = Motion(RATE_HZ, points_m, person.mass_kg)
    return walkers.play(motion, layouts=layouts, person=person)
