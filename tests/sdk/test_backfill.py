"""What went missing on the way comes back from the insole's log, and the account says so."""

from __future__ import annotations

import asyncio
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import solekit
from solecore.wire import messages as m
from solekit.errors import DataError
from solekit.insole import REQUEST_TIMEOUT_S
from solekit.link import CREDIT_EVERY, HOLD_CREDIT, Link
from solekit.loss import account
from solekit.pings import PING_MEAN_S
from solekit.recording import RecordingWriter
from tools.bench import backfill

BOOT = 7
GRID, CELLS, SMALL = "grid-30x22", "cells-16", "cells-4"


def of_foot(recording, side="left"):
    return recording.feet[side]


@pytest.mark.parametrize("layout", [GRID, CELLS, SMALL])
def test_a_cut_of_ten_seconds_comes_back_whole(record, layout):
    uri = f"sim:walk?layout={layout}&side=left&seed=2"
    cut, clean = record(f"{uri}&cut=5-15", 25.0), record(uri, 25.0)
    losses = cut.losses["left"]
    foot, other = of_foot(cut.recording), of_foot(clean.recording)
    assert foot.loss == losses
    for name, loss in losses.items():
        assert loss.holds, name
        assert loss.missing == 0, name
    assert 9.9 < losses["pressure"].back_filled / foot.info.rate_hz < 11.5
    assert losses["events"].back_filled > 20
    assert foot.gaps.empty
    common, here, there = np.intersect1d(foot.foot_us, other.foot_us, return_indices=True)
    assert common.size > 24 * foot.info.rate_hz
    assert np.array_equal(foot.counts[here], other.counts[there])
    both = foot.events.merge(other.events, on="kind", suffixes=("", "_clean"))
    near = both[abs(both["t_s"] - both["t_s_clean"]) < 0.005]
    assert len(near) >= 0.95 * len(other.events)


def test_what_came_from_the_log_says_nothing_about_the_clock(record):
    walked = record(f"sim:walk?layout={CELLS}&side=left&cut=20-170", 200.0)
    foot = of_foot(walked.recording)
    assert foot.loss["pressure"].back_filled > 10_000
    assert foot.timeline.interval_s < 0.02
    steps = np.diff(foot.t_s)
    assert steps.min() > 0.0099
    assert steps.max() < 0.0101


def test_a_small_log_gives_the_newest_and_the_rest_is_declared(record):
    walked = record(f"sim:walk?layout={CELLS}&side=left&cut=10-130&log=256k", 150.0)
    foot, losses = of_foot(walked.recording), walked.losses["left"]
    frames = losses["pressure"]
    assert foot.loss == losses
    assert frames.holds
    assert frames.missing > 1000
    assert frames.back_filled > 1000
    assert len(frames.holes) == 1  # the oldest part, in one piece
    assert foot.gaps["start_s"].item() == pytest.approx(10.0, abs=0.2)
    # The insole logs until it hears the host, which asks again a second after its last try and
    # up to 1.5 mean pauses between pings later.
    logged_to_s = foot.gaps["end_s"].item() + frames.back_filled / foot.info.rate_hz
    assert 130.0 < logged_to_s < 130.0 + REQUEST_TIMEOUT_S + 1.5 * PING_MEAN_S + 0.1
    assert losses["events"].missing == losses["strides"].missing == 0


def test_messages_lost_one_by_one_come_back_too(record):
    air = "loss=0.03&duplicate=0.03&reorder=0.03&corrupt=0.01"
    uri = f"sim:walk?layout={GRID}&seed=3&{air}"
    with_log, without = record(uri, 30.0), record(f"{uri}&log=0", 30.0)
    for side, losses in with_log.losses.items():
        assert with_log.recording.feet[side].loss == losses
        bad = without.losses[side]
        for name, loss in losses.items():
            assert loss.holds, name
        assert without.recording.feet[side].loss["pressure"].back_filled == 0
        assert losses["pressure"].back_filled > 20
        assert losses["pressure"].missing < bad["pressure"].missing / 4
        assert losses["imu"].missing < bad["imu"].missing / 2


def test_what_is_still_missing_at_the_stop_is_fetched_before_the_account_is_closed(tmp_path):
    seen = []

    async def walk():
        uri = f"sim:walk?layout={CELLS}&side=left&cut=5-20"
        async with solekit.connect(uri) as insole:
            insole.writer = RecordingWriter(tmp_path / "walk.mcap")
            await insole.start()
            await insole.clock.sleep(20.4)  # just back
            losses = await insole.stop(lambda n, n_all: seen.append((n, n_all)))
            insole.writer.close()
            return losses

    losses = asyncio.run(walk())
    assert losses["pressure"].missing == 0
    assert losses["pressure"].back_filled > 1200
    assert len(seen) > 5
    assert all(n <= n_all for n, n_all in seen)
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


