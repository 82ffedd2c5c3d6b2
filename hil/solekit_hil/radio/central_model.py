"""The central at the far end of a ``bluetooth_model``: a computer or phone in virtual time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from solecore.wire import gatt
from solecore.wire.fragments import Assembler, split
from solekit_hil.radio.bluetooth_model import (
    BONDS,
    BTSTACK_SECRET,
    CONNECT,
    ENCRYPTION,
    GET_SECRET,
    INDICATE_FLAG,
    MTU,
    NOTIFY_FLAG,
    OUR_SECRET,
    PEER_SECRET,
    SET_SECRET,
    Radio,
)

LEAST_MTU = 23


@dataclass
class Central:
    """A computer or phone: connects, pairs, writes requests in pieces, hears what comes."""

    radio: Radio
    name: str = "central"
    mtu_wanted: int = 247
    bonds: bool = True  # asks for a bond when it pairs
    tells_first: bool = False  # the stack tells of the encryption before it stores the keys
    key_size: int = 16
    confirms: bool = True  # indications
    on_message: Callable[[int, str, bytes], None] | None = None  # time, characteristic, message

    mtu: int = LEAST_MTU
    is_near: bool = True  # else no connection event takes place
    is_encrypted: bool = False
    owes_confirmation: bool = False
    key: bytes = b""  # of the bond, as this end keeps it
    n_pieces: int = 0
    writes: deque[tuple[int, bytes]] = field(default_factory=deque)
    subscribed: set[int] = field(default_factory=set)
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    _assemblers: dict[int, Assembler] = field(default_factory=dict)
    _tag: int = 0

    @property
    def address(self) -> bytes:
        """Six bytes that follow from the name."""
        return self.name.encode()[-6:].rjust(6, b"\xf0")

    @property
    def is_connected(self) -> bool:
        """Whether this end has the connection."""
        return self.radio.central is self

    @property
    def n_dropped(self) -> int:
        """Messages of this connection of which a piece was missing."""
        return sum(one.n_dropped for one in self._assemblers.values())

    def connect(self) -> bool:
        """Connect, agree on the MTU, subscribe; False where nobody advertises."""
        radio = self.radio
        if radio.central is not None or radio.advertised is None:
            return False
        radio.advertised = None
        radio.central = self
        radio.tell(CONNECT, radio.conn, 1, self.address)
        if self.mtu_wanted > LEAST_MTU:
            self.agree(self.mtu_wanted)
        self.subscribed = {
            handle
            for handle, one in radio.table.items()
            if one.flags & (NOTIFY_FLAG | INDICATE_FLAG)
        }
        return True

    def agree(self, mtu: int) -> None:
        """Exchange the MTU."""
        self.mtu = min(mtu, self.radio.settings["mtu"])
        self.radio.tell(MTU, self.radio.conn, self.mtu)

    def pair(self) -> bool:
        """Pair by Secure Connections; return whether the insole has kept the bond."""
        radio = self.radio
        key = self.name.encode().ljust(16, b"k") + b"%d" % len(self.key)
        self.is_encrypted = True
        if self.tells_first:
            self._tell_encrypted()
        is_kept = self.bonds
        for kind, place, value in self._secrets(key) if self.bonds else ():
            is_kept = bool(radio.tell(SET_SECRET, kind, place, value)) and is_kept
        self.key = key if self.bonds else b""  # this end keeps it in any case
        if not self.tells_first and self.is_connected:
            self._tell_encrypted()
        return is_kept

    def _secrets(self, key: bytes) -> list[tuple[int, bytes, bytes]]:
        address = b"\1" + self.address
        if self.radio.is_bounded:
            return [(kind, address, key) for kind in (OUR_SECRET, PEER_SECRET)]
        found = {place: self._kept(place) for place in BONDS}
        same = [place for place, value in found.items() if value[:7] == address]
        free = [place for place, value in found.items() if not value]
        return [(BTSTACK_SECRET, (same + free + [BONDS[0]])[0], address + key)]

    def _kept(self, place: bytes) -> bytes:
        return self.radio.tell(GET_SECRET, BTSTACK_SECRET, 0, place) or b""

    def _tell_encrypted(self) -> None:
        self.radio.tell(ENCRYPTION, self.radio.conn, 1, 0, int(self.bonds), self.key_size)

    def encrypt(self) -> bool:
        """Encrypt by the bond; False if the insole does not know it."""
        address = b"\1" + self.address
        if self.radio.is_bounded:
            kept = self.radio.tell(GET_SECRET, OUR_SECRET, 0, address)
        else:
            values = [self._kept(place) for place in BONDS]
            kept = next((value[7:] for value in values if value[:7] == address), None)
        if not self.key or kept != self.key:
            return False
        self.is_encrypted = True
        self._tell_encrypted()
        return True

    def write(self, message: bytes) -> None:
        """Queue a request to CTRL, in pieces; one leaves with each connection event."""
        if self.is_connected:
            self._tag += 1
            handle = self.radio.handle_of(gatt.CTRL)
            self.writes.extend((handle, one) for one in split(message, self._tag & 255, self.mtu))

    def hear(self, handle: int, piece: bytes) -> None:
        """Take one notification or indication."""
        self.n_pieces += 1
        message = self._assemblers.setdefault(handle, Assembler()).feed(piece)
        if message is not None:
            uuid = next(
                (one for one in (gatt.DATA, gatt.CTRL, gatt.LOG) if self._is(handle, one)), ""
            )
            self.messages.append((uuid, message))
            if self.on_message is not None:
                self.on_message(self.radio.now_us, uuid, message)

    def _is(self, handle: int, uuid: str) -> bool:
        return self.radio.table[handle].uuid == uuid.replace("-", "")

    def disconnect(self) -> None:
        """Leave."""
        if self.is_connected:
            self.radio.drop()

    def forget(self) -> None:
        """Begin anew with the next connection; the bond stays."""
        self.mtu = LEAST_MTU
        self.is_encrypted = self.owes_confirmation = False
        self.writes.clear()
        self.subscribed = set()
        self._assemblers = {}
