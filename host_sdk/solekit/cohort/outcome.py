"""What comes of one recording among many: its tables, or one sentence why there are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from solekit.analysis import Analysis, analyse
from solekit.calibration import use
from solekit.errors import DataError, SolekitError
from solekit.feet import ContactSource
from solekit.formats.mediapipe_landmarks import load_mediapipe
from solekit.recording import Recording
from solekit.video.variables import measure_walk

OF_INSOLES = ("variables", "strides", "events", "bouts", "pressure", "task")
TABLES = (*OF_INSOLES, "pose")
LANDMARKS = "landmarks.jsonl"  # how names of files of ``solekit pose --out`` end
SUMMARY = {  # column -> type; missing where the recording failed
    "recording": "str",
    "person": "str",  # code; '' if the recording has none or failed
    "protocol": "str",
    "duration_s": "float64",
    "strides_valid": "Int64",
    "strides": "Int64",
    "bouts": "Int64",
    "warnings": "Int64",
    "failure": "str",  # '' if the recording was analysed
}


@dataclass(frozen=True)
class Source:
    """A recording, or landmarks of a video; ``name`` (no folder above the given) is in results."""

    path: Path
    name: str


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one recording.

    ``tables`` are those of ``tables_of``, each with a first column ``recording``; ``summary`` has
    the columns ``SUMMARY``. ``failure`` is a sentence, '' if the analysis went through; without
    analysis there are no tables.
    """

    name: str
    summary: dict[str, Any]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def failure(self) -> str:
        """Why there is no analysis; '' if there is one."""
        return self.summary["failure"]


def tables_of(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """Return every table of ``analysis`` that goes into results over many recordings."""
    own = {name: getattr(analysis, name) for name in OF_INSOLES if name != "pressure"}
    return {**own, "pressure": analysis.pressure.table}


def summary_table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return summaries as a table whose types do not depend on what failed."""
    return pd.DataFrame(list(rows), columns=list(SUMMARY)).astype(SUMMARY)


def find_sources(paths: Sequence[Path]) -> list[Source]:
    """Return the recordings in ``paths``, each once: files as given, folders searched, sorted.

    A name that occurs again gets its number behind it. DataError for a folder without recording.
    """
    seen: set[Path] = set()
    names: Counter[str] = Counter()
    sources = []
    for given in paths:
        for path, name in _found(given):
            if path.resolve() in seen:
                continue
            seen.add(path.resolve())
            names[name] += 1
            unique = name if names[name] == 1 else f"{name}#{names[name]}"
            sources.append(Source(path, unique))
    return sources


def analyse_source(
    source: Source,
    *,
    allow_low_rate: bool = False,
    contacts: ContactSource = "foot",
    calibrations: Sequence[Path] | None = None,
) -> Outcome:
    """Return what ``source`` tells; what goes wrong is in the outcome.

    ``calibrations`` are files for newtons; None: what this computer keeps of the insoles.
    """
    try:
        if source.path.name.endswith(LANDMARKS):
            summary, tables, warnings = _video(source.path)
        else:
            recording = Recording(source.path)
            notes = use(recording, calibrations)
            analysis = analyse(recording, allow_low_rate=allow_low_rate, contacts=contacts)
            summary, tables = _summary(analysis), tables_of(analysis)
            warnings = [*notes, *analysis.warnings, *analysis.pressure.warnings]
        for table in tables.values():
            if "recording" in table:
                raise ValueError("a table of the analysis already has a column 'recording'")
    except SolekitError as error:
        return failed(source, str(error))
    except Exception as error:  # a bug in one analysis must not cost the results of the others
        return failed(source, unexpected(error))
    summary |= {"recording": source.name, "warnings": len(warnings), "failure": ""}
    named = {name: _with_recording(table, source.name) for name, table in tables.items()}
    return Outcome(source.name, summary, named, warnings)


def _summary(analysis: Analysis) -> dict[str, Any]:
    start_s, end_s = analysis.span_s
    return {
        "person": analysis.recording.first("about").get("person", ""),
        "protocol": analysis.recording.protocol,
        "duration_s": end_s - start_s,
        "strides_valid": int(np.count_nonzero(analysis.strides["is_valid"])),
        "strides": len(analysis.strides),
        "bouts": len(analysis.bouts),
    }


def _video(path: Path) -> tuple[dict[str, Any], dict[str, pd.DataFrame], list[str]]:
    """Return summary, tables and what differs from the study's protocol, of landmarks."""
    found = load_mediapipe(path)
    measured = measure_walk(found)
    summary = dict.fromkeys(SUMMARY) | {
        "person": str(found.about.get("person", "")),
        "protocol": "video",
        "duration_s": found.duration_s,
    }
    off = [row for row in measured.protocol_.to_dict("records") if row["ok"] is False]
    notes = [f"{row['item']}: asked {row['asked']}, found {row['found']}" for row in off]
    return summary, {"pose": measured.variables_}, notes


def failed(source: Source, sentence: str) -> Outcome:
    """Return the outcome of a source without analysis; ``sentence`` loses its private folders."""
    if source.path.parent != Path():
        for spelled in (str(source.path), repr(str(source.path))[1:-1]):
            sentence = sentence.replace(spelled, source.name)
    summary: dict[str, Any] = dict.fromkeys(SUMMARY)
    summary |= {"recording": source.name, "person": "", "protocol": ""}
    summary |= {"failure": " ".join(_printable(sentence).split())}
    return Outcome(source.name, summary)


def _found(given: Path) -> Iterator[tuple[Path, str]]:
    """Yield path and name of the recordings that an argument means."""
    if not given.is_dir():
        yield given, _printable(given.name)
        return
    kinds = ("*.mcap", f"*{LANDMARKS}")
    paths = sorted(path for kind in kinds for path in given.rglob(kind) if path.is_file())
    if not paths:
        raise DataError(
            f"{given} holds no recording (*.mcap, *{LANDMARKS}); give a recording or its folder"
        )
    for path in paths:
        yield path, _printable(path.relative_to(given).as_posix())


def _printable(text: str) -> str:
    """Return ``text`` without what a file name may hold but no UTF-8 file."""
    return text.encode("utf-8", "replace").decode()


def _with_recording(table: pd.DataFrame, name: str) -> pd.DataFrame:
    column = pd.Series(name, index=table.index, name="recording", dtype="str")
    return pd.concat((column, table), axis=1)


def unexpected(error: BaseException) -> str:
    """Return a sentence for an error that nobody raised on purpose."""
    return f"failed: {type(error).__name__}: {error}" if str(error) else f"failed: {error!r}"
