"""A real insole on USB or UART, by pyserial in a reader thread."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import AsyncGenerator
from typing import Any

import serial
from serial.tools import list_ports

from solekit.errors import ConnectionLostError, TransportError, TransportSpecError
from solekit.transports import Transport, WallClock

BAUD = 921_600  # means nothing on USB
_READ_TIMEOUT_S = 0.1
_WRITE_TIMEOUT_S = 2.0  # a port that takes nothing for so long is stuck


def open_serial(rest: str) -> dict[str, Transport]:
    """Return the transport of ``serial:PORT`` or ``serial:PORT@BAUD``."""
    port, at, baud = rest.partition("@")
    if not port:
        raise TransportSpecError(f"serial: names no port; {_ports()}")
    if at and not (baud.isascii() and baud.isdigit() and 0 < int(baud) < 1 << 31):
        raise TransportSpecError(f"serial:{rest}: the baud rate {baud!r} is not a number")
    return {"": SerialTransport(port, int(baud) if at else BAUD)}


def _ports() -> str:
    names = sorted(port.device for port in list_ports.comports())
    return "ports here: " + ", ".join(names) if names else "no serial port is present here"


class SerialTransport:
    """Bytes of one serial port."""

    duration_s = float("inf")
    is_message_based = False

    def __init__(self, port: str, baud: int) -> None:
        self.uri = f"serial:{port}"
        self.clock = WallClock()
        self._name = port
        self._baud = baud
        self._port: serial.Serial | None = None
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._sending = asyncio.Lock()  # two halves of two messages make none
        self._queue: asyncio.Queue[tuple[float, bytes] | ConnectionLostError | None] = (
            asyncio.Queue()
        )

    async def open(self) -> None:
        """Open the port for this program alone."""
        if self._thread is not None:
            raise TransportError(f"{self.uri} is open already; close it first")
        try:
            self._port = await asyncio.to_thread(self._open_port)
        except (serial.SerialException, ValueError) as error:
            raise TransportError(self._explain(error)) from error
        self._is_closing = False
        self._queue = asyncio.Queue()
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._read, args=(loop, self._port), name=f"solekit {self.uri}"
        )
        self._thread.start()

    def _open_port(self) -> serial.Serial:
        options: dict[str, Any] = {"exclusive": True} if hasattr(serial, "PosixPollSerial") else {}
        return serial.Serial(
            self._name,
            self._baud,
            timeout=_READ_TIMEOUT_S,
            write_timeout=_WRITE_TIMEOUT_S,
            **options,
        )

    def _explain(self, error: Exception) -> str:
        number = getattr(error, "errno", None)
        text = str(error).lower()
        # Windows says that access is denied to what another program has open.
        is_taken = "exclusively lock" in text or "access is denied" in text
        if number in (errno.EBUSY, errno.EAGAIN) or is_taken:
            return f"{self.uri} is in use by another program; close that first"
        if number == errno.EACCES:
            return f"{self.uri}: no permission; add your user to the group that owns the port"
        if number == errno.ENOENT or "could not open port" in str(error):
            return f"{self.uri}: there is no such port; {_ports()}"
        return f"{self.uri} could not be opened: {error}"

    def _read(self, loop: asyncio.AbstractEventLoop, port: serial.Serial) -> None:
        """Pass on what comes in, stamped on arrival (runs in the reader thread)."""
        end: ConnectionLostError | None = None
        try:
            while not self._is_closing:
                data = port.read(max(1, port.in_waiting))
                if data:
                    loop.call_soon_threadsafe(self._queue.put_nowait, (self.clock.now_s(), data))
        except (OSError, TypeError) as error:  # TypeError: pyserial, whose port has gone
            if not self._is_closing:
                end = ConnectionLostError(self.uri, f"unplugged? ({error})")
        loop.call_soon_threadsafe(self._queue.put_nowait, end)

    async def send(self, data: bytes) -> None:
        """Write ``data``."""
        if self._port is None or not self._port.is_open:
            raise ConnectionLostError(self.uri, "it is closed")
        try:
            async with self._sending:
                await asyncio.to_thread(self._port.write, data)
        except OSError as error:
            raise ConnectionLostError(self.uri, str(error)) from error

    async def close(self) -> None:
        """Close the port and end the reader."""
        self._is_closing = True
        if self._thread is not None:  # first the reader: it must not read from what is closed
            if self._port is not None:
                self._port.cancel_read()
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        if self._port is not None:
            self._port.close()

    async def __aiter__(self) -> AsyncGenerator[tuple[float, bytes], None]:
        while self._thread is not None:
            item = await self._queue.get()
            if item is None:
                return
            if isinstance(item, ConnectionLostError):
                raise item
            yield item