def test_only_what_is_on_disk_is_acknowledged_and_freed(tmp_path):
    async def walk(is_recorded):
        async with solekit.connect(f"sim:walk?layout={CELLS}&side=left&cut=5-105") as insole:
            if is_recorded:
                insole.writer = RecordingWriter(tmp_path / "walk.mcap")
            await insole.start()
            await insole.clock.sleep(110.0)
            losses = await insole.stop()
            if insole.writer is not None:
                insole.writer.close()
            return losses, (await insole.stats())["n_log_blocks"]

    n_blocks = []
    for is_recorded in (True, False):
        losses, n = asyncio.run(walk(is_recorded))
        assert losses["pressure"].missing == 0
        n_blocks.append(n)
    # A segment of the log goes when all of it is acknowledged: the first and the last stay.
    assert n_blocks[0] < 0.6 * n_blocks[1]


def test_an_unattended_hour_is_not_taken_for_stored(tmp_path):
    """Acknowledging what was filled must not free what was logged before the start."""

    async def walk():
        async with solekit.connect(f"sim:walk?layout={CELLS}&side=left&cut=40-50") as insole:
            await insole.clock.sleep(30.0)
            insole.writer = RecordingWriter(tmp_path / "walk.mcap")
            await insole.start()
            first = insole.known.boot
            await insole.clock.sleep(25.0)
            await insole.stop()
            insole.writer.close()
            return first, await insole.log_ranges()

    boot, held = asyncio.run(walk())
    (span,) = [x for x in held if x.stream == "pressure"][:1]
    assert (span.boot, span.start) == (boot, 0)
    assert span.stop > 2800


# -- fetched logs --------------------------------------------------------------------------------


async def fetched(uri, path, alone_s):
    async with solekit.connect_pair(uri) as pair:
        await pair.clock.sleep(alone_s)
        pair.record_to(path)
        assert pair.writer is not None
        losses = {side: await foot.fetch_log(pair.writer) for side, foot in pair.feet.items()}
        pair.close_recording()
        truth = {side: foot.transport.world.sides[side] for side, foot in pair.feet.items()}
        freed = [await foot.erase_log() for foot in pair.feet.values()]
    return solekit.Recording(path), losses, truth, freed


@pytest.mark.parametrize("layout", [GRID, CELLS, SMALL])
def test_what_was_logged_before_a_host_came_is_a_recording_like_any_other(tmp_path, layout):
    uri = f"sim:walk?layout={layout}"
    recording, losses, truth, freed = asyncio.run(fetched(uri, tmp_path / "x.mcap", 40.0))
    assert recording.is_complete
    assert not recording.problems
    for side, foot in recording.feet.items():
        assert foot.loss == losses[side]
        frames = foot.loss["pressure"]
        assert (frames.received, frames.missing) == (0, 0)
        assert frames.back_filled >= 40 * foot.info.rate_hz
        assert len(foot.events) > 100
        assert len(foot.strides) > 20
        true_s = (foot.foot_us - truth[side].offset_us) / truth[side].rate * 1e-6
        assert abs(foot.t_s - true_s).max() < foot.timeline.interval_s
    # Far from any time pair the clocks are known to several milliseconds only, and it is said.
    assert 0.01 < recording.clock_interval_s < 0.1
    if layout == GRID:  # the others do not fill a segment in 40 s
        assert min(freed) > 20


def test_a_log_with_time_pairs_at_both_ends_is_placed_closely(tmp_path):
    async def walk():
        uri = f"sim:walk?layout={CELLS}&side=left"
        async with solekit.connect(uri) as insole:
            await insole.start()
            await insole.clock.sleep(15.0)
            await insole.stop()  # from here on alone
            await insole.clock.sleep(120.0)
            writer = RecordingWriter(tmp_path / "alone.mcap")
            await insole.fetch_log(writer)
            writer.close()
            return insole.transport.world.sides["left"]

    side = asyncio.run(walk())
    foot = of_foot(solekit.Recording(tmp_path / "alone.mcap"))
    true_s = (foot.foot_us - side.offset_us) / side.rate * 1e-6
    assert abs(foot.t_s - true_s).max() < foot.timeline.interval_s < 0.02


def test_an_empty_log_no_log_and_a_foreign_boot_are_plain_errors(tmp_path):
    async def refused(query, prepare, **options):
        async with solekit.connect(f"sim:walk?layout={SMALL}&side=left{query}") as insole:
            await prepare(insole)
            writer = RecordingWriter(tmp_path / f"{len(query)}")
            with pytest.raises(DataError) as caught:
                await insole.fetch_log(writer, **options)
            writer.close()
            return str(caught.value)

    async def nothing(_):
        pass

    async def started(insole):
        await insole.start()

    assert "has no log" in asyncio.run(refused("&log=0", nothing))
    assert "stop it" in asyncio.run(refused("&seed=7", started))
    assert "nothing of boot 1" in asyncio.run(refused("&ppm=0&seed=71", nothing, boot=1))


# -- sans-IO -------------------------------------------------------------------------------------


