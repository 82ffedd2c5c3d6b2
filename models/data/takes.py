"""What every source of training data becomes: takes, in one frame of reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solekit.errors import DataError
from solekit.inference.frames import Float32
from solekit.layouts import FloatArray, Side


@dataclass(frozen=True, eq=False)
class Take:
    """One person doing one thing without a break, at ``solekit.inference.frames.RATE_HZ``.

    ``load`` per side (n, n_cells) in newtons or counts; ``imu`` per side (n, 6) in m/s2 and rad/s,
    (n, 3) of an accelerometer, or None; ``keypoints_m`` (n, n_points, 3) as ``normalised`` gives
    them; ``is_valid`` (n,) where the truth can be trusted. ``person`` and ``block`` are what
    splits keep together.
    """

    person: str
    action: str
    t_s: FloatArray
    load: dict[Side, Float32]
    keypoints_m: Float32
    stature_m: float
    is_valid: NDArray[np.bool_]
    imu: dict[Side, Float32] | None = None
    block: str = ""
    is_simulated: bool = False


def normalised(points_m: FloatArray, names: tuple[str, ...]) -> FloatArray:
    """Return key points about the person: x along the shoulders to the right, y ahead, z up.

    ``points_m`` (n, n_points, 3) in metres with z up and the floor at 0. In the plane the middle
    of the hips is the origin and the line of the shoulders the x axis; heights stay absolute
    (the pressure-to-pose study, 2.1). NaN stays NaN. DataError if shoulders or hips are missing.
    """
    where = {name: i for i, name in enumerate(names)}
    needed = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    missing = [name for name in needed if name not in where]
    if missing:
        raise DataError(f"key points lack {missing[0]}; shoulders and hips are needed to align")
    left, right, hip_l, hip_r = (points_m[:, where[name]] for name in needed)
    across = (right - left)[:, :2]
    length = np.linalg.norm(across, axis=1, keepdims=True)
    across = across / np.where(length > 0, length, np.nan)
    ahead = np.stack([-across[:, 1], across[:, 0]], axis=1)
    centred = points_m[..., :2] - ((hip_l + hip_r) / 2)[:, None, :2]
    x = np.einsum("nkc,nc->nk", centred, across)
    y = np.einsum("nkc,nc->nk", centred, ahead)
    return np.stack([x, y, points_m[..., 2]], axis=-1)
