"""Text exports of Moticon OpenGo soles: 16 cells, 6-axis IMU, total force and CoP per foot.

Comment lines open the file, the last of them names the columns; columns are found by name. Fields
are separated by tabs and empty where a foot has no sample, so each foot keeps its own time column.
Pressure becomes force through the areas of :mod:`solekit.formats.moticon_cells`.

The IMU words of the right foot keep the axes of the export: x forward, y to the left, z up (z
reads +1 g in standing). Those of the left foot are mirrored there, y medial as in the CoP of this
vendor, and are turned back: accelerations times (1, -1, 1), rates times (-1, 1, -1). This was
decided from both examples (sizes 7 and 3): around toe off the three words that left and right
must have with opposite signs (acceleration y, rates x and z) agree in sign, by 0.3 to 0.9 in the
correlation of mean strides and in 94 to 100 % of all pairs of one left and one right stride, as
the forward words do; the rates carry gravity from one rest to the next within 2 to 5 degrees on
either foot, which a mirror image does as well and a wrong sign of one axis does not.

Two kinds of marks exist. ``right steps[]``/``left steps[]`` hold the vendor's gait events: 11 and
21 are initial contacts, 15 and 25 toe offs, tens 1 = left, 2 = right. This was decided from the
force columns of the example (at 11 the left force rises from nothing, at 15 it falls to nothing;
21 and 25 the same on the right) and agrees with the vendor's open reader. Columns in pairs such as
``Left Events label[]``/``Left Events[]`` hold marks set by the operator, whose numbers have no
fixed meaning (in the example 1 is an initial contact, 2 the force minimum of mid-stance): they are
left out, with a note.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solekit.errors import DataError
from solekit.formats.moticon_cells import cell_areas_cm2, cop_misfit, sole_layout
from solekit.formats.moticon_table import AXES, N_CELLS, Header, Rows, read_header, read_rows
from solekit.formats.source import (
    FloatArray,
    FootSamples,
    SourceRecording,
    event_table,
    nominal_rate_hz,
    person_code,
)
from solekit.formats.text import TextFile
from solekit.layouts import SIDES, Side

DESCRIPTION = "Moticon OpenGo text export (.txt, tab-separated, header lines with #)"

G_M_S2 = 9.80665
COP_TOLERANCE = 0.01  # of length or width
IMU_MIN_SHARE = 0.95  # of a foot's rows; an IMU with fewer words is left out, not the rows
_MIRROR: dict[Side, FloatArray] = {
    "left": np.array([1.0, -1.0, 1.0]),
    "right": np.array([1.0, 1.0, 1.0]),
}
STEP_CODES: dict[Side, dict[int, str]] = {
    "left": {11: "ic", 15: "to"},
    "right": {21: "ic", 25: "to"},
}
_NAMES = re.compile(r"sensor insoles\s*:|\bpressure\s+\d+\s*\[", re.IGNORECASE)


def matches(file: TextFile) -> bool:
    """Tell whether ``file`` opens like a Moticon export."""
    return any(line.lstrip().startswith("#") and _NAMES.search(line) for line in file.lines[:100])


@dataclass(frozen=True)
class _Foot:
    """One foot's rows in the units of the file."""

    t_s: FloatArray
    pressure: FloatArray  # N/cm2
    total: FloatArray
    cop: FloatArray | None  # forward, medial
    accel_m_s2: FloatArray | None
    gyro_rad_s: FloatArray | None


def parse(file: TextFile) -> SourceRecording:
    """Read a Moticon text export; either foot may be absent."""
    header = read_header(file)
    rows = read_rows(file, header)
    notes: list[str] = []
    raw: dict[Side, _Foot | None] = {
        side: _read_foot(file, header, rows, side, notes) for side in SIDES
    }
    areas: dict[Side, FloatArray | None] = {}
    for side, foot in raw.items():
        if foot is not None:
            areas[side], found = cell_areas_cm2(foot.pressure, foot.total, side)
            notes += found
    known = [area for area in areas.values() if area is not None]
    if not areas:
        raise DataError(f"{file.name}: no foot has samples; was the export cut to nothing?")
    if not known:
        raise DataError(
            f"{file.name}: no foot is ever loaded, so the areas of the cells cannot be found; "
            "load a recording with standing or walking"
        )
    feet: dict[Side, FootSamples] = {}
    for side, foot in raw.items():
        if foot is None:
            continue
        area = areas[side]
        if area is None:
            area = known[0]
            notes.append(f"The {side} foot is never loaded; its areas are the other foot's.")
        force = foot.pressure * area
        if foot.cop is not None and (miss := cop_misfit(force, *foot.cop.T)) > COP_TOLERANCE:
            notes.append(
                f"The {side} centre of pressure of the file lies {miss:.3f} of the sole (rms) "
                "from that of the known cell positions: another sole; positions are approximate."
            )
        feet[side] = FootSamples(
            foot.t_s, force, sole_layout(area, side), foot.accel_m_s2, foot.gyro_rad_s
        )
    notes.append(
        "Positions are on a nominal sole of 260 x 90 mm: the file "
        + (f"gives size {header.size!r}, no millimetres." if header.size else "gives no size.")
    )
    events = event_table(_step_events(file, header, rows, notes))
    return SourceRecording(
        name=file.stem,
        source="moticon",
        rate_hz=nominal_rate_hz(next(iter(feet.values())).t_s),
        left=feet.get("left"),
        right=feet.get("right"),
        body_mass_kg=None,
        person=person_code(file.stem),
        events=events,
        notes=tuple(notes + file.comma_notes()),
    )


