"""Pelvis and legs from the sixteen markers of a gait laboratory (the nikonpic set)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from solekit.errors import DataError
from solekit.layouts import SIDES, FloatArray
from solekit_hil.walker.angles import joint_angles
from solekit_hil.walker.body import INDEX, N_KEYPOINTS
from solekit_hil.walker.capture.clusters import pose
from solekit_hil.walker.capture.feet import foot_length_m, sole_points
from solekit_hil.walker.capture.skeletons import read_arrays

_PELVIS = ("LASI", "RASI", "LPSI", "RPSI")
_LEG = ("KNE", "ANK", "HEE", "TOE")
# Half the breadth of a knee and of an ankle of an adult, with the marker's half.
_KNEE_IN_M, _ANKLE_IN_M = 0.055, 0.042
_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, eq=False)
class LowerBody:
    """Pelvis and legs over time, in the axes of the laboratory (z up).

    ``points_m`` (n, 21, 3) in the order of ``KEYPOINTS``, NaN above the pelvis and where markers
    were hidden; ``joint_deg`` the angles of ``joint_angles``, each (n,): knees, hips (against the
    vertical, as the trunk is not seen) and ankles.
    """

    rate_hz: float
    points_m: FloatArray
    joint_deg: dict[str, FloatArray]
    person: str
    action: str


def vicon(path: Path) -> LowerBody:
    """Return pelvis and legs of one trial.

    The centres of knee and ankle lie inside of their markers, half a joint's breadth along the
    line of the hips made square to the limb; the hips are by ``hip_centres``.
    """
    found = read_arrays(path, ("markers_m", "marker_names", "rate_hz", "subject", "activity"))
    names = [str(name) for name in found["marker_names"]]
    needed = [*_PELVIS, *(mark + name for mark in "LR" for name in _LEG)]
    absent = [name for name in needed if name not in names]
    markers_m = np.asarray(found["markers_m"], float)
    if absent or markers_m.ndim != 3 or markers_m.shape[1:] != (len(names), 3):
        raise DataError(
            f"{path} has markers of shape {markers_m.shape} and lacks "
            f"{', '.join(absent) or 'none'}; expected (n, markers, 3) of pelvis and legs"
        )
    marker = {name: markers_m[:, i] for i, name in enumerate(names)}
    rate_hz = float(found["rate_hz"])
    pelvis = fill_rigid(np.stack([marker[name] for name in _PELVIS], axis=1))
    points_m = np.full((len(markers_m), N_KEYPOINTS, 3), np.nan)
    hips = hip_centres(*np.moveaxis(pelvis, 1, 0))
    left = hips[0] - hips[1]
    for side, mark, hip in zip(SIDES, "LR", hips, strict=True):
        inward = -left if side == "left" else left
        knee = marker[f"{mark}KNE"]
        ankle = marker[f"{mark}ANK"]
        knee = knee + _KNEE_IN_M * _square(inward, knee - hip)
        ankle = ankle + _ANKLE_IN_M * _square(inward, ankle - knee)
        heel, toe = marker[f"{mark}HEE"], marker[f"{mark}TOE"]
        seen = np.isfinite(heel).all(axis=1) & np.isfinite(toe).all(axis=1)
        if seen.sum() < 3:
            raise DataError(f"{path} shows the {side} heel and toes in fewer than 3 frames")
        foot = sole_points(heel, toe, foot_length_m(hip, heel), rate_hz)
        for name, at_m in {"hip": hip, "knee": knee, "ankle": ankle}.items():
            points_m[:, INDEX[f"{side}_{name}"]] = at_m
        for name, at_m in foot.points(side).items():
            points_m[:, INDEX[name]] = at_m
    points_m[:, INDEX["pelvis"]] = hips.mean(axis=0)
    seen_above = ("elbow", "shoulder", "trunk")
    angles = joint_angles(points_m, trunk_up=_UP)
    return LowerBody(
        rate_hz=rate_hz,
        points_m=points_m,
        joint_deg={
            name: angle
            for name, angle in angles.items()
            if not any(word in name for word in seen_above)
        },
        person=str(found["subject"]),
        action=str(found["activity"]),
    )


def hip_centres(
    left_asis: FloatArray, right_asis: FloatArray, left_psis: FloatArray, right_psis: FloatArray
) -> FloatArray:
    """Return the centres of the left and the right hip, (2, n, 3), from markers (n, 3) each.

    Regression on the depth (between the middles of ASIS and PSIS) and the width (between the ASIS)
    of the pelvis, medians over time: Harrington et al. (2007), J. Biomech. 40(3), table 3. Axes:
    from the middle of the ASIS forward in the plane of the four, up square to it, outward.
    """
    front, back = (left_asis + right_asis) / 2, (left_psis + right_psis) / 2
    left = left_asis - right_asis
    width_m = float(np.nanmedian(np.linalg.norm(left, axis=1)))
    depth_m = float(np.nanmedian(np.linalg.norm(front - back, axis=1)))
    left = left / np.linalg.norm(left, axis=1, keepdims=True)
    ahead = _square(front - back, left)
    up = np.cross(ahead, left)
    middle = front + (-0.24 * depth_m - 0.0099) * ahead + (-0.30 * width_m - 0.0109) * up
    out = (0.33 * width_m + 0.0073) * left
    return np.stack([middle + out, middle - out])


def fill_rigid(cluster: FloatArray) -> FloatArray:
    """Return markers of a rigid part (n, k, 3) with a single hidden one put where the others say.

    Frames in which more are hidden keep their NaN.
    """
    out = cluster.copy()
    hidden = np.isnan(cluster.sum(axis=2))
    whole = np.flatnonzero(hidden.sum(axis=1) == 0)
    if not len(whole):
        return out
    # The frame closest to the usual distances stands for the shape.
    pairs = np.linalg.norm(cluster[whole][:, :, None] - cluster[whole][:, None], axis=3)
    shape = cluster[whole[np.abs(pairs - np.median(pairs, axis=0)).sum(axis=(1, 2)).argmin()]]
    for k in range(cluster.shape[1]):
        frames = np.flatnonzero(hidden[:, k] & (hidden.sum(axis=1) == 1))
        if not len(frames):
            continue
        others = [i for i in range(cluster.shape[1]) if i != k]
        turn, middle = pose(np.concatenate([shape[None, others], cluster[frames][:, others]]))
        out[frames, k] = middle[1:] + turn[1:] @ (shape[k] - middle[0])
    return out


def _square(a: FloatArray, axis: FloatArray) -> FloatArray:
    """Return the direction of ``a`` without what it has along ``axis``."""
    axis = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    a = a - np.einsum("ij,ij->i", a, axis)[:, None] * axis
    return a / np.linalg.norm(a, axis=1, keepdims=True)
