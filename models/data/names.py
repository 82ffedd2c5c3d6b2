"""What key points are called: ours, and those of others."""

from __future__ import annotations

import re

from solekit.inference.decode import KEYPOINTS
from solekit.layouts import SIDES
from solekit.video.landmarks import BLAZEPOSE

# The 33 landmarks of MediaPipe's pose landmarker, in its order.
MEDIAPIPE = BLAZEPOSE
_COCO = (
    "nose",
    *(
        f"{side}_{name}"
        for name in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        for side in SIDES
    ),
)
_COCO_FEET = tuple(f"{side}_{name}" for side in SIDES for name in ("big_toe", "small_toe", "heel"))
_OPENPOSE_25 = (
    *("nose", "neck", "right_shoulder", "right_elbow", "right_wrist"),
    *("left_shoulder", "left_elbow", "left_wrist", "mid_hip"),
    *("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("right_eye", "left_eye", "right_ear", "left_ear"),
    *_COCO_FEET,
)
# What the parts are called elsewhere, without side, separators and capitals.
_PARTS = {
    "shoulder": "shoulder",
    "elbow": "elbow",
    "wrist": "wrist",
    "hip": "hip",
    "knee": "knee",
    "ankle": "ankle",
    "heel": "heel",
    "calc": "heel",
    "bigtoe": "big_toe",
    "footindex": "big_toe",
    "toe": "big_toe",
    "smalltoe": "small_toe",
    "5meta": "small_toe",
    "ear": "ear",
    "head": "head",
    "headcenter": "head",
    "nose": "nose",
}
_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}


def convention(name: str, n_points: int) -> tuple[str, ...] | None:
    """Return the names of a convention of XRMoCap that is known here, else None."""
    known = {
        "coco": _COCO,
        "coco_wholebody": (*_COCO, *_COCO_FEET, *(f"other_{i}" for i in range(110))),
        "openpose_25": _OPENPOSE_25,
        "mediapipe_body": MEDIAPIPE,
        "solekit": KEYPOINTS,
    }.get(name.lower())
    return known if known is not None and len(known) == n_points else None


def our_name(name: str) -> str:
    """Return our name of a key point (or ``left_ear``, ``nose``), empty if it has none.

    >>> our_name("RBigToe"), our_name("left_foot_index"), our_name("L.Knee")
    ('right_big_toe', 'left_big_toe', 'left_knee')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = [w for w in re.split(r"[^a-z0-9]+", spaced.lower()) if w]
    words = [w for w in words if w not in ("openpose", "study", "joint")]
    side = ""
    for at in (0, -1):
        if words and words[at] in _SIDES:
            side = _SIDES[words.pop(at)]
            break
    part = _PARTS.get("".join(words), "")
    if part in ("head", "nose"):
        return "" if side else part
    return f"{side}_{part}" if side and part else ""
