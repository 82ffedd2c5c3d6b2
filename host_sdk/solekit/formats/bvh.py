"""Key points as BVH: the motion format that animation and simulation programs read.

The skeleton has bones of constant length, the medians over the recording, and joints that turn.
The pelvis is turned by the line of the hips, the chest by that of the shoulders, both with the way
from hips to shoulders; a foot by its toes and heel. Every other joint turns by the shortest arc
that brings its bone to where the key points show it.

What positions cannot tell: how thigh, shank, upper arm and forearm turn about their own length
(they turn as little as they can against the part above), how the hand is held, and where the face
looks. Bones that change their length in the key points do not do so here.

Of the format there is no standard; this is what Meredith and Maddock describe (2001, Motion
Capture File Formats Explained). Y is up, the person looks along Z, left is X; centimetres; each
joint turns by Z, X, Y, in this order about its own axes. The format knows no missing frame: one
without a pose holds the one before.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from solekit.errors import DataError
from solekit.inference.decode import KEYPOINTS
from solekit.layouts import SIDES, BoolArray, FloatArray

_INDEX = {name: i for i, name in enumerate(KEYPOINTS)}
# From x right, y ahead, z up to X left, Y up, Z ahead.
_TO_BVH = np.array([[-1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
_CM = 100.0
_TIP_M = 0.01  # what is drawn of a joint that has no bone behind it
_ORDER = "ZXY"
_ALIGNED = np.eye(3)


@dataclass(frozen=True, eq=False)
class _Joint:
    """``offset_m`` (3,) from the parent in the rest pose; ``turn`` (n, 3, 3) in the world."""

    name: str
    parent: int
    offset_m: FloatArray
    turn: FloatArray


def write_bvh(path: Path, keypoints_m: Any, *, rate_hz: float) -> list[str]:
    """Write key points (n, 19, 3) at ``rate_hz`` into ``path``, which must not exist.

    Axes of the key points as in ``PoseEstimator``. Returns what to know about the file, in plain
    sentences. DataError if no frame is whole.
    """
    text, notes = to_bvh(keypoints_m, rate_hz=rate_hz)
    try:
        with Path(path).open("x", encoding="ascii", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise DataError(f"{path} exists; choose another name or delete it first") from None
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error
    return notes


def to_bvh(keypoints_m: Any, *, rate_hz: float) -> tuple[str, list[str]]:
    """Return the text of a BVH file and what to know about it; see ``write_bvh``."""
    points = np.asarray(keypoints_m, dtype=float)
    if points.ndim != 3 or points.shape[1:] != (len(KEYPOINTS), 3):
        raise DataError(
            f"keypoints_m has shape {points.shape}; give (n_frames, {len(KEYPOINTS)}, 3)"
        )
    if not (np.isfinite(rate_hz) and rate_hz > 0):
        raise DataError(f"rate_hz is {rate_hz:g}; give the frames per second")
    known: BoolArray = np.asarray(np.isfinite(points).all(axis=(1, 2)))
    if not known.any():
        raise DataError("no frame has all key points: there is no motion to write")
    held = np.maximum.accumulate(np.where(known, np.arange(len(points)), -1))
    held[held < 0] = int(np.argmax(known))
    notes = _missing(known, rate_hz)
    joints = _skeleton(points @ _TO_BVH.T, known, held)
    root_m = (points[:, _INDEX["left_hip"]] + points[:, _INDEX["right_hip"]])[held] / 2
    motion = np.concatenate([root_m @ _TO_BVH.T * _CM, *_angles_deg(joints)], axis=1)
    rows = [" ".join(f"{value:.4f}" for value in row) for row in motion]
    head = ["HIERARCHY", *_hierarchy(joints, 0, 0)]
    timing = ["MOTION", f"Frames: {len(rows)}", f"Frame Time: {1 / rate_hz:.9f}"]
    return "\n".join([*head, *timing, *rows, ""]), notes


def _missing(known: BoolArray, rate_hz: float) -> list[str]:
    """Return one sentence about the frames without a pose; none if there are none."""
    if known.all():
        return []
    edges = np.flatnonzero(np.diff(np.concatenate(([True], known, [True])).astype(int)))
    spans = [f"{a / rate_hz:.2f}-{b / rate_hz:.2f} s" for a, b in edges.reshape(-1, 2)]
    listed = ", ".join(spans[:20]) + (f" and {len(spans) - 20} more" if len(spans) > 20 else "")
    return [
        f"{np.count_nonzero(~known)} of {len(known)} frames have no pose and hold the one before "
        f"(at the start the first one): {listed}"
    ]


def _skeleton(points: FloatArray, known: BoolArray, held: Any) -> list[_Joint]:
    """Return the joints, parents first, from key points (n, 19, 3) in the axes of the file."""

    def at(name: str) -> FloatArray:
        return points[known][:, _INDEX[name]]

    # Turns are found where key points are known, then held.
    row = (np.cumsum(known) - 1)[held]
    hips, chest = _middle(at, "hip"), _middle(at, "shoulder")
    trunk = chest - hips
    joints: list[_Joint] = []

    def add(name: str, parent: int, offset_m: Any, turn: FloatArray) -> int:
        joints.append(_Joint(name, parent, np.asarray(offset_m, dtype=float), turn[row]))
        return len(joints) - 1

    pelvis_turn = _frame(at("left_hip") - at("right_hip"), trunk)
    chest_turn = _frame(at("left_shoulder") - at("right_shoulder"), trunk)
    up = _ALIGNED[1]
    spine_turn = _arc(pelvis_turn, up, trunk)
    head = at("head") - chest
    neck_turn = _arc(chest_turn, up, head)
    root = add("Hips", -1, np.zeros(3), pelvis_turn)
    spine = add("Spine", root, np.zeros(3), spine_turn)
    breast = add("Chest", spine, up * _length(trunk), chest_turn)
    neck = add("Neck", breast, np.zeros(3), neck_turn)
    add("Head", neck, up * _length(head), neck_turn)
    for side, out in zip(SIDES, (_ALIGNED[0], -_ALIGNED[0]), strict=True):
        label = side.capitalize()
        half_m = _length(at("left_shoulder") - at("right_shoulder")) / 2
        chain = [at(f"{side}_{name}") for name in ("shoulder", "elbow", "wrist")]
        parent, turn, offset = breast, chest_turn, out * half_m
        for name, start, end in zip(("Arm", "ForeArm"), chain, chain[1:], strict=False):
            turn = _arc(turn, out, end - start)
            parent = add(label + name, parent, offset, turn)
            offset = out * _length(end - start)
        add(f"{label}Hand", parent, offset, turn)
    for side, out in zip(SIDES, (_ALIGNED[0], -_ALIGNED[0]), strict=True):
        label = side.capitalize()
        half_m = _length(at("left_hip") - at("right_hip")) / 2
        chain = [at(f"{side}_{name}") for name in ("hip", "knee", "ankle")]
        parent, turn, offset = root, pelvis_turn, out * half_m
        for name, start, end in zip(("UpLeg", "Leg"), chain, chain[1:], strict=False):
            turn = _arc(turn, -up, end - start)
            parent = add(label + name, parent, offset, turn)
            offset = -up * _length(end - start)
        ends = [at(f"{side}_{name}") for name in ("heel", "small_toe", "big_toe")]
        across = (ends[1] - ends[2]) * (1 if side == "left" else -1)
        turn = _frame_ahead((ends[1] + ends[2]) / 2 - ends[0], across)
        foot = add(f"{label}Foot", parent, offset, turn)
        for name, end in zip(("Heel", "SmallToe", "BigToe"), ends, strict=True):
            # Each on its own bone: where toes bend, a rigid foot would be off by centimetres.
            bone = end - chain[-1]
            rest = _unit(np.median(np.einsum("nji,nj->ni", turn, bone), axis=0))
            own = _arc(turn, rest, bone)
            pivot = add(f"{label}To{name}", foot, np.zeros(3), own)
            add(label + name, pivot, rest * _length(bone), own)
    return joints


def _middle(at: Any, name: str) -> FloatArray:
    return (at(f"left_{name}") + at(f"right_{name}")) / 2


def _length(bone: FloatArray) -> float:
    return float(np.median(np.linalg.norm(bone, axis=1)))


def _unit(v: FloatArray) -> FloatArray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)


def _frame(across: FloatArray, up: FloatArray) -> FloatArray:
    """Return turns (n, 3, 3) whose X lies along ``across`` and whose Y is nearest to ``up``."""
    x = _unit(across)
    z = _unit(np.cross(x, up))
    return _sound(np.stack((x, np.cross(z, x), z), axis=-1))


def _frame_ahead(ahead: FloatArray, across: FloatArray) -> FloatArray:
    """Return turns (n, 3, 3) whose Z lies along ``ahead`` and whose X is nearest to ``across``."""
    z = _unit(ahead)
    y = _unit(np.cross(z, across))
    return _sound(np.stack((np.cross(y, z), y, z), axis=-1))


def _sound(turn: FloatArray) -> FloatArray:
    """Leave upright what key points at one place or in one line do not turn."""
    return np.where((np.linalg.det(turn) > 0.5)[:, None, None], turn, _ALIGNED)


def _arc(parent: FloatArray, rest: FloatArray, bone: FloatArray) -> FloatArray:
    """Return ``parent`` (n, 3, 3) turned by the shortest arc that brings ``rest`` to ``bone``."""
    a, b = parent @ rest, _unit(bone)
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=1)
    angle = np.arctan2(sine, np.einsum("ni,ni->n", a, b))
    # For a bone turned right back any axis across will do.
    across = np.cross(a, parent[:, :, 2])
    axis = np.where(sine[:, None] > 1e-9, axis, across)
    return Rotation.from_rotvec(_unit(axis) * angle[:, None]).as_matrix() @ parent


def _angles_deg(joints: list[_Joint]) -> list[FloatArray]:
    """Return the angles of every joint against its parent, (n, 3) degrees each."""
    angles = []
    for joint in joints:
        turn = joint.turn
        if joint.parent >= 0:
            turn = np.swapaxes(joints[joint.parent].turn, 1, 2) @ turn
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # at 90 degrees about X one of many solutions is taken
            found = Rotation.from_matrix(turn).as_euler(_ORDER, degrees=True)
        angles.append(found)
    return angles


def _hierarchy(joints: list[_Joint], i: int, depth: int) -> list[str]:
    joint, tab = joints[i], "\t" * depth
    channels = "Zrotation Xrotation Yrotation"
    if joint.parent < 0:
        channels = f"6 Xposition Yposition Zposition {channels}"
    else:
        channels = f"3 {channels}"
    lines = [
        f"{tab}{'ROOT' if joint.parent < 0 else 'JOINT'} {joint.name}",
        f"{tab}{{",
        f"{tab}\tOFFSET {_written(joint.offset_m)}",
        f"{tab}\tCHANNELS {channels}",
    ]
    below = [k for k, other in enumerate(joints) if other.parent == i]
    for k in below:
        lines += _hierarchy(joints, k, depth + 1)
    if not below:
        tip = _written(_ALIGNED[2] * _TIP_M)
        lines += [f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\tOFFSET {tip}", f"{tab}\t}}"]
    return [*lines, f"{tab}}}"]


def _written(offset_m: FloatArray) -> str:
    return " ".join(f"{value * _CM:.6f}" for value in offset_m)
