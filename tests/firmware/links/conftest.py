"""What tests of the radio share: the link on a modelled stack, and a central that talks to it."""

from collections.abc import Callable

import pytest

from solecore.wire import gatt
from solecore.wire import messages as m
from solefoot.links.ble import BleLink
from solekit_hil.radio.bluetooth_model import Radio
from solekit_hil.radio.central_model import Central

TURN_US = 1000
TICKS_AT_START = (1 << 30) - 2_000_000  # they wrap while a test runs


class Memory:
    """What outlives a restart."""

    def __init__(self) -> None:
        self.values: dict[str, dict] = {}
        self.n_puts = 0

    def get(self, name, default=None):
        return self.values.get(name, default)

    def put(self, name, value):
        self.n_puts += 1
        self.values[name] = value


class Desk:
    """A link, its radio and one central, in steps of a millisecond."""

    def __init__(self, *, store=None, side=0, fitness=False, pairs=True, mtu=247, **radio) -> None:
        self.store = store or Memory()
        self.radio = Radio(**radio)
        self.link = BleLink(
            self.radio, self, self.store, 2, side, 5, "SOLE-0001\0grid\x001.0\0plain", fitness
        )
        self.heard: list[bytes] = []
        self.central = Central(self.radio, "owner", mtu_wanted=mtu)
        if pairs:
            self.link.open_pairing(60_000_000)
            self.turn()
            assert self.central.connect()
            assert self.central.pair()
            self.turn()

    def ticks_us(self) -> int:
        return (TICKS_AT_START + self.radio.now_us) & m.TICKS_MASK

    def turn(self, n: int = 1) -> None:
        """Let ``n`` milliseconds pass."""
        for _ in range(n):
            self.radio.advance(self.radio.now_us + TURN_US)
            self.heard += self.link.poll()

    def say(self, message: bytes) -> bool:
        return self.link.send(bytearray(message + bytes(4)), len(message))

    def insist(self, message: bytes, patience: int = 2000) -> None:
        """Send as an App does: again at every turn until it is taken."""
        for _ in range(patience):
            if self.say(message):
                return
            self.turn()
        raise AssertionError(f"the link took nothing for {patience} turns")

    def came(self, uuid: str = gatt.DATA) -> list[bytes]:
        return [message for place, message in self.central.messages if place == uuid]


@pytest.fixture(scope="session")
def make_desk() -> Callable[..., Desk]:
    """Return the class of a desk."""
    return Desk


@pytest.fixture
def make_store() -> type[Memory]:
    """Return the class of a store."""
    return Memory


@pytest.fixture
def data() -> Callable[..., bytes]:
    """Return ``make(seq, n)``, a data message of ``n`` bytes in all."""

    def make(seq: int, n: int = 300) -> bytes:
        head = bytes((m.FRAME_CODED8.msg_id, 7, 0, 0)) + seq.to_bytes(4, "little") + bytes(6)
        return head + bytes((seq * 7 + i * 31) & 255 for i in range(n - len(head)))

    return make


@pytest.fixture
def reply() -> Callable[..., bytes]:
    """Return ``make(ref, n)``, a reply of ``n`` bytes in all."""

    def make(ref: int, n: int = 40) -> bytes:
        return bytes((m.STATS_REPLY.msg_id, ref)) + bytes((ref + i) & 255 for i in range(n - 2))

    return make
