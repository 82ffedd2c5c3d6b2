"""Walks of the PhysioNet gait database (gaitpdb): 8 force cells per foot, 100 Hz, newtons.

A file is a table without header, plain or gzip, 19 columns: time (s), L1-L8 (N), R1-R8 (N), left
total, right total. Cell positions are published in arbitrary units, facing +y, heel at -800: here
2000 units of y span a nominal sole of 260 mm and 800 units of x its width of 90 mm, around each
foot's centre line (x = -500 left, +500 right). Each cell gets an eighth of that sole as its area,
for pressures of the right order only. A ``demographics.csv`` beside the file gives the body mass.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np

from solekit.errors import DataError
from solekit.formats.source import (
    FloatArray,
    FootSamples,
    SourceRecording,
    nominal_rate_hz,
    person_code,
)
from solekit.formats.text import TextFile
from solekit.layouts import Layout, Side, cells

DESCRIPTION = "gaitpdb walk (.txt or .txt.gz, 19 numeric columns, no header)"

N_CELLS = 8
LENGTH_MM = 260.0
WIDTH_MM = 90.0
X_UNITS = np.array([-500, -700, -300, -700, -300, -700, -300, -500])  # left; mirrored on the right
Y_UNITS = np.array([-800, -400, -400, 0, 0, 400, 400, 800])
COLUMNS = [
    "time",
    *(f"L{i}" for i in range(1, N_CELLS + 1)),
    *(f"R{i}" for i in range(1, N_CELLS + 1)),
    "left total",
    "right total",
]
TOTAL_TOLERANCE_N = 0.5
_NAME = re.compile(r"((?:Ga|Ju|Si)(?:Co|Pt)\d+)_\d+", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")


def matches(file: TextFile) -> bool:
    """Tell whether the first line is a row of numbers as wide as a gaitpdb row, about."""
    first = next((line for line in file.lines if line.strip()), "").split()
    return 15 <= len(first) <= 23 and all(_NUMBER.fullmatch(text) for text in first)


def sole_layout(side: Side) -> Layout:
    """Return the 8 cells of ``side`` on the nominal sole."""
    left = cells(
        "gaitpdb-8",
        (X_UNITS + 500) * (WIDTH_MM / 800.0) + WIDTH_MM / 2,
        (Y_UNITS + 1000) * (LENGTH_MM / 2000.0),
        LENGTH_MM * WIDTH_MM / N_CELLS,
        length_mm=LENGTH_MM,
        width_mm=WIDTH_MM,
    )
    return left if side == "left" else left.mirrored()


def parse(file: TextFile) -> SourceRecording:
    """Read one walk; both feet share the time column."""
    rows, lines = _read_rows(file)
    notes = _check_rows(file, rows, lines)
    found = _NAME.fullmatch(file.stem)
    person = found[1] if found else person_code(file.stem)
    mass_kg = _body_mass_kg(file.path.parent / "demographics.csv", person)
    if mass_kg is not None:
        notes.append("The body mass is from demographics.csv beside the file.")
    notes.append(
        f"Positions and areas are on a nominal sole of {LENGTH_MM:g} x {WIDTH_MM:g} mm: "
        "the data base gives arbitrary units."
    )
    t_s = rows[:, 0]
    return SourceRecording(
        name=file.stem,
        source="gaitpdb",
        rate_hz=nominal_rate_hz(t_s),
        left=FootSamples(t_s, rows[:, 1 : 1 + N_CELLS], sole_layout("left")),
        right=FootSamples(t_s, rows[:, 1 + N_CELLS : 1 + 2 * N_CELLS], sole_layout("right")),
        body_mass_kg=mass_kg,
        person=person,
        notes=tuple(notes + file.comma_notes()),
    )


def _read_rows(file: TextFile) -> tuple[FloatArray, list[int]]:
    rows, lines = [], []
    for line, text in enumerate(file.lines, 1):
        fields = text.split()
        if not fields:
            continue
        if len(fields) != len(COLUMNS):
            cut = "the file is cut off" if line == len(file.lines) else "columns are missing"
            raise file.error(
                line,
                f"{len(fields)} columns instead of {len(COLUMNS)} "
                "(time, L1-L8, R1-R8, left total, right total)",
                f"{cut}: repair the line or get the file again",
            )
        rows.append(file.numbers(fields, line, COLUMNS))
        lines.append(line)
    if len(rows) < 2:
        raise DataError(f"{file.name}: {len(rows)} rows; a recording needs at least 2")
    return np.array(rows), lines


def _check_rows(file: TextFile, rows: FloatArray, lines: list[int]) -> list[str]:
    """Refuse time going back and negative forces; compare the cells with the file's totals."""
    negative = np.argwhere(rows[:, 1:] < 0)
    if negative.size:
        row, column = negative[0]
        raise file.error(
            lines[row],
            f"{COLUMNS[column + 1]} is {rows[row, column + 1]:g} N, below zero",
            "correct the zero of the sensor",
        )
    back = np.flatnonzero(np.diff(rows[:, 0]) <= 0)
    if back.size:
        row = int(back[0]) + 1
        raise file.error(
            lines[row],
            f"time {rows[row, 0]:g} s comes after {rows[row - 1, 0]:g} s",
            "put the rows in order and drop repeated ones",
        )
    sums = rows[:, 1:17].reshape(-1, 2, N_CELLS).sum(axis=2)
    off = np.abs(sums - rows[:, 17:]).max(axis=1)
    if off[-1] > TOTAL_TOLERANCE_N and not file.ends_whole:
        raise file.error(
            lines[-1],
            f"the total differs from its cells by {off[-1]:.2f} N",
            "the file is cut off inside a number: remove the line or get the file again",
        )
    n_off = int((off > TOTAL_TOLERANCE_N).sum())
    if n_off:
        return [
            f"In {n_off} rows the total column differs from the sum of its cells, "
            f"at most by {off.max():.1f} N; the cells were kept."
        ]
    return []


def _body_mass_kg(table: Path, person: str) -> float | None:
    """Return the weight of ``person`` in ``table``; None if it is not there or not a number."""
    try:
        with table.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
            for row in csv.DictReader(stream):
                if (row.get("ID") or "").strip().lower() == person.lower():
                    names = [name for name in row if name and name.lower().startswith("weight")]
                    mass_kg = float(row[names[0]]) if names else 0.0
                    return mass_kg if 2 < mass_kg < 500 else None
    except (OSError, ValueError, TypeError, csv.Error):
        return None
    return None
