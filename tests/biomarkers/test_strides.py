"""Strides from events: exact phases, bouts, and every reason why a stride does not count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solekit.errors import DataError
from solekit.strides import EventStrides

FOUR_SHARES = ["ds_initial_pct", "ss_pct", "ds_terminal_pct", "swing_pct"]


def spans(*rows, side=None):
    table = pd.DataFrame(rows, columns=["start_s", "end_s"])
    return table if side is None else table.assign(side=side)


def without(events, side, kind, t_s):
    is_it = (events["side"] == side) & (events["kind"] == kind) & np.isclose(events["t_s"], t_s)
    assert is_it.sum() == 1
    return events[~is_it]


def at(found, side, ic_s):
    strides = found.strides_
    is_at = np.isclose(strides["ic_s"], ic_s, rtol=0.0, atol=1e-6)
    return strides[(strides["side"] == side) & is_at].iloc[0]


def test_a_regular_walk_gives_every_phase_exactly(walk):
    found = EventStrides().segment(walk())
    left, right = at(found, "left", 5.0), at(found, "right", 5.48)
    assert left[FOUR_SHARES].to_list() == pytest.approx([6.0, 42.0, 14.0, 38.0])
    assert right[FOUR_SHARES].to_list() == pytest.approx([14.0, 38.0, 6.0, 42.0])
    assert (left["stride_s"], left["stance_s"], left["swing_s"]) == pytest.approx(
        (1.0, 0.62, 0.38)
    )
    assert (left["step_s"], right["step_s"]) == pytest.approx((0.52, 0.48))
    assert (left["stance_pct"], right["stance_pct"]) == pytest.approx((62.0, 58.0))


def test_single_support_is_the_swing_of_the_other_foot(walk):
    found = EventStrides().segment(walk())
    assert at(found, "left", 5.0)["ss_s"] == pytest.approx(at(found, "right", 4.48)["swing_s"])


def test_the_four_phases_of_a_limping_walk_sum_to_100_percent(walk):
    events = walk(40, stride_s=1.3, stance_s=(0.7, 0.95), right_after_s=0.6)
    events["t_s"] += np.random.default_rng(3).normal(0.0, 0.02, len(events))
    strides = EventStrides().segment(events).strides_
    defined = strides[strides["support_reason"] == ""]
    assert len(defined) > 70
    assert defined[FOUR_SHARES].sum(axis=1).to_numpy() == pytest.approx(100.0)
    assert (defined["ds_initial_s"] >= 0).all()


def test_times_of_an_epoch_clock_lose_nothing(walk):
    events = walk(start_s=1.7e9)
    shares = at(EventStrides().segment(events), "left", 1.7e9 + 5)[FOUR_SHARES]
    assert shares.to_list() == pytest.approx([6.0, 42.0, 14.0, 38.0], abs=1e-3)


def test_the_order_of_the_rows_does_not_matter(walk):
    shuffled = walk().sample(frac=1.0, random_state=1)
    expected = EventStrides().segment(walk()).strides_
    pd.testing.assert_frame_equal(EventStrides().segment(shuffled).strides_, expected)


def test_an_event_listed_twice_counts_once(walk):
    twice = pd.concat([walk(), walk()])
    expected = EventStrides().segment(walk()).strides_
    pd.testing.assert_frame_equal(EventStrides().segment(twice).strides_, expected)


def test_events_of_other_kinds_are_ignored(walk):
    heel_off = pd.DataFrame({"side": ["left"], "kind": ["heel_off"], "t_s": [np.nan]})
    found = EventStrides().segment(pd.concat([walk(), heel_off]))
    assert len(found.strides_) == 22


def test_cadence_of_a_bout_counts_contacts_between_its_first_and_last(walk):
    bouts = EventStrides().segment(walk(12)).bouts_
    assert bouts["cadence_steps_min"].to_list() == pytest.approx([60 * 23 / 11.48])
    assert bouts["feet"].to_list() == ["both"]


def test_the_first_and_last_stride_of_each_foot_are_dropped(walk):
    found = EventStrides().segment(walk(12))
    by_side = found.strides_.groupby("side")
    for _, strides in by_side:
        assert strides["rule"].to_list() == ["first", *[""] * 9, "last"]
    assert found.excluded_["n"].sum() == 4
    assert EventStrides(n_edge_strides=0).segment(walk(12)).strides_["is_valid"].all()


def test_a_missing_toe_off_costs_its_stride_and_the_support_of_the_next(walk):
    found = EventStrides().segment(without(walk(), "left", "to", 5.62))
    stride = at(found, "left", 5.0)
    assert stride["reason"] == "no toe off between two contacts"
    assert np.isnan(stride["stance_s"])
    other = at(found, "right", 5.48)
    assert other["is_valid"]
    assert other["support_reason"] == "no toe off of the other foot before its contact"
    assert np.isnan(other["ss_pct"])
    assert found.strides_["is_valid"].sum() == 17


def test_a_missing_contact_makes_one_long_stride_that_does_not_count(walk):
    found = EventStrides().segment(without(walk(), "left", "ic", 5.0))
    assert at(found, "left", 4.0)["reason"] == "more than one toe off between two contacts"
    assert (
        at(found, "right", 4.48)["support_reason"] == "no contact of the other foot in the stride"
    )
    assert (found.steps_["reason"] == "same foot twice").sum() == 1


def test_a_lost_contact_and_toe_off_make_an_outlier(walk):
    events = without(without(walk(), "left", "ic", 5.0), "left", "to", 5.62)
    stride = at(EventStrides().segment(events), "left", 4.0)
    assert stride["rule"] == "outlier"
    assert stride["reason"] == "outlier: stride 2.000 s, median 1.000 s"


def test_a_lost_contact_does_not_slow_the_cadence(walk):
    bouts = EventStrides().segment(without(walk(), "left", "ic", 5.0)).bouts_
    assert bouts["cadence_steps_min"].iloc[0] == pytest.approx(120.0, rel=0.005)


def test_strides_that_touch_a_gap_are_excluded_and_counted(walk):
    found = EventStrides().segment(walk(), gaps=spans((4.7, 5.1), side="left"))
    assert at(found, "left", 4.0)["reason"] == "touches a gap"
    assert at(found, "left", 5.0)["rule"] == "gap"
    gap = found.excluded_[found.excluded_["rule"] == "gap"]
    assert gap[["side", "n"]].to_numpy().tolist() == [["left", 2]]
    assert found.bouts_["bout"].to_list() == [0]


def test_a_gap_of_the_other_foot_costs_only_double_and_single_support(walk):
    found = EventStrides().segment(walk(), gaps=spans((4.7, 5.1), side="left"))
    stride = at(found, "right", 4.48)
    assert stride["is_valid"]
    assert stride["support_reason"] == "touches a gap of the other foot"
    assert stride[["ds_initial_s", "ss_s", "ds_terminal_s"]].isna().all()


def test_overlapping_gaps_count_as_one(walk):
    gaps = spans((4.7, 4.9), (4.2, 5.1), (4.3, 4.4), side="left")
    one = EventStrides().segment(walk(), gaps=spans((4.2, 5.1), side="left"))
    pd.testing.assert_frame_equal(EventStrides().segment(walk(), gaps=gaps).strides_, one.strides_)


def test_turning_strides_are_excluded(walk):
    found = EventStrides().segment(walk(), turns=spans((5.1, 5.2)))
    assert found.strides_.loc[found.strides_["rule"] == "turn", "ic_s"].to_list() == [4.48, 5.0]


def test_a_stride_longer_than_3_s_gives_its_duration_as_the_reason(walk):
    events = pd.concat([walk(10), walk(10, start_s=12.4)])
    assert at(EventStrides().segment(events), "left", 9.0)["reason"] == (
        "stride 3.4 s outside 0.2-3 s"
    )


def test_a_break_longer_than_3_s_ends_a_bout_and_a_shorter_one_does_not(walk):
    short = EventStrides().segment(pd.concat([walk(10), walk(10, start_s=12.4)]))
    assert short.bouts_["bout"].to_list() == [0]
    long = EventStrides().segment(pd.concat([walk(10), walk(10, start_s=12.6)]))
    assert long.bouts_["bout"].to_list() == [0, 1]
    assert long.bouts_["start_s"].to_list() == pytest.approx([0.0, 12.6])
    assert long.bouts_["cadence_steps_min"].to_list() == pytest.approx([60 * 19 / 9.48] * 2)
    assert (long.strides_["rule"] == "first").sum() == 4


def test_a_bout_of_fewer_than_three_strides_of_a_foot_is_no_walking(walk):
    found = EventStrides().segment(walk(3))
    assert found.strides_["reason"].unique().tolist() == ["bout with 2 left strides, fewer than 3"]
    assert len(found.bouts_) == 0
    assert (found.strides_["bout"] == -1).all()


def test_tapping_with_one_foot_while_both_are_worn_is_no_walking(walk):
    tapping = walk(20, sides=("left",))
    found = EventStrides().segment(tapping, sides=("left", "right"))
    assert not found.strides_["is_valid"].any()
    assert EventStrides().segment(tapping).strides_["is_valid"].sum() == 17


def test_a_foot_declared_missing_for_most_of_a_bout_is_not_required_in_it(walk):
    events = walk(20)
    events = events[(events["side"] == "left") | (events["t_s"] < 2.0)]
    lost = spans((2.0, 30.0), side="right")
    found = EventStrides().segment(events, gaps=lost)
    assert found.strides_.loc[found.strides_["side"] == "left", "is_valid"].sum() == 17
    assert not EventStrides().segment(events).strides_["is_valid"].any()


def test_outliers_are_judged_by_the_median_absolute_deviation_of_their_foot_and_bout(walk):
    strides_s = np.tile([0.98, 1.0, 1.02], 8)  # MAD 0.02: limit 3 * 1.4826 * 0.02 = 0.089 s
    strides_s[10], strides_s[16] = 1.085, 1.095
    found = EventStrides().segment(walk(25, stride_s=strides_s, sides=("left",)))
    rules = found.strides_["rule"].to_list()
    assert rules[10] == ""
    assert rules[16] == "outlier"


def test_equal_strides_are_no_outliers_of_each_other(walk):
    strides_s = np.full(24, 1.0)
    strides_s[[7, 15]] += 0.03  # one frame apart at 30 Hz, MAD 0
    found = EventStrides().segment(walk(25, stride_s=strides_s))
    assert (found.strides_["rule"] != "outlier").all()


def test_one_foot_has_strides_but_nothing_that_needs_the_other(walk):
    found = EventStrides().segment(walk(sides=("right",)))
    assert found.sides_ == ("right",)
    assert found.strides_["is_valid"].sum() == 9
    assert (found.strides_["support_reason"] == "one foot only").all()
    needs_other = ["step_s", "ds_initial_s", "ss_s", "ds_terminal_s", "ss_pct"]
    assert found.strides_[needs_other].isna().all(axis=None)
    assert found.bouts_["cadence_steps_min"].to_list() == pytest.approx([120.0])
    assert found.bouts_["feet"].to_list() == ["right"]


def test_running_has_no_double_support_and_never_a_negative_one(walk):
    running = walk(20, stride_s=0.7, stance_s=(0.25, 0.25), right_after_s=0.35)
    strides = EventStrides().segment(running).strides_
    valid = strides[strides["is_valid"]]
    assert len(valid) == 34
    assert valid["is_flight"].all()
    assert (valid["support_reason"] == "running: no double support").all()
    assert valid[["ds_initial_s", "ss_s", "ds_terminal_s"]].isna().all(axis=None)
    assert valid["stance_s"].to_numpy() == pytest.approx(0.25)


def test_no_events_give_empty_tables_with_all_columns(walk):
    found = EventStrides().segment(walk()[:0])
    expected = EventStrides().segment(walk())
    for name in ("strides_", "steps_", "bouts_", "excluded_"):
        assert len(getattr(found, name)) == 0
        assert getattr(found, name).columns.to_list() == getattr(expected, name).columns.to_list()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.drop(columns="side"), "no column 'side'"),
        (lambda e: e.assign(side="Left"), "'Left' is neither"),
        (lambda e: e.assign(t_s=np.nan), "not finite"),
        (lambda e: e.assign(sigma_s=-0.01), "sigma_s"),
    ],
)
def test_a_broken_event_table_is_a_data_error(walk, change, message):
    with pytest.raises(DataError, match=message):
        EventStrides().segment(change(walk()))


def test_broken_gaps_and_feet_are_data_errors(walk):
    with pytest.raises(DataError, match="end_s lies before"):
        EventStrides().segment(walk(), gaps=spans((5.0, 4.0), side="left"))
    with pytest.raises(DataError, match="no column 'side'"):
        EventStrides().segment(walk(), gaps=spans((4.0, 5.0)))
    with pytest.raises(DataError, match="'both' is neither"):
        EventStrides().segment(walk(), sides=("both",))
    with pytest.raises(ValueError, match="not a range"):
        EventStrides(min_stride_s=4.0).segment(walk())


time_s = st.one_of(st.floats(0.0, 20.0, allow_nan=False), st.integers(0, 100).map(lambda k: k / 5))
any_events = st.lists(
    st.tuples(st.sampled_from(["left", "right"]), st.sampled_from(["ic", "to", "peak"]), time_s),
    max_size=80,
)
any_spans = st.lists(
    st.tuples(st.sampled_from(["left", "right"]), time_s, st.floats(0.0, 3.0)), max_size=4
)


@settings(max_examples=100, deadline=None)
@given(any_events, any_spans, st.sampled_from([None, ("left",), ("left", "right")]))
def test_any_events_give_phases_that_sum_to_100_percent_or_are_absent(rows, lost, sides):
    events = pd.DataFrame(rows, columns=["side", "kind", "t_s"]).astype({"t_s": float})
    gaps = pd.DataFrame(
        [(side, start_s, start_s + length_s) for side, start_s, length_s in lost],
        columns=["side", "start_s", "end_s"],
    )
    # Edges stay, so that short bouts have valid strides to look at.
    found = EventStrides(n_edge_strides=0).segment(events, gaps=gaps, sides=sides)
    strides = found.strides_
    total_pct = strides[FOUR_SHARES].sum(axis=1, skipna=False)
    has_support = strides["support_reason"] == ""
    assert total_pct[has_support].to_numpy() == pytest.approx(100.0)
    assert total_pct[~has_support].isna().all()
    assert (strides["is_valid"] == (strides["reason"] == "")).all()
    assert ((strides["rule"] == "") == (strides["reason"] == "")).all()
    valid = strides[strides["is_valid"]]
    assert valid["stride_s"].between(0.2, 3.0).all()
    assert valid[["stance_s", "swing_s"]].notna().all(axis=None)
    assert (valid["bout"] >= 0).all()
    assert found.excluded_["n"].sum() == (~strides["is_valid"]).sum()
