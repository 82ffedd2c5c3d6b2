"""Recordings of virtual walks, and the messages of an insole by hand."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import solekit
from solecore.wire import messages as m
from solecore.wire.frame import FrameDecoder, encode_frame
from solekit import numpy_kernels
from solekit.insole import Insole
from solekit.loss import StreamLoss
from solekit.transports import Transport, open_transports

BOOT = 7


@dataclass(frozen=True)
class Walked:
    """A recording, and the account that the link gave when it was stopped."""

    recording: solekit.Recording
    losses: dict[str, dict[str, StreamLoss]]


async def record_pair(uri: str, duration_s: float, path: Path, form: str | None = None) -> Walked:
    async with solekit.connect_pair(uri) as pair:
        pair.record_to(path)
        await pair.start(form)
        await pair.clock.sleep(duration_s)
        losses = await pair.stop()
    return Walked(solekit.Recording(path), losses)


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Walked]:
    """Return ``record(uri, duration_s, form=None) -> Walked``."""
    numbers = itertools.count()

    def run(uri: str, duration_s: float, form: str | None = None) -> Walked:
        path = tmp_path / f"walk-{next(numbers)}.mcap"
        return asyncio.run(record_pair(uri, duration_s, path, form))

    return run


@pytest.fixture(scope="session")
def calm_walk(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """Return 12 s of cells-16 without any fault."""
    path = tmp_path_factory.mktemp("calm") / "walk.mcap"
    return asyncio.run(record_pair("sim:walk?layout=cells-16&seed=3", 12.0, path))


@dataclass
class Wire:
    """Messages of one insole, packed by hand."""

    boot: int = BOOT

    def frames(self, seq: int, n: int = 1, *, n_cells: int = 4, stream: int = m.PRESSURE) -> bytes:
        return m.FRAMES_RAW8.pack(self.boot, stream, seq, seq, 0, n, rest=bytes(n * n_cells))

    def event(self, seq: int, *, kind: int = m.IC) -> bytes:
        return m.EVENT.pack(self.boot, m.EVENTS, seq, seq, 0, kind, 100, seq)

    def coded(self, seq: int, mode: int, body: bytes = b"\x04", n_tokens: int = 1) -> bytes:
        return m.FRAME_CODED8.pack(self.boot, m.PRESSURE, seq, seq, 0, mode, n_tokens, rest=body)

    @staticmethod
    def framed(*messages: bytes) -> bytes:
        return b"".join(encode_frame(message, numpy_kernels) for message in messages)


@pytest.fixture
def wire() -> Wire:
    return Wire()


class Tampered:
    """A virtual transport between whose messages and the host somebody sits (faults only).

    ``change(message) -> list of messages`` sees what the insole sends, unframed.
    """

    def __init__(self, inner, change: Callable[[bytes], list[bytes]]) -> None:
        self.inner = inner
        self.change = change

    def __getattr__(self, name: str):
        return getattr(self.inner, name)

    async def __aiter__(self):
        decoder = FrameDecoder(numpy_kernels)
        async with contextlib.aclosing(aiter(self.inner)) as chunks:
            async for t_s, chunk in chunks:
                for message in decoder.feed(chunk):
                    yield t_s, Wire.framed(*self.change(message))


@pytest.fixture
def tampered() -> Callable[..., Insole]:
    """Return ``insole(uri or transport, change) -> Insole``, not yet connected."""

    def make(where: str | Transport, change: Callable[[bytes], list[bytes]]) -> Insole:
        if isinstance(where, str):
            (where,) = open_transports(where).values()
        return Insole(Tampered(where, change))

    return make
