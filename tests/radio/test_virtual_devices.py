"""Insoles on a virtual BlueZ: found, named, paired, opened and closed."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("dbus_fast", reason="the virtual BlueZ is for Linux")

from solecore.wire import gatt
from solekit.errors import ConnectionLostError, TransportError, TransportSpecError
from solekit.insole import Insole
from solekit.transports import ble, open_transports
from solekit_hil.radio.virtual import ADDRESSES

from .virtual import LEFT, PATIENCE_S, play, transport

pytestmark = [pytest.mark.mpy32, pytest.mark.bluez]


def test_a_foot_whose_window_is_shut_says_how_to_open_it():
    async def story():
        one = transport("layout=cells-4")
        one.pair.opens_window = False
        other = ble.BleTransport(LEFT)
        await one.pair.open("left")
        try:
            with pytest.raises(TransportError, match="open its pairing window"):
                await other.open()
            # No half of a bond is left behind: with the window open the next try succeeds.
            one.pair.feet["left"].press_button()
            await other.open()
            await other.close()
        finally:
            await one.pair.close("left")

    play(story)


def test_a_bond_is_used_again_by_the_next_program():
    async def story():
        one = transport("layout=cells-4")
        await one.open()
        other = ble.BleTransport(LEFT)
        await ble.BleTransport.close(one)  # the foot stays, with its window shut
        one.pair.feet["left"].restart()
        async with Insole(other) as insole:
            assert insole.side == "left"
        await one.pair.close("left")

    play(story)


def test_insoles_in_the_air_are_found_with_side_and_serial(capsys):
    async def story():
        pair = open_transports("mpy:walk?ble=1&layout=cells-4&log=0")
        left = pair["left"]
        await left.pair.open("left")
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = []
                while len(found) < 2:  # the right one begins in its own time
                    found = await ble.discover(0.3)
        finally:
            await left.pair.close("left")
        assert [one.name for one in found] == ["Solekit L", "Solekit R"]
        assert [one.address for one in found] == list(ADDRESSES.values())
        assert [one.side for one in found] == ["left", "right"]
        assert [one.serial for one in found] == ["VIRTUAL-0001-L", "VIRTUAL-0001-R"]
        assert [one.is_pairing for one in found] == [True, False]

    play(story)


def test_scan_lists_what_is_in_the_air_beside_what_is_plugged_in():
    async def story():
        one = transport("layout=cells-4")
        await one.pair.open("left")
        try:
            command = Path(sys.executable).with_name("solekit")
            process = await asyncio.create_subprocess_exec(
                str(command), "scan", "--json", "--duration-s", "1", stdout=asyncio.subprocess.PIPE
            )
            async with asyncio.timeout(PATIENCE_S):
                out, _ = await process.communicate()
        finally:
            await one.pair.close("left")
        rows = [json.loads(line) for line in out.splitlines()]
        (row,) = [row for row in rows if row["uri"] == f"ble:{LEFT}"]
        assert (row["side"], row["serial"]) == ("left", "VIRTUAL-0001-L")
        assert "pairing window open" in row["note"]

    play(story)


def test_an_insole_is_named_as_well_as_addressed(monkeypatch):
    async def story():
        one = transport("layout=cells-4")
        await one.pair.open("left")
        try:
            async with Insole(open_transports("ble:Solekit L")[""]) as insole:
                assert insole.side == "left"
            monkeypatch.setattr(ble, "SCAN_S", 0.5)
            with pytest.raises(TransportError, match="heard: ble:Solekit L"):
                await open_transports("ble:Solekit X")[""].open()
        finally:
            await one.pair.close("left")

    play(story)


def test_opening_and_closing_keep_to_what_every_transport_does():
    async def story():
        one = transport("layout=cells-4")
        await one.close()
        with pytest.raises(ConnectionLostError, match="closed"):
            await one.send(b"\x01")
        for _ in range(2):
            await one.open()
            with pytest.raises(TransportError, match="close it first"):
                await one.open()
            await one.close()
            await one.close()
        with pytest.raises(ConnectionLostError, match="closed"):
            await one.send(b"\x01")

    play(story)


def test_values_are_taken_by_start_notify():
    async def story():
        one = transport("layout=cells-4")
        await one.open()
        double = one.pair.rig.double
        states = {
            str(one.UUID): (bool(one.Notifying), bool(one.NotifyAcquired))
            for one in double.devices[LEFT].characteristics()
        }
        assert [states[uuid] for uuid in (gatt.CTRL, gatt.DATA, gatt.LOG)] == [(True, False)] * 3
        await one.close()

    play(story)


@pytest.mark.parametrize(
    "rest",
    ["walk?ble=1&pty=1", "walk?ble=1&jitter_ms=5", "walk?ble=1&mtu=22", "walk?stack=zephyr"],
)
def test_what_the_virtual_radio_does_not_have_is_refused(rest):
    with pytest.raises(TransportSpecError):
        open_transports(f"mpy:{rest}")


def test_only_micropython_has_a_radio():
    with pytest.raises(TransportSpecError, match="mpy:"):
        open_transports("sim:walk?ble=1")
