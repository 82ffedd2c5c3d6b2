"""Updates over Bluetooth: unmodified bleak, a virtual BlueZ and the firmware in MicroPython."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("dbus_fast", reason="the virtual BlueZ is for Linux")

from solefoot.app.slots import Slots
from solekit.insole import Insole
from solekit.transports import open_transports
from solekit.update import read_bundle, update
from solekit_hil.board.updates import ARCH, BOARD
from solekit_hil.radio.virtual import ADDRESSES, VirtualBleTransport
from tools import bundle

pytestmark = [pytest.mark.mpy32, pytest.mark.bluez]

FILES = {"app.pack": bytes(range(256)) * 24, "more.bin": b"x" * 2000}


@pytest.fixture
def flash(tmp_path):
    """Return a folder that stands for an insole's file system, with key and bundle beside it."""
    private, _ = bundle.make_key(tmp_path)
    text = bundle.manifest(FILES, BOARD, ARCH, "9")
    bundle.write(tmp_path / "x.zip", text, bundle.signature(text, private.read_bytes()), FILES)
    return tmp_path


def play(flash, story, arguments: str = "") -> None:
    """Run ``story(transport, insole)`` on a left foot and let the tasks of bleak end."""

    async def all_of_it():
        uri = f"mpy:walk?ble=1&side=left&log=0&layout=cells-4&flash={flash}&{arguments}"
        (one,) = open_transports(uri).values()
        assert isinstance(one, VirtualBleTransport)
        async with Insole(one) as insole:
            await story(one, insole)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=2.0)

    asyncio.run(all_of_it())


def held(flash) -> list[bytes]:
    return [(flash / "left" / "b" / name).read_bytes() for name in FILES]


@pytest.mark.parametrize("mtu", [23, 247])
def test_an_update_arrives_whole_over_the_radio(flash, mtu):
    async def story(one, insole):
        head, files = read_bundle(flash / "x.zip")
        assert await update(insole, flash / "x.zip") == len(head) + sum(map(len, files))

    play(flash, story, f"mtu={mtu}")
    assert held(flash) == [*FILES.values()]
    assert Slots(str(flash / "left")).boot() == "b"


def test_a_radio_that_drops_does_not_harm_the_update(flash):
    async def story(one, insole):
        drops = []

        def drop(at, total):
            if at > total // 2 and not drops:
                work = one.pair.rig.drop(ADDRESSES["left"])
                drops.append(asyncio.create_task(work))

        await update(insole, flash / "x.zip", drop)
        await asyncio.gather(*drops)
        assert drops

    play(flash, story)
    assert held(flash) == [*FILES.values()]
    assert Slots(str(flash / "left")).boot() == "b"
