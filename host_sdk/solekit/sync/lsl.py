"""LSL's clock noted in a recording while it runs; ``tie.tie_lsl`` makes a tie of the notes.

::

    async with noting(pair):
        await pair.start()
        ...

What LabRecorder stores of other streams is then on the recording's clock by
``tie_lsl(recording).to_recording_s(t_s)``. Needs the extra ``lsl``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from solekit.errors import DataError, MissingExtraError
from solekit.pair import Pair

EVERY_S = 5.0
_TRIES = 5  # the reading with the shortest way there and back counts


def local_clock() -> Callable[[], float]:
    """Return LSL's clock; MissingExtraError without pylsl or the library that it needs."""
    try:
        import pylsl  # pyright: ignore[reportMissingImports]
    except (ImportError, RuntimeError) as error:  # pylsl, where its wheel brings no library
        raise MissingExtraError("the clock of LSL", "lsl") from error
    return pylsl.local_clock


def note(pair: Pair, read_s: Callable[[], float]) -> None:
    """Read host clock and LSL's together and put both into the recording of ``pair``."""
    if pair.writer is None or not pair.writer.is_open:
        raise DataError("nothing is being recorded: call record_to before LSL's clock is noted")
    now_s = pair.clock.now_s
    readings = [(now_s(), read_s(), now_s()) for _ in range(_TRIES)]
    before_s, lsl_s, after_s = min(readings, key=lambda reading: reading[2] - reading[0])
    pair.writer.add_session(
        (before_s + after_s) / 2, "lsl", lsl_s=lsl_s, half_s=(after_s - before_s) / 2
    )


@asynccontextmanager
async def noting(
    pair: Pair, *, every_s: float = EVERY_S, read_s: Callable[[], float] | None = None
) -> AsyncIterator[None]:
    """Note LSL's clock at once and every ``every_s`` while the body runs.

    ``read_s`` reads the other clock; None is that of LSL on this computer.
    """
    read = local_clock() if read_s is None else read_s
    note(pair, read)

    async def go_on() -> None:
        while True:
            await pair.clock.sleep(every_s)
            if pair.writer is None or not pair.writer.is_open:
                return
            note(pair, read)

    task = asyncio.create_task(go_on(), name="solekit lsl")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
