"""A walk from the chair and back with known phases."""

import numpy as np
import pandas as pd
import pytest

from solekit.balance import TimedUpAndGo
from solekit.errors import DataError
from tests.balance.chair import chair

RATE_HZ = 50.0
OUT_S, TURN_S, BACK_S = 5.0, 2.0, 5.0


def walk(turn_deg=180.0):
    """Rise at 2 to 3 s, walk out, turn, walk back, sit down."""
    hold_s = OUT_S + TURN_S + BACK_S
    t_s, load, truth = chair(n=1, rate_hz=RATE_HZ, hold_s=hold_s)
    onset, stand, lower, sit = truth[0]
    ic_s = np.arange(stand + 0.2, lower - 0.1, 0.55)
    events = pd.DataFrame({"kind": "ic", "t_s": ic_s})
    turning = (t_s >= stand + OUT_S) & (t_s < stand + OUT_S + TURN_S)
    yaw = np.where(turning, np.radians(turn_deg) / TURN_S, 0.0)
    return t_s, load, events, yaw, (onset, stand, lower, sit)


def test_the_phases_are_found():
    t_s, load, events, yaw, (onset, stand, _, sit) = walk()
    found = TimedUpAndGo().segment(load, t_s=t_s, events=events, yaw_rad_s=yaw)
    assert found.reason_ == ""
    assert found.total_s_ == pytest.approx(sit - onset, abs=0.4)
    phases = found.phases_.set_index("phase")
    assert phases.loc["turn", "start_s"] == pytest.approx(stand + OUT_S, abs=0.2)
    assert phases.loc["turn", "end_s"] == pytest.approx(stand + OUT_S + TURN_S, abs=0.2)
    assert phases.loc["rise", "duration_s"] == pytest.approx(1.0, abs=0.3)
    assert phases["steps"].sum() == found.steps_ == len(events)
    ends = phases["end_s"].to_numpy()[:-1]
    np.testing.assert_allclose(ends, phases["start_s"].to_numpy()[1:])
    assert phases.loc["sit", "end_s"] == pytest.approx(sit, abs=0.3)


def test_without_a_gyroscope_the_turn_is_refused_and_the_total_is_not():
    t_s, load, events, _, (onset, _, _, sit) = walk()
    found = TimedUpAndGo().segment(load, t_s=t_s, events=events)
    assert found.total_s_ == pytest.approx(sit - onset, abs=0.4)
    phases = found.phases_.set_index("phase")
    assert "no yaw rate" in phases.loc["turn", "reason"]
    assert np.isnan(phases.loc["turn", "duration_s"])
    assert np.isfinite(phases.loc["rise", "duration_s"])


def test_who_does_not_turn_has_no_turn():
    t_s, load, events, yaw, _ = walk(turn_deg=40.0)
    found = TimedUpAndGo().segment(load, t_s=t_s, events=events, yaw_rad_s=yaw)
    assert "no turn of 120 degrees" in found.phases_.set_index("phase").loc["turn", "reason"]


def test_who_does_not_walk_or_not_sit_has_no_total():
    t_s, load, events, yaw, (_, _, lower, _) = walk()
    still = TimedUpAndGo().segment(load, t_s=t_s, events=events.iloc[:2], yaw_rad_s=yaw)
    assert "nobody walked" in still.reason_
    up = t_s < lower - 0.5
    stays = TimedUpAndGo().segment(load[up], t_s=t_s[up], events=events)
    assert "nobody sits down" in stays.reason_
    for found in (still, stays):
        assert np.isnan(found.total_s_)
        assert (found.phases_["reason"] == found.reason_).all()


def test_yaw_of_another_length_is_refused():
    t_s, load, events, yaw, _ = walk()
    with pytest.raises(DataError, match="yaw rates"):
        TimedUpAndGo().segment(load, t_s=t_s, events=events, yaw_rad_s=yaw[:-1])
