"""Everything about some seconds of a virtual person, as arrays."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solekit.layouts import SIDES
from solekit_hil.walker.imu_errors import ImuErrors
from solekit_hil.walker.interface import Walker
from solekit_hil.walker.segments import SEGMENTS

Array = NDArray[Any]
UNITS = {
    "t_s": "s, (n,): times of all arrays but the IMUs' and the events",
    "pressure_*": "N per cell, (n, n_cells): times newton_per_count",
    "cells_*": "mm, mm, mm2, (n_cells, 3): x and y from the heel, area of each cell",
    "force_n_*": "N, (n, 3): of the ground on the foot, world axes",
    "cop_mm_*": "mm, (n, 2): x, y of the sole, NaN where it is unloaded",
    "keypoints_m": "m, (n, 21, 3): world axes, x forward at the start, y left, z up",
    "joint_deg": "degrees, (n, n_joints), in the order of joint_name",
    "imu_t_s": "s, (n_imu,)",
    "imu_*": "m/s2 and rad/s, (n_imu, 6): specific force, rate; axes of the foot or segment; with "
    "the errors of a chip, whose true times are imu_t_s / (1 + imu_rate_error_*)",
    "imu_rate_error_*": "share, (): how much faster the chip's clock runs",
    "event_side, event_kind, event_t_s": "(n_events,): left or right; ic, to ...; s",
}


def arrays_of(
    walker: Walker, *, seconds: float, rate_hz: float, imu_rate_hz: float, seed: int
) -> dict[str, Array]:
    """Return everything about ``seconds`` of a walker as arrays by name (see ``UNITS``).

    ``seed`` draws the IMUs of feet and body, and their noise.
    """
    seconds = min(seconds, walker.duration_s)
    t_s = np.arange(round(seconds * rate_hz)) / rate_hz
    imu_t_s = np.arange(round(seconds * imu_rate_hz)) / imu_rate_hz
    body = walker.body(t_s)
    events = walker.events(0.0, seconds)
    joints = sorted(body.joint_deg)
    out: dict[str, Array] = {"t_s": t_s, "imu_t_s": imu_t_s}
    cells, _, truth = walker.sample(t_s)
    for side in SIDES:
        sole = walker.layouts[side]
        out[f"pressure_{side}"] = cells[side].astype(np.float16)
        out[f"cells_{side}"] = np.stack([sole.x_mm, sole.y_mm, sole.area_mm2], 1)
        out[f"force_n_{side}"] = body.force_n[side]
        out[f"cop_mm_{side}"] = truth.cop_mm[side]
    for place in (*SIDES, *SEGMENTS):
        rng = np.random.default_rng([seed, zlib.crc32(place.encode())])
        chip = ImuErrors.drawn(rng)
        true_s = chip.true_s(imu_t_s)
        is_foot = place in walker.layouts
        exact = walker.imu(true_s)[place] if is_foot else walker.segment_imu(place, true_s)
        out[f"imu_{place}"] = chip.felt(exact, rng)
        out[f"imu_rate_error_{place}"] = np.array(chip.rate_error)
    out["keypoints_m"] = body.keypoints_m
    out["joint_deg"] = np.array([body.joint_deg[name] for name in joints]).reshape(-1, len(t_s)).T
    exact_ones = ("t_s", "imu_t_s", "pressure_left", "pressure_right")
    out = {name: a if name in exact_ones else a.astype(np.float32) for name, a in out.items()}
    out["joint_name"] = np.array(joints, "U24")
    out["event_side"] = np.array([event.side for event in events], "U5")
    out["event_kind"] = np.array([event.kind for event in events], "U11")
    out["event_t_s"] = np.array([event.t_s for event in events], float)
    return out
