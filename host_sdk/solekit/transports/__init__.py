"""Transports by URI: each yields ``(t_host_s, bytes)`` and takes bytes; little more is known.

Schemes of this package are ``ble:``, ``serial:``, ``tcp:`` and ``replay:``; further ones (virtual
insoles ``sim:`` and ``mpy:``) come through the entry-point group ``solekit.transports``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable
from urllib.parse import parse_qsl

from solekit.errors import TransportSpecError

_OWN = {
    "ble": "solekit.transports.ble:open_ble",
    "serial": "solekit.transports.serial:open_serial",
    "tcp": "solekit.transports.tcp:open_tcp",
    "replay": "solekit.transports.replay:open_replay",
}
FORMS = (
    "sim:walk?seed=1, mpy:walk, sim:file:PATH, ble:F0:5E:12:34:56:78, serial:/dev/ttyACM0, "
    "tcp:127.0.0.1:5555, replay:walk.mcap"
)


class Clock(Protocol):
    """The host's time as a transport sees it; virtual transports run faster than the wall."""

    @property
    def is_virtual(self) -> bool:
        """Whether time runs only while the host keeps up."""
        ...

    def now_s(self) -> float:
        """Return seconds since some fixed moment."""
        ...

    async def sleep(self, duration_s: float) -> None:
        """Wait ``duration_s`` of this clock."""
        ...


class WallClock:
    """Real time."""

    is_virtual = False

    def now_s(self) -> float:
        """Return seconds since the epoch, monotonic within a process."""
        return _EPOCH_S + time.perf_counter()

    async def sleep(self, duration_s: float) -> None:
        """Wait ``duration_s`` seconds."""
        await asyncio.sleep(duration_s)


_EPOCH_S = time.time() - time.perf_counter()


class Transport(Protocol):
    """One insole's bytes."""

    uri: str

    @property
    def is_message_based(self) -> bool:
        """Whether messages travel whole, each a chunk; else as frames in a stream of bytes."""
        ...

    @property
    def clock(self) -> Clock:
        """The host's time as seen through this link."""
        ...

    @property
    def duration_s(self) -> float:
        """How long what it plays lasts; infinite for what is live."""
        ...

    async def open(self) -> None:
        """Open the link; TransportError where that fails."""
        ...

    async def close(self) -> None:
        """Close the link; closing twice is allowed."""
        ...

    async def send(self, data: bytes) -> None:
        """Send ``data``; ConnectionLostError if the link has gone."""
        ...

    def __aiter__(self) -> AsyncGenerator[tuple[float, bytes], None]:
        """Yield ``(t_host_s, bytes)`` until closed; ConnectionLostError if the link breaks."""
        ...


@runtime_checkable
class Rejoining(Protocol):
    """What a transport tells that makes a broken link again by itself."""

    n_reconnects: int

    @property
    def away_since_s(self) -> float | None:
        """Since when there is no link, on the transport's clock; None while there is one."""
        ...


Opener = Callable[[str], "dict[str, Transport]"]


def open_transports(uri: str) -> dict[str, Transport]:
    """Return the transports behind ``uri`` by side, not yet opened.

    The key is '' where only the insole itself knows its side. TransportSpecError for a URI that
    cannot be understood.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon:
        raise TransportSpecError(f"{uri!r} is not a device URI; use one like {FORMS}")
    return _opener(scheme, uri)(rest)


def _opener(scheme: str, uri: str) -> Opener:
    if scheme in _OWN:
        module, _, name = _OWN[scheme].partition(":")
        return getattr(import_module(module), name)
    for point in entry_points(group="solekit.transports", name=scheme):
        return point.load()
    raise TransportSpecError(f"unknown scheme {scheme!r} in {uri!r}; use one like {FORMS}")


def reconnect_time_s(scheme: str, rest: str, query: str, default_s: float) -> float:
    """Return ``reconnect_s`` of a URI's query, which may name nothing else."""
    reconnect_s = default_s
    for key, text in parse_qsl(query, keep_blank_values=True):
        if key != "reconnect_s":
            raise TransportSpecError(
                f"{scheme}:{rest}: unknown argument {key!r}; known is reconnect_s"
            )
        try:
            reconnect_s = float(text)
        except ValueError:
            reconnect_s = -1.0
        if not 0 <= reconnect_s <= 86400:
            raise TransportSpecError(
                f"{scheme}:{rest}: reconnect_s={text!r} is not 0 to 86400 seconds"
            )
    return reconnect_s
