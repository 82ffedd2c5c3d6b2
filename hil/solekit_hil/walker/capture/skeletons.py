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
from solekit_hil.walker.body import ANKLE_HEIGHT, INDEX, N_KEYPOINTS, Motion, stature_m
from solekit_hil.walker.capture.rig import RigFoot, Skeleton

# Shares of the stature: C7 above the middle of the shoulder joints, and the ears, half way from C7
# to the top of the head, above C7; de Leva (1996), J. Biomech. 29(9), tables 1 and 4.
_NECK_HEIGHT, _HEAD_HEIGHT = 0.05, 0.07
_SOLE = ("heel", "big_toe", "small_toe")
_START_S = 0.25
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
    skeleton = Skeleton(path, found)
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

    feet: dict[Side, RigFoot] = {
        side: RigFoot(skeleton, names.foot.format(word), names.toes.format(word), floor != "none")
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


def _middle(points_m: FloatArray, name: str) -> FloatArray:
    return (points_m[:, INDEX[f"left_{name}"]] + points_m[:, INDEX[f"right_{name}"]]) / 2


def _place_head(points_m: FloatArray, skeleton: Skeleton, names: _Names, height_m: float) -> None:
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
