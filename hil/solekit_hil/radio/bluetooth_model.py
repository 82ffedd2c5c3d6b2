"""MicroPython's ``bluetooth`` in virtual time; at its far end is a ``central_model``.

A ``Radio`` stands in the place of the module. Nothing happens by itself: ``advance`` moves its
time, connection event by connection event. Modelled are the traps of the two stacks: NimBLE has a
bounded number of buffers and raises ENOMEM when they are out, BTstack copies and queues without
end; both cut off silently what is longer than the MTU allows, and notify whoever is connected,
subscribed or not. Not modelled: loss on the air (the link layer repeats), the central's half.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from solecore.wire import gatt

if TYPE_CHECKING:
    from solekit_hil.radio.central_model import Central

CONNECT, DISCONNECT, WRITE, DONE, MTU, ENCRYPTION = 1, 2, 3, 20, 21, 28
GET_SECRET, SET_SECRET = 29, 30
OUR_SECRET, PEER_SECRET, BTSTACK_SECRET = 1, 2, 0
OWN_KEYS = (b"SMER", b"SMIR")  # BTstack's own, asked for as it starts
BONDS = tuple(b"BTD%d" % i for i in range(4))  # and its places for bonds
NOTIFY_FLAG, INDICATE_FLAG, ENCRYPTED_FLAG = 0x10, 0x20, 0x1000
PACKET_OVERHEAD = 7  # bytes of L2CAP and ATT around a value
LONGEST_PACKET = 251
BUFFERS = 36  # NimBLE's blocks in the ESP-IDF defaults; each holds a notification
BYTES_PER_S = 25_000  # hardware.md, section 9: what MicroPython keeps up per insole, an estimate
_FIRST_HANDLE = 16
_FAILED = 7  # NimBLE's status of an indication that a lost connection has ended


class UUID:
    """A 16-bit or a 128-bit UUID."""

    def __init__(self, value: int | str) -> None:
        self.digits = f"{value:04x}" if isinstance(value, int) else value.replace("-", "")
        if len(self.digits) not in (4, 32):
            raise ValueError("invalid UUID")


@dataclass
class Characteristic:
    """One value of the table, and what a central may do with it."""

    uuid: str
    flags: int
    data: bytes = b""
    room: int = 20


@dataclass
class _Packet:
    handle: int
    data: bytes
    is_indication: bool


class Radio:
    """The module, the one radio of its board and the air around it, as seen from the board.

    ``bytes_per_event`` pass upwards in one connection event (0: nobody reads), None stands for
    what the estimate of hardware.md leaves; one write passes downwards.
    """

    UUID = UUID

    def __init__(
        self,
        *,
        stack: str = "nimble",
        interval_us: int = 30_000,
        bytes_per_event: int | None = None,
        n_buffers: int = BUFFERS,
    ) -> None:
        self.is_bounded = stack == "nimble"
        self.interval_us = interval_us
        if bytes_per_event is None:
            bytes_per_event = BYTES_PER_S * interval_us // 1_000_000
        self.bytes_per_event = bytes_per_event
        self.n_buffers = n_buffers
        self.n_refusals = 0  # so many of the next calls find no buffer
        self.is_checking = True  # the stack refuses what the characteristic's flags forbid
        self.now_us = 0
        self.queue: deque[_Packet] = deque()
        self.max_queue_bytes = 0
        self.n_refused = 0  # calls that found no buffer
        self.table: dict[int, Characteristic] = {}
        self.advertised: tuple[int, bytes, bytes] | None = None  # interval, data, response
        self.settings: dict[str, Any] = {"mtu": 256}
        self.central: Central | None = None
        self.conn = 63
        self.is_on = False
        self._is_indicated = False  # an indication waits for its confirmation
        self._credit = 0
        self._handler: Callable[[int, tuple], Any] | None = None

    def BLE(self) -> Radio:  # noqa: N802 - MicroPython's name
        """Return the one radio."""
        return self

    @property
    def queue_bytes(self) -> int:
        """Bytes that the stack holds on the heap for the central."""
        return sum(len(packet.data) for packet in self.queue)

    def handle_of(self, uuid: str) -> int:
        """Return the value handle of ``uuid`` (128 bits with dashes, or 4 digits)."""
        digits = uuid.replace("-", "")
        return next(handle for handle, one in self.table.items() if one.uuid == digits)

    # -- what MicroPython documents --

    def active(self, on: bool | None = None) -> bool:
        """Return whether the radio is on, after switching it if asked."""
        if on is not None and on != self.is_on:
            self.is_on = on
            if on and not self.is_bounded:
                for key in OWN_KEYS:
                    if self.tell(GET_SECRET, BTSTACK_SECRET, 0, key) is None:
                        self.tell(SET_SECRET, BTSTACK_SECRET, key, bytes(16))
            if not on:
                self.advertised = None
                self.drop()
        return self.is_on

    def config(self, *names: str, **values: Any) -> Any:
        """Return one setting by name, or set some."""
        if names:
            return self.settings[names[0]]
        known = ("mtu", "gap_name", "rxbuf", "addr_mode", "bond", "mitm", "io", "le_secure")
        for name, value in values.items():
            if name not in known:
                raise ValueError("unknown config param")
            if name == "mtu":
                self._need_power()
            self.settings[name] = value
        return None

    def irq(self, handler: Callable[[int, tuple], Any] | None) -> None:
        """Let ``handler(event, data)`` know what happens."""
        self._handler = handler

    def gap_advertise(
        self, interval_us: int | None, adv_data: Any = None, *, resp_data: Any = None
    ) -> None:
        """Advertise every ``interval_us``; None ends it."""
        self._need_power()
        if interval_us is None:
            self.advertised = None
            return
        data, response = bytes(adv_data or b""), bytes(resp_data or b"")
        if len(data) > 31 or len(response) > 31:
            raise OSError(errno.EINVAL)
        self.advertised = interval_us, data, response

    def gap_disconnect(self, conn: int) -> bool:
        """End a connection; False if there is none."""
        self._need_power()
        if self.central is None or conn != self.conn:
            return False
        self.drop()
        return True

    def gatts_register_services(self, services: Any) -> tuple:
        """Replace all services; return the value handles of each."""
        self._need_power()
        self.table = {}
        handle = _FIRST_HANDLE
        handles = []
        for _, characteristics in services:
            of_service = []
            handle += 1
            for uuid, flags in characteristics:
                handle += 2
                self.table[handle] = Characteristic(uuid.digits, flags)
                of_service.append(handle)
                if flags & (NOTIFY_FLAG | INDICATE_FLAG):
                    handle += 1  # the CCCD
            handles.append(tuple(of_service))
        return tuple(handles)

    def gatts_read(self, handle: int) -> bytes:
        """Return the value."""
        return self.table[handle].data

    def gatts_write(self, handle: int, data: Any, send_update: bool = False) -> None:
        """Set the value that the far end reads."""
        one = self.table[handle]
        one.data = bytes(data)
        one.room = max(one.room, len(data))
        if send_update and self.central is not None and handle in self.central.subscribed:
            self.gatts_notify(self.conn, handle, data)

    def gatts_set_buffer(self, handle: int, room: int, append: bool = False) -> None:
        """Let the value hold ``room`` bytes; those of several writes are not collected here."""
        assert not append
        self.table[handle].room = room

    def gatts_notify(self, conn: int, handle: int, data: Any) -> None:
        """Notify, whether the far end has subscribed or not."""
        self._put(conn, handle, data, is_indication=False)

    def gatts_indicate(self, conn: int, handle: int, data: Any) -> None:
        """Indicate; the confirmation is told later."""
        if self._is_indicated:
            raise OSError(errno.EALREADY)
        self._put(conn, handle, data, is_indication=True)
        self._is_indicated = True

    def _put(self, conn: int, handle: int, data: Any, *, is_indication: bool) -> None:
        self._need_power()
        if self.central is None or conn != self.conn:
            raise OSError(errno.ENOTCONN)
        if self.n_refusals:
            self.n_refusals -= 1
            self.n_refused += 1
            raise OSError(errno.ENOMEM)
        if self.is_bounded and len(self.queue) >= self.n_buffers:
            self.n_refused += 1
            raise OSError(errno.ENOMEM)
        value = bytes(data)[: self.central.mtu - 3]  # longer ones are cut without a word
        self.queue.append(_Packet(handle, value, is_indication))
        self.max_queue_bytes = max(self.max_queue_bytes, self.queue_bytes)

    def _need_power(self) -> None:
        if not self.is_on:
            raise OSError(errno.ENODEV)

    # -- the air --

    def tell(self, event: int, *data: Any) -> Any:
        """Let the program know; return what it answers."""
        return self._handler(event, data) if self._handler is not None else None

    def drop(self) -> None:
        """End the connection: what the stack still held is lost."""
        central, self.central = self.central, None
        if central is None:
            return
        self.queue.clear()
        self._credit = 0
        if self._is_indicated and self.is_bounded:
            self.fail_indication()
        self._is_indicated = False
        central.forget()
        self.tell(DISCONNECT, self.conn, 1, central.address)

    def fail_indication(self) -> None:
        """Give up the indication under way, as NimBLE does."""
        self._is_indicated = False
        self.tell(DONE, self.conn, self.handle_of(gatt.CTRL), _FAILED)

    def advance(self, to_us: int) -> None:
        """Move time on to ``to_us``, through the connection events on the way."""
        event_us = (self.now_us // self.interval_us + 1) * self.interval_us
        while event_us <= to_us:
            self.now_us = event_us
            if self.central is not None and self.central.is_near:
                self._event(self.central)
            event_us += self.interval_us
        self.now_us = to_us

    def _event(self, central: Central) -> None:
        """Let one connection event pass: one write down, what fits up."""
        if self._is_indicated and central.owes_confirmation:
            central.owes_confirmation = False
            self._is_indicated = False
            self.tell(DONE, self.conn, self.handle_of(gatt.CTRL), 0)
        if central.writes:
            self.take(*central.writes.popleft())
        most = max(self.bytes_per_event, LONGEST_PACKET) if self.bytes_per_event else 0
        self._credit = min(self._credit + self.bytes_per_event, most)
        while self.queue and self.central is central:
            size = len(self.queue[0].data) + PACKET_OVERHEAD
            if size > self._credit:
                return
            self._credit -= size
            packet = self.queue.popleft()
            central.owes_confirmation |= packet.is_indication and central.confirms
            central.hear(packet.handle, packet.data)

    def take(self, handle: int, data: bytes) -> bool:
        """Take what the central writes; False if the stack refuses that."""
        one = self.table[handle]
        central = self.central
        is_open = central is not None and central.is_encrypted
        if self.is_checking and one.flags & ENCRYPTED_FLAG and not is_open:
            return False
        one.data = data[: one.room]
        self.tell(WRITE, self.conn, handle)
        return True
