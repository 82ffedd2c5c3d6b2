"""Stride time from pressure against stride time from the gyroscope, one foot per recording.

Walks and slow walks are judged; jogging, stairs and unlabelled recordings stand beside. Frames
with a corrupted value are dropped. The data may be measured, not passed on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tools.validate.stride_times import compare_foot, rising, summary, targets

FOLDER = "leking45"
PATTERNS = ("d*_*.npz",)
WALKING = ("walk", "walk_slow")


def validate(folder: Path, rung: str) -> dict[str, Any]:  # noqa: ARG001 - contacts of the host
    """Return the difference of stride time of every recording and what the walks sum up to."""
    paths = sorted(path for pattern in PATTERNS for path in folder.glob(pattern))
    rows = [compare(path) for path in paths]
    walks = [row for row in rows if row["activity"] in WALKING]
    judged = summary(walks)
    return {
        "n_recordings": len(paths),
        "n_people": None,  # not stated
        "reference": "stride time from the gyroscope of the same foot",
        "recordings": judged,
        "medians_of_all_strides": summary(walks, judged="difference_pct"),
        "mid_swing": summary(walks, judged="mid_swing_pct"),
        "not_judged": summary([row for row in rows if row["activity"] not in WALKING]),
        "walks": rows,
        "targets": targets(judged),
    }


def compare(path: Path) -> dict[str, Any]:
    """Return the stride times of one recording."""
    with np.load(path) as file:
        t_s, t_imu_s = file["t_pressure_s"].astype(float), file["t_imu_s"].astype(float)
        has_load = rising(t_s, ~file["spike"])
        has_imu = rising(t_imu_s, np.ones(len(t_imu_s), dtype=bool))
        found = compare_foot(
            t_s[has_load],
            file["pressure"][has_load].sum(axis=1).astype(float),
            t_imu_s[has_imu],
            file["imu"][has_imu].astype(float),
        )
        return {"recording": path.stem, "activity": str(file["activity"]), **found}
