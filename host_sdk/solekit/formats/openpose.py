"""Key points as OpenPose writes them: a folder of ``*_keypoints.json``, or one ``.npz``.

Cao et al. 2019 (arXiv 1812.08008) name the points: BODY_25 or COCO with 18. One person is
followed: the one whose points are trusted most over all frames.
"""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from solekit.errors import DataError
from solekit.layouts import FloatArray
from solekit.video.landmarks import Landmarks

_ARMS = tuple(f"{s}_{p}" for s in ("right", "left") for p in ("shoulder", "elbow", "wrist"))
_LEGS = tuple(f"{s}_{p}" for s in ("right", "left") for p in ("hip", "knee", "ankle"))
_HEAD = ("right_eye", "left_eye", "right_ear", "left_ear")
# The big toe stands for BlazePose's foot_index.
_FEET = tuple(f"{s}_{p}" for s in ("left", "right") for p in ("foot_index", "small_toe", "heel"))
BODY_25 = ("nose", "neck", *_ARMS, "mid_hip", *_LEGS, *_HEAD, *_FEET)
COCO_18 = ("nose", "neck", *_ARMS, *_LEGS, *_HEAD)
_BY_COUNT = {len(names): names for names in (BODY_25, COCO_18)}
MAX_PEOPLE = 1000


def load_openpose(
    path: Path | str,
    *,
    rate_hz: float,
    size_px: tuple[int, int] | None = None,
) -> Landmarks:
    """Read a folder of OpenPose's JSON, or an npz with ``keypoints`` (n, 25 or 18, 3) in pixels.

    OpenPose writes neither times nor the size of the picture: ``rate_hz`` are the frames per
    second of the video, ``size_px`` its width and height (None: unknown). DataError on bad files.
    """
    path = Path(path)
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise DataError(f"rate_hz {rate_hz!r} must be a positive number of frames per second")
    points, notes = _folder(path) if path.is_dir() else _npz(path)
    names = _BY_COUNT.get(points.shape[1])
    if names is None:
        raise DataError(
            f"{path.name} has {points.shape[1]} points; OpenPose's bodies have 25 or 18"
        )
    score = points[..., 2]
    if (score < 0).any() or (score > 1.5).any() or not np.isfinite(points).all():
        raise DataError(f"{path.name}: a confidence is not between 0 and 1; export it again")
    xy_px = np.where(score[..., None] > 0, points[..., :2], np.nan)
    return Landmarks(
        np.arange(len(points)) / rate_hz,
        xy_px,
        np.minimum(score, 1.0),
        names,
        *(size_px or (0, 0)),
        source=f"openpose ({path.name})",
        notes=tuple(notes),
    )


def _npz(path: Path) -> tuple[FloatArray, list[str]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            points = np.asarray(found["keypoints"], dtype=float)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(f"{path.name} holds no keypoints ({error}); save (n, 25, 3)") from error
    if points.ndim != 3 or points.shape[2] != 3 or not len(points):
        raise DataError(f"{path.name}: keypoints have the shape {points.shape}; save (n, 25, 3)")
    return points, []


def _folder(path: Path) -> tuple[FloatArray, list[str]]:
    files = sorted(path.glob("*_keypoints.json"))
    if not files:
        raise DataError(f"{path} has no *_keypoints.json; run OpenPose with --write_json")
    frames = [_people(file) for file in files]
    counts = {person.shape[0] for frame in frames for person in frame}
    if not counts:
        raise DataError(f"{path}: nobody was found in {len(files)} frames; is a person in view?")
    if len(counts) > 1:
        raise DataError(f"{path}: bodies of {sorted(counts)} points are mixed; export it again")
    n_points = counts.pop()
    most = max(len(frame) for frame in frames)
    notes = [f"Up to {most} persons in a frame; one was followed."] if most > 1 else []
    out = np.zeros((len(files), n_points, 3))
    trust = [max((float(p[:, 2].sum()) for p in frame), default=-1.0) for frame in frames]
    start = int(np.argmax(trust))
    for rows in (range(start, len(files)), range(start, -1, -1)):
        last = None
        for row in rows:
            person = _followed(frames[row], last)
            if person is not None:
                out[row], last = person, person
    return out, notes


def _followed(people: list[FloatArray], last: FloatArray | None) -> FloatArray | None:
    """Return who is nearest to ``last``, in points that both have; the surest one at first."""
    if not people:
        return None
    if last is None:
        return max(people, key=lambda person: float(person[:, 2].sum()))
    return min(people, key=lambda person: _distance(person, last))


def _distance(person: FloatArray, last: FloatArray) -> float:
    both = (person[:, 2] > 0) & (last[:, 2] > 0)
    if not both.any():
        return math.inf
    return float(np.median(np.hypot(*(person[both, :2] - last[both, :2]).T)))


def _people(file: Path) -> list[FloatArray]:
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
        people = [
            np.array(person["pose_keypoints_2d"], dtype=float).reshape(-1, 3)
            for person in found["people"][:MAX_PEOPLE]
        ]
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{file.name} is not what OpenPose writes ({error}); repeat it") from error
    return [person for person in people if len(person)]
