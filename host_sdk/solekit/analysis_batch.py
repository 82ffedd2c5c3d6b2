"""Many recordings, one after the other or on several cores; a broken one stops nothing."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from solekit.analysis import Analysis, analyse
from solekit.errors import DataError, SolekitError
from solekit.feet import ContactSource
from solekit.recording import Recording

# What ``tables_of`` gives.
TABLES = ("variables", "strides", "events", "bouts", "pressure", "task")
SUMMARY = {  # column -> type; missing where the recording failed
    "recording": "str",
    "duration_s": "float64",
    "strides_valid": "Int64",
    "strides": "Int64",
    "bouts": "Int64",
    "warnings": "Int64",
    "failure": "str",  # '' if the recording was analysed
}
_MAX_PROCESSES = 61  # what Windows can wait for
_PENDING_PER_PROCESS = 2  # keeps every process busy; more would only hold results in memory


@dataclass(frozen=True)
class Source:
    """A recording to analyse; ``name`` is what results call it (no folder above the given one)."""

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
    own = {name: getattr(analysis, name) for name in TABLES if name != "pressure"}
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
    source: Source, *, allow_low_rate: bool = False, contacts: ContactSource = "foot"
) -> Outcome:
    """Return what ``analyse`` finds in ``source``; what goes wrong is in the outcome."""
    try:
        analysis = analyse(
            Recording(source.path), allow_low_rate=allow_low_rate, contacts=contacts
        )
        tables = tables_of(analysis)
        warnings = [*analysis.warnings, *analysis.pressure.warnings]
        for table in tables.values():
            if "recording" in table:
                raise ValueError("a table of the analysis already has a column 'recording'")
    except SolekitError as error:
        return failed(source, str(error))
    except Exception as error:  # a bug in one analysis must not cost the results of the others
        return failed(source, _unexpected(error))
    start_s, end_s = analysis.span_s
    summary = {
        "recording": source.name,
        "duration_s": end_s - start_s,
        "strides_valid": int(np.count_nonzero(analysis.strides["is_valid"])),
        "strides": len(analysis.strides),
        "bouts": len(analysis.bouts),
        "warnings": len(warnings),
        "failure": "",
    }
    named = {name: _with_recording(table, source.name) for name, table in tables.items()}
    return Outcome(source.name, summary, named, warnings)


def analyse_all(
    sources: Sequence[Source],
    *,
    jobs: int = 1,
    allow_low_rate: bool = False,
    contacts: ContactSource = "foot",
    work: Callable[..., Outcome] = analyse_source,
) -> Generator[Outcome, None, None]:
    """Yield the outcome of every source, in their order.

    ``jobs`` is the number of processes: 1 works in this one, 0 is one per core. ``work`` must be
    importable where it runs, which is in another process unless ``jobs`` is 1. At most two
    recordings per process are under way or wait to be taken. A process that dies costs only the
    recording that kills it.
    """
    if jobs < 0:
        raise DataError(f"jobs is {jobs}; give the number of processes, or 0 for all cores")
    task = partial(work, allow_low_rate=allow_low_rate, contacts=contacts)
    if jobs == 1:
        for source in sources:
            yield task(source)
        return
    processes = max(1, min(jobs or n_cores(), len(sources), _MAX_PROCESSES))
    pool = _Pool(processes)
    pending: deque[tuple[Source, Future[Outcome]]] = deque()
    following = 0
    try:
        while pending or following < len(sources):
            try:
                while following < len(sources) and len(pending) < _PENDING_PER_PROCESS * processes:
                    source = sources[following]
                    pending.append((source, pool.begin(task, source)))
                    following += 1
                outcome = _outcome(*pending[0])
            except BrokenProcessPool:
                # Which recording killed its process is not told: each starts again on its own.
                pool.end()
                while pending:
                    yield _again(task, *pending.popleft())
                pool = _Pool(processes)
                continue
            pending.popleft()
            yield outcome
    finally:
        pool.end()


def n_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def failed(source: Source, sentence: str) -> Outcome:
    """Return the outcome of a source without analysis; ``sentence`` loses its private folders."""
    if source.path.parent != Path():
        for spelled in (str(source.path), repr(str(source.path))[1:-1]):
            sentence = sentence.replace(spelled, source.name)
    summary: dict[str, Any] = dict.fromkeys(SUMMARY)
    summary |= {"recording": source.name, "failure": " ".join(_printable(sentence).split())}
    return Outcome(source.name, summary)


def _found(given: Path) -> Iterator[tuple[Path, str]]:
    """Yield path and name of the recordings that an argument means."""
    if not given.is_dir():
        yield given, _printable(given.name)
        return
    paths = sorted(path for path in given.rglob("*.mcap") if path.is_file())
    if not paths:
        raise DataError(f"{given} holds no recording (*.mcap); give a recording or its folder")
    for path in paths:
        yield path, _printable(path.relative_to(given).as_posix())


def _printable(text: str) -> str:
    """Return ``text`` without what a file name may hold but no UTF-8 file."""
    return text.encode("utf-8", "replace").decode()


def _with_recording(table: pd.DataFrame, name: str) -> pd.DataFrame:
    column = pd.Series(name, index=table.index, name="recording", dtype="str")
    return pd.concat((column, table), axis=1)


def _unexpected(error: BaseException) -> str:
    return f"failed: {type(error).__name__}: {error}" if str(error) else f"failed: {error!r}"


class _Spawn(SpawnContext):
    """Starts processes that Ctrl-C does not reach, and can end them."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[BaseProcess] = []

    def Process(self, *args: Any, **options: Any) -> BaseProcess:  # type: ignore[override]  # noqa: N802
        self.started.append(super().Process(*args, **options))
        return self.started[-1]

    def end(self) -> None:
        for process in self.started:
            if process.pid is not None:
                process.terminate()


class _Pool(ProcessPoolExecutor):
    """Processes of their own: forked, they would inherit threads and locks in any state."""

    def __init__(self, processes: int) -> None:
        self._spawn = _Spawn()
        super().__init__(processes, mp_context=self._spawn, initializer=_ignore_ctrl_c)

    def begin(self, task: Callable[[Source], Outcome], source: Source) -> Future[Outcome]:
        """Hand in a recording; Ctrl-C in the meantime comes after it."""
        if sys.platform == "win32":
            return self.submit(task, source)
        # Blocked signals stay blocked in what is started: no traceback of a half-started process.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return self.submit(task, source)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def end(self) -> None:
        """End all processes; what they are at is lost."""
        self._spawn.end()
        self.shutdown(cancel_futures=True)


def _ignore_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _outcome(source: Source, future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool:
        raise
    except (Exception, SystemExit) as error:  # e.g. a result too large to come across
        return failed(source, _unexpected(error))


def _again(task: Callable[[Source], Outcome], source: Source, future: Future[Outcome]) -> Outcome:
    """Return the outcome if it came before the pool broke, else that of a second try, alone."""
    if future.done() and not future.cancelled() and future.exception() is None:
        return future.result()
    pool = _Pool(1)
    try:
        return _outcome(source, pool.begin(task, source))
    except BrokenProcessPool:
        return failed(source, "failed: its process ended, perhaps for want of memory")
    finally:
        pool.end()
