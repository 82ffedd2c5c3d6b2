"""A recording that plays as if its insoles were there."""

from __future__ import annotations

import asyncio

import pytest

import solekit
from solekit.errors import DataError, TransportSpecError
from solekit.recording import RecordingWriter
from solekit.transports import open_transports


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """Record both feet through bad air, then record its replay; return both recordings."""
    folder = tmp_path_factory.mktemp("replay")

    async def record(uri, path, duration_s):
        async with solekit.connect_pair(uri) as pair:
            pair.record_to(path)
            await pair.start()
            await pair.clock.sleep(min(duration_s, pair.duration_s))
            return await pair.stop()

    air = "loss=0.03&duplicate=0.03&reorder=0.03"
    uri = f"sim:walk?layout=cells-16&seed=3&{air}"
    asyncio.run(record(uri, folder / "one.mcap", 8.0))
    asyncio.run(record(f"replay:{folder / 'one.mcap'}", folder / "two.mcap", 99.0))
    asyncio.run(record(f"replay:{folder / 'one.mcap'}", folder / "half.mcap", 4.0))
    return [solekit.Recording(folder / f"{name}.mcap") for name in ("one", "two", "half")]


def test_everything_comes_again_and_nothing_else(walked):
    one, two, _ = walked
    for side, foot in one.feet.items():
        other = two.feet[side]
        assert (other.seq == foot.seq).all()
        assert (other.counts == foot.counts).all()
        for name, loss in foot.loss.items():
            assert other.loss[name].holes == loss.holes
            assert other.loss[name].received == loss.received
            assert other.loss[name].holds


def test_the_feet_keep_their_time_to_each_other(walked):
    one, two, _ = walked
    shift = two.events["t_s"].to_numpy() - one.events["t_s"].to_numpy()
    assert list(two.events["side"]) == list(one.events["side"])
    assert abs(shift - shift[0]).max() < 0.002


def test_a_copy_claims_no_better_clock_than_its_source(walked):
    one, two, _ = walked
    for side, foot in one.feet.items():
        assert two.feet[side].timeline.interval_s > 0.8 * foot.timeline.interval_s


def test_what_was_not_played_is_not_missing(walked):
    _, _, half = walked
    for foot in half.feet.values():
        frames = foot.loss["pressure"]
        assert frames.holds
        assert 300 < frames.sampled < 480
        assert frames.missing < 0.2 * frames.sampled


def test_stopping_is_a_pause(walked):
    one, _, _ = walked

    async def twice():
        async with solekit.connect(f"replay:{one.path}?side=left") as insole:
            losses = []
            for _ in range(2):
                await insole.start()
                await insole.clock.sleep(3.0)
                losses.append(await insole.stop())
            return losses

    first, second = asyncio.run(twice())
    received = first["pressure"].received + second["pressure"].received
    assert received == pytest.approx(600, rel=0.15)
    for losses in (first, second):
        assert losses["pressure"].holds
        assert losses["pressure"].missing < 0.2 * losses["pressure"].sampled


def test_a_side_that_was_not_recorded_is_named(tmp_path, walked):
    with pytest.raises(TransportSpecError, match="left, right only"):
        open_transports(f"replay:{walked[0].path}?side=middle")


def test_a_recording_without_data_cannot_be_replayed(tmp_path):
    async def record():
        async with solekit.connect("sim:walk?layout=cells-4&side=left") as insole:
            writer = RecordingWriter(tmp_path / "empty.mcap")
            writer.add_session(
                0.0, "insole", side="left", uri=insole.uri, **insole.known.to_json()
            )
            writer.close()

    async def replay():
        async with solekit.connect(f"replay:{tmp_path / 'empty.mcap'}"):
            pass

    asyncio.run(record())
    with pytest.raises(DataError, match="no data"):
        asyncio.run(replay())
