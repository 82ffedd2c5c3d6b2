"""ASCII movies of Tekscan F-Scan in-shoe sensors (.asf): one foot, a grid with cells outside.

A cell 'B' lies outside the sensor's outline: the layout is the list of the inside cells. Rows are
printed toes first and columns from the wearer's left, seen from above; in the example all 5
contacts begin in the last rows and end in the first, and the hind- and midfoot are loaded on the
lateral side that this gives a left foot. A file whose contacts run the other way gets a note. The
sole is the box around the inside cells, as long as the untrimmed sensor.

Time is frame number times SECONDS_PER_FRAME from the first frame. The body mass is the weight of
the first calibration point (a person stands on the sensor to calibrate it).
"""

from __future__ import annotations

import re

import numpy as np

from solekit.errors import DataError
from solekit.formats.source import (
    FloatArray,
    FootSamples,
    SourceRecording,
    nominal_rate_hz,
    person_code,
    starts_at_the_toes,
)
from solekit.formats.text import TextFile
from solekit.formats.units import KG, KPA, MM, MM2, factor
from solekit.layouts import Layout, Side, cells

DESCRIPTION = "Tekscan F-Scan ASCII movie (.asf)"

_FRAME = re.compile(r"Frame\s+(\d+)\b", re.IGNORECASE)
_VALUE = re.compile(r"([\d.,]+)\s*(.*?)\s*")
_MASS = re.compile(r"([\d.,]+)\s*\((\w+)\)")
_ENDING = re.compile(r"(?:.*[^A-Za-z])?(left|right|l|r)|.*[a-z0-9]([LR]|Left|Right|LEFT|RIGHT)")


def matches(file: TextFile) -> bool:
    """Tell whether ``file`` opens like a Tekscan ASCII export."""
    top = file.lines[:40]
    return any(line.upper().startswith(("DATA_TYPE", "VERSION TEKSCAN")) for line in top)


def parse(file: TextFile) -> SourceRecording:
    """Read one foot's movie."""
    header, first = _read_header(file)
    notes: list[str] = []
    area_mm2 = _quantity(file, header, "SENSEL_AREA", MM2)
    to_newtons = factor(KPA, _unit(file, header), f"{file.name}: pressure") * area_mm2 * 1e-3
    side = _side(file, header)
    kind = header.get("SENSOR_TYPE", "")
    if "SCAN" not in kind.upper().replace("-", ""):
        notes.append(f"SENSOR_TYPE is {kind!r}, not FSCAN; the sensor was taken as a sole.")
    frames, inside, pressure = _read_frames(file, header, first, notes)
    layout = _layout(file, header, inside, area_mm2)
    period_s = _quantity(file, header, "SECONDS_PER_FRAME", {"": 1.0, "s": 1.0, "sec": 1.0})
    if not period_s > 0:
        raise DataError(f"{file.name}: SECONDS_PER_FRAME is {period_s}; it must be positive")
    foot = FootSamples((frames - frames[0]) * period_s, pressure * to_newtons, layout)
    if starts_at_the_toes(layout.y_mm, foot.force_n):
        notes.append(
            "Most contacts begin at the toe end: walking backwards, a forefoot strike, or a "
            "sensor exported upside down. Rows were taken as printed, toes first."
        )
    for key in ("MIRROR_ROW", "MIRROR_COL"):
        if header.get(key, "0") not in ("0", ""):
            notes.append(f"{key} is {header[key]}; rows and columns were taken as printed.")
    return SourceRecording(
        name=file.stem,
        source="fscan",
        rate_hz=nominal_rate_hz(foot.t_s),
        left=foot if side == "left" else None,
        right=foot if side == "right" else None,
        body_mass_kg=_body_mass_kg(header, notes),
        person=person_code(file.stem),
        notes=tuple(notes + file.comma_notes()),
    )


def _read_header(file: TextFile) -> tuple[dict[str, str], int]:
    """Return the header's values by key, and the index of the line after it."""
    header: dict[str, str] = {}
    for index, line in enumerate(file.lines):
        key, _, value = line.strip().partition(" ")
        if key.upper() == "ASCII_DATA":
            return header, index + 1
        header.setdefault(key.upper().rstrip(":"), value.strip())
    raise DataError(f"{file.name}: no line ASCII_DATA; export the movie again as ASCII")


def _text(file: TextFile, header: dict[str, str], key: str) -> str:
    if not header.get(key):
        raise DataError(f"{file.name}: the header has no {key}; export the movie with its header")
    return header[key]


def _quantity(file: TextFile, header: dict[str, str], key: str, units: dict[str, float]) -> float:
    found = _VALUE.fullmatch(_text(file, header, key))
    if not found:
        raise DataError(f"{file.name}: {key} is {header[key]!r}; a number and a unit are needed")
    return file.number(found[1], 1, key) * factor(units, found[2], f"{file.name}: {key}")


def _unit(file: TextFile, header: dict[str, str]) -> str:
    unit = _text(file, header, "UNITS")
    if unit.lower() == "raw":
        raise DataError(
            f"{file.name}: UNITS raw is not calibrated; calibrate and export in kPa, for newtons"
        )
    return unit


