"""The thin blocking face: the same methods without ``await``, for notebooks and scripts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

from solekit import pair as _pair
from solekit.decode import Frames
from solekit.identity import InsoleInfo
from solekit.insole import GaitEvent, Insole
from solekit.loss import StreamLoss

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


class BlockingInsole:
    """``solekit.Insole`` without ``await``."""

    def __init__(self, uri: str) -> None:
        self._loop = _Loop()
        try:
            self._insole: Insole = self._loop.run(self._open(uri))
        except BaseException:
            self._loop.close()
            raise

    @staticmethod
    async def _open(uri: str) -> Insole:
        return await _pair.connect(uri).__aenter__()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._loop.run(self._insole.__aexit__())
        finally:
            self._loop.close()

    def info(self) -> InsoleInfo:
        """See ``Insole.info``."""
        return self._loop.run(self._insole.info())

    def settings(self, key: str, value: int | None = None) -> int:
        """See ``Insole.settings``."""
        return self._loop.run(self._insole.settings(key, value))

    def start(self, form: str | None = None) -> None:
        """See ``Insole.start``."""
        self._loop.run(self._insole.start(form))

    def stop(self) -> dict[str, StreamLoss]:
        """See ``Insole.stop``."""
        return self._loop.run(self._insole.stop())

    def frames(self) -> Iterator[Frames]:
        """See ``Insole.frames``."""
        return self._loop.iterate(self._insole.frames())

    def events(self) -> Iterator[GaitEvent]:
        """See ``Insole.events``."""
        return self._loop.iterate(self._insole.events())


class BlockingPair:
    """``solekit.Pair`` without ``await``."""

    def __init__(
        self, uri: str | None = None, *, left: str | None = None, right: str | None = None
    ) -> None:
        self._loop = _Loop()
        try:
            self._pair: _pair.Pair = self._loop.run(self._open(uri, left, right))
        except BaseException:
            self._loop.close()
            raise

    @staticmethod
    async def _open(uri: str | None, left: str | None, right: str | None) -> _pair.Pair:
        return await _pair.connect_pair(uri, left=left, right=right).__aenter__()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._loop.run(self._pair.__aexit__())
        finally:
            self._loop.close()

    @property
    def sides(self) -> list[str]:
        """Sides that are connected."""
        return list(self._pair.feet)

    def record(
        self, path: Path, duration_s: float, **about: str
    ) -> dict[str, dict[str, StreamLoss]]:
        """Record ``duration_s`` into ``path`` (see ``Pair.record_to``); return the account."""
        return self._loop.run(self._record(path, duration_s, about))

    async def _record(self, path: Path, duration_s: float, about: dict[str, str]):
        self._pair.record_to(path, **about)
        await self._pair.start()
        await self._pair.clock.sleep(duration_s)
        return await self._pair.stop()

    def start(self, form: str | None = None) -> None:
        """See ``Pair.start``."""
        self._loop.run(self._pair.start(form))

    def stop(self) -> dict[str, dict[str, StreamLoss]]:
        """See ``Pair.stop``."""
        return self._loop.run(self._pair.stop())

    def events(self) -> Iterator[GaitEvent]:
        """See ``Pair.events``."""
        return self._loop.iterate(self._pair.events())


def connect(uri: str) -> BlockingInsole:
    """Return the one insole behind ``uri``, connected; use it as ``with``."""
    return BlockingInsole(uri)


def connect_pair(
    uri: str | None = None, *, left: str | None = None, right: str | None = None
) -> BlockingPair:
    """Return a connected pair; see ``solekit.connect_pair``; use it as ``with``."""
    return BlockingPair(uri, left=left, right=right)
