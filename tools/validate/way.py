"""The whole way for one foreign recording: virtual cells, firmware, wire, SDK, biomarkers."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from solekit import Recording, connect_pair, formats
from solekit.analysis import Analysis, analyse
from solekit.errors import DataError, TransportError
from solekit.formats.source import SourceRecording
from solekit_hil.filewalker import FileWalker
from solekit_hil.firmware import micropython


@dataclass
class Passage:
    """What came out at the end: events in the recording's own time, and the analysis."""

    source: SourceRecording
    walker: FileWalker
    events: pd.DataFrame
    analysis: Analysis


def sources(
    folder: Path, patterns: tuple[str, ...], format_name: str
) -> Iterator[tuple[Path, SourceRecording]]:
    """Yield the recordings of one format in ``folder``; others are named on stderr."""
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        try:
            source = formats.load_source(path)
        except DataError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        if source.source == format_name:
            yield path, source


def best_rung() -> str:
    """Return ``mpy`` where MicroPython is at hand, else ``sim``: the same firmware on CPython."""
    try:
        micropython(32)
    except TransportError:
        return "sim"
    return "mpy"


def walk_through(
    path: Path, *, rung: str, arguments: str = "", allow_low_rate: bool = False
) -> Passage:
    """Send ``path`` through ``rung:file:`` into a recording and analyse that."""
    uri = f"{rung}:file:{path}" + (f"?{arguments}" if arguments else "")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "way.mcap"
        asyncio.run(_record(uri, target))
        recording = Recording(target)
        analysis = analyse(recording, allow_low_rate=allow_low_rate)
        for foot in recording.feet.values():
            _ = foot.force_n  # read while the file is there
        walker = FileWalker(path)
        events = recording.events.assign(t_s=walker.file_time_s(recording.events["t_s"]))
        return Passage(walker.recording, walker, events, analysis)


async def _record(uri: str, target: Path) -> None:
    async with connect_pair(uri) as pair:
        pair.record_to(target)
        await pair.start()
        await pair.clock.sleep(pair.duration_s - pair.clock.now_s() + 0.1)
        await pair.stop()