def _side(file: TextFile, header: dict[str, str]) -> Side:
    """Return the side named by a header line, the movie's own file name, or this file's name."""
    said: dict[Side, str] = {}
    for key in ("SIDE", "FOOT", "SENSOR_SIDE"):
        _note_side(said, header.get(key, ""), key)
    movie = re.split(r"[\\/]", header.get("FILENAME", ""))[-1]
    _note_side(said, movie.rpartition(".")[0] or movie, "FILENAME")
    _note_side(said, file.stem, "the file name")
    if not said:
        raise DataError(
            f"{file.name}: left or right foot? Neither header nor name says so; let the file name "
            "end with L or R"
        )
    if len(said) == 2:
        raise DataError(
            f"{file.name}: {said['left']} says left, {said['right']} says right; rename the file"
        )
    return next(iter(said))


def _note_side(said: dict[Side, str], text: str, where: str) -> None:
    found = _ENDING.fullmatch(text.strip()) or _ENDING.fullmatch(text.strip().lower())
    if found:
        said.setdefault("left" if (found[1] or found[2]).lower()[0] == "l" else "right", where)


def _read_frames(
    file: TextFile, header: dict[str, str], first: int, notes: list[str]
) -> tuple[FloatArray, np.ndarray, FloatArray]:
    """Return frame numbers (n,), inside cells (rows, cols), pressures (n, n_inside)."""
    n_rows = _count(file, header, "ROWS")
    n_cols = _count(file, header, "COLS")
    starts = [(i, m) for i in range(first, len(file.lines)) if (m := _FRAME.match(file.lines[i]))]
    if len(starts) < 2:
        raise DataError(f"{file.name}: {len(starts)} frames; a recording needs at least 2")
    frames, pressure = [], []
    outline: list[list[bool]] = []
    for start, found in starts:
        number = int(file.number(found[1], start + 1, "frame number"))
        if frames and number <= frames[-1]:
            raise file.error(
                start + 1, f"frame {number} comes after {frames[-1]}", "put the frames in order"
            )
        values: list[float] = []
        for row in range(n_rows):
            line = start + 1 + row
            text = file.lines[line] if line < len(file.lines) else ""
            fields = [f.strip() for f in re.split("[;\t]" if ";" in text else "[,\t]", text)]
            if len(fields) != n_cols:
                raise file.error(
                    line + 1,
                    f"row {row + 1} of frame {number} has {len(fields)} of {n_cols} cells",
                    "the file is cut off or damaged: export the movie again",
                )
            outside = [f.upper() == "B" for f in fields]
            if not frames:
                outline.append(outside)
            elif outside != outline[row]:
                raise file.error(
                    line + 1, "the outline 'B' differs from the first frame", "export again"
                )
            texts = [f for f, out in zip(fields, outside, strict=True) if not out]
            values += file.numbers(texts, line + 1, [f"frame {number} cell"] * len(texts))
            if texts and min(values[-len(texts) :]) < 0:
                raise file.error(line + 1, "a pressure is below zero", "zero the sensor again")
        frames.append(number)
        pressure.append(values)
        rest = start + 1 + n_rows
        if rest < len(file.lines) and file.lines[rest].strip() not in ("", "@@"):
            raise file.error(
                rest + 1, f"frame {number} has more than {n_rows} rows", "export the movie again"
            )
    n_missing = frames[-1] - frames[0] + 1 - len(frames)
    if n_missing:
        notes.append(f"{n_missing} frame numbers are missing; their times have no sample.")
    if "@@" not in file.lines[-1]:
        notes.append("The file ends without its end mark @@; the frames it has are whole.")
    return np.array(frames, dtype=float), ~np.array(outline), np.array(pressure)


def _count(file: TextFile, header: dict[str, str], key: str) -> int:
    text = _text(file, header, key)
    if not re.fullmatch(r"[1-9]\d{0,3}", text):
        raise DataError(f"{file.name}: {key} is {text!r}; a whole number is needed")
    return int(text)


def _layout(file: TextFile, header: dict[str, str], inside: np.ndarray, area_mm2: float) -> Layout:
    if not inside.any():
        raise DataError(f"{file.name}: all cells are outside ('B'); export the movie again")
    pitch_y = _quantity(file, header, "ROW_SPACING", MM)
    pitch_x = _quantity(file, header, "COL_SPACING", MM)
    row, col = np.nonzero(inside)
    return cells(
        f"fscan-{row.size}",
        (col - col.min() + 0.5) * pitch_x,
        (row.max() - row + 0.5) * pitch_y,
        area_mm2,
        length_mm=float(np.ptp(row) + 1) * pitch_y,
        width_mm=float(np.ptp(col) + 1) * pitch_x,
    )


def _body_mass_kg(header: dict[str, str], notes: list[str]) -> float | None:
    found = _MASS.match(header.get("CALIBRATION_POINT_1", ""))
    if not found or found[2].lower() not in KG:
        return None
    try:
        mass_kg = float(found[1].replace(",", ".")) * KG[found[2].lower()]
    except ValueError:
        return None
    if not 10 < mass_kg < 300:
        return None
    notes.append("The body mass is the weight of the first calibration point.")
    return mass_kg
