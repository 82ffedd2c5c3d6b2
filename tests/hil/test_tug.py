"""The virtual timed up and go: what it does, and what the feet tell of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from solekit import layouts
from solekit.balance import TimedUpAndGo
from solekit_hil.tug import WALK_M, up_and_go
from solekit_hil.walker.body import INDEX

SOLES = {side: layouts.named("cells-4", side) for side in layouts.SIDES}
RATE_HZ = 100.0
AFTER_S = 5.0


@pytest.fixture(scope="module", params=[1, 4])
def done(request):
    return up_and_go(seed=request.param, layouts=SOLES)


@pytest.fixture(scope="module")
def t_s(done):
    return np.arange(0.0, done.phases_s["sit"][1] + AFTER_S, 1 / RATE_HZ)


def load(done, t_s):
    return sum(done.walker.force_n(side, t_s) for side in layouts.SIDES)


def test_who_sits_presses_less_than_who_stands_and_the_weight_is_the_bodys(done, t_s):
    share = load(done, t_s) / done.walker.body_weight_n
    rise, sit = done.phases_s["rise"], done.phases_s["sit"]
    seated = (t_s < rise[0]) | (t_s > sit[1])
    np.testing.assert_allclose(share[seated], 0.2, atol=0.01)  # the chair carries the rest
    up = (t_s > rise[1]) & (t_s < sit[0])
    assert share[up].mean() == pytest.approx(1.0, abs=0.02)


def test_the_way_goes_out_and_comes_back_to_the_same_chair(done, t_s):
    at_m = done.walker.body(t_s).keypoints_m[:, INDEX["pelvis"]]
    np.testing.assert_allclose(at_m[0, :2], at_m[-1, :2], atol=0.03)
    assert WALK_M < at_m[:, 0].max() - at_m[0, 0] < WALK_M + 1.0


def test_a_foot_on_the_ground_stays_where_it_is_and_nothing_jumps(done, t_s):
    points_m = done.walker.body(t_s).keypoints_m
    speed_m_s = np.linalg.norm(np.diff(points_m, axis=0), axis=2) * RATE_HZ
    assert speed_m_s.max() < 9.0  # toes that swing, the straight walk's too
    events = done.walker.events(0.0, t_s[-1])
    for side in layouts.SIDES:
        toe = points_m[:, INDEX[f"{side}_big_toe"]]
        flat = [event.t_s for event in events if (event.side, event.kind) == (side, "forefoot_on")]
        ends = [event.t_s for event in events if (event.side, event.kind) == (side, "heel_off")]
        stances = [(t_s > a) & (t_s < b) for a, b in zip(flat, ends, strict=True) if b > a]
        assert len(stances) >= 5
        assert max(np.ptp(toe[stance, :2], axis=0).max() for stance in stances) < 0.02


def test_a_thigh_and_a_shank_keep_their_lengths_within_a_tenth(done, t_s):
    points_m = done.walker.body(t_s).keypoints_m
    for a, b in (("hip", "knee"), ("knee", "ankle")):
        for side in layouts.SIDES:
            ends = (points_m[:, INDEX[f"{side}_{name}"]] for name in (a, b))
            length_m = np.linalg.norm(np.subtract(*ends), axis=1)
            middle = np.median(length_m)
            assert np.quantile(np.abs(length_m / middle - 1), 0.99) < 0.1


def test_the_phases_are_found_from_load_events_and_yaw(done, t_s):
    events = done.walker.events(0.0, t_s[-1])
    table = pd.DataFrame([(e.kind, e.t_s) for e in events], columns=["kind", "t_s"])
    points_m = done.walker.body(t_s).keypoints_m
    along_m = points_m[:, INDEX["left_big_toe"]] - points_m[:, INDEX["left_heel"]]
    heading = np.unwrap(np.arctan2(along_m[:, 1], along_m[:, 0]))
    assert heading[-1] - heading[0] == pytest.approx(2 * np.pi, abs=0.05)  # twice half around
    yaw = np.gradient(heading) * RATE_HZ
    found = TimedUpAndGo().segment(load(done, t_s), t_s=t_s, events=table, yaw_rad_s=yaw)
    assert found.reason_ == ""
    phases, truth = found.phases_.set_index("phase"), done.phases_s
    # A body moves before its feet feel a tenth of it, and feels them longer than it moves.
    assert truth["rise"][0] < phases.loc["rise", "start_s"] < truth["rise"][0] + 0.4
    assert truth["sit"][1] - 0.4 < phases.loc["sit", "end_s"] < truth["sit"][1]
    assert done.total_s - 0.8 < found.total_s_ < done.total_s
    middle_s = phases.loc["turn", ["start_s", "end_s"]].mean()
    assert middle_s == pytest.approx(np.mean(truth["turn"]), abs=0.5)
    assert (phases["reason"] == "").all()
