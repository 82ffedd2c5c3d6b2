"""Virtual time in lock-step: what plays (a virtual pair, a recording) and those who read it."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from solekit.errors import ConnectionLostError, SolekitError, TransportError

SLICE_US = 20_000  # virtual time that passes between two looks at what the host wants


class World(Protocol):
    """Something with a time of its own that two feet live in."""

    now_us: int
    duration_s: float
    is_message_based: bool

    @property
    def lost(self) -> dict[str, str]:
        """The sides whose link has gone for good, with the reason."""
        ...

    def advance(self, to_us: int) -> list[tuple[int, str, bytes]]:
        """Move time to ``to_us``; return ``(microseconds, side, bytes)`` that reached the host."""
        ...

    def send(self, side: str, data: bytes) -> None:
        """Let the host send ``data`` to ``side`` now."""
        ...

    def close(self) -> None:
        """Free what the world holds."""
        ...


class VirtualClock:
    """The world's true time; sleeping lets the world run."""

    is_virtual = True

    def __init__(self) -> None:
        self.now_us = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._n = 0
        self._ended: SolekitError | None = TransportError("virtual time: nothing is connected")

    def now_s(self) -> float:
        """Return true seconds since the world began."""
        return self.now_us * 1e-6

    async def sleep(self, duration_s: float) -> None:
        """Wait until the world has moved on by ``duration_s``; TransportError if it has ended."""
        if self._ended is not None:
            raise self._ended
        future = asyncio.get_running_loop().create_future()
        self._n += 1
        heapq.heappush(self._sleepers, (self.now_us + round(duration_s * 1e6), self._n, future))
        await future

    def begin(self) -> None:
        """Let a new world's time begin."""
        self.now_us = 0
        self._ended = None

    def end(self, error: SolekitError) -> None:
        """Say that time has ended; who waits for it would wait for ever."""
        self._ended = error
        for _, _, future in self._sleepers:
            if not future.done():
                future.set_exception(error)
        self._sleepers.clear()

    def wake(self, now_us: int) -> None:
        """Set the time and wake who waited for it."""
        self.now_us = now_us
        while self._sleepers and self._sleepers[0][0] <= now_us:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)

    def next_us(self, until_us: int) -> int:
        """Return the earlier of ``until_us`` and the first sleeper's time."""
        return min(until_us, self._sleepers[0][0]) if self._sleepers else until_us


