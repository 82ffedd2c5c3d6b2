"""A real insole over Bluetooth Low Energy, by bleak.

Messages travel whole, cut into pieces by ``solecore.wire.fragments``. A link that breaks is made
again by itself: what was sent meanwhile shows as gaps in the sequence numbers.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import weakref
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from solecore.wire import gatt
from solecore.wire.fragments import Assembler, split
from solecore.wire.messages import SIDES
from solekit.errors import ConnectionLostError, TransportError, TransportSpecError
from solekit.transports import Transport, WallClock, reconnect_time_s

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

SCAN_S = 10.0  # an insole advertises several times a second, but not always into an open ear
CONNECT_TIMEOUT_S = 15.0
WRITE_TIMEOUT_S = 5.0
RECONNECT_S = 600.0  # so long a lost insole is looked for
FIRST_WAIT_S, LAST_WAIT_S = 0.5, 8.0  # between two tries, doubling
MAX_WAITING = 4096  # messages that a slow reader may lag behind; then data is dropped and counted
_ADDRESS = re.compile(r"[0-9A-F]{2}([:-])[0-9A-F]{2}(\1[0-9A-F]{2}){4}", re.IGNORECASE)
_UUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", re.IGNORECASE)  # on macOS
_REFUSED = "it refused to pair; open its pairing window by the button or over USB"
_SUBSCRIBED = (gatt.CTRL, gatt.DATA, gatt.LOG)


def open_ble(rest: str) -> dict[str, Transport]:
    """Return the transport of ``ble:ADDRESS`` or ``ble:NAME``, both with ``?reconnect_s=60``."""
    target, _, query = rest.partition("?")
    target = target.strip()
    reconnect_s = reconnect_time_s("ble", rest, query, RECONNECT_S)
    if not target:
        raise TransportSpecError(
            "ble: names no insole; use ble:ADDRESS or ble:NAME, which 'solekit scan' lists"
        )
    is_address = bool(_ADDRESS.fullmatch(target) or _UUID.fullmatch(target))
    if not is_address and (re.fullmatch(r"[0-9A-Fa-f:-]*:[0-9A-Fa-f:-]*", target)):
        raise TransportSpecError(
            f"ble:{rest}: {target!r} is no address; one is like ble:F0:5E:12:34:56:78"
        )
    if not target.isprintable() or len(target.encode()) > 248:
        raise TransportSpecError(f"ble:{rest}: {target!r} is no name of a Bluetooth device")
    return {"": BleTransport(target, reconnect_s=reconnect_s)}


@dataclass(frozen=True)
class Advertised:
    """An insole that advertises: what it says of itself, and how well it is heard."""

    address: str
    name: str
    side: str
    serial: str
    is_pairing: bool  # its pairing window is open
    is_battery_low: bool
    rssi_dbm: int
    is_paired: bool | None  # with this computer; None where the system does not tell


async def discover(duration_s: float = 4.0) -> list[Advertised]:
    """Return the insoles that advertise within ``duration_s``; TransportError without radio."""
    from bleak import BleakScanner

    with _explained("ble"):
        async with _radio():
            found = await BleakScanner.discover(
                duration_s, return_adv=True, service_uuids=[gatt.SERVICE]
            )
    insoles = [_advertised(device, data) for device, data in found.values()]
    return sorted(insoles, key=lambda one: (one.name, one.address))


def _advertised(device: BLEDevice, data: AdvertisementData) -> Advertised:
    told = data.manufacturer_data.get(gatt.COMPANY, b"")
    flags = told[1] if len(told) > 1 else 0
    return Advertised(
        address=device.address,
        name=data.local_name or device.name or "",
        side=SIDES[told[0]] if told and told[0] < len(SIDES) else "",
        serial=told[2:].decode("ascii", "replace"),
        is_pairing=bool(flags & gatt.FLAG_PAIRING),
        is_battery_low=bool(flags & gatt.FLAG_LOW_BATTERY),
        rssi_dbm=data.rssi,
        is_paired=_is_paired(device),
    )


_radios: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
    weakref.WeakKeyDictionary()
)


def _radio() -> asyncio.Lock:
    """Return the lock under which this program scans and connects: stacks do one at a time."""
    return _radios.setdefault(asyncio.get_running_loop(), asyncio.Lock())


def _troubles() -> tuple[type[BaseException], ...]:
    """Return what bleak raises when something fails that is no mistake of ours."""
    from bleak.exc import BleakError

    return (BleakError, TimeoutError, OSError, EOFError)


@contextlib.contextmanager
def _explained(uri: str):
    """Let the troubles of bleak come out as TransportError."""
    try:
        yield
    except _troubles() as error:
        raise TransportError(f"{uri}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    from bleak.exc import BleakBluetoothNotAvailableError

    text = str(error) or type(error).__name__
    if isinstance(error, (BleakBluetoothNotAvailableError, FileNotFoundError)):
        return f"this computer has no Bluetooth that is switched on ({text})"
    if "AuthenticationFailed" in text or "Not paired" in text:
        return f"{_REFUSED}; an old pairing with it must be removed from this computer ({text})"
    if isinstance(error, TimeoutError):
        return "it did not answer in time; is it near, and not in use by another program?"
    return text


def _is_paired(device: BLEDevice) -> bool | None:
    """Return whether the computer had a bond with ``device`` when it was found; None: unknown."""
    # Only BlueZ tells this with what it finds.
    details = getattr(device, "details", None)
    if isinstance(details, dict) and isinstance(details.get("props"), dict):
        return bool(details["props"].get("Paired", False))
    return None


class BleTransport:
    """Messages of one insole over Bluetooth; ``target`` is its address or its name."""

    duration_s = float("inf")
    is_message_based = True

    def __init__(self, target: str, *, reconnect_s: float = RECONNECT_S) -> None:
        self.uri = f"ble:{target}"
        self.clock = WallClock()
        self.target = target
        self.n_reconnects = 0
        self.away_since_s: float | None = None  # since when the link is being made again
        self.n_duplicates = 0  # pieces that came twice in a row: see take
        self.n_overflowed = 0  # data messages that a slow reader left no room for
        self.reconnect_s = reconnect_s
        self._client: BleakClient | None = None
        self._gone = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._sending = asyncio.Lock()  # the pieces of two messages must not mix
        self._tag = 0
        self._n_dropped = 0
        self._assemblers: dict[str, Assembler] = {}
        self._last: dict[str, bytes] = {}
        self._queue: asyncio.Queue[tuple[float, bytes] | ConnectionLostError | None] = (
            asyncio.Queue()
        )

    @property
    def n_dropped(self) -> int:
        """Messages that arrived in pieces of which one was missing."""
        return self._n_dropped + sum(one.n_dropped for one in self._assemblers.values())

    @property
    def is_connected(self) -> bool:
        """Whether the link stands at this moment."""
        return self._client is not None

    async def open(self) -> None:
        """Find the insole, connect, pair where it is not yet, and subscribe."""
        if self._keeper is not None:
            raise TransportError(f"{self.uri} is open already; close it first")
        self._queue = asyncio.Queue()
        with _explained(self.uri):
            await self._connect()
        self._keeper = asyncio.create_task(self._keep(), name=f"solekit keep {self.uri}")

    async def _connect(self) -> None:
        from bleak import BleakClient

        async with _radio():
            device = await self._find()
            gone = self._gone = asyncio.Event()
            client = BleakClient(
                device,
                disconnected_callback=lambda _: gone.set(),
                timeout=CONNECT_TIMEOUT_S,
            )
            await client.connect()
        try:
            # macOS pairs by itself as soon as something encrypted is touched.
            with contextlib.suppress(NotImplementedError):
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    await client.pair()
            self.expect()
            for uuid in _SUBSCRIBED:
                await self._subscribe(client, uuid)
        except BaseException as error:
            was_refused = gone.is_set() and _is_paired(device) is False
            if was_refused:  # this computer's half of a bond that the insole did not keep
                with contextlib.suppress(NotImplementedError, *_troubles()):
                    await client.unpair()
            with contextlib.suppress(*_troubles()):
                await client.disconnect()
            if was_refused and isinstance(error, _troubles()):
                raise TransportError(f"{self.uri}: {_REFUSED}") from error
            raise
        self._client = client

    async def _find(self) -> BLEDevice:
        from bleak import BleakScanner

        heard: set[str] = set()
        wanted = self.target.replace("-", ":").upper(), self.target.upper()

        def is_it(device: BLEDevice, data: AdvertisementData) -> bool:
            name = data.local_name or device.name or ""
            heard.add(f"ble:{name or device.address}")
            return device.address.upper() in wanted or name == self.target

        device = await BleakScanner.find_device_by_filter(
            is_it, SCAN_S, service_uuids=[gatt.SERVICE]
        )
        if device is None:
            others = f"; heard: {', '.join(sorted(heard))}" if heard else ""
            raise TransportError(
                f"{self.uri}: no such insole advertises here; is it on, near, and not in use by "
                f"another program?{others}"
            )
        return device

    async def _subscribe(self, client: BleakClient, uuid: str) -> None:
        def take(_: Any, value: bytearray) -> None:
            self.take(uuid, bytes(value))

        # BlueZ has two ways. AcquireNotify loses values when the reader is slow; StartNotify
        # keeps them, but may emit each several times after a drop, which is harmless here.
        await client.start_notify(uuid, take, bluez={"use_start_notify": True})

    def expect(self) -> None:
        """Begin with the first piece of a message: what was open belongs to another link."""
        self._n_dropped = self.n_dropped
        self._assemblers = {uuid: Assembler() for uuid in _SUBSCRIBED}
        self._last.clear()

    def take(self, uuid: str, piece: bytes) -> None:
        """Take one notification or indication."""
        if piece == self._last.get(uuid):
            # Two pieces in a row are never equal, as their tags and indices differ.
            self.n_duplicates += 1
            return
        self._last[uuid] = piece
        message = self._assemblers[uuid].feed(piece)
        if message is None:
            return
        if uuid != gatt.CTRL and self._queue.qsize() >= MAX_WAITING:
            self.n_overflowed += 1
        else:
            self._queue.put_nowait((self.clock.now_s(), message))

    async def _keep(self) -> None:
        """Connect again whenever the link has gone, until that takes too long."""
        loop = asyncio.get_running_loop()
        while True:
            await self._gone.wait()
            self.away_since_s = self.clock.now_s()
            client, self._client = self._client, None
            if client is not None:  # it holds on to its connection to the system's Bluetooth
                with contextlib.suppress(*_troubles()):
                    await client.disconnect()
            give_up_s = loop.time() + self.reconnect_s
            wait_s = FIRST_WAIT_S
            reason = "the link has gone"
            while self._client is None:
                pause_s = wait_s * (0.75 + 0.5 * random.random())
                if loop.time() + pause_s > give_up_s:
                    text = f"{reason}; no new link within {self.reconnect_s:g} s"
                    self.lose(text)
                    return
                await asyncio.sleep(pause_s)
                wait_s = min(2 * wait_s, LAST_WAIT_S)
                try:
                    await self._connect()
                except TransportError as error:
                    reason = str(error)
                except _troubles() as error:
                    reason = _reason(error)
            self.n_reconnects += 1
            self.away_since_s = None

    def lose(self, reason: str) -> None:
        """Let the reading end with a lost connection."""
        self._queue.put_nowait(ConnectionLostError(self.uri, reason))

    async def send(self, data: bytes) -> None:
        """Send one message; between two links it is dropped, as who waits for an answer asks on.

        ValueError if ``data`` is no message's length.
        """
        keeper = self._keeper
        if keeper is None or keeper.done():
            raise ConnectionLostError(self.uri, "it is closed")
        async with self._sending:
            client = self._client
            if client is None or self._gone.is_set():
                return
            characteristic = client.services.get_characteristic(gatt.CTRL)
            if characteristic is None:
                return
            self._tag += 1
            # The one public word of the MTU that is right on every platform.
            mtu = characteristic.max_write_without_response_size + 3
            with contextlib.suppress(*_troubles()):
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    for piece in split(data, self._tag, mtu):
                        await client.write_gatt_char(characteristic, piece, response=True)

    async def close(self) -> None:
        """Unsubscribe and disconnect."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(*_troubles()):
                for uuid in _SUBSCRIBED:  # BlueZ would go on for a program that has left
                    await client.stop_notify(uuid)
            with contextlib.suppress(*_troubles()):
                await client.disconnect()
        self._queue.put_nowait(None)

    async def __aiter__(self) -> AsyncGenerator[tuple[float, bytes], None]:
        while self._keeper is not None:
            item = await self._queue.get()
            if item is None:
                return
            if isinstance(item, ConnectionLostError):
                raise item
            yield item
