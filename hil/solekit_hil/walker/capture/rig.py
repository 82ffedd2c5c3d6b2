"""A fitted skeleton: its joints, the turns of the segments behind them, and its soles."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from solekit.errors import DataError
from solekit.layouts import FloatArray, Side
from solekit_hil.walker.body import FOOT_LENGTH

# Shares of the stature: Drillis and Contini (1964), Body segment parameters.
_BREADTH = 0.055
# Shares of the foot's length, and of its breadth outward from its middle line.
_HEEL_AT, _BIG_TOE_AT, _SMALL_TOE_AT = -0.25, 0.75, 0.57
_BIG_TOE_OUT, _SMALL_TOE_OUT = -0.25, 0.5

_STILL_M_S = 0.3  # neither ankle nor toes of a standing foot move faster
_LIFTED_M = 0.06  # a still foot this far (ankle and toes) above the others is held in the air
_LEAST_FRAMES = 3
# Of a floor: how far its slope may be from level, how far a stance from it, how long that is.
_SLOPE, _UNEVEN_M, _STANCE_S = 0.02, 0.01, 0.35
_MOST_TILT_DEG = 20.0  # a foot further from its reference pose was never flat
_MOST_TOE_BEND_DEG = 60.0
_UP = np.array([0.0, 0.0, 1.0])


class Skeleton:
    """Positions and rotations of joints by name."""

    def __init__(self, path: Path, found: dict[str, np.ndarray]) -> None:
        self._path = path
        self._joints = [str(name) for name in found["joints"]]
        self._quat_joints = [str(name) for name in found["quat_joints"]]
        self._pos_m = np.asarray(found["pos_m"], float)
        self._quat = np.asarray(found["quat_wxyz"], float)
        self._rest_m = np.asarray(found["rest_pos_m"], float)
        self.rate_hz = float(found["fps"])
        self.n = len(self._pos_m)
        self._tilt = np.eye(3)
        for name, array, shape in (
            ("pos_m", self._pos_m, (self.n, len(self._joints), 3)),
            ("quat_wxyz", self._quat, (self.n, len(self._quat_joints), 4)),
            ("rest_pos_m", self._rest_m, (len(self._joints), 3)),
        ):
            if array.shape != shape or not np.isfinite(array).all():
                raise DataError(
                    f"{name} of {path} has shape {array.shape}, or values that are no numbers; "
                    f"expected {shape}, all finite"
                )
        if self.n < 2 or self.rate_hz <= 0:
            raise DataError(f"{path} has {self.n} frames at {self.rate_hz:g} Hz; need 2 or more")

    def position(self, joint: str) -> FloatArray:
        """Return where a joint is, (n, 3)."""
        return self._pos_m[:, self._at(self._joints, joint)]

    def rest(self, joint: str) -> FloatArray:
        """Return where a joint is in the reference pose, (3,)."""
        return self._rest_m[self._at(self._joints, joint)]

    def rotation(self, joint: str) -> FloatArray:
        """Return the rotation of the segment behind a joint, (n, 3, 3)."""
        quat = self._quat[:, self._at(self._quat_joints, joint)]
        size = np.linalg.norm(quat, axis=1, keepdims=True)
        if (size < 0.5).any():
            raise DataError(
                f"quat_wxyz of {joint} in {self._path} is no rotation; use another file"
            )
        w, x, y, z = (quat / size).T
        rows = (
            (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
            (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
            (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
        )
        return self._tilt @ np.moveaxis(np.array(rows), -1, 0)

    def level(self, feet: list[tuple[str, str]]) -> None:
        """Turn everything so that the floor under the standing feet (ankle, toes) is level.

        In many walks of the CMU set each step stands higher than the last, by 6 cm within a room:
        the axes of the laboratory were tilted by about a degree. A plane is fitted to where feet
        are still, each foot with a height of its own, and held to level by ``_SLOPE``.
        """
        rows, heights = [], []
        for i, (ankle, toes) in enumerate(feet):
            ends = [self.position(name) for name in (ankle, toes)]
            still = np.maximum(*(_speed(end, self.rate_hz) for end in ends)) < _STILL_M_S
            at = (ends[0] + ends[1])[still] / 2
            side = np.full((len(at), len(feet)), np.eye(len(feet))[i])
            rows.append(np.hstack([at[:, :2], side]))
            heights.append(at[:, 2])
        row, height = np.concatenate(rows), np.concatenate(heights)
        if len(row) < _LEAST_FRAMES:
            return
        row[:, :2] -= row[:, :2].mean(axis=0)
        # Frames of one stance say the same, so they count by the time they last.
        weight = 1 / (_UNEVEN_M * np.sqrt(self.rate_hz * _STANCE_S))
        hold = np.eye(2, row.shape[1]) / _SLOPE
        kept = np.ones(len(row), bool)
        slope = np.zeros(2)
        for _ in range(3):
            a = np.vstack([row[kept] * weight, hold])
            fit = np.linalg.lstsq(a, np.append(height[kept] * weight, [0, 0]), rcond=None)[0]
            slope = fit[:2]
            off = np.abs(height - row @ fit)
            kept = off < max(_LIFTED_M / 2, float(np.median(off)))  # not feet held in the air
        normal = np.append(-slope, 1.0) / np.sqrt(1 + slope @ slope)
        axis = np.cross(normal, _UP)
        x, y, z = axis
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        self._tilt = np.eye(3) + cross + cross @ cross / (1 + normal[2])
        self._pos_m = self._pos_m @ self._tilt.T

    def _at(self, names: list[str], joint: str) -> int:
        if joint not in names:
            raise DataError(f"{self._path} has no joint {joint}; is it a file of this set?")
        return names.index(joint)


class RigFoot:
    """A foot with a hinge at the toes, and how it stands flat."""

    def __init__(self, skeleton: Skeleton, foot: str, toes: str, level: bool) -> None:
        self._ankle, self._hinge = skeleton.position(foot), skeleton.position(toes)
        self._turn, self._toes_turn = skeleton.rotation(foot), skeleton.rotation(toes)
        self.flat = flat = _flat(self._ankle, self._hinge, skeleton.rate_hz)
        self.ankle_height_m = float(np.median(self._ankle[flat, 2]))
        self._to_hinge = skeleton.rest(toes) - skeleton.rest(foot)
        self._normal, self._toes_rest = _UP, np.eye(3)
        if level:
            normal = self._turn[flat, 2].mean(axis=0)
            normal /= np.linalg.norm(normal)
            if normal[2] > np.cos(np.radians(_MOST_TILT_DEG)):
                self._normal = normal
            between = np.einsum("nji,njk->nik", self._turn[flat], self._toes_turn[flat])
            self._toes_rest = _nearest_rotation(between.mean(axis=0))

    def sole(self, side: Side, depth_m: float, height_m: float) -> dict[str, FloatArray]:
        """Return heel and toes, (n, 3) each, ``depth_m`` below the ankle of a flat foot."""
        ahead = self._to_hinge - self._normal * (self._to_hinge @ self._normal)
        ahead /= np.linalg.norm(ahead)
        out = np.cross(self._normal, ahead) * (1 if side == "left" else -1)
        axes = np.stack([ahead, out, self._normal])
        length_m, breadth_m = FOOT_LENGTH * height_m, _BREADTH * height_m
        bend = self._toe_bend(axes)
        cos, sin, none = np.cos(bend), np.sin(bend), np.zeros_like(bend)
        up = np.stack([sin, none, cos], axis=1)
        forward = np.stack([cos, none, -sin], axis=1)

        def toe(along: float, outward: float) -> FloatArray:
            from_hinge = axes @ -self._to_hinge
            from_hinge += (along * length_m, outward * breadth_m, -depth_m)
            # Rows of the turn about the hinge, in the axes of the foot.
            moved = np.stack(
                [forward @ from_hinge, np.full(len(bend), from_hinge[1]), up @ from_hinge], axis=1
            )
            return self._hinge + np.einsum("nij,nj->ni", self._turn, moved @ axes)

        heel = np.array([_HEEL_AT * length_m, 0.0, -depth_m]) @ axes
        return {
            "heel": self._ankle + self._turn @ heel,
            "big_toe": toe(_BIG_TOE_AT, _BIG_TOE_OUT),
            "small_toe": toe(_SMALL_TOE_AT, _SMALL_TOE_OUT),
        }

    def _toe_bend(self, axes: FloatArray) -> FloatArray:
        """Return by how much the toes are bent up against the foot, (n,) in radians.

        The markers of the toes are few and their rotation is noisy by tens of degrees. So it is
        believed only between the toes in line with the foot and the toes level: on the floor they
        do not point into it, and it is the floor that bends them.
        """
        ahead, _, normal = axes
        toes = (self._toes_turn @ self._toes_rest.T) @ ahead
        in_foot = np.einsum("nji,nj->ni", self._turn, toes)
        bend = np.arctan2(in_foot @ normal, in_foot @ ahead)
        down = -np.arcsin(np.clip((self._turn @ ahead)[:, 2], -1.0, 1.0))
        return np.clip(bend, 0.0, np.clip(down, 0.0, np.radians(_MOST_TOE_BEND_DEG)))


def _flat(ankle: FloatArray, toes: FloatArray, rate_hz: float) -> np.ndarray:
    """Return the frames, as indices, in which a foot stands flat: still, not held up."""
    speed = np.maximum(*(_speed(at, rate_hz) for at in (ankle, toes)))
    height = ankle[:, 2] + toes[:, 2]
    still = np.flatnonzero(speed < _STILL_M_S)
    if len(still) < _LEAST_FRAMES:  # running at a low rate: the slowest of the low ones
        low = np.flatnonzero(height <= np.percentile(height, 10))
        return low[np.argsort(speed[low])[:_LEAST_FRAMES]]
    return still[height[still] < np.percentile(height[still], 25) + _LIFTED_M]


def _speed(at: FloatArray, rate_hz: float) -> FloatArray:
    return np.linalg.norm(np.gradient(at, axis=0), axis=1) * rate_hz


def _nearest_rotation(mean: FloatArray) -> FloatArray:
    left, _, right = np.linalg.svd(mean)
    left[:, 2] *= np.sign(np.linalg.det(left @ right))
    return left @ right
