"""Virtual people as takes: made by the walker, kept in a folder, simulated and called so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from models.data.takes import Take, normalised
from solekit.inference.decode import KEYPOINTS
from solekit.inference.frames import RATE_HZ
from solekit.inference.windows import averaged
from solekit.layouts import SIDES
from solekit_hil.walker import dataset
from solekit_hil.walker.body import KEYPOINTS as WALKER_KEYPOINTS

ACTIONS = ("squat", "lunge", "warm-up", "walk", "in-place", "backward", "sideways")
_IMU_RATE_HZ = 100.0
_IMU_AXES = {"cells-4": 3}  # that insole has an accelerometer only; 6 otherwise
_WHERE = [WALKER_KEYPOINTS.index(name) for name in KEYPOINTS]


def plan(layout: str, *, people: int, seconds: float, seed: int) -> dataset.Plan:
    """Return the plan of a dataset of the study's seven actions at the study's rate."""
    return dataset.Plan(
        people=people,
        seconds=seconds,
        motions=ACTIONS,
        layout=layout,
        rate=RATE_HZ,
        imu_rate=_IMU_RATE_HZ,
        seed=seed,
    )


def takes(
    folder: Path,
    wanted: dataset.Plan,
    *,
    people: Sequence[int] | None = None,
    jobs: int = 1,
    say: Callable[[str], object] = str,
) -> list[Take]:
    """Return the takes of some people of a dataset, making what is missing of it."""
    found = dataset.write(folder, wanted, jobs=jobs, say=say)
    heights = {item["person"]: float(item["height_m"]) for item in found.manifest["people"]}
    return [
        _take(found, person, action, heights[person])
        for person in (found.people() if people is None else people)
        for action in wanted.motions
    ]


def _take(found: dataset.Dataset, person: int, action: str, height_m: float) -> Take:
    arrays = found.arrays(person, action)
    t_s = arrays["t_s"].astype(float)
    points = arrays["keypoints_m"].astype(float)
    n_axes = _IMU_AXES.get(found.manifest["arguments"]["layout"], 6)
    imu_t_s = arrays["imu_t_s"]
    return Take(
        person=f"virtual-{found.manifest['arguments']['seed']}-{person}",
        action=action,
        t_s=t_s,
        load={side: arrays[f"pressure_{side}"].astype(np.float32) for side in SIDES},
        imu={
            side: averaged(imu_t_s, arrays[f"imu_{side}"][:, :n_axes], t_s).astype(np.float32)
            for side in SIDES
        },
        keypoints_m=normalised(points[:, _WHERE], KEYPOINTS).astype(np.float32),
        stature_m=height_m,
        is_valid=np.asarray(np.isfinite(points).all(axis=(1, 2))),
        is_simulated=True,
    )
