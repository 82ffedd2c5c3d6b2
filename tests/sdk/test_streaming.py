"""Frames and events as they come, slow readers, feet that fail."""

from __future__ import annotations

import asyncio
import contextlib

import numpy as np
import pytest

import solekit
from solecore.wire import messages as m
from solekit.errors import ConnectionLostError, TransportError
from solekit.pair import Pair
from solekit.recording import Recording, RecordingWriter
from solekit.transports import open_transports
from tests.sdk.insoles import LEFT, SMALL, changed, with_insole


def test_live_frames_and_motion_are_the_recorded_ones(tmp_path):
    async def walk():
        parts, sensed = [], []
        async with solekit.connect(LEFT) as insole:
            insole.writer = RecordingWriter(tmp_path / "walk.mcap")

            async def follow():
                async for frames in insole.frames():
                    parts.append(frames)

            async def feel():
                async for motion in insole.motion():
                    sensed.append(motion)

            following = asyncio.gather(follow(), feel())
            await asyncio.sleep(0)
            await insole.start()
            await insole.clock.sleep(3.0)
            await insole.stop()
            await following
            insole.writer.close()
        return parts, sensed

    parts, sensed = asyncio.run(walk())
    (foot,) = Recording(tmp_path / "walk.mcap").feet.values()
    assert np.array_equal(np.concatenate([part.seq for part in parts]), foot.seq)
    assert np.array_equal(np.concatenate([part.values for part in parts]), foot.counts)
    for name, unit in (("accel", "m_s2"), ("gyro", "rad_s")):
        live = np.concatenate([getattr(part, f"{name}_{unit}") for part in sensed])
        assert np.array_equal(live, foot.imu[[f"{name}_{axis}_{unit}" for axis in "xyz"]])
    times_s = np.concatenate([part.foot_us for part in sensed]) * 1e-6
    assert np.abs(np.diff(times_s) - 1 / foot.info.imu_rate_hz).max() < 0.002


def test_live_events_are_on_the_hosts_clock_within_their_interval(tmp_path):
    async def walk():
        events = []
        async with solekit.connect_pair("sim:walk?layout=cells-16&seed=2") as pair:
            pair.record_to(tmp_path / "walk.mcap")
            await pair.start()
            async with contextlib.aclosing(pair.events()) as live:
                async for event in live:
                    events.append((pair.clock.now_s(), event))
                    if event.t_s > 12.0:
                        break
            await pair.stop()
        return events

    events = asyncio.run(walk())
    assert {event.side for _, event in events} == {"left", "right"}
    for now_s, event in events:
        assert event.t_s < now_s < event.t_s + 0.6
    assert all(np.isfinite(event.interval_s) for now_s, event in events if now_s > 3.0)
    assert events[-1][1].interval_s < 0.010
    table = Recording(tmp_path / "walk.mcap").events
    for now_s, event in events:
        if now_s > 3.0:
            same = table[(table["side"] == event.side) & (table["kind"] == event.kind)]
            assert np.abs(same["t_s"] - event.t_s).min() < 0.005


def test_a_slow_consumer_of_a_virtual_insole_loses_nothing(monkeypatch):
    monkeypatch.setattr("solekit.live_streams._QUEUE", 16)

    async def walk(insole):
        seqs = []

        async def follow():
            async for frames in insole.frames():
                seqs.extend(frames.seq.tolist())
                await asyncio.to_thread(sum, range(200_000))

        following = asyncio.create_task(follow())
        await asyncio.sleep(0)
        await insole.start()
        await insole.clock.sleep(30.0)
        losses = await insole.stop()
        await following
        return seqs, losses, insole.n_overflowed

    seqs, losses, n_overflowed = with_insole(SMALL, walk)
    assert n_overflowed == 0
    assert seqs == list(range(seqs[0], seqs[0] + losses["pressure"].sampled))


