"""Strides while both feet stream: those of the recording of the same walk, as soon as they end."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

import solekit
from solecore.wire import messages as m
from solekit import blocking
from solekit.analysis import analyse
from solekit.errors import ConnectionLostError
from solekit.link import Data
from solekit.strides.live import StrideStream

WALK = "sim:walk?layout=cells-16&seed=3"


async def followed(uri, duration_s, path=None, **options):
    """Return ``(time when told, stride)`` of a walk, and its recording if ``path`` is given."""
    async with solekit.connect_pair(uri) as pair:
        if path is not None:
            pair.record_to(path)
        told = []

        async def follow():
            async for stride in pair.strides(**options):
                told.append((pair.clock.now_s(), stride))

        task = asyncio.create_task(follow())
        await pair.start()
        await pair.clock.sleep(duration_s)
        await pair.stop()
        await task
    return told, solekit.Recording(path) if path is not None else None


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    path = tmp_path_factory.mktemp("strides") / "walk.mcap"
    told, recording = asyncio.run(followed(WALK, 20.0, path))
    return told, analyse(recording).strides


def test_they_are_the_strides_of_the_recording(walk):
    told, table = walk
    assert len(told) == len(table) > 25
    for _, stride in told:
        mine = table.loc[table["side"] == stride.side]
        row = mine.iloc[np.argmin(np.abs(mine["ic_s"] - stride.t_s))]
        assert abs(row["ic_s"] - stride.t_s) <= stride.interval_s
        # Own times hang on the rate of one clock only: 150 ppm of a second at the very most.
        for name in ("stride_s", "stance_s", "swing_s"):
            assert getattr(stride, name) == pytest.approx(row[name], abs=2e-4)
        assert stride.cadence_steps_min == pytest.approx(120 / row["stride_s"], rel=2e-4)
        assert stride.reason == ""


def test_double_support_is_that_of_the_recording_within_the_clocks_interval(walk):
    told, table = walk
    both_s = table["ds_initial_s"] + table["ds_terminal_s"]
    for _, stride in told:
        assert stride.why == {}
        mine = table["side"] == stride.side
        at = (table.loc[mine, "ic_s"] - stride.t_s).abs().idxmin()
        assert stride.double_support_s == pytest.approx(both_s[at], abs=1e-3)
        assert stride.double_support_pct == pytest.approx(
            100 * stride.double_support_s / stride.stride_s
        )


def test_each_comes_within_two_tenths_of_a_second(walk):
    late_s = [at_s - stride.t_s - stride.stride_s for at_s, stride in walk[0]]
    assert 0 < min(late_s) <= max(late_s) < 0.2


def test_peak_force_is_that_of_the_insoles_summary(tmp_path):
    told, recording = asyncio.run(followed(WALK, 6.0, tmp_path / "walk.mcap"))
    assert len(told) > 4
    for _, stride in told:
        mine = recording.feet[stride.side].strides
        at = (mine["ic_s"] - stride.t_s).abs().idxmin()
        assert stride.peak_force_n == pytest.approx(mine.loc[at, "peak_force_n"])


def test_one_foot_has_no_double_support_and_says_so():
    told, _ = asyncio.run(followed(WALK + "&side=left", 6.0))
    assert len(told) > 2
    for _, stride in told:
        assert (stride.side, stride.double_support_s, stride.double_support_pct) == (
            "left",
            None,
            None,
        )
        assert stride.why == {"double_support": "one foot only"}
        assert stride.stance_s is not None


def test_clocks_that_do_not_agree_closely_enough_leave_double_support_out():
    told, _ = asyncio.run(followed(WALK, 6.0, max_clock_interval_s=1e-4))
    assert len(told) > 4
    for _, stride in told:
        assert stride.double_support_s is None
        assert "0.1 ms" in stride.why["double_support"]


def test_below_25_hz_there_is_no_double_support():
    told, _ = asyncio.run(followed(WALK + "&rate_hz=20", 6.0))
    assert told
    assert all("20 Hz is below 25 Hz" in stride.why["double_support"] for _, stride in told)


def test_strides_without_await():
    with blocking.connect_pair(WALK) as pair:
        pair.start()
        strides = pair.strides()
        found = [next(strides) for _ in range(4)]
        strides.close()
        pair.stop()
    assert {stride.side for stride in found} == {"left", "right"}
    assert all(0.8 < stride.stride_s < 1.5 for stride in found)


# -- what does not arrive ------------------------------------------------------------------------


class Line:
    """A clock that is the host's."""

    interval_s = 0.001

    def to_host_s(self, foot_s):
        return np.asarray(foot_s, dtype=float)


