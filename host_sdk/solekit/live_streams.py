"""Hand the messages of an insole to whoever follows a stream, and those of both feet as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from solekit.errors import SolekitError
from solekit.link import Data
from solekit.transports import Clock

_QUEUE = 4096  # messages that a slow consumer may lag behind
_WAIT_S = 0.01  # of the wall clock: so long a virtual insole waits per message for one who lags

T = TypeVar("T")


class LiveStreams:
    """Queues of those who follow; ``error`` is what ended them, if it was one."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.error: SolekitError | None = None
        self.n_overflowed = 0
        self._sinks: list[tuple[tuple[int, ...], asyncio.Queue[Data | None]]] = []

    async def offer(self, item: Data) -> None:
        """Give ``item`` to all who follow its stream."""
        for streams, queue in self._sinks:
            if item.stream in streams:
                if self.clock.is_virtual and queue.qsize() >= _QUEUE:
                    # A virtual insole waits for its reader; not for ever, as that reader may wait
                    # for time to pass.
                    await asyncio.sleep(_WAIT_S)
                if queue.full():
                    queue.get_nowait()
                    self.n_overflowed += 1
                queue.put_nowait(item)

    def end(self) -> None:
        """Let everybody come to the end."""
        for _, queue in self._sinks:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    async def items(self, *streams: int) -> AsyncIterator[list[Data]]:
        """Yield the messages of ``streams`` as they come, those at hand together."""
        queue: asyncio.Queue[Data | None] = asyncio.Queue(0 if self.clock.is_virtual else _QUEUE)
        entry = (streams, queue)
        self._sinks.append(entry)
        expected = dict.fromkeys(streams, -1)
        try:
            while True:
                item = await queue.get()
                batch: list[Data] = []
                while item is not None:
                    # A late one cannot be put back in a live stream.
                    if item.seq >= expected[item.stream]:
                        batch.append(item)
                        expected[item.stream] = item.seq + item.n
                    if queue.empty():
                        break
                    item = queue.get_nowait()
                if batch:
                    yield batch
                if item is None:
                    if self.error is not None:
                        raise self.error
                    return
        finally:
            self._sinks.remove(entry)


@dataclass(frozen=True)
class _End:
    """Of a source: ``error`` is what ended it, if it was one."""

    error: Exception | None


async def merged(
    sources: Sequence[AsyncIterator[T]],
    *,
    name: str,
    n_waiting: int = 0,
    takes_all: bool = False,
    ends_together: bool = False,
) -> AsyncGenerator[list[T], None]:
    """Yield the items of all ``sources`` as they come, one by one; ``takes_all`` at hand together.

    ``n_waiting`` items may wait for a slow reader (0: any number), then the sources wait too. The
    error of a source is raised when all have ended, or at once if they are to end together.
    ``name`` is that of the tasks, none of which outlives this.
    """
    queue: asyncio.Queue[T | _End] = asyncio.Queue(n_waiting)

    async def forward(source: AsyncIterator[T]) -> None:
        error: Exception | None = None
        try:
            async for item in source:
                await queue.put(item)
        except Exception as problem:
            error = problem
        await queue.put(_End(error))

    tasks = [asyncio.create_task(forward(source), name=name) for source in sources]
    ends: list[_End] = []
    errors: list[Exception] = []
    try:
        while len(ends) < len(tasks) and not (ends_together and errors):
            batch = [await queue.get()]
            while takes_all and not queue.empty():
                batch.append(queue.get_nowait())
            ends += [item for item in batch if isinstance(item, _End)]
            items = [item for item in batch if not isinstance(item, _End)]
            if items:
                yield items
            errors = [end.error for end in ends if end.error is not None]
        if errors:
            raise errors[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
