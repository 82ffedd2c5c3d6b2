"""Joint angles of a body from its key points."""

from __future__ import annotations

import numpy as np

from solekit.errors import DataError
from solekit.layouts import SIDES, FloatArray
from solekit_hil.walker.body import INDEX, N_KEYPOINTS, point

# A knee or an elbow may be overstretched a little; bent further, it is bent the usual way.
_MOST_OVERSTRETCHED_DEG = 30.0


def joint_angles(
    points_m: FloatArray, *, trunk_up: FloatArray | None = None
) -> dict[str, FloatArray]:
    """Return joint angles in degrees by name, each (n,), of ``points_m`` (n, 21, 3).

    ``left_knee``, ``right_knee``
        Flexion: between thigh and shank, 0 straight, positive bent, negative overstretched.
    ``left_hip``
        Flexion: thigh against the trunk, seen from the side of the pelvis (along the line of the
        hips), 0 in line with the trunk, positive forward.
    ``left_hip_abduction``
        Angle of the thigh to the sagittal plane of the pelvis, positive outward.
    ``left_ankle``
        Dorsiflexion: shank (ankle to knee) against the line from the heel to the middle of the
        toes, 0 at a right angle, positive toes up.
    ``left_elbow``
        Flexion: between upper arm and forearm, 0 straight, positive bent.
    ``left_shoulder``
        Flexion: upper arm against the trunk, seen along the line of the shoulders, 0 hanging,
        positive forward. Of little meaning while the arm points sideways.
    ``trunk_forward``, ``trunk_left``
        Lean of the line from pelvis to shoulders out of the vertical, in the direction the pelvis
        looks and to its left.
    ``pelvis_heading``
        Direction the pelvis looks on the floor, 0 along x, positive to the left, -180 to 180.

    The names follow the plane angles of the International Society of Biomechanics (Wu et al.
    2002, J. Biomech. 35(4)) as far as points without rotation about the bones allow. ``trunk_up``
    (n, 3) or (3,) stands for the line from pelvis to shoulders where those are not known. Points
    that are NaN give NaN.
    """
    points_m = np.asarray(points_m, float)
    if points_m.ndim != 3 or points_m.shape[1:] != (N_KEYPOINTS, 3):
        raise DataError(f"key points have shape {points_m.shape}; expected (n, {N_KEYPOINTS}, 3)")
    at = {name: points_m[:, i] for name, i in INDEX.items()}
    hips = point(points_m, ("left_hip", "right_hip"))
    shoulders = point(points_m, ("left_shoulder", "right_shoulder"))
    trunk = shoulders - hips
    if trunk_up is not None:
        trunk = np.broadcast_to(np.asarray(trunk_up, float), trunk.shape)
    left = _unit(at["left_hip"] - at["right_hip"])
    up = _across(trunk, left)
    ahead = np.cross(left, up)
    # The arms are seen along the shoulders, which turn against the pelvis in walking.
    chest_up = _unit(trunk)
    chest_left = _across(at["left_shoulder"] - at["right_shoulder"], chest_up)
    chest_ahead = np.cross(chest_left, chest_up)
    found: dict[str, FloatArray] = {}
    for side in SIDES:
        outward = left if side == "left" else -left
        thigh = at[f"{side}_knee"] - at[f"{side}_hip"]
        shank = at[f"{side}_ankle"] - at[f"{side}_knee"]
        toes = point(points_m, (f"{side}_big_toe", f"{side}_small_toe"))
        upper_arm = at[f"{side}_elbow"] - at[f"{side}_shoulder"]
        forearm = at[f"{side}_wrist"] - at[f"{side}_elbow"]
        found[f"{side}_knee"] = _bend(thigh, shank, left)
        found[f"{side}_hip"] = _swing(thigh, ahead, up)
        found[f"{side}_hip_abduction"] = _deg(
            np.arcsin(np.clip(_dot(_unit(thigh), outward), -1.0, 1.0))
        )
        found[f"{side}_ankle"] = 90.0 - _between(-shank, toes - at[f"{side}_heel"])
        found[f"{side}_elbow"] = _between(upper_arm, forearm)
        found[f"{side}_shoulder"] = _swing(upper_arm, chest_ahead, chest_up)
    heading = np.arctan2(-left[:, 0], left[:, 1])
    looks = np.stack([np.cos(heading), np.sin(heading), np.zeros_like(heading)], axis=1)
    to_left = np.stack([-looks[:, 1], looks[:, 0], looks[:, 2]], axis=1)
    found["trunk_forward"] = _deg(np.arctan2(_dot(trunk, looks), trunk[:, 2]))
    found["trunk_left"] = _deg(np.arctan2(_dot(trunk, to_left), trunk[:, 2]))
    found["pelvis_heading"] = _deg(heading)
    return found


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.einsum("ij,ij->i", a, b)


def _unit(a: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return a / np.linalg.norm(a, axis=1, keepdims=True)


def _across(a: FloatArray, axis: FloatArray) -> FloatArray:
    """Return the direction of ``a`` without what it has along the unit vector ``axis``."""
    return _unit(a - _dot(a, axis)[:, None] * axis)


def _deg(angle_rad: FloatArray) -> FloatArray:
    return np.degrees(angle_rad)


def _between(a: FloatArray, b: FloatArray) -> FloatArray:
    return _deg(np.arctan2(np.linalg.norm(np.cross(a, b), axis=1), _dot(a, b)))


def _swing(limb: FloatArray, ahead: FloatArray, up: FloatArray) -> FloatArray:
    """Return how far a limb that hangs at 0 is swung forward."""
    return _deg(np.arctan2(_dot(limb, ahead), -_dot(limb, up)))


def _bend(thigh: FloatArray, shank: FloatArray, left: FloatArray) -> FloatArray:
    """Return the flexion of a knee, less than 0 if the shank points forward of the thigh."""
    angle = _between(thigh, shank)
    forward = _dot(np.cross(thigh, shank), left) < 0
    return np.where(forward & (angle < _MOST_OVERSTRETCHED_DEG), -angle, angle)
