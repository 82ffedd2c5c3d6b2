from __future__ import annotations

import numpy as np
import pytest

from solekit import layouts
from solekit_hil.walker.seeded import SeededWalker
from tests.hil.walking import build, strides, times_of

GRAVITY_M_S2 = 9.80665


@pytest.mark.parametrize("motion", ["walk", "slow", "fast", "limp", "walk-stop"])
def test_the_imu_rests_under_gravity_while_the_foot_is_flat(motion):
    walker = build(motion)
    for side in layouts.SIDES:
        flat = times_of(walker, side, "forefoot_on", 3, 12.5)
        heel_off = times_of(walker, side, "heel_off", 3, 12.9)
        heel_off = heel_off[heel_off > flat[0]]
        for start, end in zip(flat, heel_off, strict=False):
            imu = walker.sample(np.linspace(start + 0.06, end, 20))[1][side]
            np.testing.assert_allclose(np.linalg.norm(imu[:, :3], axis=1), 9.80665, atol=0.02)
            assert np.abs(imu[:, 3:]).max() < 0.02


@pytest.mark.parametrize("seed", range(4))
def test_the_toes_turn_up_in_mid_swing_which_is_negative_about_the_left_axis(seed):
    walker = build(seed=seed)
    for side in layouts.SIDES:
        ic, to, ahead = strides(walker, side, 30)
        for landed, lifted, end in zip(ic, to, ahead, strict=True):
            swing = walker.sample(np.linspace(lifted, end, 101))[1][side][:, 4] * -1
            assert 300 < np.rad2deg(swing.max()) < 600
            assert 20 < swing.argmax() < 70
            push = walker.sample(np.linspace(lifted - 0.25, lifted, 101))[1][side][:, 4] * -1
            assert np.rad2deg(push.min()) < -100
            shock = walker.sample(np.linspace(landed, landed + 0.1, 201))[1][side][:, 2]
            assert shock.max() > 25 > shock[-1]


@pytest.mark.parametrize("motion", ["walk", "slow", "fast", "limp", "run"])
def test_the_imu_integrates_to_a_closed_foot_and_the_stride_length(motion):
    walker = build(motion)
    assert isinstance(walker, SeededWalker)
    flat = times_of(walker, "left", "forefoot_on", 0, 20)
    heel_off = times_of(walker, "left", "heel_off", 0, 20)
    ic = times_of(walker, "left", "ic", 0, 20)
    for k in range(2, 8):
        start = heel_off[heel_off > flat[k]][0]
        end = min(flat[k + 1] + 0.1, heel_off[heel_off > flat[k + 1]][0])
        t = np.linspace(start, end, 8001)
        dt = t[1] - t[0]
        imu = walker.sample(t)[1]["left"].astype(float)
        pitch = -np.cumsum(imu[:, 4]) * dt  # toes up
        assert abs(pitch[-1]) < 0.01
        forward = imu[:, 0] * np.cos(pitch) - imu[:, 2] * np.sin(pitch)
        up = imu[:, 0] * np.sin(pitch) + imu[:, 2] * np.cos(pitch) - GRAVITY_M_S2
        speed, climb = np.cumsum(forward) * dt, np.cumsum(up) * dt
        assert abs(speed[-1]) < 0.05
        assert abs(climb[-1]) < 0.05
        first = np.searchsorted(ic, flat[k], side="right") - 1
        expected = walker.style.speed_m_s * (ic[first + 1] - ic[first])
        assert speed.sum() * dt == pytest.approx(expected, abs=0.03)
        assert abs(climb.sum() * dt) < 0.03
        assert 0.05 < (np.cumsum(climb) * dt).max() < 0.15
