"""IMUs on the body: what one on pelvis, torso, thigh or shank feels."""

from __future__ import annotations

import numpy as np

from solekit.layouts import SIDES, FloatArray
from solekit_hil.walker.body import point
from solekit_hil.walker.foot import IMU_AT
from solekit_hil.walker.interface import Float32Array
from solekit_hil.walker.person import GRAVITY_M_S2

SEGMENTS = (
    "pelvis",
    "torso",
    *(f"{side}_{part}" for side in SIDES for part in ("thigh", "shank")),
)
_FLAT_SLOPE = 0.03  # of a sole that lies flat
_HIPS, _SHOULDERS = ("left_hip", "right_hip"), ("left_shoulder", "right_shoulder")
_AT = {"pelvis": 0.1, "torso": 0.75, "thigh": 0.5, "shank": 0.5}  # from the lower end


def segment_imu(points_m: FloatArray, segment: str, rate_hz: float) -> Float32Array:
    """Return specific force and angular rate of a segment, (n, 6), from key points (n, 21, 3).

    Axes x forward, y left, z up along the segment, right-handed. ValueError names the segments.
    """
    if segment not in SEGMENTS:
        raise ValueError(f"unknown segment {segment!r}; use one of {', '.join(SEGMENTS)}")
    side, _, part = segment.rpartition("_")
    if part in ("thigh", "shank"):
        ends = ("hip", "knee") if part == "thigh" else ("knee", "ankle")
        top, base = (point(points_m, (f"{side}_{end}",)) for end in ends)
    else:
        top, base = point(points_m, _SHOULDERS), point(points_m, _HIPS)
    across = _SHOULDERS if part == "torso" else _HIPS
    left = point(points_m, across[:1]) - point(points_m, across[1:])
    up = _unit(top - base)
    ahead = _unit(np.cross(left, up))
    axes = np.stack([ahead, np.cross(up, ahead), up], axis=1)  # rows: world to segment
    at = base + _AT[part] * (top - base)
    return _felt(at, axes, rate_hz)


def foot_imu(points_m: FloatArray, side: str, rate_hz: float) -> Float32Array:
    """Return what the IMU over the arch of a foot feels, (n, 6), from key points (n, 21, 3)."""
    heel, tip, ankle = (
        point(points_m, (f"{side}_{name}",)) for name in ("heel", "big_toe", "ankle")
    )
    along = tip - heel
    length = float(np.median(np.linalg.norm(along, axis=1)))
    level = _unit(along * np.array([1.0, 1.0, 0.0]))
    # Heel and ankle turn together; the toes bend, so they only tell the heading and what is flat.
    raised = np.arctan2((ankle - heel)[:, 2], ((ankle - heel) * level).sum(axis=1))
    lying = np.abs(along[:, 2]) < _FLAT_SLOPE * length
    pitch = raised - np.median(raised[lying] if lying.any() else raised)
    vertical = np.array([0.0, 0.0, 1.0])
    ahead = np.cos(pitch)[:, None] * level + np.sin(pitch)[:, None] * vertical
    up = np.cos(pitch)[:, None] * vertical - np.sin(pitch)[:, None] * level
    axes = np.stack([ahead, np.cross(up, ahead), up], axis=1)
    return _felt(heel + IMU_AT * length * ahead, axes, rate_hz)


def _felt(at: FloatArray, axes: FloatArray, rate_hz: float) -> Float32Array:
    """Return specific force and rate of something at ``at`` (n, 3) with ``axes`` (n, 3, 3)."""
    step = 1 / rate_hz
    force = np.gradient(np.gradient(at, step, axis=0), step, axis=0)
    force = force + np.array([0.0, 0.0, GRAVITY_M_S2])
    turn = np.einsum("nij,nkj->nik", axes, np.gradient(axes, step, axis=0))
    rate = np.stack([turn[:, 2, 1], turn[:, 0, 2], turn[:, 1, 0]], axis=1)
    out = np.concatenate([np.einsum("nij,nj->ni", axes, force), rate], axis=1)
    return out.astype(np.float32)


def _unit(vector: FloatArray) -> FloatArray:
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)
