from __future__ import annotations

import asyncio

import pytest

import solekit
from solecore.wire import messages as m
from solekit.errors import ConnectionLostError, RequestTimeoutError
from solekit_hil.world import LOST_AFTER_S

CUT_S = 5.0
FOR_GOOD = f"sim:walk?layout=cells-16&cut={CUT_S:g}"


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory):
    """Record a pair whose link is cut; return the recording, the accounts and the error."""
    path = tmp_path_factory.mktemp("cut") / "walk.mcap"

    async def walk():
        async with solekit.connect_pair(FOR_GOOD) as pair:
            pair.record_to(path)
            await pair.start()
            await pair.clock.sleep(12.0)
            assert pair.is_broken
            with pytest.raises(ConnectionLostError) as caught:
                await pair.stop()
            return pair.losses, caught.value

    losses, error = asyncio.run(walk())
    return solekit.Recording(path), losses, error


def test_a_link_cut_for_good_is_an_error_that_says_so(cut_off):
    _, _, error = cut_off
    assert error.uri == FOR_GOOD
    assert "cut at 5 s" in str(error)
    assert isinstance(error, ConnectionError)


def test_the_recording_is_whole_up_to_the_cut(cut_off):
    recording, losses, _ = cut_off
    assert recording.is_complete
    assert not recording.problems
    for side, foot in recording.feet.items():
        assert foot.loss == losses[side]
        for loss in foot.loss.values():
            assert loss.holds
            assert not loss.end_known
            assert loss.missing == 0
        last_s = foot.t_s[-1]
        assert CUT_S - 0.2 < last_s < CUT_S


def test_the_readers_end_with_the_error():
    async def follow():
        async with solekit.connect(f"{FOR_GOOD}&side=left") as insole:
            await insole.start()
            with pytest.raises(ConnectionLostError):
                async for _ in insole.frames():
                    pass
            with pytest.raises(ConnectionLostError):
                await insole.request(m.PING)
            now_s = insole.clock.now_s()
            with pytest.raises(ConnectionLostError):
                await insole.transport.send(b"anything")
            return now_s

    assert CUT_S + LOST_AFTER_S <= asyncio.run(follow()) < CUT_S + LOST_AFTER_S + 0.1


def test_events_of_a_pair_end_with_the_error():
    async def follow():
        events = []

        async def collect(pair):
            async for event in pair.events():
                events.append(event)

        async with solekit.connect_pair(FOR_GOOD) as pair:
            await pair.start()
            with pytest.raises(ConnectionLostError):
                await collect(pair)
        return events

    events = asyncio.run(follow())
    assert {event.side for event in events} == {"left", "right"}


def test_time_passes_although_the_link_has_gone():
    async def wait():
        async with solekit.connect(f"{FOR_GOOD}&side=right") as insole:
            await insole.clock.sleep(30.0)
            return insole.clock.now_s()

    assert asyncio.run(wait()) >= 30.0


@pytest.mark.parametrize("layout", ["cells-16", "grid-30x22", "cells-4"])
def test_a_short_cut_is_declared_missing_and_over_soon(layout, record):
    walked = record(f"sim:walk?layout={layout}&cut=3-4&log=0", 8.0)
    assert walked.recording.is_complete
    for side, foot in walked.recording.feet.items():
        assert foot.loss == walked.losses[side]
        for loss in foot.loss.values():
            assert loss.holds
            assert loss.end_known
        frames = foot.loss["pressure"]
        gaps = foot.gaps
        assert 0.5 < frames.missing / foot.info.rate_hz < 1.3
        assert (gaps["start_s"] > 2.8).all()
        assert (gaps["end_s"] < 4.4).all()
        assert frames.received > 6.5 * foot.info.rate_hz


def test_connecting_to_nothing_times_out_or_is_lost():
    async def connect():
        async with solekit.connect("sim:walk?layout=cells-4&side=left&cut=0"):
            pass

    with pytest.raises((RequestTimeoutError, ConnectionLostError)):
        asyncio.run(connect())