def logged(message: bytes, block: int = 3) -> bytes:
    return m.LOG_DATA.pack(block, rest=message)


def begun() -> Link:
    link = Link()
    link.begin(BOOT, (0,) * m.N_STREAMS, 6)
    return link


def test_a_message_from_the_log_fills_its_hole_once_and_counts_as_back_filled(wire):
    link = begun()
    items = link.feed(0, wire.framed(wire.frames(0, 2), wire.frames(6, 2)))
    items += link.finish((8, 0, 0, 0, 0))
    filled = link.feed(9, wire.framed(logged(wire.frames(2, 2)), logged(wire.frames(2, 2))))
    assert [(x.seq, x.n, x.block) for x in filled] == [(2, 2, 3)]
    assert filled[0].wire == logged(wire.frames(2, 2))
    assert link.streams[m.PRESSURE].holes == [(4, 6)]
    loss = account(items + filled, 0, 8)
    assert (loss.received, loss.back_filled, loss.missing) == (4, 2, 2)
    assert loss.holds


def test_a_frame_that_hung_in_the_air_is_readable_once_the_log_gave_the_one_before(wire):
    link = begun()
    items = link.feed(0, wire.framed(wire.coded(0, 0), wire.coded(2, 1), wire.coded(3, 1)))
    items += link.finish((4, 0, 0, 0, 0))
    assert account(items, 0, 4).undecodable == 2
    items += link.feed(1, wire.framed(logged(wire.coded(1, 1))))
    loss = account(items, 0, 4)
    assert (loss.received, loss.back_filled, loss.undecodable, loss.missing) == (3, 1, 0, 0)


def test_a_gap_holds_credit_back_for_a_while_if_there_is_a_log(wire):
    for has_log in (False, True):
        link = begun()
        stream = link.streams[m.PRESSURE]
        stream.asked_to = 0 if has_log else None
        link.feed(0, wire.framed(wire.frames(0)))
        for seq in range(2, HOLD_CREDIT):
            link.feed(0.03 * seq, wire.framed(wire.frames(seq)))
        assert (
            stream.credited <= 1 if has_log else stream.credited > HOLD_CREDIT - CREDIT_EVERY - 1
        )
        for seq in range(HOLD_CREDIT, 2 * HOLD_CREDIT):
            link.feed(0.03 * seq, wire.framed(wire.frames(seq)))
        assert stream.credited > HOLD_CREDIT  # not for ever: the window must not close


def test_credit_goes_on_when_the_log_has_been_asked(wire):
    link = begun()
    stream = link.streams[m.PRESSURE]
    stream.asked_to = 0
    for seq in (0, *range(2, 16)):
        link.feed(0.03 * seq, wire.framed(wire.frames(seq)))
    assert stream.credited <= 1
    stream.asked_to = 2  # it had nothing
    link.feed(1.0, wire.framed(wire.frames(16)))
    assert stream.credited == 17


@given(st.binary(max_size=60), st.integers(0, 2**32 - 1))
def test_noise_from_the_log_is_nothing(content, block):
    link = begun()
    item = link.parse_logged(0.0, m.LOG_DATA.pack(block, rest=content))
    assert item is None or (item.block == block and item.message == content)
    assert link.parse_logged(0.0, struct.pack("<BH", m.LOG_DATA.msg_id, 1)) is None


def test_the_log_of_another_boot_does_not_end_the_session(wire):
    link = begun()
    other = bytearray(wire.frames(0))
    other[1] = BOOT + 1
    assert link.feed(0, wire.framed(logged(bytes(other)))) == []
    assert link.n_foreign == 0


# -- the bench in short, and the real interpreter ------------------------------------------------


@pytest.mark.parametrize(("size", "least_pct", "most_pct"), [("6M", 99.9, 100.0), ("80k", 3, 60)])
def test_the_bench_closes_the_equation(size, least_pct, most_pct):
    row = asyncio.run(backfill.run(size, (10.0, 40.0), 60.0))
    assert row["equation_holds"]
    assert row["file_agrees"]
    assert least_pct <= row["recovered_pct"] <= most_pct
    assert row["events_missing"] == row["strides_missing"] == 0
    if row["missing"]:
        assert row["newest_recovered_s"] == pytest.approx(row["back_filled"] / 30, abs=1.0)


@pytest.mark.mpy32
def test_micropython_gives_back_what_cpython_does(record):
    query = f"walk?layout={CELLS}&side=left&cut=3-7"
    sim, mpy = (record(f"{scheme}:{query}", 12.0) for scheme in ("sim", "mpy"))
    for walked in (sim, mpy):  # pings come at other times, so that counts differ a little
        frames = walked.losses["left"]["pressure"]
        assert frames.back_filled > 350
        assert frames.missing == 0
    here, there = of_foot(sim.recording), of_foot(mpy.recording)
    common, i, k = np.intersect1d(here.seq, there.seq, return_indices=True)
    assert common.size > 1100
    assert np.array_equal(here.counts[i], there.counts[k])
