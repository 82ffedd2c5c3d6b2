"""XSENSOR foot exports (.csv): frames with a grid of pressures per foot.

The file opens with ``Units:``; every ``FRAME`` has a clock time, a ``SENSOR`` block per foot
(numbers over the frame, then ``SENSELS`` and the grid) and ``GROUP`` blocks that repeat the cells
by region and are skipped. Rows are printed toes first (the group 'Left Heel' repeats cells of the
last rows) and columns from the wearer's left, seen from above: the hallux lies in the last columns
of the left foot and in the first of the right one. The side is the LF or RF in the sensor's name.

Sensel width and height are rounded to 0.1 mm (1 % of the area); contact area divided by loaded
cells is exact (74.1 mm2 against 0.86 cm squared = 74.0 mm2) and gives the vendor's own load within
0.01 N, so it is used where the rounding allows it. Time is the clock of each frame from the first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from solekit.errors import DataError
from solekit.formats.source import (
    FootSamples,
    SourceRecording,
    nominal_rate_hz,
    person_code,
    starts_at_the_toes,
)
from solekit.formats.text import TextFile
from solekit.formats.units import KPA, factor
from solekit.layouts import SIDES, Side, grid

DESCRIPTION = "XSENSOR foot export (.csv with FRAME, SENSOR and SENSELS)"

DAY_S = 86400.0
LOAD_TOLERANCE = 0.02  # of the vendor's own estimate
_CLOCK = re.compile(r"(\d{1,2}):(\d{2}):(\d{2}(?:[.,]\d+)?)\s*([ap])?\.?m?\.?", re.IGNORECASE)
_SIDE = re.compile(r"(?:^|[^A-Za-z])(LF|RF|LEFT|RIGHT)(?:[^A-Za-z]|$)", re.IGNORECASE)
_SHAPE = ("Rows", "Columns", "Sensel Width (cm)", "Sensel Height (cm)")


@dataclass
class _Foot:
    """What the frames say about one foot so far."""

    shape: tuple[float, ...]  # rows, columns, width and height of a sensel in cm
    t_s: list[float] = field(default_factory=list)
    grids: list[list[float]] = field(default_factory=list)
    contact_cm2: list[float] = field(default_factory=list)
    load_n: list[float] = field(default_factory=list)


def matches(file: TextFile) -> bool:
    """Tell whether ``file`` has the frames and sensors of an XSENSOR export near its top."""
    top = {_fields(line)[0].upper() for line in file.lines[:200]}
    return {"FRAME", "SENSOR"} <= top


def parse(file: TextFile) -> SourceRecording:
    """Read both feet of an export; each has the frames in which its sensor appears."""
    notes: list[str] = []
    top = _top(file)
    unit = top.get("Units:", "")
    if not unit:
        raise DataError(f"{file.name}: no line 'Units:'; export the recording with its header")
    kpa = factor(KPA, unit, f"{file.name}: pressure")
    if top.get("Threshold:", "0") not in ("", "0"):
        notes.append(f"The export holds 0 for pressures under {top['Threshold:']} {unit}.")
    found = _read_frames(file)
    feet = {
        side: _foot_samples(found[side], side, kpa, notes)
        for side in SIDES
        if side in found and len(found[side].t_s) > 1
    }
    if not feet:
        raise DataError(f"{file.name}: fewer than 2 frames; a recording needs at least 2")
    return SourceRecording(
        name=file.stem,
        source="xsensor",
        rate_hz=nominal_rate_hz(next(iter(feet.values())).t_s),
        left=feet.get("left"),
        right=feet.get("right"),
        body_mass_kg=None,
        person=person_code(file.stem),
        notes=tuple(notes + file.comma_notes()),
    )


def _fields(line: str) -> list[str]:
    """Split at commas; at semicolons where the locale writes decimal commas."""
    return [text.strip() for text in line.split(";" if ";" in line else ",")]


def _top(file: TextFile) -> dict[str, str]:
    """Return the lines before the first frame, first field to second."""
    top: dict[str, str] = {}
    for line in file.lines:
        fields = _fields(line)
        if fields[0].upper() == "FRAME":
            break
        top[fields[0]] = fields[1] if len(fields) > 1 else ""
    return top


def _read_frames(file: TextFile) -> dict[Side, _Foot]:
    feet: dict[Side, _Foot] = {}
    frame = ""
    clock_s = start_s = None
    sensor: dict[str, str] = {}  # of the open SENSOR block
    index = 0
    while index < len(file.lines):
        fields = _fields(file.lines[index])
        key, value = fields[0], fields[1] if len(fields) > 1 else ""
        index += 1
        if key == "FRAME":
            frame, clock_s, sensor = value, None, {}
        elif key == "Time" and frame:
            found = _CLOCK.fullmatch(value)
            if not found:
                raise file.error(index, f"the time is {value!r}", "hh:mm:ss.mmm is needed")
            clock_s = _seconds(file, found, index)
            start_s = clock_s if start_s is None else start_s
            if clock_s < start_s - DAY_S / 2:  # past midnight
                clock_s += DAY_S
        elif key == "SENSOR":
            sensor = {"SENSOR": value}
        elif key == "GROUP":
            sensor = {}
        elif key == "SENSELS" and sensor:
            if clock_s is None or start_s is None:
                raise file.error(index, f"frame {frame!r} has no time", "export with times")
            index = _read_grid(file, index, sensor, round(clock_s - start_s, 6), feet)
            sensor = {}
        elif sensor and key:
            sensor[key] = value
    return feet


def _seconds(file: TextFile, found: re.Match[str], line: int) -> float:
    hours = (
        int(found[1]) % 12 + (12 if found[4].lower() == "p" else 0) if found[4] else int(found[1])
    )
    return hours * 3600.0 + int(found[2]) * 60.0 + file.number(found[3], line, "seconds")


def _read_grid(
    file: TextFile, index: int, sensor: dict[str, str], t_s: float, feet: dict[Side, _Foot]
) -> int:
    """Append the grid that starts at ``index`` to its foot; return the index after it."""
    named = _SIDE.search(sensor["SENSOR"])
    if not named:
        raise file.error(
            index, f"sensor {sensor['SENSOR']!r} names no side", "LF or RF is needed in its name"
        )
    side: Side = "left" if named[1].upper().startswith("L") else "right"
    missing = [key for key in _SHAPE if not sensor.get(key)]
    if missing:
        raise file.error(index, f"the sensor block lacks {missing[0]}", "export again with it")
    shape = tuple(file.number(sensor[key], index, key) for key in _SHAPE)
    if min(shape) <= 0 or shape[0] % 1 or shape[1] % 1:
        raise file.error(index, f"the sensor's shape is {shape}", "export the recording again")
    foot = feet.setdefault(side, _Foot(shape))
    if foot.shape != shape:
        raise file.error(index, f"the {side} sensor changes its shape", "export again")
    if foot.t_s and t_s <= foot.t_s[-1]:
        raise file.error(
            index,
            f"time {t_s:g} s comes after {foot.t_s[-1]:g} s",
            "put the frames in order and drop repeated ones",
        )
    n_rows, n_cols = int(shape[0]), int(shape[1])
    rows: list[list[float]] = []
    while len(rows) < n_rows:
        fields = _fields(file.lines[index]) if index < len(file.lines) else []
        index += 1
        if fields and not any(fields):
            continue
        if len(fields) < n_cols or not all(fields[:n_cols]) or any(fields[n_cols:]):
            n_read = sum(bool(text) for text in fields)
            raise file.error(
                index,
                f"row {len(rows) + 1} of the {side} grid has {n_read} of {n_cols} cells",
                "the file is cut off or damaged: export the recording again",
            )
        row = file.numbers(fields[:n_cols], index, [f"{side} cell {i}" for i in range(n_cols)])
        if min(row) < 0:
            raise file.error(index, "a pressure is below zero", "zero the sensor again")
        rows.append(row)
    foot.t_s.append(t_s)
    foot.grids.append([cell for row in reversed(rows) for cell in row])  # heel first
    area = next((v for k, v in sensor.items() if k.startswith("Contact Area")), "")
    foot.contact_cm2.append(file.number(area, index, "Contact Area") if area else np.nan)
    load = sensor.get("Est. Load (N)", "")
    foot.load_n.append(file.number(load, index, "Est. Load (N)") if load else np.nan)
    return index


def _foot_samples(foot: _Foot, side: Side, kpa: float, notes: list[str]) -> FootSamples:
    n_rows, n_cols = int(foot.shape[0]), int(foot.shape[1])
    pressure = np.array(foot.grids)
    n_loaded = (pressure > 0).sum(axis=1)
    stated = ~np.isnan(foot.contact_cm2) & (n_loaded > 0)
    width_cm, height_cm = foot.shape[2:]
    cell_cm2 = width_cm * height_cm
    if stated.any():
        exact = float(np.array(foot.contact_cm2)[stated].sum() / n_loaded[stated].sum())
        # half the last digit of either pitch
        if abs(exact / cell_cm2 - 1) <= 0.005 / width_cm + 0.005 / height_cm:
            cell_cm2 = exact
        else:
            notes.append(
                f"{side}: contact area says {exact:.3f} cm2 per cell, the pitch "
                f"{cell_cm2:.3f} cm2; the pitch was used."
            )
    stretch = (cell_cm2 / (width_cm * height_cm)) ** 0.5
    layout = grid(
        f"xsensor-{n_rows}x{n_cols}",
        n_rows,
        n_cols,
        length_mm=n_rows * height_cm * 10 * stretch,
        width_mm=n_cols * width_cm * 10 * stretch,
    )
    samples = FootSamples(np.array(foot.t_s), pressure * (kpa * cell_cm2 * 0.1), layout)
    load = np.array(foot.load_n)
    off = np.abs(samples.total_n - load)[~np.isnan(load)]
    if off.size and off.max() > LOAD_TOLERANCE * max(np.nanmax(load), 1.0):
        notes.append(f"{side}: the load differs from the export's own by up to {off.max():.0f} N.")
    if starts_at_the_toes(layout.y_mm, samples.force_n):
        notes.append(
            f"{side}: most contacts begin at the toe end (forefoot strike, walking backwards, or "
            "a grid exported upside down); rows were taken as printed, toes first."
        )
    return samples