@pytest.fixture(scope="module")
def infos():
    async def ask():
        async with solekit.connect_pair(WALK) as pair:
            return {side: insole.known for side, insole in pair.feet.items()}

    return asyncio.run(ask())


def event(seq, at_s, kind):
    message = m.EVENT.pack(1, m.EVENTS, seq, 0, 0, kind, 100, 0)
    return Data(at_s, m.EVENTS, seq, 1, round(at_s * 1e6), message)


def frame(at_s):
    return Data(at_s, m.PRESSURE, round(100 * at_s), 1, round(at_s * 1e6), b"")


def walked(n=6, offset_s=0.0):
    """Return the events of one foot: strides of 1 s, stance 0.6 s."""
    kinds = ((m.IC, 0.0), (m.TO, 0.6))
    times = [(k + offset_s + 0.5 + dt_s, kind) for k in range(n) for kind, dt_s in kinds]
    return [event(seq, at_s, kind) for seq, (at_s, kind) in enumerate(times)]


def pushed(infos, left, right, *, until_s=7.0, right_until_s=None):
    """Return what a stream tells of events, with frames up to a time, all at once."""
    stream = StrideStream(infos)
    stream.push("left", [*left, frame(until_s)])
    stream.push("right", [*right, frame(right_until_s or until_s)])
    return list(stream.pop({"left": Line(), "right": Line()}))


def test_known_times_give_known_phases(infos):
    found = pushed(infos, walked(), walked(offset_s=0.5))
    assert len(found) == 10
    for stride in found:
        assert stride.stride_s == pytest.approx(1.0)
        assert stride.stance_s == pytest.approx(0.6)
        assert stride.cadence_steps_min == pytest.approx(120.0)
    inner = [stride for stride in found if stride.double_support_s is not None]
    assert len(inner) >= 8
    for stride in inner:
        assert stride.double_support_s == pytest.approx(0.2)
        assert stride.double_support_pct == pytest.approx(20.0)


def test_a_lost_event_makes_its_strides_gaps_and_no_others(infos):
    left = walked()
    del left[4]  # the third contact
    reasons = [stride.reason for stride in pushed(infos, left, []) if stride.side == "left"]
    assert reasons == ["", "touches a gap", "", ""]


def test_a_lost_event_of_the_other_foot_costs_only_the_double_support(infos):
    right = walked(offset_s=0.5)
    del right[4]
    left = [s for s in pushed(infos, walked(), right) if s.side == "left"]
    assert all(stride.reason == "" and stride.stance_s is not None for stride in left)
    texts = [stride.why.get("double_support", "") for stride in left]
    assert "touches a gap of the other foot" in texts
    assert texts[-1] == ""


def test_a_dip_of_the_force_is_no_stride(infos):
    left = walked()
    dips = [event(0, 2.9, m.TO), event(0, 2.95, m.IC)]  # in the third stance
    left = [
        event(seq, item.foot_us * 1e-6, item.message[m.HEADER_SIZE])
        for seq, item in enumerate(sorted((*left, *dips), key=lambda item: item.foot_us))
    ]
    found = [s.stride_s for s in pushed(infos, left, []) if s.side == "left"]
    np.testing.assert_allclose(found, np.ones(5))


def test_a_stride_waits_for_the_other_foot_but_not_for_ever(infos):
    left, right = walked(n=2), walked(n=2, offset_s=0.5)
    early = pushed(infos, left, right[:1], until_s=1.55, right_until_s=1.3)
    assert early == []
    late = pushed(infos, left, right[:1], until_s=2.1, right_until_s=1.3)
    assert [stride.side for stride in late] == ["left"]


def test_an_uncalibrated_insole_has_no_newtons(infos):
    bare = replace(infos["left"], hello={**infos["left"].hello, "calibration": 0})
    stream = StrideStream({"left": bare})
    stream.push("left", [*walked(), frame(7.0)])
    found = list(stream.pop({"left": Line()}))
    assert found
    assert all(stride.peak_force_n is None for stride in found)
    assert all("uncalibrated" in stride.why["peak_force_n"] for stride in found)


def test_a_link_that_is_cut_for_good_ends_the_strides_with_its_error():
    told = []

    async def follow():
        async with solekit.connect_pair(WALK + "&cut=4") as pair:
            await pair.start()
            async for stride in pair.strides():
                told.append(stride)

    with pytest.raises(ConnectionLostError, match="cut at 4 s"):
        asyncio.run(follow())
    assert {stride.side for stride in told} == {"left", "right"}
