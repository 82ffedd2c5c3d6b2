"""A laboratory's own people: recordings of soles tied to key points by a stomp, as takes.

A folder holds recordings, key point files and a list of them, ``people.toml`` (or ``people.csv``
with the same columns)::

    [[take]]
    recording = "anna_walk.mcap"
    keypoints = "anna_walk.trc"
    person = "p01"        # a pseudonym
    action = "walk"

Optional for every take: ``stature_m``, ``up``, ``rate_hz`` (key points without times),
``who`` (which person of the key point file, from 0), ``offset_s`` and ``rate`` (clocks that are
known need no stomp), ``block``, ``is_simulated``.
"""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.data.keypoints import KeypointFile
from models.data.keypoints import read as read_keypoints
from models.data.stomp import stomping, synchronised
from models.data.takes import Take, normalised
from solekit.blocking import connect_pair
from solekit.errors import DataError
from solekit.formats.moticon_cells import AREA_SHARE, FORWARD, MEDIAL, sole_layout
from solekit.inference.decode import KEYPOINTS
from solekit.inference.frames import N_FRAMES, RATE_HZ, Float32
from solekit.inference.signals import FootSignal, aligned, signals_of
from solekit.inference.windows import averaged
from solekit.layouts import SIDES, FloatArray, Layout, Side
from solekit.recording import Recording
from solekit.sync.clock_tie import ClockTie
from solekit_hil.filewalker import LEAD_IN_S
from solekit_hil.walker.body import INDEX
from solekit_hil.walker.interface import Walker

MAX_GAP_S = 0.25
_AREA_CM2 = 100.0  # of all cells of a virtual sole; the reader of its export finds it again
_G_M_S2 = 9.80665
_NEEDED = ("recording", "keypoints", "person", "action")
_OPTIONAL: dict[str, type] = {
    "stature_m": float,
    "up": str,
    "rate_hz": float,
    "who": int,
    "offset_s": float,
    "rate": float,
    "block": str,
    "is_simulated": bool,
}


@dataclass(frozen=True)
class Entry:
    """One line of a laboratory's list; see the module."""

    recording: Path
    keypoints: Path
    person: str
    action: str
    stature_m: float | None = None
    up: str = "auto"
    rate_hz: float | None = None
    who: int = 0
    offset_s: float | None = None
    rate: float = 1.0
    block: str = ""
    is_simulated: bool = False


def load_folder(path: Path | str) -> list[Take]:
    """Return the takes of a folder; DataError names the recording and what is wrong with it."""
    return [load_take(entry) for entry in read_list(path)]


def layouts_of(path: Path | str) -> dict[Side, Layout]:
    """Return the layouts of the soles of a folder's recordings, which must all be alike."""
    found: dict[Side, Layout] = {}
    for entry in read_list(path):
        feet = Recording(entry.recording).feet
        for side in SIDES:
            if side not in feet:
                continue
            layout = feet[side].info.layout
            known = found.setdefault(side, layout)
            if known.n_cells != layout.n_cells or known.name != layout.name:
                raise DataError(
                    f"{entry.recording} is of layout {layout.name!r}, others of {known.name!r}; "
                    "train one network per layout, each on a folder of its own"
                )
    return found


def load_take(entry: Entry) -> Take:
    """Return one recording with its key points, on the recording's clock at ``RATE_HZ``."""
    recording = Recording(entry.recording)
    points = read_keypoints(entry.keypoints, up=entry.up, rate_hz=entry.rate_hz, person=entry.who)
    try:
        return take_of(recording, points, entry)
    except DataError as error:
        raise DataError(f"{entry.recording.name} with {entry.keypoints.name}: {error}") from error


def clock_of(recording: Recording, points: KeypointFile) -> ClockTie:
    """Return the clock of key points against a recording, found by the stomp in both."""
    return _clock(signals_of(recording)[0], points)


