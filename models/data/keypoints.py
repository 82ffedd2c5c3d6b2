"""Read key points made by somebody else's camera system into one form.

Four kinds of file: ``npz`` with times and names, TRC (OpenSim, Pose2Sim, FreeMoCap), XRMoCap's
``npz`` of a key point series, and MediaPipe's world landmarks as JSON or CSV.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.data.names import MEDIAPIPE, convention, our_name
from solekit.errors import DataError
from solekit.inference.decode import KEYPOINTS
from solekit.layouts import SIDES, FloatArray

_FEET = tuple(f"{side}_{name}" for name in ("heel", "big_toe", "small_toe") for side in SIDES)
_ANKLES = tuple(f"{side}_ankle" for side in SIDES)
_FLOOR_PERCENTILE = 2.0  # robust against single frames that lie below the floor
_MAX_STATURE_M = 3.0  # a person that seems larger is measured in millimetres
_MIN_STATURE_M = 0.5
_HEAD_OVER_ANKLES = 0.4  # of the distance from head to ankles: less, and no axis is up
# Shares of the stature (Drillis and Contini 1964).
_SHARES = {"trunk": 0.288, "thigh": 0.245, "shank": 0.246}
_ANKLE_HEIGHT = 0.039
_NEEDED = tuple(f"{side}_{name}" for name in ("shoulder", "hip", "ankle") for side in SIDES)


@dataclass(frozen=True, eq=False)
class KeypointFile:
    """Key points on their own clock, z up, the floor at 0.

    ``t_s`` (n,); ``points_m`` (n, 19, 3) in the order of ``solekit.inference.decode.KEYPOINTS``,
    NaN where a point is missing; ``is_hip_centred`` where the file had no absolute height and the
    lowest point of the feet was put on the floor in every frame; ``notes`` are plain sentences.
    """

    t_s: FloatArray
    points_m: FloatArray
    names: tuple[str, ...] = KEYPOINTS
    stature_m: float | None = None
    is_hip_centred: bool = False
    notes: tuple[str, ...] = ()

    def point_m(self, name: str) -> FloatArray:
        """Return one key point, (n, 3)."""
        return self.points_m[:, self.names.index(name)]


def read(
    path: Path | str,
    *,
    up: str = "auto",
    rate_hz: float | None = None,
    names: Sequence[str] | None = None,
    person: int = 0,
) -> KeypointFile:
    """Read a file of key points; its kind follows from its name and content.

    ``up`` is the axis that points up in the file (``x``, ``y``, ``z``, ``-y``, ...) or ``auto``:
    the axis along which the head is over the ankles. ``rate_hz`` is needed where the file has no
    times (XRMoCap), ``names`` where it has no names, ``person`` where it holds several.
    """
    path = Path(path)
    readers = {".npz": _npz, ".trc": _trc, ".json": _json, ".csv": _csv}
    if path.suffix.lower() not in readers:
        raise DataError(f"{path}: key points come as {', '.join(readers)}; convert the file")
    try:
        raw = readers[path.suffix.lower()](path, rate_hz=rate_hz, names=names, person=person)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is no such file of key points as its name says: {error}") from (
            error
        )
    return _finished(path, raw, up)


def stature_of(points_m: FloatArray) -> float:
    """Return the stature in metres from the lengths of trunk, thighs and shanks (n, 19, 3).

    They are 0.288, 0.245 and 0.246 of the stature (Drillis and Contini 1964); the median over
    time does not care about the pose. DataError where a length is never seen.
    """
    at = {name: points_m[:, KEYPOINTS.index(name)] for name in KEYPOINTS}
    spans = {
        "trunk": [
            (
                (at["left_shoulder"] + at["right_shoulder"]) / 2,
                (at["left_hip"] + at["right_hip"]) / 2,
            )
        ],
        "thigh": [(at[f"{side}_hip"], at[f"{side}_knee"]) for side in SIDES],
        "shank": [(at[f"{side}_knee"], at[f"{side}_ankle"]) for side in SIDES],
    }
    total = 0.0
    for part, pairs in spans.items():
        found = [np.linalg.norm(a - b, axis=1) for a, b in pairs]
        lengths = [float(np.median(x[np.isfinite(x)])) for x in found if np.isfinite(x).any()]
        if not lengths:
            raise DataError(f"the {part} is never seen whole; give stature_m")
        total += float(np.mean(lengths))
    return total / sum(_SHARES.values())


@dataclass(frozen=True, eq=False)
class _Raw:
    """What a file holds, in its own axes and unit: ``points`` (n, k, 3)."""

    t_s: FloatArray
    points: FloatArray
    names: tuple[str, ...]
    is_hip_centred: bool = False
    unit_m: float | None = None  # None: metres unless the person would be a giant
    stature_m: float | None = None


def _npz(path: Path, *, rate_hz: float | None, names: Any, person: int) -> _Raw:
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = dict(found)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is damaged or holds Python objects, which are not read: {error}; "
            "save plain arrays"
        ) from error
    if "keypoints" in arrays:
        return _xrmocap(path, arrays, rate_hz=rate_hz, names=names, person=person)
    missing = [name for name in ("t_s", "keypoints_m") if name not in arrays]
    if missing or (names is None and "names" not in arrays):
        raise DataError(
            f"{path} lacks {(missing or ['names'])[0]!r}; save t_s (n,), keypoints_m (n, k, 3) "
            "and names (k,)"
        )
    stature = float(arrays["stature_m"]) if "stature_m" in arrays else None
    own = tuple(map(str, arrays["names"] if names is None else names))
    return _Raw(arrays["t_s"], arrays["keypoints_m"], own, unit_m=1.0, stature_m=stature)


def _xrmocap(
    path: Path, arrays: dict[str, Any], *, rate_hz: float | None, names: Any, person: int
) -> _Raw:
    """Read a ``Keypoints`` series: (n_frame, n_person, n_kps, 4), the last the confidence."""
    points = np.asarray(arrays["keypoints"], dtype=float)
    if points.ndim == 3:
        points = points[:, None]
    if points.ndim != 4 or points.shape[-1] != 4:
        raise DataError(
            f"{path}: keypoints of shape {points.shape}; key points in space have the shape "
            "(n_frame, n_person, n_kps, 4)"
        )
    if not 0 <= person < points.shape[1]:
        raise DataError(f"{path}: person {person} of {points.shape[1]}; the first is 0")
    if rate_hz is None or not rate_hz > 0:
        raise DataError(f"{path} has no times; give rate_hz, the frame rate of its video")
    mask = np.asarray(arrays.get("mask", np.ones(points.shape[:-1])), dtype=float)
    mask = np.broadcast_to(mask.reshape(points.shape[:-1]), points.shape[:-1])
    if names is None:
        theirs = str(np.asarray(arrays.get("convention", "")).reshape(-1)[0])
        names = convention(theirs, points.shape[2])
        if names is None:
            raise DataError(
                f"{path}: convention {theirs!r} with {points.shape[2]} points is not known; "
                "convert to 'coco_wholebody' there, or give names"
            )
    seen = (mask[:, person] > 0) & (points[:, person, :, 3] > 0)
    places = np.where(seen[..., None], points[:, person, :, :3], np.nan)
    return _Raw(np.arange(len(points)) / rate_hz, places, tuple(names))


def _trc(path: Path, *, rate_hz: float | None, names: Any, person: int) -> _Raw:  # noqa: ARG001
    """Read the tab-separated marker file of OpenSim: a header, then frame, time and x y z."""
    lines = path.read_text("utf-8-sig", errors="replace").splitlines()
    if len(lines) < 6 or not lines[0].startswith("PathFileType"):
        raise DataError(f"{path} does not begin like a TRC file (PathFileType); export it again")
    about = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=False))
    unit = {"mm": 1e-3, "cm": 1e-2, "m": 1.0}.get(about.get("Units", "").strip().lower())
    if unit is None:
        raise DataError(f"{path}: unit {about.get('Units', '')!r}; TRC files are in mm, cm or m")
    own = [name.strip() for name in lines[3].split("\t")[2:] if name.strip()]
    width = 2 + 3 * len(own)
    rows = []
    for number, line in enumerate(lines[4:], start=5):
        fields = line.rstrip("\r\n").split("\t")
        if not fields[0].strip().isdigit():
            continue  # the line of X1 Y1 Z1, and empty ones
        if len(fields) > width and any(field.strip() for field in fields[width:]):
            raise DataError(f"{path}: line {number} has more than {width} fields; export it again")
        fields = fields[:width] + [""] * (width - len(fields))
        rows.append([float(field) if field.strip() else np.nan for field in fields])
    if not rows:
        raise DataError(f"{path} holds no frame; export it again")
    table = np.array(rows)
    points = table[:, 2:].reshape(len(rows), -1, 3)
    # A marker that was not seen is empty, or exactly at the origin.
    points = np.where((points == 0).all(axis=2, keepdims=True), np.nan, points)
    return _Raw(table[:, 1], points, tuple(names or own), unit_m=unit)


def _json(path: Path, *, rate_hz: float | None, names: Any, person: int) -> _Raw:
    """Read MediaPipe's world landmarks: a list of frames, or one under ``frames``."""
    content = json.loads(path.read_text("utf-8"))
    frames = content.get("frames") if isinstance(content, dict) else content
    if not isinstance(frames, list) or not frames:
        raise DataError(f"{path} holds no list of frames; save one entry per frame")
    times, places = [], []
    for i, frame in enumerate(frames):
        found = next(
            (frame[k] for k in ("pose_world_landmarks", "world_landmarks") if frame.get(k)), []
        )
        if found and isinstance(found[0], list):
            found = found[person] if person < len(found) else []
        if len(found) not in (0, len(MEDIAPIPE)):
            raise DataError(f"{path}: frame {i} has {len(found)} landmarks, not {len(MEDIAPIPE)}")
        place = np.full((len(MEDIAPIPE), 3), np.nan)
        for k, mark in enumerate(found):
            place[k] = [float(mark[axis]) for axis in "xyz"]
        times.append(_time(path, frame, i, rate_hz))
        places.append(place)
    return _mediapipe(np.array(times), np.array(places), names)


