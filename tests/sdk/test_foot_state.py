"""How each foot is at this moment: its link, its frames, what is missing."""

from __future__ import annotations

import asyncio

import pytest

import solekit
from solekit.errors import ConnectionLostError
from solekit.foot_state import FootState
from solekit.transports import Rejoining, open_transports
from solekit.transports.ble import BleTransport

URI = "sim:walk?layout=cells-4"


def test_a_link_that_stands_shows_its_frames():
    async def walk():
        async with solekit.connect_pair(URI) as pair:
            await pair.start()
            await pair.clock.sleep(2.0)
            return pair.states(), pair.status()

    states, line = asyncio.run(walk())
    assert list(states) == ["left", "right"]
    for side, state in states.items():
        assert (state.link, state.n_missing, state.n_reconnects) == ("connected", 0, 0)
        assert state.n_frames > 40
        assert f"{side} connected, {state.n_frames} frames" in line
    assert "\n" not in line


def test_what_the_air_has_swallowed_shows_as_missing():
    async def walk():
        async with solekit.connect_pair(f"{URI}&loss=0.2&log=0") as pair:
            await pair.start()
            await pair.clock.sleep(10.0)
            return pair.states()["left"]

    state = asyncio.run(walk())
    assert 0.05 < state.missing_share < 0.4
    assert f"{100 * state.missing_share:.1f} % missing" in str(state)


def test_a_link_that_is_made_again_tells_since_when():
    async def walk():
        async with solekit.connect_pair(URI) as pair:
            transport = pair.feet["right"].transport
            assert not isinstance(transport, Rejoining)
            transport.n_reconnects = 2
            transport.away_since_s = pair.clock.now_s()
            await pair.clock.sleep(3.0)
            away = pair.states()["right"]
            transport.away_since_s = None
            return away, pair.states()

    away, states = asyncio.run(walk())
    assert away.link == "reconnecting"
    assert away.away_s == pytest.approx(3.0, abs=0.1)
    assert str(away).startswith("reconnecting for 3 s, 0 frames")
    assert states["right"].link == states["left"].link == "connected"
    assert str(states["right"]).endswith("2 x reconnected")


def test_only_links_that_are_made_again_tell_of_it():
    assert isinstance(BleTransport("Solekit L"), Rejoining)
    assert not isinstance(open_transports("tcp:127.0.0.1:5555")[""], Rejoining)


def test_a_link_that_has_gone_is_lost_with_its_reason():
    async def walk():
        async with solekit.connect_pair(f"{URI}&cut=2") as pair:
            await pair.start()
            while not pair.is_broken:
                await asyncio.wait(pair.ended(), return_when=asyncio.FIRST_COMPLETED)
            return pair.states()

    states = asyncio.run(walk())
    lost = [state for state in states.values() if state.link == "lost"]
    assert lost
    assert all("lost sim:" in state.reason and str(state).startswith("lost, ") for state in lost)


def test_the_error_of_a_lost_link_is_what_its_state_tells():
    error = ConnectionLostError("ble:x", "no new link within 1 s")
    state = FootState("lost", 0.0, 0, 10, 30, str(error))
    assert state.missing_share == 0.75
    assert "no new link" in state.reason
