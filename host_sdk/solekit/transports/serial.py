"""A real insole on USB or UART, by pyserial in a reader thread.

A port that goes away (a cable that is pulled) is opened again when it is back, under its old name
or, where the device tells a serial number, under the name that it has now.
"""

from __future__ import annotations

import asyncio
import errno
import threading
import time
from collections.abc import AsyncGenerator
from typing import Any

import serial
from serial.tools import list_ports

from solekit.errors import ConnectionLostError, TransportError, TransportSpecError
from solekit.transports import Transport, WallClock, reconnect_time_s

BAUD = 921_600  # means nothing on USB
_READ_TIMEOUT_S = 0.1
_WRITE_TIMEOUT_S = 2.0  # a port that takes nothing for so long is stuck
RECONNECT_S = 60.0  # so long a port that has gone is looked for
FIRST_WAIT_S, LAST_WAIT_S = 0.2, 2.0  # between two tries, doubling


def open_serial(rest: str) -> dict[str, Transport]:
    """Return the transport of ``serial:PORT``, also with ``@BAUD`` and ``?reconnect_s=60``."""
    where, _, query = rest.partition("?")
    port, at, baud = where.partition("@")
    if not port:
        raise TransportSpecError(f"serial: names no port; {_ports()}")
    if at and not (baud.isascii() and baud.isdigit() and 0 < int(baud) < 1 << 31):
        raise TransportSpecError(f"serial:{rest}: the baud rate {baud!r} is not a number")
    reconnect_s = reconnect_time_s("serial", rest, query, RECONNECT_S)
    return {"": SerialTransport(port, int(baud) if at else BAUD, reconnect_s=reconnect_s)}


def _ports() -> str:
    names = sorted(port.device for port in list_ports.comports())
    return "ports here: " + ", ".join(names) if names else "no serial port is present here"


class SerialTransport:
    """Bytes of one serial port."""

    duration_s = float("inf")
    is_message_based = False

    def __init__(self, port: str, baud: int, *, reconnect_s: float = 0.0) -> None:
        self.uri = f"serial:{port}"
        self.clock = WallClock()
        self.reconnect_s = reconnect_s
        self.n_reconnects = 0
        self.away_since_s: float | None = None  # since when the port is looked for
        self._name = port
        self._baud = baud
        self._port: serial.Serial | None = None
        self._thread: threading.Thread | None = None
        self._device: tuple[int, int, str] | None = None  # which one it is, by what USB tells
        self._closing = threading.Event()
        self._has_gone = False
        self._sending = asyncio.Lock()  # two halves of two messages make none
        self._queue: asyncio.Queue[tuple[float, bytes] | ConnectionLostError | None] = (
            asyncio.Queue()
        )

    async def open(self) -> None:
        """Open the port for this program alone."""
        if self._thread is not None:
            raise TransportError(f"{self.uri} is open already; close it first")
        try:
            self._port = await asyncio.to_thread(self._open_port, self._name)
        except (serial.SerialException, ValueError) as error:
            raise TransportError(self._explain(error)) from error
        self._closing.clear()
        self._has_gone = False
        self._device = _device_at(self._name)
        self._queue = asyncio.Queue()
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._read, args=(loop, self._port), name=f"solekit {self.uri}"
        )
        self._thread.start()

    def _open_port(self, name: str) -> serial.Serial:
        options: dict[str, Any] = {"exclusive": True} if hasattr(serial, "PosixPollSerial") else {}
        return serial.Serial(
            name,
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
        while reason := self._read_port(loop, port):
            self._port, self.away_since_s = None, self.clock.now_s()
            port.close()
            again = self._reopen()
            if again is None:
                if not self._closing.is_set():
                    end = ConnectionLostError(self.uri, reason)
                    self._has_gone = True  # before anybody hears of it: the thread lives on
                break
            port = self._port = again
            self.n_reconnects += 1
            self.away_since_s = None
        loop.call_soon_threadsafe(self._queue.put_nowait, end)

    def _read_port(self, loop: asyncio.AbstractEventLoop, port: serial.Serial) -> str:
        """Read until told to stop; return why it ended earlier, '' if it did not."""
        try:
            while not self._closing.is_set():
                data = port.read(max(1, port.in_waiting))
                if data:
                    loop.call_soon_threadsafe(self._queue.put_nowait, (self.clock.now_s(), data))
        except (OSError, TypeError) as error:  # TypeError: pyserial, whose port has gone
            if not self._closing.is_set():
                return f"unplugged? ({error})"
        return ""

    def _reopen(self) -> serial.Serial | None:
        """Return the port once it is there again; None if that takes too long or it closes."""
        give_up_s = time.monotonic() + self.reconnect_s
        wait_s = FIRST_WAIT_S
        while time.monotonic() + wait_s <= give_up_s and not self._closing.wait(wait_s):
            wait_s = min(2 * wait_s, LAST_WAIT_S)
            try:
                return self._open_port(self._name_now())
            except (serial.SerialException, ValueError, OSError):
                continue
        return None

    def _name_now(self) -> str:
        """Return the port of this very device: systems may number it anew."""
        if self._device is not None:
            for port in list_ports.comports():
                if _told(port) == self._device:
                    return port.device
        return self._name

    async def send(self, data: bytes) -> None:
        """Write ``data``; dropped while the port is away, as who waits for an answer asks on.

        ConnectionLostError if the port is closed or takes nothing.
        """
        if self._thread is None or self._closing.is_set():
            raise ConnectionLostError(self.uri, "it is closed")
        async with self._sending:
            port = self._port
            if port is None:
                if self._has_gone:
                    raise ConnectionLostError(self.uri, "it has gone")
                return
            try:
                await asyncio.to_thread(port.write, data)
            except OSError as error:
                is_stuck = isinstance(error, serial.SerialTimeoutException)
                if is_stuck or not self.reconnect_s:
                    raise ConnectionLostError(self.uri, str(error)) from error

    async def close(self) -> None:
        """Close the port and end the reader."""
        self._closing.set()
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


def _told(port: Any) -> tuple[int, int, str] | None:
    """Return what tells a USB device from all others; None where it does not say."""
    if port.vid is None or not port.serial_number:
        return None
    return port.vid, port.pid, port.serial_number


def _device_at(name: str) -> tuple[int, int, str] | None:
    return next((_told(port) for port in list_ports.comports() if port.device == name), None)
