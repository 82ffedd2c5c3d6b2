"""``sim:walk?air=ble``: feet with the firmware's own radio link, in the world's virtual time."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable
from typing import Any

from solecore.wire.messages import PROTOCOL_VERSION, TICKS_MASK
from solefoot.links.ble import BleLink
from solekit import numpy_kernels
from solekit.errors import TransportSpecError
from solekit_hil.board.foot import SERVE, VirtualFoot, settings_from
from solekit_hil.feet import Step, open_log, open_update
from solekit_hil.radio.air import Faults
from solekit_hil.radio.bluetooth_model import Radio
from solekit_hil.radio.central_model import Central

TURN_US = 5_000  # of the firmware between two frames; a real one takes a turn each millisecond
SUPERVISION_US = 4_000_000  # of silence, after which both ends give a connection up
FIND_US = 400_000  # from the end of a cut until the computer has heard and connected
ENCRYPT_EVENTS = 6  # connection events that pass until the bond is in use
PAIRING_US = 10_000_000


class Keys:
    """The bonds of one foot."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value kept under ``name``."""
        return self._values.get(name, default)

    def put(self, name: str, value: Any) -> None:
        """Keep ``value``."""
        self._values[name] = value


class BleFoot:
    """A foot whose App talks over ``BleLink``; ``true_us`` turns its time into the world's.

    ``cuts`` holds spans of true microseconds in which nothing passes. A cut longer than the
    supervision timeout ends the connection; when it is over the computer finds the insole, and
    encrypts with the bond that it made at the start.
    """

    def __init__(
        self,
        spec: dict[str, Any],
        geometry: array,
        calibration: array,
        *,
        true_us: Callable[[float], float],
        stack: str,
        mtu: int,
        interval_us: int,
        cut: tuple[float, float] | None,
    ) -> None:
        settings = settings_from(spec, geometry, calibration)
        kernels = (numpy_kernels, "numpy", True)
        self.radio = Radio(stack=stack, interval_us=interval_us)
        about = "\0".join((settings.serial, settings.geometry.name, settings.firmware, kernels[1]))

        def make_link(clock: Any) -> BleLink:
            side, features = settings.side, settings.features
            return BleLink(self.radio, clock, Keys(), PROTOCOL_VERSION, side, features, about)

        self.foot = VirtualFoot(
            settings,
            spec["ticks"],
            kernels,
            log=open_log(spec),
            extras=open_update(spec),
            make_link=make_link,
        )
        self.cuts = [(round(cut[0] * 1e6), cut[1] * 1e6)] if cut is not None else []
        self.n_reconnects = 0
        self._true_us = true_us
        self._begins_us: float = 0  # of the connection: what of it is still to come
        self._encrypts_us: float | None = None
        self._arrived: list[tuple[int, int, bytes]] = []
        self._n = 0
        self._foot_us: int | None = None
        self.central = Central(self.radio, mtu_wanted=mtu, on_message=self._hear)
        self.link: Any = self.foot.app.link
        self.link.open_pairing(PAIRING_US)
        self.central.connect()
        self.central.pair()

    def _hear(self, t_us: int, _: str, message: bytes) -> None:
        heapq.heappush(self._arrived, (t_us, self._n, message))
        self._n += 1

    def put(self, _: int, message: bytes) -> None:
        """Write a request; between two connections it is lost."""
        if self.central.is_encrypted:
            self.central.write(message)

    def take(self, until_us: int) -> list[tuple[int, bytes]]:
        """Return ``(t_us, message)`` of all that the computer has heard by ``until_us``."""
        out = []
        while self._arrived and self._arrived[0][0] <= until_us:
            t_us, _, message = heapq.heappop(self._arrived)
            out.append((t_us, message))
        return out

    def run(self, steps: list[Step]) -> list[bytes]:
        """Take ``steps``, and turns of the link between them; what is sent comes by ``take``."""
        foot = self.foot
        for kind, us, payload in steps:
            at_us = us if self._foot_us is None else self._foot_us
            while at_us + TURN_US < us:
                at_us += TURN_US
                self._pass(at_us)
                foot.step(SERVE, at_us & TICKS_MASK, b"")
            self._pass(us)
            foot.step(kind, us & TICKS_MASK, payload)
            self._foot_us = us
        return [b""] * len(steps)

    def _pass(self, foot_us: int) -> None:
        """Let the radio's time pass up to ``foot_us``, at most a turn."""
        now_us = max(self.radio.now_us, int(self._true_us(foot_us)))
        cut = next(((a, b) for a, b in self.cuts if a <= now_us < b), None)
        self.central.is_near = cut is None
        if cut is not None:
            if self.central.is_connected and now_us - cut[0] >= SUPERVISION_US:
                self.central.disconnect()
            self._begins_us = cut[1] + FIND_US
        elif not self.central.is_connected:
            self._come_back(now_us)
        if self._encrypts_us is not None and now_us >= self._encrypts_us and cut is None:
            self._encrypts_us = None
            if self.central.is_connected:
                self.central.encrypt()
        self.radio.advance(now_us)

    def _come_back(self, now_us: float) -> None:
        if now_us < self._begins_us:
            return
        self._begins_us = now_us + FIND_US
        if self.central.connect():
            self.n_reconnects += 1
            self._encrypts_us = now_us + ENCRYPT_EVENTS * self.radio.interval_us

    def close(self) -> None:
        """Nothing to free."""


class Downlink:
    """The way to the foot, which the radio delivers by itself."""

    def __init__(self, foot: BleFoot) -> None:
        self.put = foot.put

    def take(self, _: int) -> list[tuple[int, bytes]]:
        """Return nothing: see ``BleFoot``."""
        return []


def check(faults: Faults) -> None:
    """Raise TransportSpecError for faults that a link layer which repeats does not have."""
    plain = Faults(cut=faults.cut)
    if faults != plain:
        raise TransportSpecError("air=ble knows the fault cut only: a radio repeats what is lost")
