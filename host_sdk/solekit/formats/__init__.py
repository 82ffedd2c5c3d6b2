"""Recordings of other insoles: one format per module, found by content.

>>> recording = load_source("walk.txt")  # doctest: +SKIP
>>> recording.feet["left"].total_n.max()  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from solekit.errors import DataError
from solekit.formats import fscan, gaitpdb, moticon, xsensor
from solekit.formats.source import FootSamples, SourceRecording
from solekit.formats.text import TextFile, read_text

__all__ = ["FORMATS", "FootSamples", "SourceFormat", "SourceRecording", "load_source"]


@dataclass(frozen=True)
class SourceFormat:
    """One text format: a look at the content, and the reader."""

    name: str
    description: str
    matches: Callable[[TextFile], bool]
    parse: Callable[[TextFile], SourceRecording]


FORMATS: dict[str, SourceFormat] = {
    "moticon": SourceFormat("moticon", moticon.DESCRIPTION, moticon.matches, moticon.parse),
    "fscan": SourceFormat("fscan", fscan.DESCRIPTION, fscan.matches, fscan.parse),
    "xsensor": SourceFormat("xsensor", xsensor.DESCRIPTION, xsensor.matches, xsensor.parse),
    "gaitpdb": SourceFormat("gaitpdb", gaitpdb.DESCRIPTION, gaitpdb.matches, gaitpdb.parse),
}


def load_source(path: Path | str) -> SourceRecording:
    """Read a foreign recording; its format is found from the content.

    DataError, with the file's name and line where there is one, for a file that cannot be read,
    has no known format or breaks its own.
    """
    file = read_text(Path(path))
    for known in FORMATS.values():
        if known.matches(file):
            return _named(known, file)
    accepted = "; ".join(f"{known.name}: {known.description}" for known in FORMATS.values())
    raise DataError(f"{file.name} has no known format; accepted are {accepted}")


def _named(known: SourceFormat, file: TextFile) -> SourceRecording:
    """Parse ``file``; an error that does not name it yet gets its name."""
    try:
        return known.parse(file)
    except DataError as error:
        if str(error).startswith(file.name):
            raise
        raise DataError(f"{file.name}: {error}") from error
