"""Poses while frames come in, through a network whose answer is known."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

import solekit
from solekit import blocking, layouts
from solekit.errors import DataError, SolekitError
from solekit.inference.live import PoseStream
from solekit.inference.pose import PoseEstimator
from solekit.inference.signals import FootSignal
from tests.inference.fakes import fake, share_of

FIRST_S = 39 / 14  # of frames before the first pose


def ramp(t_s):
    return t_s / 10.0


def true_share(t_s):
    return ramp(t_s) / (1 + ramp(t_s))


def frames(side, t_s, n_cells=660):
    level = ramp(t_s) if side == "left" else np.ones(len(t_s))
    return np.repeat(level[:, None], n_cells, axis=1)


def stream(**options):
    soles = {side: layouts.named("grid-30x22", side) for side in layouts.SIDES}
    return PoseStream(soles, **{"model": fake(), "stature_m": 1.0, **options})


def run(poses, t_s, *, right_late=0, missing=None, size=3):
    """Push both feet in batches, the right one ``right_late`` batches later; return all poses."""
    missing = missing or {}
    found = []
    batches = np.array_split(t_s, max(len(t_s) // size, 1))
    for i in range(len(batches) + right_late):
        for side, late in (("left", 0), ("right", right_late)):
            if 0 <= i - late < len(batches):
                now = batches[i - late]
                low, high = missing.get(side, (0, 0))
                now = now[(now < low) | (now >= high)]
                poses.push(side, now, frames(side, now))
        found += poses.pop()
    return found


@pytest.mark.parametrize("rate_hz", [30.0, 14.0, 5.0])
def test_a_pose_shows_the_latest_moment_of_its_window(rate_hz):
    found = run(stream(rate_hz=rate_hz), np.arange(0, 6, 0.01))
    t_s = np.array([pose.t_s for pose in found])
    share = share_of(np.array([pose.keypoints_m for pose in found]))
    np.testing.assert_allclose(share, true_share(t_s), atol=2e-5)
    np.testing.assert_allclose(np.diff(t_s), 1 / rate_hz)
    assert FIRST_S <= t_s[0] < FIRST_S + 1 / rate_hz
    assert t_s[-1] > 5.99 - 1 / rate_hz
    assert all(pose.action == "right" for pose in found)
    np.testing.assert_allclose([pose.action_share.sum() for pose in found], 1.0, atol=1e-4)


def test_it_waits_for_the_foot_that_is_behind():
    poses = stream()
    t_s = np.arange(0, 5, 0.01)
    poses.push("left", t_s, frames("left", t_s))
    assert not list(poses.pop())
    poses.push("right", t_s[:400], frames("right", t_s[:400]))
    assert max(pose.t_s for pose in poses.pop()) == pytest.approx(np.floor(3.99 * 30) / 30)
    assert poses.dropped.in_gaps == 0


def test_the_order_of_arrival_does_not_change_a_pose():
    t_s = np.arange(0, 5, 0.01)
    at_once = run(stream(), t_s)
    late = run(stream(), t_s, right_late=20)
    assert [pose.t_s for pose in at_once] == [pose.t_s for pose in late]
    for one, other in zip(at_once, late, strict=True):
        np.testing.assert_array_equal(one.keypoints_m, other.keypoints_m)


def test_a_long_gap_means_no_pose_until_the_window_is_whole_again():
    poses = stream()
    found = run(poses, np.arange(0, 9, 0.01), missing={"right": (4.0, 4.5)})
    t_s = np.array([pose.t_s for pose in found])
    assert ((t_s < 4.0) | (t_s >= 4.5 + FIRST_S)).all()
    after = t_s[t_s > 4.0]
    assert after[0] < 4.5 + FIRST_S + 1 / 30
    all_due = len(run(stream(), np.arange(0, 9, 0.01)))
    assert poses.dropped.in_gaps == all_due - len(found)
    share = share_of(np.array([pose.keypoints_m for pose in found]))
    np.testing.assert_allclose(share, true_share(t_s), atol=2e-5)


def test_a_short_gap_is_bridged():
    poses = stream()
    found = run(poses, np.arange(0, 5, 0.01), missing={"left": (4.0, 4.2)})
    assert len(found) == len(run(stream(), np.arange(0, 5, 0.01)))
    assert poses.dropped.in_gaps == 0


def test_an_hour_without_a_foot_is_skipped_at_once():
    poses = stream()
    t_s = np.arange(0, 4, 0.02)
    found = run(poses, np.concatenate((t_s, 3600 + t_s)))
    assert sum(pose.t_s > 3600 for pose in found) > 30
    assert poses.dropped.in_gaps == pytest.approx((3600 + FIRST_S - 3.98) * 30, abs=2)


def test_samples_out_of_order_are_left_out_and_counted():
    poses = stream()
    t_s = np.arange(0, 4, 0.01)
    run(poses, t_s)
    poses.push("left", t_s[-5:], 100 * frames("left", t_s[-5:]))
    poses.push("left", np.array([5.0, 4.9]), frames("left", np.array([5.0, 4.9])))
    assert poses.dropped.samples == {"left": 6, "right": 0}


def test_memory_is_bounded_whatever_comes():
    poses = stream(rate_hz=1.0)
    t_s = np.arange(0, 30, 0.0005)
    for start in range(0, len(t_s), 2000):
        now = t_s[start : start + 2000]
        for side in layouts.SIDES:
            poses.push(side, now, np.ones((len(now), 660), dtype=np.float32))
        list(poses.pop())
    kept = poses._loads["left"]
    assert kept.t_s[-1] - kept.t_s[0] < 6.0
    assert len(kept._values) * 660 * 4 < 40e6


def test_poses_long_overdue_are_left_out_and_counted():
    poses = stream()
    t_s = np.arange(0, 5, 0.01)
    for side in layouts.SIDES:
        poses.push(side, t_s, frames(side, t_s))
    found = list(poses.pop(max_lag_s=0.25))
    assert all(pose.t_s >= 4.99 - 0.25 for pose in found)
    assert len(found) == 7
    assert poses.dropped.late + len(found) == len(run(stream(), t_s))


def test_live_poses_are_those_of_the_recording_where_both_see_one_window():
    network = fake()
    t_s = np.arange(0, 5, 0.01)
    run(stream(model=network, rate_hz=14.0), t_s)
    live = [seen["left"] for seen in network.model.seen]
    feet = [
        FootSignal(side, t_s, frames(side, t_s), layouts.named("grid-30x22", side))
        for side in layouts.SIDES
    ]
    network = fake()
    PoseEstimator(model=network).estimate(feet, rate_hz=14.0)
    np.testing.assert_allclose(live[0], network.model.seen[0]["left"], atol=1e-5)


def test_the_motion_of_a_sparse_layout_is_waited_for():
    soles = {side: layouts.named("cells-4", side) for side in layouts.SIDES}
    poses = PoseStream(soles, model=fake("cells-4", 4), stature_m=1.0)
    t_s = np.arange(0, 5, 0.01)
    for side in layouts.SIDES:
        poses.push(side, t_s, frames(side, t_s, 4))
    assert not list(poses.pop())
    for side in layouts.SIDES:
        poses.push(side, t_s[:0], None, (t_s, np.tile([4.0, 0, 0, 0, 0, 1.5], (len(t_s), 1))))
    found = list(poses.pop())
    share = share_of(np.array([pose.keypoints_m for pose in found]))
    np.testing.assert_allclose(share, true_share(np.array([p.t_s for p in found])), atol=2e-5)
    right = poses.network.model.seen[-1]["right"][0, :, 4:]
    np.testing.assert_allclose(right, np.tile([0.1, 0, 0, 0, 0, -0.1], (40, 1)), atol=1e-6)


def test_one_foot_is_refused():
    with pytest.raises(DataError, match="there is left"):
        PoseStream({"left": layouts.named("grid-30x22", "left")}, model=fake())


async def live(uri, n, **options):
    async with solekit.connect_pair(uri) as pair:
        await pair.start()
        found = []
        async for pose in pair.poses(**options):
            found.append(pose)
            if len(found) == n:
                break
        return found, pair.losses


@pytest.mark.parametrize(("layout", "n_cells"), [("grid-30x22", 0), ("cells-16", 16)])
def test_a_virtual_pair_gives_a_pose_at_every_period(layout, n_cells):
    network = fake(layout, n_cells)
    options = {"model": network, "stature_m": 1.0, "rate_hz": 30.0}
    found, _ = asyncio.run(live(f"sim:walk?layout={layout}", 45, **options))
    np.testing.assert_allclose(np.diff([pose.t_s for pose in found]), 1 / 30, rtol=1e-6)
    share = share_of(np.array([pose.keypoints_m for pose in found]))
    assert np.ptp(share) > 0.9  # each foot in turn carries all
    again, _ = asyncio.run(live(f"sim:walk?layout={layout}", 45, **options))
    assert [pose.t_s for pose in found] == [pose.t_s for pose in again]


def test_poses_end_when_the_pair_stops():
    async def go():
        async with solekit.connect_pair("sim:walk?layout=cells-4") as pair:
            await pair.start()
            poses = pair.poses(model=fake("cells-4", 4, n_imu=3))
            first = await anext(poses)
            await pair.stop()
            return first, [pose async for pose in poses]

    first, rest = asyncio.run(go())
    assert first.t_s > FIRST_S
    assert all(pose.t_s > first.t_s for pose in rest)


def test_a_foot_that_goes_ends_the_poses_with_its_error():
    async def go():
        async with solekit.connect_pair("sim:walk?layout=cells-4") as pair:
            await pair.start()
            poses = pair.poses(model=fake("cells-4", 4, n_imu=3))
            await anext(poses)
            await pair.feet["left"].transport.close()
            async for _ in poses:
                pass

    with pytest.raises(SolekitError):
        asyncio.run(go())


def test_poses_without_await():
    with blocking.connect_pair("sim:walk?layout=cells-4") as pair:
        pair.start()
        poses = pair.poses(model=fake("cells-4", 4, n_imu=3), rate_hz=14.0)
        t_s = [next(poses).t_s for _ in range(5)]
        poses.close()
        pair.stop()
    np.testing.assert_allclose(np.diff(t_s), 1 / 14)


def test_a_virtual_pair_of_one_foot_is_refused():
    with pytest.raises(DataError, match="there is left"):
        asyncio.run(live("sim:walk?layout=cells-4&side=left", 1, model=fake("cells-4", 4)))
