"""The cells of an .xlsx workbook as rows: as much of the format as a vendor's report needs.

Written from ECMA-376 part 1 (SpreadsheetML): a zip of XML parts, cells with their address, texts
by index into one table of shared strings. No dates, no formulae: the stored values only.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from solekit.errors import DataError

Cell = float | str | None

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_MAX_PART = 50_000_000  # bytes of one part once unpacked; a report has some 100 kB
_MAX_COLUMN = 16_384  # of the format


def read_xlsx(path: Path) -> dict[str, list[list[Cell]]]:
    """Return the sheets of ``path`` by name, each as rows of numbers, texts and None.

    Rows are as long as their last filled cell; DataError if it is not such a workbook.
    """
    try:
        with zipfile.ZipFile(path) as book:
            links = {
                link.get("Id"): link.get("Target", "")
                for link in _part(book, "xl/_rels/workbook.xml.rels")
            }
            texts = []
            if "xl/sharedStrings.xml" in book.namelist():
                texts = [_text(item) for item in _part(book, "xl/sharedStrings.xml")]
            sheets = {}
            for sheet in _part(book, "xl/workbook.xml").iter(f"{_MAIN}sheet"):
                name = posixpath.normpath(posixpath.join("/xl", links[sheet.get(_LINK)]))
                sheets[sheet.get("name", "")] = _rows(_part(book, name.lstrip("/")), texts)
            return sheets
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, IndexError, ValueError) as error:
        raise DataError(
            f"{path.name} is no .xlsx workbook ({error}); export the report again"
        ) from error


def _part(book: zipfile.ZipFile, name: str) -> ElementTree.Element:
    if book.getinfo(name).file_size > _MAX_PART:
        raise ValueError(f"{name} is larger than {_MAX_PART} bytes")
    data = book.read(name)
    if b"<!DOCTYPE" in data:  # the format has none; entities could swell without limit
        raise ValueError(f"{name} declares a document type")
    return ElementTree.fromstring(data)


def _text(item: ElementTree.Element) -> str:
    """Return the text of a string item: plain, or runs; phonetic hints are not text."""
    runs = [run.find(f"{_MAIN}t") for run in item.findall(f"{_MAIN}r")]
    return "".join(t.text or "" for t in [item.find(f"{_MAIN}t"), *runs] if t is not None)


def _rows(sheet: ElementTree.Element, texts: list[str]) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for row in sheet.iter(f"{_MAIN}row"):
        number = int(row.get("r", len(rows) + 1))
        if not len(rows) < number <= len(rows) + _MAX_COLUMN:
            raise ValueError(f"row {number} after row {len(rows)}")
        rows += [[] for _ in range(number - len(rows))]
        for cell in row.iter(f"{_MAIN}c"):
            column = _column(cell.get("r", ""), len(rows[-1]))
            rows[-1] += [None] * (column + 1 - len(rows[-1]))
            rows[-1][column] = _value(cell, texts)
    return rows


def _column(address: str, default: int) -> int:
    """Return the column, from 0, of a cell's address (``BC12``), ``default`` without one."""
    letters = re.match(r"[A-Z]{1,3}", address)
    if letters is None:
        return default
    column = 0
    for letter in letters[0]:
        column = 26 * column + ord(letter) - ord("A") + 1
    return column - 1


def _value(cell: ElementTree.Element, texts: list[str]) -> Cell:
    kind = cell.get("t", "n")
    inline = cell.find(f"{_MAIN}is")
    if kind == "inlineStr" and inline is not None:
        return _text(inline)
    value = cell.find(f"{_MAIN}v")
    if value is None or value.text is None:
        return None
    if kind == "s":
        return texts[int(value.text)]
    return float(value.text) if kind in ("n", "b") else value.text
