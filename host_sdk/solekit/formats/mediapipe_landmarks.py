"""Landmarks in the picture as MediaPipe finds them: our own lines of JSON, and common dumps.

* ``.jsonl``: a header (``format`` solekit-landmarks), one line per frame, a last line ``end``.
* ``.json``: a list of frames, each a list of 33 ``{x, y, z, visibility}``, or an object that holds
  such a list (``landmarks``, ``pose_landmarks``) and perhaps the time (``t_s``, ``timestamp_ms``).
* ``.csv``: one row per frame, columns ``x0 y0 v0`` or ``nose_x nose_y nose_visibility``; or one
  row per point with the columns ``frame``, ``landmark``, ``x``, ``y``, ``visibility``.

The dumps are in shares of the picture, so its size must be given.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from solekit.errors import DataError
from solekit.formats.text import TextFile, read_text
from solekit.layouts import FloatArray
from solekit.video.landmarks import BLAZEPOSE, Landmarks

OWN = "solekit-landmarks"
_LISTS = ("landmarks", "pose_landmarks", "keypoints")
_TRUST = ("visibility", "v", "score", "presence")
_N = len(BLAZEPOSE)


def load_mediapipe(
    path: Path | str,
    *,
    size_px: tuple[int, int] | None = None,
    rate_hz: float | None = None,
) -> Landmarks:
    """Read landmarks; ``size_px`` (width, height) and ``rate_hz`` where the file has none.

    DataError if the file is damaged, or holds other things than its name says.
    """
    text = read_text(Path(path))
    try:
        if text.path.suffix.lower() == ".csv":
            return _table(text, size_px, rate_hz)
        if text.path.suffix.lower() in (".jsonl", ".ndjson"):
            return _own(text)
        return _dump(text, size_px, rate_hz)
    except DataError:
        raise
    except (
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise DataError(
            f"{text.name} holds no landmarks as MediaPipe writes them ({error}); export it again"
        ) from error


def _own(text: TextFile) -> Landmarks:
    lines = [json.loads(line) for line in text.lines if line.strip()]
    head = lines[0]
    if not isinstance(head, dict) or head.get("format") != OWN:
        raise DataError(f"{text.name}: the first line is not that of {OWN}; give its --out file")
    if "end" not in lines[-1] or lines[-1]["end"] != len(lines) - 2:
        raise DataError(f"{text.name} is cut after {len(lines) - 1} frames; make it again")
    names = tuple(str(name) for name in head["names"])
    frames = lines[1:-1]
    t_s = np.array([float(frame["t_s"]) for frame in frames])
    points = np.full((len(frames), len(names), 3), np.nan)
    for row, frame in enumerate(frames):
        if frame["points"] is not None:
            points[row] = np.array(frame["points"], dtype=float)  # null is NaN
    return _landmarks(
        text.name,
        t_s,
        points,
        names,
        (int(head["width_px"]), int(head["height_px"])),
        source=str(head.get("source", "mediapipe")),
        about=dict(head.get("about", {})),
    )


def save_landmarks(found: Landmarks, path: Path) -> None:
    """Write ``found`` as our own lines of JSON (``.jsonl``), whoever found the points.

    DataError if the file exists or cannot be written.
    """
    head = {
        "format": OWN,
        "version": 1,
        "source": found.source,
        "width_px": found.width_px,
        "height_px": found.height_px,
        "names": found.names,
        "about": dict(found.about),
    }
    points = np.concatenate((found.xy_px.round(2), found.score[..., None].round(4)), axis=2)
    lines = [json.dumps(head)]
    for t_s, frame in zip(found.t_s, points, strict=True):
        nobody = np.isnan(frame[:, :2]).all()
        rows = None if nobody else [[_plain(value) for value in point] for point in frame]
        lines.append(json.dumps({"t_s": round(float(t_s), 6), "points": rows}))
    lines.append(json.dumps({"end": len(points)}))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except OSError as error:
        raise DataError(
            f"{path} cannot be written ({error.strerror}); choose another folder with --out"
        ) from error


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _dump(text: TextFile, size_px: tuple[int, int] | None, rate_hz: float | None) -> Landmarks:
    found = json.loads("\n".join(text.lines))
    if isinstance(found, dict):
        size_px = size_px or _size_in(found)
        own_hz = found.get("fps", found.get("rate_hz"))
        rate_hz = rate_hz or (None if own_hz is None else float(own_hz))
        found = found.get("frames", found.get("results"))
    if not isinstance(found, list) or not found:
        raise DataError(f"{text.name} holds no list of frames; give a list of 33 points each")
    frames = [_points_in(frame, text.name, row) for row, frame in enumerate(found)]
    times = [_time_in(frame) for frame in found]
    t_s = _times(text.name, times, len(found), rate_hz)
    return _normalised(text.name, t_s, np.stack(frames), size_px)


def _points_in(frame: Any, name: str, row: int) -> FloatArray:
    """Return x, y and trust (33, 3) of one frame, NaN where nobody was found."""
    out = np.full((_N, 3), np.nan)
    if isinstance(frame, dict):
        frame = next((frame[key] for key in _LISTS if key in frame), None)
    if isinstance(frame, list) and len(frame) == 1 and isinstance(frame[0], list):
        frame = frame[0]  # the Tasks API gives a list of persons
    if not frame:
        return out
    if len(frame) != _N:
        raise DataError(
            f"{name}: frame {row} (counted from 0) has {len(frame)} points; BlazePose has {_N}"
        )
    for i, point in enumerate(frame):
        if isinstance(point, dict):
            trust = next((point[key] for key in _TRUST if point.get(key) is not None), 1.0)
            out[i] = float(point["x"]), float(point["y"]), float(trust)
        else:
            out[i] = float(point[0]), float(point[1]), float(point[3] if len(point) > 3 else 1.0)
    return out


def _time_in(frame: Any) -> float:
    if isinstance(frame, dict):
        for key, factor in (("t_s", 1.0), ("time_s", 1.0), ("timestamp_ms", 1e-3)):
            if key in frame:
                return factor * float(frame[key])
    return math.nan


def _size_in(found: dict[str, Any]) -> tuple[int, int] | None:
    for width, height in (("width_px", "height_px"), ("width", "height")):
        if width in found and height in found:
            return int(found[width]), int(found[height])
    return None


def _table(text: TextFile, size_px: tuple[int, int] | None, rate_hz: float | None) -> Landmarks:
    columns = [field.strip().strip('"').lower() for field in text.lines[0].split(",")]
    rows = [
        [math.nan if not field.strip() else text.number(field, i, "a field") for field in fields]
        for i, fields in _fields(text, columns)
    ]
    values = np.array(rows, dtype=float).reshape(-1, len(columns))
    at = {name: values[:, i] for i, name in enumerate(columns)}
    if "landmark" in at or "landmark_id" in at:
        return _long(text.name, at, size_px, rate_hz)
    points = np.full((len(values), _N, 3), np.nan)
    for i, name in enumerate(BLAZEPOSE):
        for part, endings in enumerate((("x",), ("y",), _TRUST)):
            spellings = [f"{end}{n}" for end in endings for n in (i, f"_{i}")]
            spellings += [f"{name}_{end}" for end in endings]
            points[:, i, part] = next((at[s] for s in spellings if s in at), np.nan)
    points[..., 2] = np.where(np.isnan(points[..., 2]), 1.0, points[..., 2])
    if not np.isfinite(points[..., :2]).any():
        raise DataError(
            f"{text.name} has the columns {', '.join(columns[:4])} ...; x0, y0, v0 to x32 or "
            "nose_x, nose_y ... are needed"
        )
    seconds, ms = at.get("t_s", at.get("time_s")), at.get("timestamp_ms")
    times = seconds if seconds is not None else None if ms is None else 1e-3 * ms
    t_s = _times(text.name, None if times is None else times.tolist(), len(values), rate_hz)
    return _normalised(text.name, t_s, points, size_px)


def _fields(text: TextFile, columns: list[str]) -> list[tuple[int, list[str]]]:
    out = []
    for i, line in enumerate(text.lines[1:], start=2):
        fields = line.split(",")
        if len(fields) != len(columns):
            raise text.error(i, f"{len(fields)} fields for {len(columns)} columns", "repair it")
        out.append((i, fields))
    return out


def _long(
    name: str,
    at: dict[str, FloatArray],
    size_px: tuple[int, int] | None,
    rate_hz: float | None,
) -> Landmarks:
    which = at["landmark"] if "landmark" in at else at["landmark_id"]
    if not np.isin(which, np.arange(_N)).all():
        raise DataError(f"{name}: a landmark is not among 0 to {_N - 1}; BlazePose has {_N}")
    frames, row = np.unique(at["frame"], return_inverse=True)
    if not np.isfinite(frames).all() or np.ptp(frames) > 10 * len(at["frame"]):
        raise DataError(f"{name}: the column frame must count; it goes to {frames[-1]:g}")
    row = (at["frame"] - frames[0]).astype(int)  # a frame without anybody has no rows
    points = np.full((int(row.max()) + 1, _N, 3), np.nan)
    trust = next((at[key] for key in _TRUST if key in at), np.ones(len(row)))
    points[row, which.astype(int)] = np.stack([at["x"], at["y"], trust], axis=1)
    return _normalised(name, _times(name, None, len(points), rate_hz), points, size_px)


def _times(name: str, times: list[float] | None, n: int, rate_hz: float | None) -> FloatArray:
    if times is not None and np.isfinite(times).all():
        return np.array(times, dtype=float)
    if rate_hz is None:
        raise DataError(f"{name} has no times; give rate_hz, the frames per second of its video")
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise DataError(f"rate_hz {rate_hz!r} must be a positive number of frames per second")
    return np.arange(n) / rate_hz


def _normalised(
    name: str, t_s: FloatArray, points: FloatArray, size_px: tuple[int, int] | None
) -> Landmarks:
    if size_px is None:
        raise DataError(
            f"{name} is in shares of a picture of unknown size; give size_px (width and height)"
        )
    if np.nan_to_num(np.abs(points[..., :2])).max() > 20:
        raise DataError(f"{name} is in pixels; shares of the picture (0 to 1) are needed")
    scaled = points.copy()
    scaled[..., :2] *= size_px
    return _landmarks(name, t_s, scaled, BLAZEPOSE, size_px, source=f"mediapipe ({name})")


def _landmarks(
    name: str,
    t_s: FloatArray,
    points: FloatArray,
    names: tuple[str, ...],
    size_px: tuple[int, int],
    *,
    source: str,
    about: dict[str, Any] | None = None,
) -> Landmarks:
    trust = np.nan_to_num(points[..., 2])
    if (trust < 0).any() or (trust > 1).any():
        raise DataError(f"{name}: a visibility is not between 0 and 1; export it again")
    return Landmarks(
        t_s, points[..., :2], trust, names, *size_px, source=source, about=about or {}
    )
