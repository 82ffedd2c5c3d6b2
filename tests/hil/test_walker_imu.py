from __future__ import annotations

import numpy as np
import pytest

from solekit import layouts
from solekit_hil import walker as walkers
from solekit_hil.walker.seeded import SeededWalker
from tests.hil.walking import CYCLIC, PLAYED, STEPPING, build, forces_bw, strides, times_of

GRAVITY_M_S2 = 9.80665
SHOCK_S = 0.1  # of landing


def flat_spans(walker, side, t0_s, t1_s):
    """Return when the whole sole begins to lie flat and when it ends to, (n,) each."""
    ic = times_of(walker, side, "ic", t0_s, t1_s)
    to = times_of(walker, side, "to", t0_s, t1_s)
    to = to[to > ic[0]]
    n = min(len(ic), len(to))
    if walkers.STEPPING[walker.motion].is_backward:  # then it leaves the ground over the heel
        on = times_of(walker, side, "heel_on", ic[0], t1_s)[:n]
        return on, to[:n] - walker.style.forefoot_on * (to[:n] - ic[:n])
    on = times_of(walker, side, "forefoot_on", ic[0], t1_s)[:n]
    off = times_of(walker, side, "heel_off", ic[0], t1_s)
    return on, off[:n]


@pytest.mark.parametrize("motion", [m for m in STEPPING if m not in ("stand", "run")])
def test_the_imu_rests_under_gravity_while_the_foot_is_flat(motion):
    walker = build(motion)
    for side in layouts.SIDES:
        ic = times_of(walker, side, "ic", 0, 12.9)
        starts, ends = flat_spans(walker, side, 3, 12.9)
        assert len(starts) >= 6
        for start, end in zip(starts, ends, strict=False):
            landed = ic[ic <= start][-1]
            t = np.linspace(max(start, landed + SHOCK_S), end, 20)
            imu = walker.imu(t)[side]
            np.testing.assert_allclose(np.linalg.norm(imu[:, :3], axis=1), GRAVITY_M_S2, atol=0.02)
            assert np.abs(imu[:, 3:]).max() < 0.02
            tilt = np.arctan2(imu[:, 0], imu[:, 2])
            np.testing.assert_allclose(tilt, -walker.style.raised_rad, atol=0.002)


@pytest.mark.parametrize("seed", range(4))
def test_the_toes_turn_up_in_mid_swing_which_is_negative_about_the_left_axis(seed):
    walker = build(seed=seed)
    for side in layouts.SIDES:
        ic, to, ahead = strides(walker, side, 30)
        for landed, lifted, end in zip(ic, to, ahead, strict=True):
            swing = walker.imu(np.linspace(lifted, end, 101))[side][:, 4] * -1
            assert 300 < np.rad2deg(swing.max()) < 700
            assert 20 < swing.argmax() < 70
            push = walker.imu(np.linspace(lifted - 0.25, lifted, 101))[side][:, 4] * -1
            assert np.rad2deg(push.min()) < -100
            shock = walker.imu(np.linspace(landed, landed + SHOCK_S, 201))[side][:, 2]
            assert shock.max() > 25 > shock[-1]


@pytest.mark.parametrize("motion", CYCLIC)
def test_the_imu_integrates_to_a_closed_foot_and_the_stride_length(motion):
    walker = build(motion)
    assert isinstance(walker, SeededWalker)
    style = walker.style
    up_m = np.array([0, 0, style.slope])  # per metre ahead
    for side in layouts.SIDES:
        flat, _ = flat_spans(walker, side, 2, 14)
        ic, to = (times_of(walker, side, kind, 2, 16) for kind in ("ic", "to"))
        for k in range(1, 6):
            t = np.linspace(flat[k] + 0.05, flat[k + 1] + 0.05, 8001)
            dt = t[1] - t[0]
            felt = walker.imu(t)[side].astype(float)
            pitch = np.arctan2(felt[0, 0], felt[0, 2]) - np.cumsum(felt[:, 4]) * dt  # toes up
            assert pitch[-1] == pytest.approx(-style.raised_rad, abs=0.01)
            forward = felt[:, 0] * np.cos(pitch) - felt[:, 2] * np.sin(pitch)
            up = felt[:, 0] * np.sin(pitch) + felt[:, 2] * np.cos(pitch) - GRAVITY_M_S2
            out = style.toe_out_rad if side == "left" else -style.toe_out_rad
            ahead = forward * np.cos(out) - felt[:, 1] * np.sin(out)
            left = forward * np.sin(out) + felt[:, 1] * np.cos(out)
            speed = np.cumsum([ahead, left, up], axis=1) * dt
            assert np.abs(speed[:, -1]).max() < 0.05
            way = np.cumsum(speed, axis=1) * dt
            landed = ic[np.searchsorted(ic, flat[k]) - 1 :][:2]
            goes, sign = np.diff(landed)[0], 1
            if style.motion.is_backward:  # the step and all its times in reverse
                goes, sign = np.diff(to[np.searchsorted(to, flat[k]) :][:2])[0], -1
            expected = sign * style.speed_m_s * goes * (style.direction + up_m)
            np.testing.assert_allclose(way[:, -1], expected, atol=0.03)
            assert np.abs(felt[:, [3, 5]]).max() == 0
            climbs = style.speed_m_s * goes * abs(style.slope)
            assert 0.5 * style.lift_m < np.ptp(way[2]) < climbs + style.lift_m + 0.14


