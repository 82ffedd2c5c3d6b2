"""Stride time from pressure against stride time from the gyroscope, both feet on one board.

Every recording is a walk, with pauses. Judged per recording by its worst foot; every foot by
itself stands beside it. The data may be measured, not passed on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from solekit.layouts import SIDES
from tools.validate.stride_times import compare_foot, rising, summary, targets, worst_feet

FOLDER = "miyuzn35"
PATTERNS = ("d*_*.npz",)


def validate(folder: Path, rung: str) -> dict[str, Any]:  # noqa: ARG001 - contacts of the host
    """Return the difference of stride time of every foot in ``folder`` and what it sums up to."""
    paths = sorted(path for pattern in PATTERNS for path in folder.glob(pattern))
    rows = [row for path in paths for row in compare(path)]
    judged = summary(worst_feet(rows))
    feet = summary(rows)
    return {
        "n_recordings": len(paths),
        "n_people": None,  # not stated
        "reference": "stride time from the gyroscope of the same foot",
        "recordings": judged,
        "feet": {key: value for key, value in feet.items() if key != "exceptions"},
        "exceptions": feet["exceptions"],
        "medians_of_all_strides": summary(
            worst_feet(rows, judged="difference_pct"), judged="difference_pct"
        ),
        "mid_swing": summary(rows, judged="mid_swing_pct"),
        "walks": rows,
        "targets": targets(judged),
    }


def compare(path: Path) -> list[dict[str, Any]]:
    """Return the stride times of both feet of one recording."""
    rows = []
    with np.load(path) as file:
        for side in SIDES:
            t_s = file[f"t_{side}_s"].astype(float)
            has_load = rising(t_s, file[f"pressure_ok_{side}"])
            has_imu = rising(t_s, np.ones(len(t_s), dtype=bool))
            found = compare_foot(
                t_s[has_load],
                file[f"pressure_{side}"][has_load].sum(axis=1).astype(float),
                t_s[has_imu],
                file[f"imu_{side}"][has_imu].astype(float),
            )
            rows.append({"recording": f"{path.stem} {side}", **found})
    return rows