def test_a_consumer_that_waits_for_virtual_time_does_not_stop_it(monkeypatch):
    monkeypatch.setattr("solekit.live_streams._QUEUE", 4)

    async def walk(insole):
        seqs = []

        async def follow():
            async for frames in insole.frames():
                seqs.extend(frames.seq.tolist())
                await insole.clock.sleep(0.7)

        following = asyncio.create_task(follow())
        await asyncio.sleep(0)
        await insole.start()
        await insole.clock.sleep(5.0)
        losses = await insole.stop()
        await following
        return seqs, losses

    seqs, losses = with_insole(SMALL, walk)
    assert seqs == list(range(seqs[0], seqs[0] + losses["pressure"].sampled))


def test_a_slow_consumer_of_a_real_insole_loses_the_oldest_and_is_told(monkeypatch):
    monkeypatch.setattr("solekit.live_streams._QUEUE", 8)
    monkeypatch.setattr("solekit.transports.virtual.VirtualClock.is_virtual", False)

    async def walk(insole):
        async with contextlib.aclosing(insole.frames()) as live:
            first = asyncio.create_task(anext(live))
            await asyncio.sleep(0)
            await insole.start()
            await first
            await insole.clock.sleep(4.0)
            losses = await insole.stop()
            return insole.n_overflowed, losses, (await anext(live)).seq.tolist()

    n_overflowed, losses, seqs = with_insole(f"{SMALL}&log=0", walk)
    assert n_overflowed > 20
    assert losses["pressure"].missing == 0
    assert seqs[-1] == losses["pressure"].sampled - 1


def test_an_insole_that_fails_ends_every_wait_with_the_reason():
    async def walk():
        async with solekit.connect_pair("sim:walk?layout=cells-4") as pair:
            await pair.start()
            world = pair.feet["left"].transport.world

            def fail(t_s):
                raise ArithmeticError("the walker stumbled")

            world.walker.sample = fail
            with pytest.raises(TransportError, match="stumbled"):
                await pair.clock.sleep(60.0)
            with pytest.raises(TransportError, match="stumbled"):
                await pair.feet["right"].settings("noise")
            with pytest.raises(TransportError, match="stumbled"):
                await pair.stop()

    asyncio.run(walk())


def test_an_error_that_nobody_foresaw_ends_every_wait_too(tampered):
    def change(message):
        if message[0] == m.IMU_SAMPLES.msg_id:
            raise RuntimeError("never thought of that")
        return [message]

    async def walk():
        async with tampered(LEFT, change) as insole:
            await insole.start()
            with pytest.raises(ConnectionLostError, match="never thought") as caught:
                async for _ in insole.frames():
                    pass
            with pytest.raises(ConnectionLostError, match="never thought"):
                await insole.stop()
            return caught.value

    assert isinstance(asyncio.run(walk()).__cause__, RuntimeError)


def test_after_closing_nobody_waits_for_time():
    async def walk():
        async with solekit.connect(SMALL) as insole:
            waiting = asyncio.create_task(insole.clock.sleep(100.0))
            await insole.clock.sleep(1.0)
        with pytest.raises(TransportError, match="closed"):
            await waiting
        with pytest.raises(TransportError, match="closed"):
            await insole.clock.sleep(1.0)

    asyncio.run(walk())


def test_one_foot_that_fails_does_not_stop_the_other(tampered):
    def change(message):
        return [changed(message, 1, 0, 0) if message[0] < 0x40 else message]

    async def walk():
        transports = open_transports("sim:walk?layout=cells-4")
        left = tampered(transports["left"], change)
        async with Pair([left, solekit.Insole(transports["right"])]) as pair:
            await pair.start()
            await pair.clock.sleep(5.0)
            assert pair.is_broken
            with pytest.raises(ConnectionLostError):
                await pair.stop()
            return pair.losses

    losses = asyncio.run(walk())
    assert losses["right"]["pressure"].received > 140
    assert losses["right"]["pressure"].end_known
    assert losses["left"]["pressure"].received == 0
