"""Insole variables: exact values, refusals with their reason, and errors that match the spread."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solekit.biomarkers import InsoleVariables, variable, variables
from solekit.biomarkers.insole import COLUMNS
from solekit.errors import DataError
from solekit.strides import EventStrides

TWO_FEET = ["double_support_mean", "double_support_initial", "single_support", "step_time"]


def test_the_six_variables_of_the_study_are_exact_on_a_known_walk(compute, row, walk):
    found = compute(walk(30))
    assert row(found, "total_steps")["value"] == 60
    assert row(found, "cadence")["value"] == pytest.approx(60 * 59 / 29.48)
    for side, single in (("left", 42.0), ("right", 38.0)):
        assert row(found, "double_support_mean", side)["value"] == pytest.approx(10.0)
        assert row(found, "double_support_sum", side)["value"] == pytest.approx(20.0)
        assert row(found, "single_support", side)["value"] == pytest.approx(single)
    assert row(found, "double_support_initial", "left")["value"] == pytest.approx(6.0)
    assert row(found, "double_support_terminal", "left")["value"] == pytest.approx(14.0)


def test_times_and_shares_are_exact_on_a_known_walk(compute, row, walk):
    found = compute(walk(30, stride_s=1.25))
    assert row(found, "stance_time", "left")["value"] == pytest.approx(0.62)
    assert row(found, "swing_time", "right")["value"] == pytest.approx(0.67)
    assert row(found, "stance_share", "left")["value"] == pytest.approx(49.6)
    assert row(found, "swing_share", "left")["value"] == pytest.approx(50.4)
    assert row(found, "stride_time", "right")["value"] == pytest.approx(1.25)
    assert row(found, "step_time", "left")["value"] == pytest.approx(0.77)
    assert row(found, "step_time", "right")["value"] == pytest.approx(0.48)


def test_the_four_symmetry_indices_follow_their_formulae(compute, row, walk):
    found = compute(walk(30))  # stance 0.62 and 0.58 s
    expected = {
        "symmetry_index": 200 * 0.04 / 1.2,
        "ratio_index": (1 - 0.62 / 0.58) * 100,
        "symmetry_angle": (45 - np.degrees(np.arctan(0.62 / 0.58))) / 90 * 100,
        "gait_asymmetry": 100 * np.log(0.62 / 0.58),
    }
    for index, value in expected.items():
        assert row(found, f"stance_time_{index}")["value"] == pytest.approx(value)


def test_variability_is_that_of_the_valid_strides(compute, row, varied_walk):
    events = varied_walk(80)
    strides = EventStrides().segment(events).strides_
    mine = strides[(strides["side"] == "left") & strides["is_valid"]]["stride_s"]
    found = compute(events)
    sd = mine.std()
    assert row(found, "stride_time_sd", "left")["value"] == pytest.approx(sd)
    assert row(found, "stride_time_cv", "left")["value"] == pytest.approx(100 * sd / mine.mean())
    mad = (mine - mine.median()).abs().median()
    robust = 148.26 * mad / mine.median()
    assert row(found, "stride_time_robust_cv", "left")["value"] == pytest.approx(robust)
    assert row(found, "stride_time", "left")["sd"] == pytest.approx(sd)
    assert row(found, "stride_time", "left")["robust_cv_pct"] == pytest.approx(robust)


def test_cadence_of_bouts_is_weighted_by_their_duration(compute, row, walk):
    events = pd.concat([walk(10), walk(31, stride_s=0.8, right_after_s=0.4, start_s=30.0)])
    value = row(compute(events), "cadence")["value"]
    assert value == pytest.approx(60 * (19 + 61) / (9.48 + 24.4))


def test_every_recording_has_the_same_rows_in_the_order_of_the_dictionary(compute, walk):
    expected = [
        (v.name, side)
        for v in variables("timing")
        for side in (("left", "right") if v.per_side else ("",))
    ]
    for events in (walk(30), walk(30, sides=("left",)), walk()[:0]):
        table = compute(events).variables_
        assert table.columns.to_list() == COLUMNS
        assert list(zip(table["name"], table["side"], strict=True)) == expected


def test_twelve_strides_at_30_hz_carry_no_double_support_but_do_at_50_hz(compute, row, walk):
    events = walk(15)  # 14 strides, 12 without the first and last
    refused = row(compute(events, rate_hz=30.0), "double_support_mean", "left")
    assert np.isnan(refused["value"])
    assert refused["n"] == 12
    assert refused["reason"] == "12 left strides carry it; 20 are needed at 30 Hz"
    assert row(compute(events, rate_hz=30.0), "stance_share", "left")["reason"] == ""
    assert row(compute(events, rate_hz=50.0), "double_support_mean", "left")["value"] == (
        pytest.approx(10.0)
    )


def test_twenty_strides_at_30_hz_carry_double_support(compute, row, walk):
    assert row(compute(walk(23), rate_hz=30.0), "single_support", "right")["reason"] == ""


def test_three_strides_carry_nothing_but_the_counts(compute, walk):
    table = compute(walk(6)).variables_
    assert table.loc[table["reason"] == "", "name"].to_list() == ["total_steps", "cadence"]


def test_below_25_hz_double_support_is_refused_unless_it_is_allowed(compute, row, walk):
    refused = row(compute(walk(40), rate_hz=14.0), "single_support", "left")
    assert refused["reason"] == "14 Hz is below 25 Hz; allow_low_rate reports it from 20 strides"
    allowed = row(compute(walk(40), rate_hz=14.0, allow_low_rate=True), "single_support", "left")
    assert allowed["value"] == pytest.approx(42.0)
    assert allowed["label"] == "resolution 71 ms (one frame), interpolated"
    few = row(compute(walk(15), rate_hz=14.0, allow_low_rate=True), "single_support", "left")
    assert few["reason"] == "12 left strides carry it; 20 are needed at 14 Hz"


@pytest.mark.parametrize(
    ("interval_s", "reason"),
    [
        (None, "the clocks of the feet are not joined, so the feet cannot be compared"),
        (0.012, "the clocks of the feet agree within 12.0 ms; comparing the feet needs 10 ms"),
    ],
)
def test_feet_whose_clocks_disagree_are_not_compared(compute, row, walk, interval_s, reason):
    found = compute(walk(40), clock_interval_s=interval_s)
    for name in TWO_FEET:
        assert row(found, name, "left")["reason"] == reason
        assert np.isnan(row(found, name, "left")["value"])
    assert row(found, "step_time_symmetry_index")["reason"] == reason
    assert row(found, "stride_time", "left")["value"] == pytest.approx(1.0)
    assert row(found, "cadence")["value"] == pytest.approx(120.0)
    assert row(found, "cadence")["label"] == "each foot alone, twice its stride rate"


def test_the_limit_of_the_clock_interval_itself_is_allowed(compute, row, walk):
    assert row(compute(walk(40), clock_interval_s=0.010), "step_time", "left")["reason"] == ""


def test_one_foot_gives_its_own_variables_and_labelled_counts(compute, row, walk):
    found = compute(walk(30, sides=("right",)))
    assert row(found, "cadence")[["value", "label"]].to_list() == [
        pytest.approx(120.0),
        "one_foot",
    ]
    assert row(found, "total_steps")[["value", "label"]].to_list() == [60.0, "one_foot"]
    assert row(found, "stance_time", "right")["value"] == pytest.approx(0.58)
    assert row(found, "stance_time", "left")["reason"] == "the left foot was not recorded"
    for name in TWO_FEET:
        assert row(found, name, "right")["reason"] == (
            "only the right foot was recorded; this needs both"
        )


def test_running_refuses_double_support_and_keeps_the_rest(compute, row, walk):
    found = compute(walk(40, stride_s=0.7, stance_s=(0.25, 0.25), right_after_s=0.35))
    refused = row(found, "double_support_mean", "left")
    assert refused["reason"] == "flight phase in 37 of 37 strides: no double support"
    assert row(found, "single_support", "left")["reason"].startswith("flight phase")
    assert row(found, "stance_time", "left")["value"] == pytest.approx(0.25)
    assert row(found, "cadence")["label"] == ""  # 171 steps/min
    assert row(found, "step_time", "left")["value"] == pytest.approx(0.35)


def test_a_recording_without_walking_gives_no_value_but_a_count(compute, row, walk):
    found = compute(walk()[:0], sides=("left", "right"))
    table = found.variables_
    assert row(found, "total_steps")["value"] == 0
    assert table.loc[table["reason"] == "", "name"].to_list() == ["total_steps"]
    assert table.loc[table["reason"] != "", "value"].isna().all()


def test_missing_samples_make_the_step_count_a_lower_bound(row, walk):
    events = walk(30)
    found = InsoleVariables().compute(
        EventStrides().segment(events),
        events=events,
        rate_hz=100.0,
        clock_interval_s=0.0,
        duration_s=30.0,
        n_missing_samples=60,
    )
    assert row(found, "total_steps")["label"] == "lower bound: 60 of 6000 samples are missing"


def test_a_value_outside_the_plausible_range_is_marked_not_removed(compute, row, walk):
    slow = row(compute(walk(30, stride_s=3.0, stance_s=(2.0, 2.0), right_after_s=1.5)), "cadence")
    assert slow["value"] == pytest.approx(40.0)
    assert slow["label"] == ""
    hurried = walk(30, stride_s=0.4, stance_s=(0.25, 0.25), right_after_s=0.2)
    assert row(compute(hurried), "cadence")["label"] == "outside the plausible 40-173 steps/min"


def test_events_of_another_recording_are_a_data_error(walk):
    with pytest.raises(DataError, match="not made from these events"):
        InsoleVariables().compute(
            EventStrides().segment(walk(30)),
            events=walk(30, start_s=0.1),
            rate_hz=100.0,
            clock_interval_s=0.0,
        )


@pytest.mark.parametrize("wrong", [{"rate_hz": 0.0}, {"clock_interval_s": -0.001}])
def test_impossible_inputs_are_data_errors(compute, walk, wrong):
    with pytest.raises(DataError):
        compute(walk(), **wrong)


def test_the_dictionary_names_every_variable_once_and_completely():
    names = [v.name for v in variables()]
    assert len(set(names)) == len(names)
    for v in variables():
        assert v.unit
        assert v.definition.endswith(".")
        assert v.formula
        assert v.source
        assert set(v.kim2023) <= ({"left", "right"} if v.per_side else {""})
        assert not v.needs.one_clock or v.needs.two_feet
    with pytest.raises(KeyError, match="no variable 'speed'"):
        variable("speed")


def test_the_dictionary_maps_the_six_names_of_the_study():
    aliases = {alias for v in variables() for alias in v.kim2023.values()}
    assert aliases == {
        "Total number of steps",
        "Cadence",
        "R_double_support",
        "R_single_support",
        "L_double_support",
        "L_single_support",
    }


time_s = st.one_of(st.floats(0.0, 30.0), st.integers(0, 150).map(lambda k: k / 5))
any_events = st.lists(
    st.tuples(st.sampled_from(["left", "right"]), st.sampled_from(["ic", "to"]), time_s),
    max_size=120,
)


@settings(max_examples=40, deadline=None)
@given(any_events, st.sampled_from([14.0, 30.0, 100.0]), st.sampled_from([None, 0.0, 0.005]))
def test_any_events_give_a_value_with_an_error_or_a_reason(compute, rows, rate_hz, clock_s):
    events = pd.DataFrame(rows, columns=["side", "kind", "t_s"]).astype({"t_s": float})
    table = compute(events, rate_hz=rate_hz, clock_interval_s=clock_s).variables_
    has_value = table["reason"] == ""
    assert np.isfinite(table.loc[has_value, ["value", "error"]]).all(axis=None)
    assert table.loc[~has_value, ["value", "error"]].isna().all(axis=None)
