"""The same work on the workers of a Dask cluster, wherever they are."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from solekit.cohort.outcome import Outcome, Source, failed, unexpected
from solekit.cohort.processes import Work
from solekit.errors import DataError, MissingExtraError, TransportError

_PENDING_PER_THREAD = 2  # keeps every worker busy; more would only hold results in memory
_CONNECT_S = 15.0


def on_workers(
    sources: Sequence[Source], work: Work, *, scheduler: str
) -> Generator[Outcome, None, None]:
    """Yield what ``work`` makes of every source, in their order.

    ``scheduler`` is the address of a running Dask scheduler (``tcp://HOST:8786``, or ``tls://``
    with certificates in Dask's own settings). Its workers need the same version of Solekit and
    the recordings under the same path. A worker that dies costs only the recording that kills it.
    MissingExtraError without Dask, TransportError if nobody answers,
    DataError if there are no workers or they have another version.
    """
    with _connected(scheduler) as client:
        n_threads = sum(client.ncores().values())
        if not n_threads:
            raise DataError(f"the scheduler {scheduler} has no workers; start 'dask worker'")
        _require_version(client)
        absolute = [Source(source.path.resolve(), source.name) for source in sources]
        pending: deque[tuple[Source, Any]] = deque()
        following = 0
        while pending or following < len(absolute):
            while following < len(absolute) and len(pending) < _PENDING_PER_THREAD * n_threads:
                source = absolute[following]
                # Pure work of the same arguments would be remembered: files change.
                pending.append((source, client.submit(work, source, pure=False)))
                following += 1
            source, future = pending.popleft()
            yield _outcome(client, work, source, future, [later for _, later in pending])


def _connected(scheduler: str) -> Any:
    """Return a client of ``scheduler``, to be closed."""
    try:
        import distributed
        from distributed.comm.core import connect
    except ImportError as error:
        raise MissingExtraError("a Dask cluster", "cohort") from error

    async def knock() -> None:
        arguments = distributed.Security().get_connection_args("client")
        comm = await connect(scheduler, timeout=_CONNECT_S, **arguments)
        await comm.close()

    try:
        # A client that cannot connect leaves its thread behind. Notebooks have their own loop.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, knock()).result()
        return distributed.Client(scheduler, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise TransportError(
            f"no Dask scheduler answers at {scheduler!r} ({error}); "
            "start one with 'dask scheduler' and give its address"
        ) from error


def _outcome(client: Any, work: Work, source: Source, future: Any, others: list[Any]) -> Outcome:
    """Return what came of ``source``; a second time, alone, if its worker died.

    Dask blames whatever lay on that worker, so nothing else may be under way at the second time.
    """
    import distributed

    try:
        return future.result()
    except distributed.KilledWorker:
        for other in others:
            other.exception()  # waits
        future = client.submit(work, source, pure=False)
    except Exception as error:  # a bug in the work must not cost the results of the others
        return failed(source, unexpected(error))
    try:
        return future.result()
    except Exception as error:
        return failed(source, unexpected(error))


def version() -> str:
    """Return the version of Solekit where this runs."""
    import solekit

    return solekit.__version__


def _require_version(client: Any) -> None:
    try:
        others = set(client.run(version).values())
    except Exception as error:  # whatever a worker without Solekit makes of it
        raise DataError(f"the workers cannot run Solekit: {unexpected(error)}") from error
    if wrong := others - {version()}:
        raise DataError(
            f"the workers have Solekit {', '.join(sorted(wrong))}, here it is {version()}; "
            "install the same version"
        )
