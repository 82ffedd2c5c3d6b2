"""How fast the virtual person makes data: two feet of 30x22 cells at 30 Hz with the whole truth.

Ten hours of it should take under half an hour on two cores. Measured on ten minutes of walking and
ten of squats, each core a person, and scaled.
"""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np

from solekit import layouts
from solekit.layouts import Layout, Side
from solekit_hil import walker

RATE_HZ, IMU_HZ = 30.0, 100.0
MINUTES, HOURS = 10.0, 10.0
CHUNK_S = 20.0
CORES = 2
MOTIONS = ("walk", "squat")


def measure(minutes: float = MINUTES) -> list[dict[str, Any]]:
    """Return one row per motion: seconds for ``minutes`` on both cores, and hours scaled."""
    return [row(motion, minutes) for motion in MOTIONS]


def row(motion: str, minutes: float) -> dict[str, Any]:
    """Return how long ``minutes`` of a motion take, shared by the cores, a person each."""
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        # The first task starts the process and imports; only the second is timed.
        list(pool.map(make, [motion] * CORES, range(CORES), [0.1] * CORES))
        began_s = time.perf_counter()
        spent = list(pool.map(make, [motion] * CORES, range(CORES), [minutes / CORES] * CORES))
        seconds = time.perf_counter() - began_s
    return {
        "motion": motion,
        "minutes_made": minutes,
        "cores": CORES,
        "seconds": round(seconds, 1),
        "times_real_time": round(60 * minutes / seconds, 1),
        "ten_hours_in_minutes": round(seconds / minutes * HOURS, 1),
        "share_of_sole_pct": round(100 * spent[0]["cells"] / sum(spent[0].values())),
        "share_of_body_pct": round(100 * spent[0]["body"] / sum(spent[0].values())),
    }


def make(motion: str, seed: int, minutes: float) -> dict[str, float]:
    """Make ``minutes`` of a person in chunks; return the seconds that went where."""
    soles: dict[Side, Layout] = {side: layouts.named("grid-30x22", side) for side in layouts.SIDES}
    person = walker.build(motion, seed=seed, layouts=soles)
    spent = {"cells": 0.0, "imu": 0.0, "body": 0.0}
    for start in np.arange(0.0, 60.0 * minutes, CHUNK_S):
        end = min(start + CHUNK_S, 60.0 * minutes)
        t_s = np.arange(start, end, 1 / RATE_HZ)
        for name, run in (
            ("cells", lambda t=t_s: person.sample(t)),
            ("imu", lambda a=start, b=end: person.imu(np.arange(a, b, 1 / IMU_HZ))),
            ("body", lambda t=t_s: person.body(t)),
        ):
            began_s = time.perf_counter()
            run()
            spent[name] += time.perf_counter() - began_s
    return spent
