"""Angles in the plane of the picture, from tracks of points; nothing is clipped."""

from __future__ import annotations

import numpy as np
import pandas as pd

from solekit.layouts import SIDES, FloatArray
from solekit.video.landmarks import Landmarks

JOINTS = ("knee", "ankle", "elbow", "shoulder", "hip")
SIDED = {
    "knee": "knee_angle",
    "ankle": "ankle_angle",
    "elbow": "elbow_angle",
    "shoulder": "shoulder_flexion",
    "hip": "hip_flexion",
}
TRUNK = ("trunk_lean", "trunk_lean_abs")


def between_deg(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    """Return the angle at ``b`` (n,) between ``a`` and ``c``, each (n, 2): 0 to 180 degrees."""
    first, second = a - b, c - b
    cross = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return np.degrees(np.arctan2(np.abs(cross), (first * second).sum(axis=1)))


def ahead_deg(start: FloatArray, end: FloatArray, facing: int) -> FloatArray:
    """Return how far a segment hangs ahead of the vertical (n,), -180 to 180 degrees.

    From ``start`` to ``end``, each (n, 2), y down; ``facing`` is 1 to the right, -1 to the left.
    """
    away = end - start
    return np.degrees(np.arctan2(facing * away[:, 0], away[:, 1]))


def wrapped(angle_deg: FloatArray) -> FloatArray:
    """Return ``angle_deg`` within -180 to 180."""
    return (angle_deg + 180.0) % 360.0 - 180.0


def angle_curves(found: Landmarks, facing: int) -> pd.DataFrame:
    """Return the angles of every frame in degrees, NaN where a point is missing.

    Columns: ``t_s``; per side ``left_knee_angle`` (hip, knee, ankle; 180 is straight),
    ``left_ankle_angle`` (knee, ankle, foot index), ``left_elbow_angle`` (shoulder, elbow, wrist),
    ``left_shoulder_flexion`` (upper arm against the trunk, ahead is positive),
    ``left_hip_flexion`` (thigh against the trunk, ahead is positive), ``left_thigh`` and
    ``left_shank`` (against the vertical of the picture, ahead is positive); ``trunk_lean``
    (middle of hips to middle of shoulders against the vertical, ahead is positive) and
    ``trunk_lean_abs``; ``ankles_apart``, the horizontal distance of the ankles by the length of
    the leg (thigh and shank, mean of both sides).
    """
    hips, shoulders = found.middle("hip"), found.middle("shoulder")
    lean = -ahead_deg(shoulders, hips, facing)
    curves: dict[str, FloatArray] = {"t_s": found.t_s}
    for side in SIDES:
        at = {
            part: found.point(f"{side}_{part}")
            for part in ("hip", "knee", "ankle", "foot_index", "shoulder", "elbow", "wrist")
        }
        thigh = ahead_deg(at["hip"], at["knee"], facing)
        curves[f"{side}_knee_angle"] = between_deg(at["hip"], at["knee"], at["ankle"])
        curves[f"{side}_ankle_angle"] = between_deg(at["knee"], at["ankle"], at["foot_index"])
        curves[f"{side}_elbow_angle"] = between_deg(at["shoulder"], at["elbow"], at["wrist"])
        arm = ahead_deg(at["shoulder"], at["elbow"], facing)
        curves[f"{side}_shoulder_flexion"] = wrapped(arm + lean)
        curves[f"{side}_hip_flexion"] = wrapped(thigh + lean)
        curves[f"{side}_thigh"] = thigh
        curves[f"{side}_shank"] = ahead_deg(at["knee"], at["ankle"], facing)
    curves["trunk_lean"] = lean
    curves["trunk_lean_abs"] = np.abs(lean)
    apart = found.point("left_ankle")[:, 0] - found.point("right_ankle")[:, 0]
    legs_px = np.array([found.leg_px(side) for side in SIDES])
    curves["ankles_apart"] = np.abs(apart) / legs_px.mean()
    return pd.DataFrame(curves)


def differences_deg(curves: pd.DataFrame) -> dict[str, FloatArray]:
    """Return absolute differences of the sides over time (n,), by joint, thigh and shank."""
    names = {**SIDED, "thigh": "thigh", "shank": "shank"}
    return {
        part: np.abs(wrapped((curves[f"left_{name}"] - curves[f"right_{name}"]).to_numpy(float)))
        for part, name in names.items()
    }
