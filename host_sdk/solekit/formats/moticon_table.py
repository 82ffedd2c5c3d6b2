"""The table in a Moticon text export: header comments, named columns, fields left empty."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from solekit.errors import DataError
from solekit.formats.source import FloatArray
from solekit.formats.text import TextFile
from solekit.layouts import Side

N_CELLS = 16
CELLS = [str(i) for i in range(1, N_CELLS + 1)]
AXES = ["x", "y", "z"]
_UNITS = {  # by the column's kind, as read once superscripts are plain digits
    "pressure": ("n/cm2",),
    "total force": ("n",),
    "acceleration": ("g",),
    "angular": ("dps", "deg/s", "°/s"),
}
_COLUMN = re.compile(r"(.*?)\s*\[(.*)\]")
_SIZE = re.compile(r"#\s*size\s*:\s*(\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """Columns by name (lower case, without unit) and what the comments say."""

    columns: dict[str, int]
    units: dict[str, str]
    names: list[str]  # as written, in file order
    first_row: int  # index of the first line of data
    size: str

    def group(self, side: Side, kind: str, keys: list[str]) -> list[int] | None:
        """Return the indices of the columns ``<side> <kind> <key>``; None unless all are there."""
        names = [f"{side} {kind} {key}".rstrip() for key in keys]
        if not all(name in self.columns for name in names):
            return None
        for name in names:
            if kind in _UNITS and self.units[name] not in _UNITS[kind]:
                raise DataError(
                    f"column {name!r} is in [{self.units[name]}], not [{_UNITS[kind][0]}]; "
                    "export the recording again in that unit"
                )
        return [self.columns[name] for name in names]

    def core(self, side: Side) -> list[int]:
        """Return pressures, then total force; empty if the file has no column of that foot.

        DataError naming the missing columns if it has only some.
        """
        wanted = [f"{side} pressure {cell}" for cell in CELLS] + [f"{side} total force"]
        missing = [name for name in wanted if name not in self.columns]
        if any(name.startswith(f"{side} pressure ") for name in self.columns) and missing:
            raise DataError(
                f"missing columns: {', '.join(missing)}; export all {N_CELLS} pressures and the "
                "total force"
            )
        pressure = self.group(side, "pressure", CELLS)
        total = self.group(side, "total force", [""])
        return pressure + total if pressure and total else []


@dataclass(frozen=True)
class Rows:
    """Lines of data, one entry per column and row; an empty field is the empty string."""

    lines: list[int]  # line numbers in the file, from 1
    fields: list[list[str]]
    t_s: FloatArray

    def values(self, file: TextFile, columns: list[int], header: Header) -> FloatArray:
        """Return the columns as numbers (n_rows, n_columns); NaN where a field is empty."""
        names = [header.names[column] for column in columns]
        out = np.full((len(self.fields), len(columns)), np.nan)
        for row, fields in enumerate(self.fields):
            texts = [fields[column] for column in columns]
            filled = [i for i, text in enumerate(texts) if text]
            if len(filled) == len(columns):
                out[row] = file.numbers(texts, self.lines[row], names)
            elif filled:
                out[row, filled] = file.numbers(
                    [texts[i] for i in filled], self.lines[row], [names[i] for i in filled]
                )
        return out


def read_header(file: TextFile) -> Header:
    """Find the line of column names: the last comment, or the first line without the #."""
    first_row = 0
    titles, size = "", ""
    for index, line in enumerate(file.lines):
        plain = line.lstrip("# \t")
        if plain.lower().startswith("time") and "\t" in plain:
            titles = plain
        elif line.strip() and not line.lstrip().startswith("#"):
            break
        elif found := _SIZE.match(line.strip()):
            size = found[1]
        first_row = index + 1
    if not titles:
        raise DataError(
            f"{file.name}: no line of column names (# time, left pressure 1[N/cm²], ...); "
            "export the recording again with its header"
        )
    names = [name.strip() for name in titles.rstrip().split("\t")]
    columns: dict[str, int] = {}
    units: dict[str, str] = {}
    for index, name in enumerate(names):
        parts = _COLUMN.fullmatch(name)
        key = " ".join((parts[1] if parts else name).lower().split())
        if key in columns:
            raise DataError(f"{file.name}: column {name!r} is there twice; keep one of them")
        columns[key] = index
        units[key] = _plain_unit(parts[2]) if parts else ""
    if units.get("time") not in ("", "s"):
        raise DataError(
            f"{file.name}: the first column is {names[0]!r}; 'time' in seconds is needed"
        )
    return Header(columns, units, names, first_row, size)


def _plain_unit(unit: str) -> str:
    """Return ``unit`` in lower case, the superscript two as digit whatever the encoding did."""
    low = re.sub(r"[\s^]", "", unit.lower())
    return re.sub(r"cm(â²|²|\ufffd+)$", "cm2", low)


def read_rows(file: TextFile, header: Header) -> Rows:
    """Split the lines of data; DataError for a line with a foot cut in two."""
    time = header.columns["time"]
    last = len(file.lines) - 1
    cores = [set(header.core(side)) for side in ("left", "right")]
    lines, rows, times = [], [], []
    for index in range(header.first_row, last + 1):
        line = file.lines[index]
        if not line.strip() or line.startswith("#"):
            continue
        fields = [text.strip() for text in line.split("\t")]
        n_read, n_wanted = len(fields), len(header.names)
        if n_read > n_wanted and any(fields[n_wanted:]):
            raise file.error(
                index + 1,
                f"{n_read} fields for {n_wanted} columns",
                "repair the line or export the recording again",
            )
        lost = set(range(n_read, n_wanted))
        split_foot = any(core & lost and core - lost for core in cores)
        cut_end = index == last and not file.ends_whole
        if n_read < n_wanted and (split_foot or cut_end):
            raise file.error(
                index + 1,
                f"{n_read} of {n_wanted} fields",
                "the line is cut off: remove it or export the recording again",
            )
        fields = fields[:n_wanted] + [""] * (n_wanted - n_read)
        lines.append(index + 1)
        rows.append(fields)
        times.append(file.number(fields[time], index + 1, "time"))
    if len(rows) < 2:
        raise DataError(f"{file.name}: {len(rows)} lines of data; a recording needs at least 2")
    return Rows(lines, rows, np.array(times))