def _csv(path: Path, *, rate_hz: float | None, names: Any, person: int) -> _Raw:  # noqa: ARG001
    """Read one landmark a line (time, landmark, x, y, z) or one frame a line (``nose_x``, ...)."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise DataError(f"{path} holds no row; save one landmark or one frame a line")
    if {"landmark", "x", "y", "z"} <= rows[0].keys():
        return _long(path, rows, rate_hz, names)
    columns = [
        (k, name)
        for k, name in enumerate(MEDIAPIPE)
        if all(f"{name}_{axis}" in rows[0] for axis in "xyz")
    ]
    if not columns:
        raise DataError(
            f"{path} has neither the columns landmark, x, y, z nor columns such as nose_x; "
            "save world landmarks in one of these forms"
        )
    places = np.full((len(rows), len(MEDIAPIPE), 3), np.nan)
    for i, row in enumerate(rows):
        for k, name in columns:
            places[i, k] = [float(row[f"{name}_{axis}"] or "nan") for axis in "xyz"]
    times = np.array([_time(path, row, i, rate_hz) for i, row in enumerate(rows)])
    return _mediapipe(times, places, names)


def _long(path: Path, rows: list[dict[str, str]], rate_hz: float | None, names: Any) -> _Raw:
    where = {name: k for k, name in enumerate(MEDIAPIPE)} | {str(k): k for k in range(33)}
    by_time: dict[float, FloatArray] = {}
    for i, row in enumerate(rows):
        at = _time(path, row, i, None if "frame" not in row else rate_hz)
        place = by_time.setdefault(at, np.full((len(MEDIAPIPE), 3), np.nan))
        mark = row["landmark"].strip().lower()
        if mark not in where:
            raise DataError(f"{path}: landmark {mark!r} in line {i + 2} is none of MediaPipe's 33")
        place[where[mark]] = [float(row[axis] or "nan") for axis in "xyz"]
    return _mediapipe(np.array(list(by_time)), np.array(list(by_time.values())), names)


def _mediapipe(t_s: FloatArray, points: FloatArray, names: Any) -> _Raw:
    return _Raw(t_s, points, tuple(names or MEDIAPIPE), is_hip_centred=True, unit_m=1.0)


def _time(path: Path, row: dict[str, Any], i: int, rate_hz: float | None) -> float:
    for key, factor in (("t_s", 1.0), ("timestamp_ms", 1e-3), ("timestamp_s", 1.0)):
        if row.get(key) not in (None, ""):
            return float(row[key]) * factor
    if rate_hz is None:
        raise DataError(f"{path} has neither t_s nor timestamp_ms; add one, or give rate_hz")
    return float(row.get("frame") or i) / rate_hz


def _finished(path: Path, raw: _Raw, up: str) -> KeypointFile:
    t_s = np.asarray(raw.t_s, dtype=float)
    points = np.asarray(raw.points, dtype=float)
    if points.ndim != 3 or points.shape != (len(t_s), len(raw.names), 3) or len(t_s) < 2:
        raise DataError(
            f"{path}: key points of shape {points.shape} for {len(t_s)} times and "
            f"{len(raw.names)} names; (n, k, 3) with two or more times is needed"
        )
    if not np.isfinite(t_s).all() or (np.diff(t_s) <= 0).any():
        where = int(np.argmax(~np.isfinite(t_s) | np.append(False, np.diff(t_s) <= 0)))
        raise DataError(f"{path}: the time of frame {where}, {t_s[where]:g} s, does not follow")
    points, notes = _gathered(points, raw.names, path)
    points = turned_up(points, up, path)
    unit = raw.unit_m or (1e-3 if _extent(points) > _MAX_STATURE_M * 10 else 1.0)
    points = points * unit
    tall = _extent(points)
    if not _MIN_STATURE_M < tall < _MAX_STATURE_M:
        raise DataError(
            f"{path}: the body measures {tall:.3g} m from ankles to head; check the unit"
        )
    points[..., 2] -= _floor(points, raw.is_hip_centred, path)
    if raw.is_hip_centred:
        notes.append(
            "The file has no absolute height: the lowest point of the feet was put on the floor "
            "in every frame, so flights are lost."
        )
    out = KeypointFile(t_s, points, KEYPOINTS, raw.stature_m, raw.is_hip_centred, tuple(notes))
    return replace(out, stature_m=raw.stature_m or stature_of(points))


def turned_up(points: FloatArray, up: str, path: Path | str = "key points") -> FloatArray:
    """Return points (n, 19, 3) turned so that z is up; right-handed axes stay right-handed."""
    if up == "auto":
        over = np.nanmedian(_head_over_ankles(points), axis=0)
        if not np.isfinite(over).all():
            raise DataError(f"{path}: head and ankles are never seen together; give up")
        k = int(np.argmax(abs(over)))
        if abs(over[k]) ** 2 < _HEAD_OVER_ANKLES * (over**2).sum():
            raise DataError(f"{path}: the head is over the ankles along no axis; give up")
        up = ("-" if over[k] < 0 else "") + "xyz"[k]
    turns = {
        "z": ([0, 1, 2], [1, 1, 1]),
        "-z": ([0, 1, 2], [1, -1, -1]),
        "y": ([0, 2, 1], [1, -1, 1]),
        "-y": ([0, 2, 1], [1, 1, -1]),
        "x": ([1, 2, 0], [1, 1, 1]),
        "-x": ([2, 1, 0], [1, 1, -1]),
    }
    if up not in turns:
        raise DataError(f"{path}: up {up!r}; use auto or one of {', '.join(turns)}")
    order, signs = turns[up]
    return points[..., order] * np.array(signs, dtype=float)


def _head_over_ankles(points: FloatArray) -> FloatArray:
    ankles = np.stack([points[:, KEYPOINTS.index(name)] for name in _ANKLES])
    over = points[:, KEYPOINTS.index("head")] - ankles.mean(axis=0)
    over = over[np.isfinite(over).all(axis=1)]
    return over if len(over) else np.full((1, 3), np.nan)


def _extent(points: FloatArray) -> float:
    return float(np.median(np.linalg.norm(_head_over_ankles(points), axis=1)))


def _floor(points: FloatArray, is_hip_centred: bool, path: Path) -> Any:
    """Return the height of the floor: one for all frames, or (n, 1) where each has its own."""
    heights = np.stack([points[:, KEYPOINTS.index(name), 2] for name in _FEET], axis=1)
    seen = np.isfinite(heights)
    above = 0.0
    if not seen.any():
        heights = np.stack([points[:, KEYPOINTS.index(name), 2] for name in _ANKLES], axis=1)
        seen, above = np.isfinite(heights), _ANKLE_HEIGHT * stature_of(points)
    if not seen.any():
        raise DataError(f"{path}: no foot is ever seen, so there is no floor")
    lowest = np.where(seen, heights, np.inf).min(axis=1)
    if is_hip_centred:
        return np.where(np.isfinite(lowest), lowest, np.nan)[:, None] - above
    return float(np.percentile(lowest[np.isfinite(lowest)], _FLOOR_PERCENTILE)) - above


def _gathered(
    points: FloatArray, names: tuple[str, ...], path: Path | str
) -> tuple[FloatArray, list[str]]:
    """Return (n, 19, 3) from points (n, k, 3) by other names, and what is missing, as sentences.

    The head is the middle of the ears, else the head or the nose of the file.
    """
    found: dict[str, FloatArray] = {}
    for k, name in enumerate(names):
        own = our_name(name)
        if own and own not in found:
            found[own] = points[:, k]
    notes: list[str] = []
    if "left_ear" in found and "right_ear" in found:
        found["head"] = (found["left_ear"] + found["right_ear"]) / 2
    elif "head" not in found and "nose" in found:
        found["head"] = found["nose"]
        notes.append("The file has no head and no ears: the nose stands for the head.")
    if lost := [name for name in _NEEDED if name not in found]:
        raise DataError(
            f"{path} lacks {lost[0]}; shoulders, hips and ankles are needed "
            f"(it has {', '.join(names[:8])}, ...)"
        )
    if missing := [name for name in KEYPOINTS if name not in found]:
        notes.append(f"The file lacks {', '.join(missing)}: these are not learned from it.")
    nothing = np.full((len(points), 3), np.nan)
    return np.stack([found.get(name, nothing) for name in KEYPOINTS], axis=1), notes