def _read_foot(
    file: TextFile, header: Header, rows: Rows, side: Side, notes: list[str]
) -> _Foot | None:
    core = header.core(side)
    if not core:
        notes.append(f"The file has no columns of the {side} foot.")
        return None
    values = rows.values(file, core, header)
    whole = ~np.isnan(values).any(axis=1)
    n_empty = int(np.isnan(values).all(axis=1).sum())
    n_partial = int((~whole).sum()) - n_empty
    if n_empty:
        notes.append(f"{side}: {n_empty} of {whole.size} rows have no sample of this foot.")
    if n_partial:
        notes.append(f"{side}: {n_partial} rows with only some of the cells were dropped.")
    imu = {}
    for kind in ("acceleration", "angular"):
        columns = header.group(side, kind, AXES)
        words = rows.values(file, columns, header) if columns else None
        filled = np.zeros(0) if words is None else ~np.isnan(words[whole]).any(axis=1)
        if words is None or not filled.size or filled.mean() < IMU_MIN_SHARE:
            notes.append(f"{side}: no {kind} (columns absent or mostly empty).")
        else:
            imu[kind] = words
    kept = np.array(whole)
    for words in imu.values():
        kept = np.asarray(kept & ~np.isnan(words).any(axis=1))
    if kept.sum() < whole.sum():
        n_lost = int(whole.sum() - kept.sum())
        notes.append(f"{side}: {n_lost} rows without IMU words were dropped.")
    if kept.sum() < 2:
        notes.append(f"The {side} foot has fewer than 2 samples and was left out.")
        return None
    _check_rows(file, rows, values, kept, side)
    cop = header.group(side, "center of pressure", AXES[:2])
    accel, gyro = (imu.get("acceleration"), imu.get("angular"))
    return _Foot(
        rows.t_s[kept],
        values[kept, :N_CELLS],
        values[kept, N_CELLS],
        np.nan_to_num(rows.values(file, cop, header)[kept]) if cop else None,
        None if accel is None else accel[kept] * G_M_S2 * _MIRROR[side],
        # A rate is no arrow: in a mirror the turns about the axes that stay go the other way.
        None if gyro is None else np.deg2rad(gyro[kept]) * _MIRROR[side] * np.prod(_MIRROR[side]),
    )


def _check_rows(
    file: TextFile, rows: Rows, values: FloatArray, kept: NDArray[np.bool_], side: Side
) -> None:
    """Refuse, with the line of the file, negative pressures and times that do not increase."""
    lines = np.array(rows.lines)[kept]
    negative = np.argwhere(values[kept] < 0)
    if negative.size:
        row, column = negative[0]
        what = "total force" if column == N_CELLS else f"pressure {column + 1}"
        raise file.error(
            int(lines[row]),
            f"{side} {what} is {values[kept][row, column]:g}, below zero",
            "zero the sole and export again",
        )
    t_s = rows.t_s[kept]
    back = np.flatnonzero(np.diff(t_s) <= 0)
    if back.size:
        row = int(back[0]) + 1
        raise file.error(
            int(lines[row]),
            f"time {t_s[row]:g} s comes after {t_s[row - 1]:g} s",
            "put the rows in order and drop repeated ones",
        )


def _step_events(
    file: TextFile, header: Header, rows: Rows, notes: list[str]
) -> list[tuple[Side, str, float]]:
    found: list[tuple[Side, str, float]] = []
    n_other = 0
    for side in SIDES:
        column = header.columns.get(f"{side} steps")
        if column is None:
            continue
        other_foot = STEP_CODES["right" if side == "left" else "left"]
        for line, fields, t_s in zip(rows.lines, rows.fields, rows.t_s, strict=True):
            if not fields[column]:
                continue
            code = file.number(fields[column], line, f"{side} steps")
            if code in other_foot:
                raise file.error(
                    line,
                    f"{side} steps holds {code:g}, a code of the other foot",
                    "the columns are swapped: export the recording again",
                )
            if code in STEP_CODES[side]:
                found.append((side, STEP_CODES[side][int(code)], float(t_s)))
            elif code != 0:
                n_other += 1
    if n_other:
        notes.append(f"{n_other} step marks other than initial contact and toe off were left out.")
    marks = [c for c, name in enumerate(header.names) if name.lower().endswith("events label[]")]
    n_marks = sum(bool(fields[c]) for fields in rows.fields for c in marks)
    if n_marks:
        notes.append(
            f"{n_marks} marks set by the operator (columns 'Events label') have no fixed meaning "
            "and were left out of the gait events."
        )
    return found
