from __future__ import annotations

import asyncio
import dataclasses

import numpy as np
import pytest

import solekit
from solecore.wire import messages as m
from solekit.link import Data
from solekit.loss import account

AIR = "loss=0.05&duplicate=0.05&reorder=0.05&corrupt=0.02&log=0"
LOSSLESS = "sim:walk?layout=cells-4&seed=5"


def taken(*spans: tuple[int, int], message: bytes = b"\x21" + bytes(14)) -> list[Data]:
    return [Data(0.0, m.PRESSURE, seq, n, 0, message) for seq, n in spans]


def test_holes_that_touch_are_one_hole(wire):
    delta = [Data(0.0, 0, seq, 1, 0, wire.coded(seq, 1)) for seq in (3, 4)]
    loss = account([*taken((0, 1)), *delta], 0, 8)
    assert loss.holes == ((1, 8),)
    assert (loss.sampled, loss.received, loss.missing, loss.undecodable) == (8, 1, 7, 2)
    assert loss.holds


def test_a_stream_without_a_message_is_missing_from_start_to_end():
    loss = account([], 10, 25)
    assert (loss.sampled, loss.missing, loss.holes) == (15, 15, ((10, 25),))
    assert loss.holds


def test_an_unknown_end_is_where_the_last_message_ends():
    loss = account(taken((0, 3), (6, 3)), 0, None)
    assert (loss.sampled, loss.received, loss.missing, loss.end_known) == (9, 6, 3, False)
    assert loss.holds


def test_repeats_and_messages_of_an_earlier_start_are_duplicates():
    loss = account(taken((5, 1), (4, 1), (5, 1)), 5, 6, duplicates=2)
    assert (loss.received, loss.duplicates) == (1, 4)


def test_a_broken_account_says_so():
    good = account(taken((0, 2)), 0, 4)
    assert good.holds
    assert not dataclasses.replace(good, received=3).holds
    assert not dataclasses.replace(good, holes=()).holds


@pytest.mark.parametrize(
    ("layout", "form", "duration_s"),
    [
        ("cells-16", "raw12", 15.0),
        ("cells-16", "raw8", 15.0),
        ("cells-16", "coded8", 15.0),
        ("grid-30x22", "coded8", 12.0),
        ("grid-30x22", "raw8", 12.0),
        ("grid-30x22", "raw12", 12.0),
    ],
)
def test_every_sample_is_accounted_for_through_the_whole_bad_air(layout, form, duration_s, record):
    walked = record(f"sim:walk?layout={layout}&seed=4&{AIR}", duration_s, form)
    assert set(walked.losses) == {"left", "right"}
    for side, streams in walked.losses.items():
        foot = walked.recording.feet[side]
        assert foot.form == form
        for name, loss in streams.items():
            assert loss.holds, (side, name, loss)
            assert loss.end_known
        assert streams["pressure"].missing > 0
        # A request to stop that was lost is asked again after a second.
        assert 0 < streams["pressure"].sampled / foot.info.rate_hz - duration_s < 4.0
        assert streams["imu"].duplicates + streams["pressure"].duplicates > 0
        # The reader counts again from what lies in the file.
        assert foot.loss == streams
        stored = [e for e in walked.recording.session if e["kind"] == "loss" and e["side"] == side]
        assert stored[-1]["streams"]["pressure"]["missing"] == streams["pressure"].missing
        assert foot.counts.shape[0] == streams["pressure"].received
        assert foot.imu.shape[0] == streams["imu"].received
        assert len(foot.events) == streams["events"].received
        assert len(foot.strides) == streams["strides"].received
        holes = {seq for start, end in streams["pressure"].holes for seq in range(start, end)}
        assert holes.isdisjoint(foot.seq.tolist())
        assert foot.gaps["n"].sum() == len(holes)
    assert walked.recording.is_complete
    assert not walked.recording.problems


def test_what_arrives_through_the_bad_air_is_what_was_sampled(record):
    clean = record("sim:walk?layout=cells-16&seed=6", 20.0).recording
    worn = record(f"sim:walk?layout=cells-16&seed=6&{AIR}", 10.0).recording
    for side, foot in clean.feet.items():
        other = worn.feet[side]
        # Both began at different frames; the foot's own time says which are the same.
        one, two = foot.messages(m.PRESSURE)[0], other.messages(m.PRESSURE)[0]
        shift = two.seq - one.seq - round((two.foot_us - one.foot_us) / foot.info.period_us)
        common, here, there = np.intersect1d(foot.seq + shift, other.seq, return_indices=True)
        assert common.size > 500
        assert np.array_equal(foot.counts[here], other.counts[there])


def test_without_faults_nothing_is_missing(record):
    walked = record(LOSSLESS, 10.0)
    for streams in walked.losses.values():
        for loss in streams.values():
            assert loss.holds
            assert loss.missing == loss.duplicates == loss.undecodable == 0
    assert walked.recording.gaps.empty


def test_a_second_walk_with_the_same_insoles_has_its_own_account(tmp_path):
    async def twice():
        losses = []
        async with solekit.connect_pair(f"{LOSSLESS}&loss=0.1") as pair:
            for name in ("one", "two"):
                pair.record_to(tmp_path / f"{name}.mcap")
                await pair.start()
                await pair.clock.sleep(4.0)
                losses.append({side: dict(loss) for side, loss in (await pair.stop()).items()})
                await pair.clock.sleep(1.0)
        return losses

    for name, losses in zip(("one", "two"), asyncio.run(twice()), strict=True):
        recording = solekit.Recording(tmp_path / f"{name}.mcap")
        for side, foot in recording.feet.items():
            assert foot.loss == losses[side]
            # Requests that were lost and asked again make it longer, never shorter.
            assert 4.0 < foot.loss["pressure"].sampled / foot.info.rate_hz < 9.0
            assert all(loss.holds for loss in foot.loss.values())
