"""Recordings one after the other or on several cores; a process that dies stops nothing."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any

from solekit.cohort.outcome import Outcome, Source, failed, unexpected
from solekit.errors import DataError

Work = Callable[[Source], Outcome]
_MAX_PROCESSES = 61  # what Windows can wait for
_PENDING_PER_PROCESS = 2  # keeps every process busy; more would only hold results in memory


def in_processes(
    sources: Sequence[Source], work: Work, *, jobs: int = 1
) -> Generator[Outcome, None, None]:
    """Yield what ``work`` makes of every source, in their order.

    ``jobs`` is the number of processes: 1 works in this one, 0 is one per core. ``work`` must be
    importable where it runs, which is in another process unless ``jobs`` is 1. At most two
    recordings per process are under way or wait to be taken. A process that dies costs only the
    recording that kills it. DataError for a negative ``jobs``.
    """
    if jobs < 0:
        raise DataError(f"jobs is {jobs}; give the number of processes, or 0 for all cores")
    if jobs == 1:
        yield from map(work, sources)
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
                    pending.append((source, pool.begin(work, source)))
                    following += 1
                outcome = _outcome(*pending[0])
            except BrokenProcessPool:
                # Which recording killed its process is not told: each starts again on its own.
                pool.end()
                while pending:
                    yield _again(work, *pending.popleft())
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

    def begin(self, work: Work, source: Source) -> Future[Outcome]:
        """Hand in a recording; Ctrl-C in the meantime comes after it."""
        if sys.platform == "win32":
            return self.submit(work, source)
        # Blocked signals stay blocked in what is started: no traceback of a half-started process.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return self.submit(work, source)
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
        return failed(source, unexpected(error))


def _again(work: Work, source: Source, future: Future[Outcome]) -> Outcome:
    """Return the outcome if it came before the pool broke, else that of a second try, alone."""
    if future.done() and not future.cancelled() and future.exception() is None:
        return future.result()
    pool = _Pool(1)
    try:
        return _outcome(source, pool.begin(work, source))
    except BrokenProcessPool:
        return failed(source, "failed: its process ended, perhaps for want of memory")
    finally:
        pool.end()
