"""Key points from fitted skeletons: the CMU and the Bandai Namco motion capture.

Both sets hold joints and the rotation of the segment behind each, but no heel, no toes apart and
no ears. Those are placed on the segments by the proportions below, so that they move with them:

* Sole: its plane lies under the foot as the foot stands flat in the clip, so that a skeleton whose
  foot sits crooked on its marker set still stands level. Heel and toes are on it.
* Heel: a quarter of the foot's length behind the ankle. The lever of the calf, from the joint to
  the back of the heel, is about that share of the foot.
* Big toe: the tip of the foot, inside of its middle line. Small toe: at its outer edge, further
  back, as the row of toes runs slanting. Both turn with the toes about the joint of the toes, so
  that the toes stay on the floor while the heel rises.
* Neck: on the way from the joint of the neck to that of the head, as high above the shoulders as
  C7 is; head: from there towards the end of the head, as far as the ears are.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from solekit.errors import DataError
from solekit.layouts import SIDES, FloatArray, Side
from solekit_hil.walker.body import INDEX, N_KEYPOINTS, Motion, stature_m

# Shares of the stature. Foot: Drillis and Contini (1964), Body segment parameters. Neck and head:
# C7 above the middle of the shoulder joints, and the ears, half way from C7 to the top of the
# head, above C7; de Leva (1996), J. Biomech. 29(9), tables 1 and 4.
FOOT_LENGTH, FOOT_BREADTH, ANKLE_HEIGHT = 0.152, 0.055, 0.039
_NECK_HEIGHT, _HEAD_HEIGHT = 0.05, 0.07
# Shares of the foot's length, and of its breadth outward from its middle line.
_HEEL_AT, _BIG_TOE_AT, _SMALL_TOE_AT = -0.25, 0.75, 0.57
_BIG_TOE_OUT, _SMALL_TOE_OUT = -0.25, 0.5

_STILL_M_S = 0.3  # neither ankle nor toes of a standing foot move faster
_LIFTED_M = 0.06  # a still foot this far (ankle and toes) above the others is held in the air
_LEAST_FRAMES = 3
# Of a floor: how far its slope may be from level, how far a stance from it, how long that is.
_SLOPE, _UNEVEN_M, _STANCE_S = 0.02, 0.01, 0.35
_MOST_TILT_DEG = 20.0  # a foot further from its reference pose was never flat
_SOLE = ("heel", "big_toe", "small_toe")
_MOST_TOE_BEND_DEG = 60.0
_START_S = 0.25
_UP = np.array([0.0, 0.0, 1.0])
# Grounds of which the shape is not known.
_UNEVEN = ("uneven",)
_UNEVEN_CLIPS = ("01_01",)


@dataclass(frozen=True, eq=False)
class Clip:
    """A piece of captured motion and what is known about it.

    ``action_of_frame`` (n,) points into ``action_names``. ``person`` names who must stay together
    in a split. ``licence_class`` A may train weights that ship, B may not.
    """

    motion: Motion
    name: str
    person: str
    action: str
    action_names: tuple[str, ...]
    action_of_frame: np.ndarray
    floor: Literal["flat", "unknown"]
    licence_class: Literal["A", "B"]


@dataclass(frozen=True)
class _Names:
    """What a set calls its joints; ``{}`` is the side."""

    sides: dict[Side, str]
    limbs: dict[str, str]
    foot: str
    toes: str
    neck: str
    head: str
    head_end: str | None


_ARRAYS = ("pos_m", "joints", "quat_wxyz", "quat_joints", "rest_pos_m", "fps", "action")
_LIMBS: tuple[str, ...] = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")


def _names(sides: str, limbs: str, toes: str, head_end: str | None) -> _Names:
    joints = limbs.split()
    of_sides = dict(zip(SIDES, sides.split(), strict=True))
    of_limbs: dict[str, str] = dict(zip(_LIMBS, joints, strict=True))
    return _Names(of_sides, of_limbs, joints[-1], toes, "Neck", "Head", head_end)


_CMU = _names("Left Right", "{}Arm {}ForeArm {}Hand {}UpLeg {}Leg {}Foot", "{}ToeBase", "HeadEnd")
_BANDAI = _names(
    "L R", "UpperArm_{} LowerArm_{} Hand_{} UpperLeg_{} LowerLeg_{} Foot_{}", "Toes_{}", None
)


def read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the named arrays of an .npz file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            absent = [name for name in names if name not in file.files]
            found = {name: file[name] for name in names if name not in absent}
    except FileNotFoundError:
        raise DataError(f"there is no file {path}; fetch the data set first") from None
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no .npz file of arrays ({error}); use another file") from None
    if absent:
        raise DataError(f"{path} lacks {', '.join(absent)}; is it a file of this set?")
    return found


def cmu(path: Path, *, mass_kg: float = 70.0) -> Clip:
    """Return one clip of the CMU set.

    The clip is turned and moved so that it starts at the origin looking along x, and its height is
    set by its soles, as the floor of the set is only an estimate; not so on uneven ground.
    """
    found = read_arrays(path, (*_ARRAYS, "clip", "subject", "action_names", "action_frame"))
    name, action = str(found["clip"]), str(found["action"])
    labels = np.asarray(found["action_frame"], int)
    names = tuple(str(word) for word in found["action_names"])
    if len(labels) != len(found["pos_m"]) or labels.max(initial=0) >= len(names):
        raise DataError(
            f"action_frame of {path} has {len(labels)} labels up to {labels.max(initial=0)} for "
            f"{len(found['pos_m'])} frames and {len(names)} actions; fetch the file again"
        )
    uneven = action in _UNEVEN or name in _UNEVEN_CLIPS
    motion = _motion(path, found, _CMU, mass_kg, "none" if uneven else "estimate")
    return Clip(
        motion=motion,
        name=name,
        person=str(found["subject"]),
        action=action,
        action_names=names,
        action_of_frame=labels,
        floor="unknown" if uneven else "flat",
        licence_class="A",
    )


def bandai_clips(path: Path) -> list[str]:
    """Return the names of the clips in a file of the Bandai Namco set, in order."""
    return [str(name) for name in read_arrays(path, ("clip_names", "clip_start"))["clip_names"]]


def bandai(path: Path, clip: int, *, mass_kg: float = 70.0) -> Clip:
    """Return a clip, by its number, of a file of the Bandai Namco set.

    Three people, all fitted to one body and not told apart, are one ``person``.
    """
    found = read_arrays(path, (*_ARRAYS, "clip_start", "clip_names"))
    names = found["clip_names"]
    if not 0 <= clip < len(names):
        raise DataError(f"{path} has no clip {clip}; choose 0 to {len(names) - 1}")
    rows = slice(int(found["clip_start"][clip]), int(found["clip_start"][clip + 1]))
    if rows.stop - rows.start < 2 or rows.stop > len(found["pos_m"]):
        raise DataError(
            f"clip {clip} of {path} is rows {rows.start} to {rows.stop} of {len(found['pos_m'])}; "
            "fetch the file again"
        )
    found = found | {key: found[key][rows] for key in ("pos_m", "quat_wxyz")}
    motion = _motion(path, found, _BANDAI, mass_kg, "given")
    action = str(found["action"])
    return Clip(
        motion=motion,
        name=str(names[clip]),
        person="bandai",
        action=action,
        action_names=(action,),
        action_of_frame=np.zeros(len(motion.points_m), int),
        floor="flat",
        licence_class="B",
    )


def _motion(
    path: Path,
    found: dict[str, np.ndarray],
    names: _Names,
    mass_kg: float,
    floor: Literal["none", "estimate", "given"],
) -> Motion:
    """Return the motion of a skeleton.

    ``floor`` tells whether z = 0 is the floor, is near it, or the floor is not flat.
    """
    skeleton = _Skeleton(path, found)
    if floor == "estimate":
        skeleton.level(
            [(names.foot.format(w), names.toes.format(w)) for w in names.sides.values()]
        )
    points_m = np.full((skeleton.n, N_KEYPOINTS, 3), np.nan)
    for side, word in names.sides.items():
        for name, joint in names.limbs.items():
            points_m[:, INDEX[f"{side}_{name}"]] = skeleton.position(joint.format(word))
    points_m[:, INDEX["pelvis"]] = _middle(points_m, "hip")
    height_m = stature_m(points_m)

    feet: dict[Side, _Foot] = {
        side: _Foot(skeleton, names.foot.format(word), names.toes.format(word), floor != "none")
        for side, word in names.sides.items()
    }
    depth_m = dict.fromkeys(names.sides, ANKLE_HEIGHT * height_m)
    if floor != "none":
        # The ankles of a skeleton may differ in height while both feet stand on one floor.
        ankles_m = {side: foot.ankle_height_m for side, foot in feet.items()}
        floor_m = (
            sum(ankles_m.values()) / 2 - ANKLE_HEIGHT * height_m if floor == "estimate" else 0
        )
        depth_m = {
            side: float(np.clip(ankles_m[side] - floor_m, 0.5 * depth, 2.5 * depth))
            for side, depth in depth_m.items()
        }
    for side, foot in feet.items():
        for name, at_m in foot.sole(side, depth_m[side], height_m).items():
            points_m[:, INDEX[f"{side}_{name}"]] = at_m

    _place_head(points_m, skeleton, names, height_m)
    _to_start(points_m, skeleton.rate_hz)
    if floor != "none":
        # By the standing feet, not by the lowest point of all: where the toes push off, some
        # skeletons sink by several centimetres, which would leave standing feet in the air.
        lowest = [
            points_m[feet[side].flat][:, [INDEX[f"{side}_{name}"] for name in _SOLE], 2].min(
                axis=1
            )
            for side in SIDES
        ]
        points_m[:, :, 2] -= np.median(np.concatenate(lowest))
    return Motion(skeleton.rate_hz, points_m, mass_kg)


class _Skeleton:
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


class _Foot:
    """A foot with a hinge at the toes, and how it stands flat."""

    def __init__(self, skeleton: _Skeleton, foot: str, toes: str, level: bool) -> None:
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
        length_m, breadth_m = FOOT_LENGTH * height_m, FOOT_BREADTH * height_m
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


def _middle(points_m: FloatArray, name: str) -> FloatArray:
    return (points_m[:, INDEX[f"left_{name}"]] + points_m[:, INDEX[f"right_{name}"]]) / 2


def _place_head(points_m: FloatArray, skeleton: _Skeleton, names: _Names, height_m: float) -> None:
    low, high = skeleton.position(names.neck), skeleton.position(names.head)
    arms = [names.limbs["shoulder"].format(word) for word in names.sides.values()]
    shoulders = sum(skeleton.rest(arm)[2] for arm in arms) / 2
    start, end = skeleton.rest(names.neck)[2], skeleton.rest(names.head)[2]
    share = np.clip((shoulders + _NECK_HEIGHT * height_m - start) / (end - start), 0.0, 1.0)
    neck = low + share * (high - low)
    if names.head_end is None:
        upward = skeleton.rotation(names.head)[:, :, 2]
    else:
        upward = skeleton.position(names.head_end) - neck
    upward = upward / np.linalg.norm(upward, axis=1, keepdims=True)
    points_m[:, INDEX["neck"]] = neck
    points_m[:, INDEX["head"]] = neck + _HEAD_HEIGHT * height_m * upward


def _to_start(points_m: FloatArray, rate_hz: float) -> None:
    """Turn and move the motion so that the pelvis starts at the origin looking along x."""
    n = max(1, round(_START_S * rate_hz))
    left = (points_m[:n, INDEX["left_hip"]] - points_m[:n, INDEX["right_hip"]]).mean(axis=0)
    size = np.hypot(left[0], left[1])
    if size > 0:
        cos, sin = left[1] / size, -left[0] / size
        points_m[..., :2] = points_m[..., :2] @ np.array([[cos, -sin], [sin, cos]])
    points_m[..., :2] -= points_m[0, INDEX["pelvis"], :2].copy()
