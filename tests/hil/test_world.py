"""The virtual pair: same bytes from the same seed, lock-step, the truth behind the events."""

from __future__ import annotations

import asyncio
import itertools

import numpy as np
import pytest

import solekit
from solecore.wire import messages as m
from solecore.wire.frame import FrameDecoder, encode_frame
from solekit import layouts, numpy_kernels
from solekit.errors import TransportError
from solekit.link import Data, Link
from solekit_hil import walker as walkers
from solekit_hil.uri import parse
from solekit_hil.world import START_BEFORE_WRAP_US, World

SLICE_US = 20_000
# Shares of the body weight at which the detector's thresholds lie when it knows the weight.
ON, OFF = 10 / 128, 6 / 128


class Driven:
    """A world driven by hand, as a host would: start, credits, pings, stop."""

    def __init__(self, uri: str, *, is_mpy: bool = False) -> None:
        self.world = World(parse("sim", uri), is_mpy=is_mpy)
        self.links = {side: Link() for side in self.world.sides}
        self.uplink: list[tuple[int, str, bytes]] = []
        self.data: dict[str, list[Data]] = {side: [] for side in self.world.sides}

    def ask(self, message, *values: int) -> None:
        for side, link in self.links.items():
            if message is m.START:
                link.await_start(self.world.sides[side].imu_axes)
            self.world.send(side, link.request(message, *values)[1])

    def run(self, duration_s: float) -> Driven:
        self.ask(m.START, 0, 32)
        until = round(duration_s * 1e6)
        try:
            self._advance(until)
        finally:
            self.world.close()
        return self

    def _advance(self, until: int) -> None:
        for t_us in range(SLICE_US, until + 1, SLICE_US):
            if t_us % 500_000 == 0:
                self.ask(m.PING)
            if t_us == until - 500_000:
                self.ask(m.STOP)
            for at_us, side, data in self.world.advance(t_us):
                self.uplink.append((at_us, side, data))
                link = self.links[side]
                got = link.feed(at_us * 1e-6, data)
                self.data[side] += [item for item in got if isinstance(item, Data)]
                for credits in link.outgoing():
                    self.world.send(side, credits)

    def times_s(self, side: str, kind: int) -> np.ndarray:
        """Return the true times of the events of ``kind``, by the foot's own clock."""
        foot = self.world.sides[side]
        return np.array(
            [
                (item.foot_us - foot.offset_us) / foot.rate * 1e-6
                for item in self.data[side]
                if item.stream == m.EVENTS and item.message[m.HEADER_SIZE] == kind
            ]
        )


@pytest.fixture(scope="module")
def walked() -> Driven:
    return Driven("walk?layout=cells-16&seed=2").run(20.0)


BAD_AIR = "loss=0.05&duplicate=0.05&reorder=0.05&corrupt=0.02"


@pytest.mark.parametrize(
    "uri", ["walk?seed=4", "limp?layout=cells-16&seed=4", f"walk?layout=cells-4&{BAD_AIR}"]
)
def test_the_same_seed_gives_the_same_bytes_at_the_same_times(uri):
    assert Driven(uri).run(5.0).uplink == Driven(uri).run(5.0).uplink


def test_another_seed_gives_another_walk():
    one, two = (Driven(f"walk?layout=cells-4&seed={seed}").run(3.0) for seed in (1, 2))
    assert one.uplink != two.uplink


def test_two_recordings_of_the_same_uri_are_the_same_file(tmp_path):
    async def record(path):
        async with solekit.connect_pair(f"sim:walk?layout=cells-16&{BAD_AIR}") as pair:
            pair.record_to(path)
            await pair.start()
            await pair.clock.sleep(5.0)
            await pair.stop()

    paths = [tmp_path / "one.mcap", tmp_path / "two.mcap"]
    for path in paths:
        asyncio.run(record(path))
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.mpy32
@pytest.mark.parametrize("layout", ["grid-30x22", "cells-16"])
def test_cpython_and_micropython_send_the_same_bytes(layout):
    uri = f"walk?layout={layout}&seed=5"
    sim, mpy = Driven(uri).run(10.0), Driven(uri, is_mpy=True).run(10.0)
    assert len(sim.uplink) > 450
    assert sim.uplink == mpy.uplink