@pytest.mark.parametrize("motion", PLAYED)
def test_the_imus_of_a_played_motion_rest_under_gravity_and_never_turn_on_average(motion):
    walker = build(motion)
    t = np.arange(0, walker._period_s, 1 / 120)
    for side in layouts.SIDES:
        felt = walker.imu(t)[side].astype(float)
        assert np.isfinite(felt).all()
        assert np.abs(felt[:, 3:].mean(axis=0)).max() < 0.002
        still = np.abs(felt[:, 3:]).max(axis=1) < 1e-3
        assert still.mean() > 0.5
        size = np.linalg.norm(felt[still, :3], axis=1)
        assert np.median(size) == pytest.approx(GRAVITY_M_S2, abs=1e-3)
        if motion in ("squat", "sit-to-stand"):  # nobody lifts a foot
            rest = np.tile([0, 0, GRAVITY_M_S2, 0, 0, 0], (len(t), 1))
            np.testing.assert_allclose(felt, rest, atol=1e-5)


@pytest.mark.parametrize("motion", ["lunge", "warm-up"])
def test_a_foot_that_only_raises_its_heel_does_not_roll(motion):
    walker = build(motion)
    felt = walker.imu(np.arange(0, 30, 1 / 120))["left"].astype(float)
    turns = np.abs(felt[:, 4]).max()
    assert turns > 0.5
    assert np.abs(felt[:, 3]).max() < 0.1 * turns
    # The line from heel to big toe turns a little as the heel comes nearer to the toes.
    assert np.abs(felt[:, 1]).max() < 1.0


# -- forces and events of the played motions --


@pytest.mark.parametrize("motion", PLAYED)
def test_the_mean_force_of_a_played_motion_is_body_weight_less_what_the_chair_carries(motion):
    walker = build(motion)
    force = forces_bw(walker, np.arange(0, walker._period_s, 1 / 120))
    total = force["left"] + force["right"]
    assert (total > 0).all()
    if motion == "sit-to-stand":
        assert 0.5 < total.mean() < 0.8
        assert total.min() == pytest.approx(0.2, abs=0.05)  # seated, the feet carry a fifth
        assert 1.0 < total.max() < 1.3
    else:
        assert total.mean() == pytest.approx(1, abs=0.002)


@pytest.mark.parametrize("motion", PLAYED)
def test_a_played_motion_repeats_without_a_seam_and_mostly_stands_there(motion):
    walker = build(motion)
    period = walker._period_s
    near = np.arange(-1, 1, 1 / 960)
    seam = slice(len(near) // 2 - 30, len(near) // 2 + 30)
    force, imu = forces_bw(walker, period + near), walker.imu(period + near)
    for side in layouts.SIDES:
        assert np.abs(np.diff(force[side][seam])).max() < 0.01  # about per millisecond
        assert np.abs(np.diff(imu[side][seam], axis=0)).max() < 0.2
        again = forces_bw(walker, 3 * period + near)[side]
        np.testing.assert_allclose(again, force[side], atol=1e-9)
    if motion != "sit-to-stand":  # which comes up there and goes down at once
        np.testing.assert_allclose((force["left"] + force["right"])[seam], 1, atol=0.1)
    halves = walker.events(period - 20, period) + walker.events(period, period + 20)
    assert walker.events(period - 20, period + 20) == halves


@pytest.mark.parametrize("motion", ["squat", "sit-to-stand"])
def test_who_never_lifts_a_foot_has_no_events_and_no_unloaded_foot(motion):
    walker = build(motion)
    assert walker.events(0, 400) == []
    force = forces_bw(walker, np.arange(0, walker._period_s, 1 / 120))
    assert min(array.min() for array in force.values()) > 0.05


def test_each_step_of_a_lunge_unloads_a_foot_from_its_to_to_its_ic():
    walker = build("lunge")
    for side in layouts.SIDES:
        to = times_of(walker, side, "to", 0.2, 100)
        ic = times_of(walker, side, "ic", to[0], 101)
        assert len(to) >= 20
        for left, landed in zip(to, ic, strict=False):
            assert 0.3 < landed - left < 1.2
            inside = np.linspace(left + 1 / 120, landed - 1 / 120, 50)
            assert not walker.force_n(side, inside).any()
            outside = np.array([left - 2 / 120, landed + 2 / 120])
            assert (walker.force_n(side, outside) > 0).all()
        pairs = np.diff(to)  # ahead and back, then the other foot does
        assert (pairs[1::2].mean() > 1.5 * pairs[::2].mean()) != (
            pairs[::2].mean() > 1.5 * pairs[1::2].mean()
        )


def test_every_step_of_a_lunge_has_its_events_at_the_seam_too():
    walker = build("lunge")
    period = walker._period_s
    for side in layouts.SIDES:
        counts = [len(times_of(walker, side, k, 0, period)) for k in walkers.KINDS]
        assert len(set(counts)) == 1
        force = walker.force_n(side, np.arange(0, period, 1 / 240))
        n_swings = int((np.diff((force == 0).astype(int)) == 1).sum())
        assert counts[0] == n_swings


def test_the_feet_of_a_lunge_take_and_leave_their_load_smoothly():
    force = forces_bw(build("lunge"), np.arange(0, 60, 1 / 120))
    for side in layouts.SIDES:
        assert np.abs(np.diff(force[side])).max() < 0.2


def test_a_foot_of_the_warm_up_without_events_is_never_unloaded():
    walker = build("warm-up")
    assert walker.events(0, 60) == []
    force = forces_bw(walker, np.arange(0, 60, 1 / 120))
    assert min(array.min() for array in force.values()) > 0
