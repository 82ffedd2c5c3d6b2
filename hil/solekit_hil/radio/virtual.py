"""``mpy:walk?ble=1``: real-time feet in MicroPython, reached by bleak over a virtual BlueZ."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

from solekit.errors import SolekitError, TransportError, TransportSpecError
from solekit.transports.ble import RECONNECT_S, BleTransport
from solekit.transports.virtual import Pump
from solekit_hil.radio.air import Faults as AirFaults
from solekit_hil.radio.bluez_device import Faults
from solekit_hil.radio.foot import RadioFoot
from solekit_hil.radio.peripheral import Shape
from solekit_hil.radio.rig import Rig
from solekit_hil.uri import VirtualSpec
from solekit_hil.world import World

# What takes heap here beside the app of a cable: the radio link, and the shim in place of a stack.
RADIO_KB = 60
NO_FAULTS = AirFaults()
ADDRESSES = {"left": "F0:5E:00:00:00:01", "right": "F0:5E:00:00:00:02"}


class RadioPair:
    """The rig and the world of a pair, started by the first foot and ended by the last.

    Of the spec's faults ``loss`` and ``duplicate`` are those of values between BlueZ and bleak;
    for others, and for the ``shape`` of the air, see ``rig`` once a foot is open.
    """

    def __init__(self, spec: VirtualSpec, sides: list[str], *, shape: Shape | None = None) -> None:
        faults = spec.faults
        if replace(faults, loss=0.0, duplicate=0.0) != NO_FAULTS:
            raise TransportSpecError("ble=1 knows the faults loss and duplicate only")
        self.feet: dict[str, RadioFoot] = {}
        self.rig: Rig | None = None
        self.opens_window = True  # the button is pressed as a foot is switched on
        self.stale_notify = 1  # see bluez_device.Faults
        self.pump = Pump(lambda: World(spec, is_mpy=True, make_foot=self._make_foot))
        self.pump.is_paced = True
        self._spec = spec
        self._shape = shape
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
            heap_kb=self._spec.heap_kb or heap_kb + RADIO_KB * self._spec.bits // 32,
            stack=self._spec.stack,
        )
        return foot

    async def open(self, side: str) -> None:
        """Let ``side`` take part."""
        async with self._lock:
            if self.rig is None:
                self._store = tempfile.TemporaryDirectory(prefix="solekit-feet-")
                rig = Rig(
                    [ADDRESSES[one] for one in self._sides],
                    mtu=self._spec.mtu,
                    faults=Faults(
                        drop=self._spec.faults.loss,
                        duplicate=self._spec.faults.duplicate,
                        stale_notify=self.stale_notify,
                        seed=self._spec.seed,
                    ),
                    shape=self._shape,
                )
                await rig.__aenter__()
                self.rig = rig
            self._users.add(side)
            try:
                await self.pump.open(side)
            except BaseException:
                await self._leave(side)
                raise
            if self.opens_window:
                self.feet[side].press_button()

    async def follow(self, side: str) -> None:
        """Wait until the foot of ``side`` or its world fails, and raise that."""
        uri = f"ble:{ADDRESSES[side]}"
        async with contextlib.aclosing(self.pump.read(side, uri)) as chunks:
            async for _ in chunks:
                pass

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
        self._watcher: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start the foot, then connect as to a real one."""
        await self.pair.open(self.side)
        try:
            await super().open()
        except BaseException as error:
            foot = self.pair.feet[self.side]
            reason = foot.printed() if isinstance(error, TransportError) else ""
            await self.pair.close(self.side)
            if reason:  # a foot says nothing unless it fails
                raise TransportError(f"{self.uri}: the insole's MicroPython: {reason}") from error
            raise
        self._watcher = asyncio.create_task(self._watch(), name=f"solekit watch {self.uri}")

    async def _watch(self) -> None:
        """Tell the reader when the foot itself has failed."""
        try:
            await self.pair.follow(self.side)
        except SolekitError as error:
            self.lose(str(error))

    async def close(self) -> None:
        """Disconnect, then end the foot."""
        await super().close()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
            self._watcher = None
        await self.pair.close(self.side)