@pytest.mark.mpy
def test_both_widths_of_micropython_send_the_same_bytes():
    uri = "run?layout=cells-16&seed=5&bits="
    wide, small = (Driven(f"{uri}{bits}", is_mpy=True).run(3.0) for bits in (64, 32))
    assert wide.uplink == small.uplink


@pytest.mark.mpy32
def test_a_micropython_that_dies_is_an_error_with_its_last_words():
    async def walk():
        async with solekit.connect_pair("mpy:walk?layout=cells-4") as pair:
            await pair.start()
            await pair.clock.sleep(1.0)
            pair.feet["left"].transport.world.sides["left"].foot._process.kill()
            with pytest.raises(TransportError, match="MicroPython ended"):
                await pair.clock.sleep(60.0)
            with pytest.raises(TransportError, match="MicroPython ended"):
                await pair.stop()

    asyncio.run(walk())


@pytest.mark.mpy32
def test_a_heap_that_is_too_small_is_an_error_and_no_hang():
    async def connect():
        async with solekit.connect("mpy:walk?side=left&heap_kb=24"):
            pass

    with pytest.raises(TransportError, match="MemoryError"):
        asyncio.run(connect())


def test_ticks_wrap_in_the_first_seconds_and_the_feet_count_it(walked):
    for side, data in walked.data.items():
        frames = [item for item in data if item.stream == m.PRESSURE]
        wraps = [item.foot_us >> 30 for item in frames]
        assert wraps[0] == 0
        assert wraps[-1] == 1
        foot = walked.world.sides[side]
        wrapped_s = ((1 << 30) - foot.offset_us) / foot.rate * 1e-6
        assert 0 < wrapped_s <= (START_BEFORE_WRAP_US + 1e6) * 1e-6
        foot_us = np.array([item.foot_us for item in frames])
        step_us = np.diff(foot_us) - np.array([item.n for item in frames[:-1]]) * foot.period_us
        assert np.abs(step_us).max() <= 2  # whole microseconds


def test_the_clocks_of_the_feet_run_apart_as_told():
    world = World(parse("sim", "walk?layout=cells-4&ppm=40"), is_mpy=False)
    left, right = (world.sides[side] for side in ("left", "right"))
    assert left.rate - 1 == pytest.approx(40e-6)
    assert right.rate - 1 == pytest.approx(-40e-6)
    assert left.offset_us != right.offset_us


def test_both_feet_walk_in_the_same_world(walked):
    contacts = [(t, side) for side in walked.data for t in walked.times_s(side, m.IC)]
    sides = [side for _, side in sorted(contacts)]
    assert len(sides) > 30
    assert all(one != two for one, two in itertools.pairwise(sides))
    truth = walked.world.walker.events(0.0, 20.0)
    sides = [event.side for event in truth if event.kind == "ic"]
    assert all(one != two for one, two in itertools.pairwise(sides))


@pytest.mark.parametrize("layout", ["cells-16", "grid-30x22", "cells-4"])
@pytest.mark.parametrize("motion", ["walk", "slow", "fast", "limp", "run", "walk-stop"])
def test_events_are_the_walkers_to_within_a_frame(motion, layout):
    driven = Driven(f"{motion}?layout={layout}&seed=2").run(16.0)
    pair = {side: layouts.named(layout, side) for side in layouts.SIDES}
    walker = walkers.build(motion, seed=2, layouts=pair)
    for side, data in driven.data.items():
        frame_s = driven.world.sides[side].period_us * 1e-6
        n_frames = sum(item.n for item in data if item.stream == m.PRESSURE)
        begin_s, end_s = 0.5, n_frames * frame_s - 0.5
        for kind, share, edge in ((m.IC, ON, "rise_s"), (m.TO, OFF, "fall_s")):
            level_n = share * walker.body_weight_n
            truth = getattr(walker.crossings(side, level_n, 0.0, 17.0), edge)
            found = driven.times_s(side, kind)
            error_s = found[:, None] - truth[None, :]
            assert np.abs(error_s).min(axis=1).max() < frame_s, (side, kind)
            expected = truth[(truth > begin_s) & (truth < end_s)]
            assert expected.size > 5
            missed = np.abs(expected[:, None] - found[None, :]).min(axis=1)
            assert missed.max() < frame_s, (side, kind)


