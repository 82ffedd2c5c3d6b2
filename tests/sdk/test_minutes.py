"""Summaries of the minutes from an insole that was alone, on the host clock."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

import solekit
from solecore.wire import messages as m
from solekit.errors import DataError

WALK = "sim:walk?layout=cells-4&side=left"
HOURS = 1.5


async def alone(uri, alone_s, path, streams=m.STREAM_NAMES):
    """Tell the insole the time, leave it alone, fetch its log; return ranges and the foot."""
    async with solekit.connect_pair(uri) as pair:
        (insole,) = pair.feet.values()
        await pair.start()
        await pair.clock.sleep(2.0)
        await pair.stop()
        await pair.clock.sleep(alone_s)
        held = {span.stream: span for span in await insole.log_ranges()}
        pair.record_to(path, protocol="logged")
        losses = await insole.fetch_log(pair.writer, streams=streams)
        side = insole.transport.world.sides["left"]
    foot = solekit.Recording(path).feet["left"]
    items = [item for item in foot.messages(m.MINUTES) if item.message[0] == m.MINUTE.msg_id]
    true_s = (np.array([item.foot_us for item in items]) - side.offset_us) / side.rate * 1e-6
    return held, losses, foot, true_s


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """Return hours at one frame a second, with far too little flash for the frames."""
    path = tmp_path_factory.mktemp("day") / "day.mcap"
    uri = f"{WALK}&rate_hz=1&log=128k"
    return asyncio.run(alone(uri, 3600 * HOURS, path, ("minutes",)))


def test_the_minutes_outlive_the_frames(day):
    held, losses, foot, _ = day
    assert held["pressure"].start > 1000  # the flash has been round
    assert held["minutes"].start == 0
    assert losses["minutes"].holds
    assert losses["minutes"].missing == 0
    assert losses["pressure"].sampled == 0  # left where it was
    assert len(foot.minutes) == pytest.approx(60 * HOURS, abs=4)


def test_they_lie_on_the_host_clock_within_the_stated_interval(day):
    _, _, foot, true_s = day
    error_s = np.abs(foot.minutes["t_s"].to_numpy() - true_s)
    assert error_s.max() < foot.timeline.interval_s < 0.1


def test_every_frame_of_a_minute_is_counted(day):
    frames = day[2].minutes["n_frames"].to_numpy()
    assert set(frames) <= {60, 61}


def test_a_minute_agrees_with_the_events_and_strides_of_the_same_log(tmp_path):
    _, _, foot, _ = asyncio.run(alone(WALK, 130.0, tmp_path / "walk.mcap"))
    table, strides = foot.minutes, foot.strides
    assert len(table) == 2
    for row in table.itertuples():
        # A contact counts once its stride has ended.
        ended_s = strides["ic_s"] + strides["stride_s"]
        within = strides[(ended_s >= row.t_s) & (ended_s < row.t_s + 60)]
        assert row.n_contacts == pytest.approx(len(within), abs=1)
        assert row.stride_s == pytest.approx(within["stride_s"].mean(), rel=0.01)
        assert row.stance_s == pytest.approx(within["stance_s"].mean(), rel=0.01)
        assert row.cadence_steps_min == pytest.approx(120 / row.stride_s)
        assert row.peak_force_n == pytest.approx(within["peak_force_n"].mean(), rel=0.01)
        assert 50 < row.loaded_pct < 70
    assert table["temperature_c"].isna().all()  # a virtual board has no thermometer
    assert table["battery_v"].between(3.0, 4.3).all()


def test_a_recording_without_minutes_has_an_empty_table(record):
    recording = record(WALK, 3.0).recording
    assert recording.minutes.empty
    assert "stride_s" in recording.minutes


def test_what_is_not_there_is_said(tmp_path):
    async def ask(name, **options):
        async with solekit.connect_pair(WALK) as pair:
            pair.record_to(tmp_path / name)
            await pair.feet["left"].fetch_log(pair.writer, **options)

    with pytest.raises(ValueError, match="'hours' is not one of pressure"):
        asyncio.run(ask("hours.mcap", streams=("hours",)))
    with pytest.raises(DataError, match=r"holds no minutes of boot 1$"):
        asyncio.run(ask("boot.mcap", streams=("minutes",), boot=1))
