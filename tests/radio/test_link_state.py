"""What is seen of a Bluetooth link while it breaks and is made again."""

from __future__ import annotations

import pytest

pytest.importorskip("dbus_fast", reason="the virtual BlueZ is for Linux")

from solekit.cli.live_line import LiveLine
from solekit.foot_state import foot_state
from solekit.insole import Insole
from solekit.pair import Pair

from .virtual import LEFT, play, transport, until, until_frames

pytestmark = [pytest.mark.mpy32, pytest.mark.bluez]


def test_a_foot_out_of_range_is_reconnecting_and_then_connected_again():
    async def story():
        one = transport("layout=cells-16")
        async with Insole(one) as insole:
            await insole.start()
            await until_frames(insole, 10)
            assert foot_state(insole).link == "connected"
            peripheral = one.pair.rig.peripherals[LEFT]
            await one.pair.rig.call(peripheral.go_away())
            await until(lambda: not one.is_connected)
            away = foot_state(insole)
            assert away.link == "reconnecting"
            assert away.away_s >= 0.0
            await one.pair.rig.call(peripheral.come_back())
            await until(lambda: one.n_reconnects)
            back = foot_state(insole)
            assert (back.link, back.n_reconnects) == ("connected", 1)

    play(story)


def test_the_live_line_tells_once_that_a_foot_reconnects_and_once_that_it_is_back():
    async def story():
        one = transport("layout=cells-16")
        async with Pair([Insole(one)]) as pair:
            await pair.start()
            (insole,) = pair.feet.values()
            async with LiveLine(pair) as line:
                await until_frames(insole, 10)
                assert line.look() == []
                assert "left " in line.text(1.0)
                peripheral = one.pair.rig.peripherals[LEFT]
                await one.pair.rig.call(peripheral.go_away())
                await until(lambda: not one.is_connected)
                assert line.look() == ["left: reconnecting"]
                assert "left RECONNECTING for 0 s" in line.text(1.0)
                assert line.look() == []
                await one.pair.rig.call(peripheral.come_back())
                await until(lambda: one.n_reconnects)
                await until_frames(insole, 5)
                assert line.look() == ["left: back, frames come again"]
                assert "RECONNECTING" not in line.text(2.0)
                assert "1 x reconnected" in pair.status()

    play(story)
