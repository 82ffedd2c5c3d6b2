import json

import numpy as np
import pytest

from tools.validate.__main__ import run
from tools.validate.stride_times import (
    median_stride_s,
    rising,
    same_strides,
    strides,
    summary,
    targets,
    worst_feet,
)


def row(name, difference_pct, reason=""):
    return {
        "recording": name,
        "n_pressure": 30,
        "n_gyro": 30,
        "n_same": 30,
        "paired_pct": difference_pct,
        "same_pct": 0.1,
        "reason": reason,
    }


def test_bad_samples_repeated_times_and_steps_back_are_dropped():
    t_s = np.array([0.0, 0.1, 0.1, 0.2, 0.15, 0.3, 0.4])
    is_good = np.array([True, True, True, True, True, False, True])
    assert rising(t_s, is_good).tolist() == [True, True, False, True, False, False, True]


def test_a_bad_sample_with_a_late_time_does_not_hide_the_good_ones_behind_it():
    t_s = np.array([0.0, 9.0, 0.1, 0.2])
    assert rising(t_s, t_s < 5).tolist() == [True, False, True, True]
    assert rising(t_s, np.zeros(4, dtype=bool)).tolist() == [False] * 4


def test_pauses_and_double_contacts_are_no_strides():
    begin, end = strides(np.array([0.0, 1.1, 2.2, 2.4, 7.0, 8.1]))
    np.testing.assert_allclose(end - begin, 1.1)
    np.testing.assert_allclose(begin, [0.0, 1.1, 7.0])
    assert median_stride_s(np.array([0.0, 1.0, 2.2, 9.0, 10.1])) == pytest.approx(1.1)


def test_without_two_contacts_there_is_no_stride_time():
    assert np.isnan(median_stride_s(np.zeros(0)))
    assert np.isnan(median_stride_s(np.array([1.0])))
    assert same_strides(np.array([1.0]), np.arange(5.0)).shape == (0, 2)


def test_same_strides_are_paired_in_spite_of_a_lag_between_the_kinds_of_contact():
    contacts = np.cumsum(np.linspace(1.0, 1.3, 20), dtype=np.float64)
    pairs = same_strides(contacts, contacts + 0.3)
    assert len(pairs) == 19
    np.testing.assert_allclose(pairs[:, 0], pairs[:, 1])


def test_a_missed_contact_costs_both_its_strides_and_no_other():
    contacts = 1.1 * np.arange(20, dtype=np.float64)
    pairs = same_strides(contacts, np.delete(contacts, 7))
    assert len(pairs) == 17
    np.testing.assert_allclose(pairs, 1.1)


def test_a_summary_counts_a_refusal_as_exception_and_names_its_reason():
    rows = [row("a", 0.2), row("b", -0.6), row("c", None, "pressure: flat"), row("d", -2.5)]
    found = summary(rows)
    assert found["median_pct"] == pytest.approx(0.6)
    assert found["share_within_2_pct"] == pytest.approx(0.5)
    assert found["exceptions"][0] == "c: pressure: flat"
    assert found["exceptions"][1].startswith("d: -2.50 %; 30 strides by pressure")


def test_targets_are_missed_without_recordings_and_met_at_their_limits():
    assert not any(targets(summary([])).values())
    assert not any(targets(summary([row("a", None, "no strides")])).values())
    assert all(targets(summary([row("a", 1.0), row("b", -1.0)])).values())
    at_limit = targets(summary([row("a", 0.1)] * 19 + [row("b", 2.1)]))
    assert all(at_limit.values())
    assert not all(targets(summary([row("a", 0.1)] * 18 + [row("b", 2.1)])).values())


def test_a_recording_counts_by_its_worst_foot():
    rows = [row("a left", 0.1), row("a right", -0.4), row("b left", None), row("b right", 9.0)]
    assert [each["recording"] for each in worst_feet(rows)] == ["a right", "b left"]


@pytest.mark.data
def test_strides_of_leking45_meet_their_targets(data_dir):
    result = run("leking45", data_dir, "sim")
    assert result is not None
    assert all(result["targets"].values()), json.dumps(result, indent=1)


@pytest.mark.data
def test_every_foot_of_miyuzn35_is_accounted_for(data_dir):
    result = run("miyuzn35", data_dir, "sim")
    assert result is not None
    assert len(result["walks"]) == 2 * result["n_recordings"]
    n_within = round(result["feet"]["share_within_2_pct"] * result["feet"]["n"])
    assert n_within + len(result["exceptions"]) == result["feet"]["n"]
