"""``mpy:walk?ble=1``: real-time feet in MicroPython, reached by bleak over a virtual BlueZ."""

from __future__ import annotations

import asyncio
import tempfile
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from solekit.transports.ble import RECONNECT_S, BleTransport
from solekit.transports.virtual import Pump
from solekit_hil.radio.bluez_device import Faults
from solekit_hil.radio.foot import RadioFoot
from solekit_hil.radio.peripheral import Shape
from solekit_hil.radio.rig import Rig
from solekit_hil.uri import VirtualSpec
from solekit_hil.world import World

ADDRESSES = {"left": "F0:5E:00:00:00:01", "right": "F0:5E:00:00:00:02"}


@dataclass(frozen=True)
class RadioOptions:
    """What a virtual pair's air and stacks are like."""

    mtu: int = 517  # that the computer asks for
    stack: str = "nimble"
    shape: Shape | None = None
    faults: Faults | None = None


class RadioPair:
    """The rig and the world of a pair, started by the first foot and ended by the last."""

    def __init__(self, spec: VirtualSpec, sides: list[str], options: RadioOptions) -> None:
        self.options = options
        self.feet: dict[str, RadioFoot] = {}
        self.rig: Rig | None = None
        self.pump = Pump(lambda: World(spec, is_mpy=True, make_foot=self._make_foot))
        self.pump.is_paced = True
        self._spec = spec
        self._sides = sides
        self._store: tempfile.TemporaryDirectory[str] | None = None
        self._users: set[str] = set()
        self._lock = asyncio.Lock()

    def _make_foot(
        self, side: str, fields: dict[str, Any], tables: tuple[array, array], heap_kb: int
    ) -> RadioFoot:
        assert self.rig is not None
        assert self._store is not None
        store = Path(self._store.name) / side
        store.mkdir(exist_ok=True)
        address = ADDRESSES[side]
        foot = self.feet[side] = RadioFoot(
            fields,
            *tables,
            port=self.rig.ports[address],
            address=address,
            store=store,
            bits=self._spec.bits,
            heap_kb=heap_kb,
            stack=self.options.stack,
        )
        return foot

    async def open(self, side: str) -> None:
        """Let ``side`` take part."""
        async with self._lock:
            if self.rig is None:
                self._store = tempfile.TemporaryDirectory(prefix="solekit-feet-")
                rig = Rig(
                    [ADDRESSES[one] for one in self._sides],
                    mtu=self.options.mtu,
                    faults=self.options.faults,
                    shape=self.options.shape,
                )
                await rig.__aenter__()
                self.rig = rig
            self._users.add(side)
            try:
                await self.pump.open(side)
            except BaseException:
                await self._leave(side)
                raise
            self.feet[side].press_button()

    async def close(self, side: str) -> None:
        """Leave; the last one ends everything."""
        async with self._lock:
            if side in self._users:
                await self._leave(side)

    async def _leave(self, side: str) -> None:
        await self.pump.close(side)
        self._users.discard(side)
        if not self._users and self.rig is not None:
            rig, self.rig = self.rig, None
            await rig.__aexit__()
            assert self._store is not None
            self._store.cleanup()
            self.feet.clear()


class VirtualBleTransport(BleTransport):
    """A Bluetooth transport whose far end is a virtual foot with a radio."""

    def __init__(
        self, uri: str, side: str, pair: RadioPair, *, reconnect_s: float = RECONNECT_S
    ) -> None:
        super().__init__(ADDRESSES[side], reconnect_s=reconnect_s)
        self.uri = uri
        self.side = side
        self.pair = pair

    async def open(self) -> None:
        """Start the foot, then connect as to a real one."""
        await self.pair.open(self.side)
        try:
            await super().open()
        except BaseException:
            await self.pair.close(self.side)
            raise

    async def close(self) -> None:
        """Disconnect, then end the foot."""
        await super().close()
        await self.pair.close(self.side)