def _clock(feet: dict[Side, FootSignal], points: KeypointFile) -> ClockTie:
    t_s: dict[Side, FloatArray] = {side: foot.t_s for side, foot in feet.items()}
    force_n: dict[Side, FloatArray] = {side: foot.load.sum(axis=1) for side, foot in feet.items()}
    return synchronised(points, t_s, force_n)


def take_of(recording: Recording, points: KeypointFile, entry: Entry) -> Take:
    """Tie a recording and key points together; ``entry`` says who did what."""
    # Loads and axes as whoever uses the network has them.
    feet = aligned(signals_of(recording)[0], [])
    told = entry.offset_s
    clock = _clock(feet, points) if told is None else ClockTie(told, entry.rate)
    points_s = clock.to_recording_s(points.t_s)
    start = max(points_s[0], *(foot.t_s[0] for foot in feet.values()))
    end = min(points_s[-1], *(foot.t_s[-1] for foot in feet.values()))
    n = int((end - start) * RATE_HZ) + 1 if end > start else 0
    if n < N_FRAMES:
        raise DataError(
            f"recording and key points overlap for {max(end - start, 0.0):.1f} s; "
            f"{N_FRAMES / RATE_HZ:.1f} s or more are needed"
        )
    t_s = start + np.arange(n) / RATE_HZ
    # Positions are interpolated in the room: the turn of the body wraps, places do not.
    placed, is_valid = _points_at(t_s, points_s, points)
    load: dict[Side, Float32] = {}
    for side, foot in feet.items():
        is_valid &= near(t_s, foot.t_s)
        load[side] = _interpolated(t_s, foot.t_s, foot.load)
    return Take(
        person=entry.person,
        action=entry.action,
        t_s=t_s,
        load=load,
        keypoints_m=normalised(placed, points.names).astype(np.float32),
        stature_m=_stature(entry, points),
        is_valid=is_valid,
        imu=_imu(feet, t_s),
        block=entry.block or entry.recording.stem,
        is_simulated=entry.is_simulated,
    )


def near(t_s: FloatArray, source_s: FloatArray, max_gap_s: float = MAX_GAP_S) -> NDArray[np.bool_]:
    """Return which times (n,) lie between samples of a source that are not far apart."""
    right = np.clip(np.searchsorted(source_s, t_s, side="left"), 1, len(source_s) - 1)
    gap = source_s[right] - source_s[right - 1]
    return np.asarray((gap <= max_gap_s) & (t_s >= source_s[0]) & (t_s <= source_s[-1]))


