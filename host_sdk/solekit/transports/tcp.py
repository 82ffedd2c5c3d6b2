"""An insole behind a TCP socket: a virtual one in another process, or a bridge."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from solekit.errors import ConnectionLostError, TransportError, TransportSpecError
from solekit.transports import Transport, WallClock

CONNECT_TIMEOUT_S = 5.0


def open_tcp(rest: str) -> dict[str, Transport]:
    """Return the transport of ``tcp:HOST:PORT``."""
    host, colon, port = rest.rpartition(":")
    is_number = port.isascii() and port.isdigit()
    if not colon or not host or not is_number or not 0 < int(port) < 65536:
        raise TransportSpecError(f"tcp:{rest}: use tcp:HOST:PORT, for example tcp:127.0.0.1:5555")
    return {"": TcpTransport(host.strip("[]"), int(port))}


class TcpTransport:
    """Bytes of one TCP connection."""

    duration_s = float("inf")
    is_message_based = False

    def __init__(self, host: str, port: int) -> None:
        self.uri = f"tcp:{host}:{port}"
        self.clock = WallClock()
        self._address = (host, port)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Connect."""
        if self._writer is not None:
            raise TransportError(f"{self.uri} is open already; close it first")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                self._reader, self._writer = await asyncio.open_connection(*self._address)
        except TimeoutError as error:
            raise TransportError(
                f"{self.uri} did not answer within {CONNECT_TIMEOUT_S:g} s"
            ) from error
        except UnicodeError as error:
            raise TransportError(f"{self.uri}: that is no name of a host ({error})") from error
        except OSError as error:
            raise TransportError(
                f"{self.uri}: nothing listens there ({error.strerror or error})"
            ) from error

    async def send(self, data: bytes) -> None:
        """Write ``data``."""
        if self._writer is None or self._writer.is_closing():
            raise ConnectionLostError(self.uri, "it is closed")
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise ConnectionLostError(self.uri, str(error)) from error

    async def close(self) -> None:
        """Close the connection."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def __aiter__(self) -> AsyncGenerator[tuple[float, bytes], None]:
        reader = self._reader
        while reader is not None and self._writer is not None:
            try:
                data = await reader.read(65536)
            except OSError as error:
                raise ConnectionLostError(self.uri, str(error)) from error
            if not data:
                if self._writer is None:
                    return
                raise ConnectionLostError(self.uri, "the far end closed it")
            yield self.clock.now_s(), data
