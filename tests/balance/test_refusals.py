"""What looks like a test at first sight and is none."""

import numpy as np
import pandas as pd
import pytest

from solekit.balance import ChairStand, FootStance, StandingBalance, TimedUpAndGo
from solekit.errors import DataError
from tests.balance.test_standing import LAYOUT, stand, value
from tests.balance.test_timed_up_and_go import walk


@pytest.mark.parametrize(("step_s", "swing"), [(0.5, 0.25), (0.55, 0.2), (0.7, 0.1), (1.2, 0.04)])
def test_walking_is_no_quiet_standing_however_steady_the_total_load(step_s, swing):
    t_s = np.arange(3000) / 50.0
    total = 700 * (1 + swing * np.cos(2 * np.pi * t_s / step_s))
    share = np.interp((t_s / (2 * step_s)) % 1, [0, 0.4, 0.5, 0.9, 1], [1, 1, 0, 0, 1])
    middle = np.full(3000, LAYOUT.width_mm / 2)
    feet = [FootStance(t_s, total * part, middle, middle) for part in (share, 1 - share)]
    found = StandingBalance().measure(*feet, layout=LAYOUT)
    assert "quiet standing" in found.reason_
    assert found.variables_["value"].isna().all()


def test_one_recorded_foot_has_no_joint_sway():
    feet, _, _ = stand(feet=1)
    joint = value(StandingBalance().measure(*feet, layout=LAYOUT), "sway_area")
    assert np.isnan(joint["value"])
    assert "only the left foot" in joint["reason"]


def test_a_loaded_foot_without_a_centre_of_pressure_is_an_error():
    (left, right), _, _ = stand()
    x_mm = left.cop_x_mm.copy()
    x_mm[1000] = np.nan
    broken = FootStance(left.t_s, left.load, x_mm, left.cop_y_mm)
    with pytest.raises(DataError, match="sample 1000"):
        StandingBalance().measure(broken, right, layout=LAYOUT)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_of_empty_insoles_holds_no_stands(seed):
    load = np.abs(np.random.default_rng(seed).normal(0, 4, 3000))
    found = ChairStand().segment(load, t_s=np.arange(3000) / 50)
    assert "nobody rises" in found.reason_
    assert np.isnan(found.total_s_)
    assert found.stands_.empty


@pytest.mark.parametrize("turn_s", [1.5, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("sit_sign", [-1, 1])
def test_the_far_turn_is_not_the_turn_to_sit(turn_s, sit_sign):
    t_s, load, events, _, (_, stand_s, lower_s, _) = walk()
    begin_s = stand_s + 4.0
    far = np.where((t_s >= begin_s) & (t_s < begin_s + turn_s), np.pi / turn_s, 0.0)
    to_sit = (t_s >= lower_s - 1.6) & (t_s < lower_s - 0.1)
    yaw = far + np.where(to_sit, sit_sign * np.pi / 1.5, 0.0)
    found = TimedUpAndGo().segment(load, t_s=t_s, events=events, yaw_rad_s=yaw)
    turn = found.phases_.set_index("phase").loc["turn"]
    assert turn["start_s"] == pytest.approx(begin_s, abs=0.3)
    assert turn["end_s"] == pytest.approx(begin_s + turn_s, abs=0.3)


def test_two_trials_in_one_recording_are_refused():
    t_s, load, events, _, _ = walk()
    later_s = len(t_s) / 50.0
    both = pd.concat([events, events.assign(t_s=events["t_s"] + later_s)], ignore_index=True)
    twice = TimedUpAndGo().segment(np.r_[load, load], t_s=np.r_[t_s, t_s + later_s], events=both)
    assert "one trial at a time" in twice.reason_
    assert np.isnan(twice.total_s_)
