"""What radio tests share: a foot with the real firmware, and a bumble central to talk to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from bumble import hci
from bumble.controller import Controller
from bumble.core import UUID
from bumble.device import Connection, Device, DeviceConfiguration, Peer

from solecore.version import __version__
from solecore.wire import fragments, gatt
from solecore.wire import messages as m
from solefoot.app.profiles import profile
from solekit import layouts
from solekit_hil.board.foot import FRAME
from solekit_hil.radio.bonds import CentralKeys, just_works
from solekit_hil.radio.ether import Ether
from solekit_hil.radio.foot import RadioFoot
from solekit_hil.radio.peripheral import Peripheral
from solekit_hil.sensors import VirtualSensor, geometry_table

FOOT = "F0:5E:00:00:00:01"
PATIENCE_S = 10.0


class Central:
    """A phone or computer of bumble, which sees what the far end really does."""

    def __init__(self, ether: Ether, address: str, *, bonding: bool = True) -> None:
        self._controller = Controller(f"central {address}", link=ether)
        configuration = DeviceConfiguration(name="central", address=hci.Address(address))
        self.device = Device.from_config_with_hci(
            configuration, self._controller, self._controller
        )
        self.keys = self.device.keystore = CentralKeys(self.device)
        self.device.pairing_config_factory = lambda _: just_works(bonding=bonding)
        self.received: dict[str, list[bytes]] = {}
        self._came = asyncio.Event()
        self.connection: Connection | None = None
        self._characteristics: dict[str, Any] = {}

    async def connect(self, *, mtu: int = 247) -> Connection:
        """Connect and discover."""
        self.connection = await self.device.connect(hci.Address(FOOT), timeout=PATIENCE_S)
        peer = Peer(self.connection)
        if mtu > 23:
            await peer.request_mtu(mtu)
        await peer.discover_services()
        (service,) = [one for one in peer.services if one.uuid == UUID(gatt.SERVICE)]
        self._characteristics = {
            uuid: next(
                one for one in await service.discover_characteristics() if one.uuid == UUID(uuid)
            )
            for uuid in (gatt.DATA, gatt.CTRL, gatt.INFO, gatt.LOG)
        }
        return self.connection

    async def subscribe(self) -> None:
        """Write the CCCD of everything that can speak."""
        for uuid in (gatt.CTRL, gatt.DATA, gatt.LOG):
            taken = self.received.setdefault(uuid, [])

            def take(value: bytes, taken: list[bytes] = taken) -> None:
                taken.append(bytes(value))
                self._came.set()

            # CTRL indicates, the others notify.
            await self._characteristics[uuid].subscribe(take, uuid != gatt.CTRL)

    async def write(self, message: bytes, *, mtu: int = 247) -> None:
        """Write one request."""
        for piece in fragments.split(message, 1, mtu):
            await self._characteristics[gatt.CTRL].write_value(piece, with_response=True)

    async def read(self, uuid: str) -> bytes:
        """Read one value."""
        return bytes(await self._characteristics[uuid].read_value())

    async def until(self, uuid: str, kind: m.Message) -> bytes:
        """Return the next message of ``kind``."""
        assembler = fragments.Assembler()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                pieces = self.received[uuid]
                while pieces:
                    message = assembler.feed(pieces.pop(0))
                    if message and message[0] == kind.msg_id:
                        return message
                self._came.clear()
                await self._came.wait()

    async def hears_nothing(self, duration_s: float = 0.4) -> bool:
        """Return whether nothing at all comes for a while."""
        if any(self.received.values()):
            return False
        self._came.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(duration_s):
                await self._came.wait()
        return not any(self.received.values())

    async def leave(self) -> None:
        """Disconnect."""
        if self.connection is not None:
            await self.connection.disconnect()


class Bench:
    """One foot with the real firmware on the air, and centrals as many as wanted."""

    def __init__(self, ether: Ether, peripheral: Peripheral, foot: RadioFoot, frame: bytes):
        self.ether = ether
        self.peripheral = peripheral
        self.foot = foot
        self._frame = frame

    async def central(self, address: str = "F0:F1:00:00:00:01", **options: Any) -> Central:
        """Return a central that is switched on."""
        central = Central(self.ether, address, **options)
        await central.device.power_on()
        return central

    async def until_restarted(self) -> None:
        """Restart the foot and wait until it is back on the air."""
        self.peripheral.advertises.clear()
        self.foot.restart()
        await asyncio.wait_for(self.peripheral.advertises.wait(), PATIENCE_S)

    async def until_alone(self) -> None:
        """Wait until no central is connected to the foot."""
        await asyncio.wait_for(self.peripheral.is_alone.wait(), PATIENCE_S)

    def press_button(self) -> None:
        """Open the pairing window."""
        self.foot.press_button()

    def frame(self) -> None:
        """Hand in one frame of an unloaded foot."""
        self.foot.run([(FRAME, 0, self._frame)])


def spec(layout: str) -> tuple[dict[str, Any], Any, Any, bytes]:
    """Return what a foot of ``layout`` starts with, and a frame of it."""
    shape = profile(layout)
    place = layouts.named(layout, "left")
    fields = {
        "layout": layout,
        "rows": place.rows,
        "cols": place.cols,
        "length": round(place.length_mm * 10),
        "width": round(place.width_mm * 10),
        "period_us": shape.period_us,
        "form": shape.form,
        "imu_axes": shape.imu_axes,
        "imu_per_frame": shape.imu_per_frame,
        "side": 0,
        "serial": "TEST-1",
        "boot": 7,
        "calibration_id": 1,
        "force_lsb_un": 1000,
        "firmware": __version__,
        "body_weight": 0,
        "noise": 4,
        "outbox_bytes": 8000,
        "ticks": 0,
    }
    sensor = VirtualSensor(place, 1000, 0.0, 1)
    n_words = place.n_cells + shape.imu_axes * shape.imu_per_frame
    return fields, geometry_table(place), sensor.calibration(3), bytes(2 * n_words)


@pytest.fixture
def on_bench(tmp_path: Path, mpy32_path: Path) -> Callable[..., None]:
    """Return ``run(story, layout=..., **radio)``: play ``story(bench)`` with a foot on the air."""

    @contextlib.asynccontextmanager
    async def bench(layout: str, stack: str, radio: dict[str, Any]) -> AsyncIterator[Bench]:
        ether = Ether()
        fields, geometry, calibration, frame = spec(layout)
        async with Peripheral(ether, FOOT, **radio) as peripheral:
            foot = RadioFoot(
                fields,
                geometry,
                calibration,
                port=peripheral.port,
                address=FOOT,
                store=tmp_path,
                heap_kb=180,
                stack=stack,
            )
            try:
                yield Bench(ether, peripheral, foot, frame)
            finally:
                said = foot.printed()
                await asyncio.to_thread(foot.close)
        assert said == ""  # a foot says nothing unless it fails

    def run(story, *, layout: str = "cells-16", stack: str = "nimble", **radio) -> None:
        async def play():
            async with bench(layout, stack, radio) as one:
                await story(one)
            await settle()

        asyncio.run(play())

    return run


async def settle() -> None:
    """Let the tasks of bumble and dbus-fast that are on their way out end."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=2.0)
