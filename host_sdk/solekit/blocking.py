"""The thin blocking face: the same methods without ``await``, for notebooks and scripts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from solekit import pair as _pair
from solekit.decode import Frames, Motion
from solekit.identity import InsoleInfo
from solekit.insole import Insole
from solekit.live_access import GaitEvent
from solekit.loss import StreamLoss

if TYPE_CHECKING:
    from solekit.inference.live import Pose
    from solekit.strides.live import LiveStride

T = TypeVar("T")


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        # A daemon: a notebook that forgot to close must still be able to end.
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="solekit blocking", daemon=True
        )
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def iterate(self, source: AsyncIterator[T]) -> Iterator[T]:
        async def following() -> tuple[bool, Any]:
            try:
                return True, await anext(source)
            except StopAsyncIteration:
                return False, None

        try:
            while True:
                is_more, item = self.run(following())
                if not is_more:
                    return
                yield item
        finally:
            if not self._loop.is_closed():
                self.run(_end(source))

    def close(self) -> None:
        self.run(self._loop.shutdown_asyncgens())
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _end(source: AsyncIterator[Any]) -> None:
    """Let an iterator that nobody follows any more clean up."""
    if isinstance(source, AsyncGenerator):
        await source.aclose()


D = TypeVar("D", Insole, _pair.Pair)


class _Blocking(Generic[D]):
    """A connected device and the loop that it lives in; use it as ``with``."""

    def __init__(self, make: Callable[[], D]) -> None:
        self._loop = _Loop()
        try:
            self._device: D = self._loop.run(self._enter(make))
        except BaseException:
            self._loop.close()
            raise

    @staticmethod
    async def _enter(make: Callable[[], D]) -> D:
        return await make().__aenter__()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._loop.run(self._device.__aexit__())
        finally:
            self._loop.close()

    def start(self, form: str | None = None) -> None:
        """See ``start`` of the async device."""
        self._loop.run(self._device.start(form))

    def events(self) -> Iterator[GaitEvent]:
        """See ``events`` of the async device."""
        return self._loop.iterate(self._device.events())


class BlockingInsole(_Blocking[Insole]):
    """``solekit.Insole`` without ``await``."""

    def __init__(self, uri: str) -> None:
        super().__init__(lambda: _pair.connect(uri))

    def info(self) -> InsoleInfo:
        """See ``Insole.info``."""
        return self._loop.run(self._device.info())

    def settings(self, key: str, value: int | None = None) -> int:
        """See ``Insole.settings``."""
        return self._loop.run(self._device.settings(key, value))

    def stop(self) -> dict[str, StreamLoss]:
        """See ``Insole.stop``."""
        return self._loop.run(self._device.stop())

    def frames(self) -> Iterator[Frames]:
        """See ``Insole.frames``."""
        return self._loop.iterate(self._device.frames())

    def motion(self) -> Iterator[Motion]:
        """See ``Insole.motion``."""
        return self._loop.iterate(self._device.motion())


class BlockingPair(_Blocking[_pair.Pair]):
    """``solekit.Pair`` without ``await``."""

    def __init__(
        self, uri: str | None = None, *, left: str | None = None, right: str | None = None
    ) -> None:
        super().__init__(lambda: _pair.connect_pair(uri, left=left, right=right))

    @property
    def sides(self) -> list[str]:
        """Sides that are connected."""
        return list(self._device.feet)

    def record(
        self, path: Path, duration_s: float, **about: str
    ) -> dict[str, dict[str, StreamLoss]]:
        """Record ``duration_s`` into ``path`` (see ``Pair.record_to``); return the account."""
        return self._loop.run(self._record(path, duration_s, about))

    async def _record(self, path: Path, duration_s: float, about: dict[str, str]):
        self._device.record_to(path, **about)
        await self._device.start()
        await self._device.clock.sleep(duration_s)
        return await self._device.stop()

    def strides(self, **options: Any) -> Iterator[LiveStride]:
        """See ``Pair.strides``."""
        return self._loop.iterate(self._device.strides(**options))

    def poses(self, **options: Any) -> Iterator[Pose]:
        """See ``Pair.poses``."""
        return self._loop.iterate(self._device.poses(**options))

    def stop(self) -> dict[str, dict[str, StreamLoss]]:
        """See ``Pair.stop``."""
        return self._loop.run(self._device.stop())


def connect(uri: str) -> BlockingInsole:
    """Return the one insole behind ``uri``, connected; use it as ``with``."""
    return BlockingInsole(uri)


def connect_pair(
    uri: str | None = None, *, left: str | None = None, right: str | None = None
) -> BlockingPair:
    """Return a connected pair; see ``solekit.connect_pair``; use it as ``with``."""
    return BlockingPair(uri, left=left, right=right)