def _points_at(
    t_s: FloatArray, points_s: FloatArray, points: KeypointFile
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return key points at times; a point is NaN where it was not seen for ``MAX_GAP_S``.

    The second is where shoulders and hips are known, without which a pose has no frame.
    """
    out = np.full((len(t_s), len(points.names), 3), np.nan)
    for k in range(len(points.names)):
        is_seen = np.isfinite(points.points_m[:, k]).all(axis=1)
        if is_seen.sum() < 2:
            continue
        at = points_s[is_seen]
        places = _interpolated(t_s, at, points.points_m[is_seen, k])
        out[:, k] = np.where(near(t_s, at)[:, None], places, np.nan)
    frame = [
        points.names.index(f"{side}_{part}") for side in SIDES for part in ("shoulder", "hip")
    ]
    return out, np.asarray(np.isfinite(out[:, frame]).all(axis=(1, 2)))


def _interpolated(t_s: FloatArray, source_s: FloatArray, values: NDArray[Any]) -> Float32:
    """Return values (n, k) at times, linear between the samples of the source."""
    right = np.clip(np.searchsorted(source_s, t_s), 1, len(source_s) - 1)
    left = right - 1
    part = (t_s - source_s[left]) / (source_s[right] - source_s[left])
    part = np.clip(part, 0.0, 1.0)[:, None]
    return (values[left] * (1 - part) + values[right] * part).astype(np.float32)


def _imu(feet: dict[Side, FootSignal], t_s: FloatArray) -> dict[Side, Float32] | None:
    """Return the IMU (n, 3 or 6) as inference averages it; None unless both feet have one."""
    out: dict[Side, Float32] = {}
    for side, foot in feet.items():
        if foot.imu is None or foot.imu_t_s is None:
            return None
        out[side] = averaged(foot.imu_t_s, foot.imu, t_s).astype(np.float32)
    return out


def _stature(entry: Entry, points: KeypointFile) -> float:
    stature = entry.stature_m or points.stature_m
    if stature is None or not 0.5 < stature < 2.5:
        raise DataError(f"a stature of {stature} m; give stature_m, measured, in metres")
    return stature


def read_list(path: Path | str) -> list[Entry]:
    """Return the entries of ``people.toml`` or ``people.csv``, of a folder or named itself."""
    path = Path(path)
    if path.is_dir():
        names = [path / name for name in ("people.toml", "people.csv") if (path / name).is_file()]
        if len(names) != 1:
            raise DataError(
                f"{path} holds {len(names)} of people.toml and people.csv; one is read"
            )
        path = names[0]
    try:
        if path.suffix == ".toml":
            with path.open("rb") as file:
                rows = tomllib.load(file).get("take", [])
        else:
            with path.open(newline="", encoding="utf-8-sig") as file:
                rows = [{k: v for k, v in row.items() if v} for row in csv.DictReader(file)]
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is damaged: {error}; mend it by hand") from error
    if not isinstance(rows, list) or not rows:
        raise DataError(f"{path} lists no take; write one [[take]] or one line per recording")
    entries = [_entry(path, i, row) for i, row in enumerate(rows, start=1)]
    seen: dict[Path, int] = {}
    for i, entry in enumerate(entries, start=1):
        if (first := seen.setdefault(entry.recording.resolve(), i)) != i:
            raise DataError(
                f"{path}: takes {first} and {i} are both of {entry.recording.name}; list it once, "
                "or the same frames are learned from and tested on"
            )
    return entries


def _entry(path: Path, i: int, row: Any) -> Entry:
    if not isinstance(row, dict):
        raise DataError(f"{path}: take {i} is no table; write [[take]] and its values")
    if missing := [key for key in _NEEDED if not row.get(key)]:
        raise DataError(f"{path}: take {i} lacks {missing[0]!r}")
    if strange := sorted(map(str, set(row) - {*_NEEDED, *_OPTIONAL})):
        known = ", ".join((*_NEEDED, *_OPTIONAL))
        raise DataError(f"{path}: take {i} has {strange[0]!r}, which is none of {known}")
    files = {key: path.parent / str(row[key]) for key in ("recording", "keypoints")}
    for file in files.values():
        if not file.is_file():
            raise DataError(f"{path}: take {i} names {file.name}, which is not there")
    values: dict[str, Any] = {}
    for key, kind in _OPTIONAL.items():
        if key in row:
            values[key] = _value(path, i, key, kind, row[key])
    person, action = str(row["person"]), str(row["action"])
    return Entry(files["recording"], files["keypoints"], person, action, **values)


def _value(path: Path, i: int, key: str, kind: type, given: Any) -> Any:
    if kind is bool:
        if str(given).lower() in ("true", "false", "1", "0"):
            return str(given).lower() in ("true", "1")
    else:
        try:
            value = kind(given)
        except (TypeError, ValueError):
            value = None
        if value is not None and (kind is not float or np.isfinite(value)):
            return value
    raise DataError(f"{path}: take {i} has {key} = {given!r}, which is no {kind.__name__}")


def sample_folder(
    folder: Path | str,
    *,
    people: int = 2,
    motions: tuple[str, ...] = ("squat", "in-place"),
    seconds: float = 10.0,
    seed: int = 1,
    layout: str = "cells-16",
    keypoint_rate_hz: float = 60.0,
) -> Path:
    """Write a folder of virtual people as ``load_folder`` reads it; return its path.

    The true offsets of the clocks are kept in ``truth.csv``, which nothing but a test reads.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    listed, truth = [], ["keypoints,offset_s"]
    for i in range(people):
        for k, motion in enumerate(motions):
            name = f"p{i + 1:02d}_{motion}"
            start_s = float(np.random.default_rng([seed, i, k]).uniform(-500, 500))
            offset_s = record_virtual(
                folder / name,
                motion=motion,
                seconds=seconds,
                seed=1000 * seed + i,
                layout=layout,
                keypoint_rate_hz=keypoint_rate_hz,
                keypoint_start_s=start_s,
            )
            truth.append(f"{name}.npz,{offset_s:.6f}")
            listed.append(
                f'[[take]]\nrecording = "{name}.mcap"\nkeypoints = "{name}.npz"\n'
                f'person = "p{i + 1:02d}"\naction = "{motion}"\nis_simulated = true\n'
            )
    (folder / "people.toml").write_text("\n".join(listed), "utf-8")
    (folder / "truth.csv").write_text("\n".join(truth) + "\n", "utf-8")
    return folder


def record_virtual(
    stem: Path,
    *,
    motion: str,
    seconds: float,
    seed: int,
    layout: str,
    keypoint_rate_hz: float = 60.0,
    keypoint_start_s: float = 0.0,
    keypoint_clock: float = 1.0,
    is_closed: bool = False,
) -> float:
    """Write ``stem``.mcap, recorded through the SDK, and ``stem``.npz; return the true offset.

    The key points' clock begins at ``keypoint_start_s`` and runs ``keypoint_clock`` times as fast
    as true time; the offset is that of ``ClockTie``.
    """
    areas = AREA_SHARE / AREA_SHARE.sum() * _AREA_CM2
    soles: dict[Side, Layout] = {side: sole_layout(areas, side) for side in SIDES}
    person = stomping(motion, seconds=seconds, seed=seed, layouts=soles, is_closed=is_closed)
    export = stem.with_name(stem.name + ".txt")
    _write_export(export, person, areas)
    try:
        with connect_pair(f"sim:file:{export}?layout={layout}&seed={seed}") as pair:
            pair.record(stem.with_name(stem.name + ".mcap"), LEAD_IN_S + person.duration_s)
    finally:
        export.unlink()
    t_s = np.arange(0.0, person.duration_s, 1 / keypoint_rate_hz)
    points = person.body(t_s).keypoints_m[:, [INDEX[name] for name in KEYPOINTS]]
    own_s = keypoint_start_s + t_s * keypoint_clock
    path = stem.with_name(stem.name + ".npz")
    np.savez(path, t_s=own_s, keypoints_m=points, names=np.array(KEYPOINTS))
    # The virtual world plays an export LEAD_IN_S after its start, which is 0 of the host clock.
    return LEAD_IN_S - keypoint_start_s / keypoint_clock


def _write_export(path: Path, walker: Walker, areas_cm2: FloatArray) -> None:
    """Write what a virtual person does as the text export of a 16-cell sole, at 100 Hz."""
    t_s = np.arange(0.0, walker.duration_s, 0.01)
    cells, imu, _ = walker.sample(t_s)
    titles, columns = ["time[s]"], [t_s[:, None]]
    for side in SIDES:
        force = cells[side].astype(float)
        total = force.sum(axis=1, keepdims=True)
        share = force / np.maximum(total, 1e-9)
        titles += [f"{side} pressure {i}[N/cm²]" for i in range(1, 17)]
        titles += [f"{side} acceleration {axis}[g]" for axis in "XYZ"]
        titles += [f"{side} angular {axis}[dps]" for axis in "XYZ"]
        titles += [f"{side} center of pressure {axis}[-]" for axis in "XY"]
        titles += [f"{side} total force[N]"]
        words = imu[side].astype(float) * np.repeat([1 / _G_M_S2, 180 / np.pi], 3)
        cop = np.stack([share @ FORWARD, share @ MEDIAL], axis=1)
        columns += [force / areas_cm2, words, cop, total]
    with path.open("w", encoding="utf-8") as file:
        file.write("# Sensor insoles: virtual\n# " + "\t".join(titles) + "\n")
        np.savetxt(file, np.concatenate(columns, axis=1), fmt="%.5f", delimiter="\t")
