"""``solekit scan`` in the air: who is paired is asked, who is not is left alone."""

from __future__ import annotations

import pytest

pytest.importorskip("dbus_fast", reason="the virtual BlueZ is for Linux")

from solekit.cli.scan import search
from solekit.finding import NOT_PAIRED
from solekit.insole import Insole
from solekit.transports import ble

from .virtual import LEFT, play, transport

pytestmark = [pytest.mark.mpy32, pytest.mark.bluez]


def test_a_paired_insole_is_asked_and_a_stranger_is_not(monkeypatch):
    monkeypatch.setattr("serial.tools.list_ports.comports", list)

    async def story():
        one = transport("layout=cells-4")
        await one.pair.open("left")
        try:
            (stranger,) = await search(duration_s=1.0)
            assert (stranger.uri, stranger.side, stranger.layout) == (f"ble:{LEFT}", "left", "")
            assert NOT_PAIRED in stranger.note
            async with Insole(ble.BleTransport(LEFT)):
                pass
            (known,) = await search(duration_s=1.0)
            assert (known.side, known.layout, known.self_test) == ("left", "cells-4", "passed")
            assert known.firmware
            assert known.signal_dbm is not None
            assert NOT_PAIRED not in known.note
        finally:
            await one.pair.close("left")

    play(story)
