"""Virtual insoles behind pseudo-terminals, in real time, through the real pyserial."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

import solekit
from solekit.errors import ConnectionLostError
from solekit.transports import open_transports

pty = pytest.importorskip("solekit_hil.pty", reason="pseudo-terminals are POSIX")

SECONDS = 2.0


@pytest.mark.parametrize("scheme", ["sim", pytest.param("mpy", marks=pytest.mark.mpy32)])
@pytest.mark.parametrize("layout", ["grid-30x22", "cells-16"])
def test_a_pair_walks_through_real_serial_ports(scheme, layout, tmp_path):
    path = tmp_path / "walk.mcap"

    async def walk():
        async with solekit.connect_pair(f"{scheme}:walk?pty=1&layout={layout}") as pair:
            assert {type(foot.transport) for foot in pair.feet.values()} == {pty.PtyTransport}
            pair.record_to(path)
            await pair.start()
            await pair.clock.sleep(SECONDS)
            return await pair.stop()

    began_s = time.monotonic()
    losses = asyncio.run(walk())
    assert time.monotonic() - began_s > SECONDS
    recording = solekit.Recording(path)
    for side, foot in recording.feet.items():
        assert foot.loss == losses[side]
        for loss in foot.loss.values():
            assert loss.holds
            assert loss.missing == 0
        assert foot.seq.size > 0.4 * SECONDS * foot.info.rate_hz  # a busy machine may be late
    assert 0 < recording.clock_interval_s < 1.0


def test_two_named_ports_are_a_pair():
    async def connect():
        uris = {side: f"sim:walk?layout=cells-4&pty=1&side={side}" for side in ("left", "right")}
        async with solekit.connect_pair(**uris) as pair:
            return list(pair.feet)

    assert asyncio.run(connect()) == ["left", "right"]


def test_swapped_ports_are_noticed():
    async def connect():
        uri = "sim:walk?layout=cells-4&pty=1&side="
        async with solekit.connect_pair(left=uri + "right", right=uri + "left"):
            pass

    with pytest.raises(ValueError, match="swap --left and --right"):
        asyncio.run(connect())


def terminals() -> set[str]:
    return {str(path) for path in Path("/dev/pts").iterdir()}


def test_a_terminal_exists_only_while_it_is_open():
    before = terminals()
    transports = open_transports("sim:walk?layout=cells-4&pty=1")
    assert terminals() == before

    async def open_one():
        transport = transports["left"]
        await transport.open()
        name = transport.port_name
        there = name in terminals()
        await transport.close()
        return there

    assert asyncio.run(open_one())
    assert terminals() == before


def test_pulling_the_cable_is_a_lost_connection():
    async def walk():
        async with solekit.connect("sim:walk?layout=cells-4&pty=1&side=left") as insole:
            await insole.start()
            insole.transport._hang_up()
            with pytest.raises(ConnectionLostError, match="unplugged"):
                async for _ in insole.frames():
                    pass

    asyncio.run(walk())
