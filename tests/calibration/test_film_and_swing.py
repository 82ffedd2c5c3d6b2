"""What a person tells of the film without a press, and what swings tell of creep."""

import numpy as np
import pytest

from solekit.calibration.swing import left_in_swings
from tools.bench import calibration as bench
from tools.bench import soles as made

T_S = np.arange(0, 60, 0.05)


def gait(t_s):
    """Return a foot that carries load for six tenths of each stride, 1.1 s long."""
    return np.where(np.mod(t_s, 1.1) < 0.66, 700.0, 0.0)


def test_what_creep_leaves_in_swings_comes_off_the_stances_too():
    creep = 60.0 * -np.expm1(-T_S / 30.0)
    shares = np.array([0.7, 0.3])
    pressure = (gait(T_S) + creep)[:, None] * shares
    left, trust = left_in_swings(pressure, T_S)
    walked = (T_S > 5) & (T_S < 55)
    assert trust[walked] == pytest.approx(1.0)
    assert left[walked].sum(axis=1) == pytest.approx(creep[walked], abs=2.5)
    assert left[walked, 0] / left[walked, 1] == pytest.approx(7 / 3, rel=0.01)


@pytest.mark.parametrize("shift_s", [3.0, 5.0, 10.0])
def test_somebody_who_shifts_the_weight_is_not_taken_for_walking(shift_s):
    share = 0.5 + 0.45 * np.sign(np.sin(2 * np.pi * T_S / shift_s))
    left, trust = left_in_swings((700.0 * share)[:, None], T_S)
    assert not left.any()
    assert not trust.any()


def test_standing_after_a_walk_keeps_what_was_told_for_seconds_only():
    load = np.where(T_S < 30, gait(T_S), 350.0) + 20.0
    left, trust = left_in_swings(load[:, None], T_S)
    assert left[(T_S > 5) & (T_S < 28)] == pytest.approx(20.0, abs=0.5)
    assert 0 < trust[T_S > 34][0] < 0.7
    assert not trust[T_S > 42].any()


def test_nothing_and_a_single_frame_have_no_swings():
    for n in (0, 1):
        left, trust = left_in_swings(np.ones((n, 3)), np.arange(float(n)))
        assert (left.shape, trust.shape) == ((n, 3), (n,))
        assert not left.any()


def test_without_a_press_slow_shifts_find_the_film_and_ten_minutes_stay_within_5_percent():
    seed = 3
    sole_pair = {side: made.Sole(side, seed) for side in ("left", "right")}
    both = bench.calibrated(sole_pair, seed, has_press=False)
    found = both["left"]
    x, p = np.log(found.curves.counts[:, 0]), np.log(found.curves.pressure_kpa)
    assert (x[1] - x[0]) / (p[1] - p[0]) == pytest.approx(0.9, abs=0.03)
    loop = np.expm1(found.hysteresis.loops[1]) * found.hysteresis.weights[1]
    assert 0.03 < loop < 0.1  # 0.08, and its prior is 0.06
    assert found.creep.share == pytest.approx(0.08, abs=0.04)
    # Seeds 1 to 6: 2.7 to 4.6 % at most, all of the loaded frames covered.
    after = bench.ten_minutes(sole_pair, both, seed)
    assert after["largest_error"] < 0.05
    assert after["covered"] > 0.95
    assert after["half_width"] < 0.10
