import json

import numpy as np
import pandas as pd
import pytest

from solekit.contacts.inertial import COLUMNS, InertialContacts
from tools.validate.__main__ import run
from tools.validate.marpino import (
    MEDIANS,
    Contacts,
    against_pads,
    by_variable,
    first_rise,
    is_turning,
    loaded,
    variables,
)


def swings(rows):
    """Return contacts whose swings are known."""
    contacts = InertialContacts()
    contacts.swings_ = pd.DataFrame(rows, columns=COLUMNS[:3], dtype=float)
    return contacts


def strides(n=6, **columns):
    table = pd.DataFrame(1.0, index=range(n), columns=sorted(set(MEDIANS.values())))
    table["side"] = ["left", "right"] * (n // 2)
    return table.assign(**columns)


def test_a_rise_is_placed_between_the_samples():
    t_s = np.arange(0, 2, 0.01)
    assert first_rise(t_s, t_s - 0.503, 0.3) == pytest.approx(0.503)
    assert first_rise(-t_s[::-1], (0.503 - t_s)[::-1], -0.7) == pytest.approx(-0.503)


def test_a_rise_too_late_or_from_a_loaded_pad_is_none():
    t_s = np.arange(0, 3, 0.01)
    assert np.isnan(first_rise(t_s, t_s - 2.0, 0.3))
    assert np.isnan(first_rise(t_s, t_s - 0.1, 0.3))
    assert np.isnan(first_rise(t_s, t_s - 9.0, 0.3))
    assert np.isnan(first_rise(t_s, t_s - 9.0, 5.0))


def test_a_pad_that_never_changes_is_never_loaded():
    assert (loaded(np.full(50, 137.0)) < 0).all()


def test_contacts_later_than_the_pads_have_positive_differences():
    t_s = np.arange(0, 8, 0.01)
    to_s, ic_s = np.arange(1.6, 6, 1.0), np.arange(2.0, 7, 1.0)
    in_swing = ((t_s[:, None] > to_s) & (t_s[:, None] < ic_s)).any(axis=1)
    pad = np.where(in_swing, 20, 900)
    rows = [[to + 0.02, (to + ic) / 2, ic + 0.03] for to, ic in zip(to_s, ic_s, strict=True)]
    contacts: Contacts = {"left": swings(rows), "right": swings([])}
    file = {"t_s": t_s, "fsr": np.column_stack([pad] * 4).astype(np.int16)}
    found = against_pads(file, contacts)
    np.testing.assert_allclose(found["ic"], 30.0, atol=11.0)
    np.testing.assert_allclose(found["to"], 20.0, atol=11.0)
    assert len(found["ic"]) == len(found["to"]) == len(to_s)


def test_turns_to_either_side_are_turns_and_an_unknown_heading_is_none():
    table = pd.DataFrame({"turning_deg": [0.0, 31.0, -90.0, np.nan]})
    assert is_turning(table).tolist() == [False, True, True, False]


def test_a_person_is_the_medians_of_its_strides():
    table = strides(
        stride_s=[1.0, 1.1, 1.2, 1.3, 1.4, np.nan], swing_s=[0.4, 0.44, 0.4, 0.44, 0.4, 0.44]
    )
    found = variables(table, table.iloc[:4])
    assert found["stride_time_s"] == pytest.approx(1.2)
    assert found["swing_asymmetry_pct"] == pytest.approx(100 * 0.04 / 0.42)
    expected = 100 * np.std([1.0, 1.1, 1.2, 1.3], ddof=1) / 1.15
    assert found["stride_time_cv_pct"] == pytest.approx(expected)


def test_three_steady_strides_tell_no_cv_and_one_foot_no_asymmetry():
    table = strides()
    found = variables(table.loc[table["side"] == "left"], table.iloc[:3])
    assert np.isnan(found["stride_time_cv_pct"])
    assert np.isnan(found["swing_asymmetry_pct"])


def test_a_person_without_strides_has_no_variables():
    found = variables(strides(0), strides(0))
    assert all(np.isnan(value) for value in found.values())


def test_a_variable_that_the_elderly_have_more_of_is_above_one_half():
    is_elderly = np.array([True, True, False, False, False])
    found = by_variable("x", np.array([3.0, 4.0, 1.0, 2.0, np.nan]), is_elderly)
    assert found["auc"] == 1.0
    assert (found["n"], found["elderly"], found["young"]) == (4, 3.5, 1.5)


@pytest.mark.data
def test_shuffled_groups_give_one_half_and_the_clock_is_right(data_dir):
    result = run("marpino", data_dir, "sim")
    assert result is not None
    assert result["n_people"] == result["n_elderly"] + result["n_young"] == 27
    assert all(result["targets"].values()), json.dumps(result, indent=1)
    low, high = result["auc_interval"]
    assert low <= result["auc"] <= high
    # 5 m were asked for: a wrong clock would show as its square.
    for group in ("elderly", "young"):
        assert 4.75 <= result[f"way_m_{group}"] <= 5.5