def test_a_foot_that_is_dragged_is_seen_to_within_two_frames():
    driven = Driven("shuffle?layout=cells-16&seed=2").run(16.0)
    pair = {side: layouts.named("cells-16", side) for side in layouts.SIDES}
    walker = walkers.build("shuffle", seed=2, layouts=pair)
    for side in driven.data:
        for kind, share, edge in ((m.IC, ON, "rise_s"), (m.TO, OFF, "fall_s")):
            crossings = walker.crossings(side, share * walker.body_weight_n, 0.0, 17.0)
            found = driven.times_s(side, kind)
            assert found.size > 8
            error_s = np.abs(found[:, None] - getattr(crossings, edge)[None, :]).min(axis=1)
            assert error_s.max() < 0.020


@pytest.mark.parametrize("layout", ["cells-16", "grid-30x22"])
def test_who_stands_makes_no_steps(layout):
    driven = Driven(f"stand?layout={layout}").run(10.0)
    for side, data in driven.data.items():
        assert driven.times_s(side, m.IC).size == 0
        assert driven.times_s(side, m.TO).size == 0
        assert not [item for item in data if item.stream == m.STRIDES]


def test_a_limp_is_seen_in_the_stance_times():
    driven = Driven("limp?layout=cells-16&seed=2").run(20.0)
    walker = driven.world.walker
    stance = {}
    for side, data in driven.data.items():
        fields = [m.STRIDE.unpack(d.message) for d in data if d.stream == m.STRIDES]
        stance[side] = np.median([f["stance"] for f in fields if f["stance"]]) * 1e-6
    truth = {side: [] for side in stance}
    began: dict[str, float] = {}
    for event in walker.events(0.0, 20.0):
        if event.kind == "ic":
            began[event.side] = event.t_s
        elif event.kind == "to" and event.side in began:
            truth[event.side].append(event.t_s - began[event.side])
    true_difference = np.median(truth["left"]) - np.median(truth["right"])
    assert abs(true_difference) > 0.03
    assert stance["left"] - stance["right"] == pytest.approx(true_difference, abs=0.02)


def test_twenty_minutes_of_a_small_insole_passes_without_a_loss():
    async def walk():
        async with solekit.connect("sim:walk?layout=cells-4&side=left&rate_hz=10") as insole:
            await insole.start()
            await insole.clock.sleep(1200.0)
            return await insole.stop()

    losses = asyncio.run(walk())
    assert losses["pressure"].sampled == pytest.approx(12_000, abs=5)
    assert losses["events"].sampled > 3_500
    for loss in losses.values():
        assert loss.holds
        assert loss.missing == 0


def test_the_recorded_times_are_true_within_their_interval(tmp_path):
    async def record():
        uri = f"sim:walk?layout=cells-16&seed=9&ppm=40&{BAD_AIR}"
        async with solekit.connect_pair(uri) as pair:
            pair.record_to(tmp_path / "walk.mcap")
            await pair.start()
            await pair.clock.sleep(45.0)
            await pair.stop()
            return pair.feet["left"].transport.world

    world = asyncio.run(record())
    recording = solekit.Recording(tmp_path / "walk.mcap")
    for side, foot in recording.feet.items():
        truth = world.sides[side]
        line = foot.timeline
        for at_s in (line.knot_foot_s_[0], line.knot_foot_s_.mean(), line.knot_foot_s_[-1]):
            true_s = (at_s * 1e6 - truth.offset_us) / truth.rate * 1e-6
            error_s = line.to_host_s(np.array([at_s]))[0] - true_s
            assert abs(error_s) <= line.interval_s
        assert np.all(np.diff(foot.t_s) > 0)
        assert line.interval_s < 0.005


def test_garbage_from_the_host_does_not_stop_a_foot():
    driven = Driven("walk?layout=cells-4")
    rng = np.random.default_rng(1)
    for side in driven.links:
        driven.world.send(side, rng.bytes(100_000) + b"\x00")
        driven.world.send(side, encode_frame(bytes((0x7F, 1, 2)), numpy_kernels))
    driven.run(3.0)
    for side, data in driven.data.items():
        assert sum(item.n for item in data if item.stream == m.PRESSURE) > 70, side
    replies = FrameDecoder(numpy_kernels).feed(b"".join(data for _, _, data in driven.uplink))
    assert m.STOP_REPLY.msg_id in {message[0] for message in replies}