class Pump:
    """Run one world for all transports of a pair, in lock-step with those who read.

    Time moves on only when every reader has taken what it was given: a slow host is a slow world,
    never a lossy one.
    """

    def __init__(self, make_world: Callable[[], World]) -> None:
        self._make_world = make_world
        self.clock = VirtualClock()
        self.world: World | None = None
        self.queues: dict[str, asyncio.Queue[tuple[float, bytes] | SolekitError | None]] = {}
        self.is_paced = False  # by the wall clock, for those who cannot wait in virtual time
        self._task: asyncio.Task[None] | None = None
        self._deaf: set[str] = set()  # sides whose reader has left
        self._lost: set[str] = set()
        self._is_over = False

    def get_world(self) -> World:
        """Return the world, made on first use."""
        if self.world is None:
            self.world = self._make_world()
        return self.world

    async def open(self, side: str) -> None:
        """Let ``side`` take part; time starts with the first, anew after the last has closed."""
        if side in self.queues:
            raise TransportError(f"the virtual {side} insole is open already; close it first")
        if self._is_over:
            self.world = None
        self.get_world()
        self._is_over = False
        self.queues[side] = asyncio.Queue()
        self._deaf.discard(side)
        self._lost.discard(side)
        if self._task is None:
            self.clock.begin()
            self._task = asyncio.create_task(self._run(), name="solekit virtual world")

    async def close(self, side: str) -> None:
        """End ``side``; the last one ends the world."""
        queue = self.queues.pop(side, None)
        if queue is None:
            return
        queue.put_nowait(None)
        if not self.queues and self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            self._is_over = True
            self.clock.end(TransportError("virtual time has ended: the insole was closed"))
            self.get_world().close()

    def send(self, side: str, data: bytes) -> None:
        """Give ``data`` to the air; ConnectionError if that cannot be."""
        if side not in self.queues:
            raise ConnectionError("it is closed")
        if side in self._lost:
            raise ConnectionError("the link has gone")
        self.get_world().send(side, data)

    async def _run(self) -> None:
        world = self.get_world()
        began_s = time.perf_counter()
        try:
            while True:
                for side, queue in list(self.queues.items()):
                    if side not in self._deaf:
                        await queue.join()
                if self.is_paced:
                    ahead_s = world.now_us * 1e-6 - (time.perf_counter() - began_s)
                    await asyncio.sleep(max(0.0, ahead_s))
                else:
                    await asyncio.sleep(0)
                to_us = self.clock.next_us(world.now_us + SLICE_US)
                for t_us, side, data in world.advance(max(to_us, world.now_us)):
                    self._put(side, (t_us * 1e-6, data))
                for side, reason in world.lost.items():
                    if side not in self._lost:
                        self._lost.add(side)
                        self._put(side, ConnectionLostError(side, reason))
                self.clock.wake(world.now_us)
        except Exception as error:  # whatever ended the world ends every reader, with its reason
            if not isinstance(error, SolekitError):
                failed = TransportError(f"the virtual insole failed: {error!r}")
                failed.__cause__ = error
                error = failed
            for side in self.queues:
                self._put(side, error)
            self.clock.end(error)

    def _put(self, side: str, item: tuple[float, bytes] | SolekitError) -> None:
        if side in self.queues and side not in self._deaf:
            self.queues[side].put_nowait(item)

    async def read(self, side: str, uri: str) -> AsyncGenerator[tuple[float, bytes], None]:
        """Yield ``(t_s, bytes)`` of ``side``; the world waits until each has been dealt with."""
        queue = self.queues.get(side)
        if queue is None:
            return
        self._deaf.discard(side)
        try:
            while True:
                item = await queue.get()
                try:
                    if item is None:
                        return
                    if isinstance(item, ConnectionLostError):
                        raise ConnectionLostError(uri, item.reason)
                    if isinstance(item, SolekitError):
                        raise item
                    yield item
                finally:
                    queue.task_done()
        finally:
            # The world does not wait for a reader who has left.
            if self.queues.get(side) is queue:
                self._deaf.add(side)
            while not queue.empty():
                queue.get_nowait()
                queue.task_done()


class VirtualTransport:
    """One foot of a virtual pair."""

    def __init__(self, uri: str, side: str, pump: Pump) -> None:
        self.uri = uri
        self.side = side
        self._pump = pump
        self.clock = pump.clock

    @property
    def is_message_based(self) -> bool:
        """Whether the virtual link is a radio."""
        return self._pump.get_world().is_message_based

    @property
    def duration_s(self) -> float:
        """How long the motion or the recording behind the insole lasts."""
        return self._pump.get_world().duration_s

    @property
    def world(self) -> World:
        """The world behind it, for tests and benchmarks: truth, sensors, faults."""
        return self._pump.get_world()

    def pace(self) -> None:
        """Let time pass as it does on the wall, for who cannot wait in virtual time."""
        self._pump.is_paced = True

    async def open(self) -> None:
        """Take part in the world."""
        await self._pump.open(self.side)

    async def close(self) -> None:
        """Leave the world."""
        await self._pump.close(self.side)

    async def send(self, data: bytes) -> None:
        """Give ``data`` to the air."""
        try:
            self._pump.send(self.side, data)
        except ConnectionError as error:
            raise ConnectionLostError(self.uri, str(error)) from error

    def __aiter__(self) -> AsyncGenerator[tuple[float, bytes], None]:
        return self._pump.read(self.side, self.uri)
