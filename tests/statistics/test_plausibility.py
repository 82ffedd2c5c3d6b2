from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from solekit.errors import DataError
from solekit.statistics.people_checks import doubts_of_people
from solekit.statistics.plausibility import doubts, hedges
from solekit.statistics.study_tables import summary_of


@pytest.fixture(scope="module")
def kim():
    """Return Tables 1 and 2 of Kim et al. 2023 as printed."""
    return pd.read_csv(Path(__file__).with_name("kim2023.csv"), dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def found(kim):
    return [finding for _, table in kim.groupby("table") for finding in doubts(table)]


def those(found, check, group=None):
    return {
        finding.variables
        for finding in found
        if finding.check == check and group in (None, finding.group)
    }


def first_of(findings):
    return {names[0] for names in findings}


def test_hedges_g_of_the_papers_tables_are_those_worked_out_by_hand(kim):
    g = hedges(kim, cases="sarcopenia", controls="control")
    due = {
        **{"Ankle_dif": -2.64, "Hip_dif": -2.87, "Hipankle_dif": -2.18, "Ankle_mean": 1.59},
        **{"Kneeankle_dif": -1.48, "All_max_dif": -1.32, "Knee_max": 1.12},
        **{"Shoulder_angle_range": -1.11, "Shoulder_angle_mean": -1.08, "Hip_mean": -1.04},
        **{"Ankle_max": 0.92, "Hip_max": -0.85, "Knee_dif": -0.79, "Hipknee_dif": -0.72},
    }
    for name, value in due.items():
        assert g[name] == pytest.approx(value, abs=0.006), name
    assert (g.iloc[:6].abs() < 0.2).all()


def test_mean_ranges_that_are_not_those_of_the_same_people_are_found(found):
    assert first_of(those(found, "range_mean", "sarcopenia")) >= {"Knee_range", "hip_range"}
    assert first_of(those(found, "range_mean", "control")) == {
        *("Knee_range", "hip_range", "Shoulder_angle_range", "Ankle_range")
    }


def test_extremes_of_ranges_that_cannot_be_are_found(found):
    assert first_of(those(found, "range_extreme", "sarcopenia")) == {"Knee_range"}
    assert first_of(those(found, "range_extreme", "control")) == {
        *("hip_range", "Shoulder_angle_range", "Ankle_range")
    }


def test_a_record_in_both_groups_is_found(found):
    assert those(found, "shared_extremes") == {
        ("Knee_mean", "Knee_range", "Hip_max", "Shoulder_angle_mean")
    }


def test_the_copied_column_is_found_in_the_group_where_it_is_one(found):
    assert those(found, "copied") == {("Hip_max", "Hip_dif")}
    assert those(found, "copied", "control") == set()


def test_the_p_that_fits_no_mean_is_found_and_no_other(found):
    assert those(found, "p_value") == {("Knee_range",)}


def test_what_is_not_tested_or_not_corrected_is_said(found):
    assert ("Knee_max",) in those(found, "not_tested")
    assert len(those(found, "not_tested")) == 8
    assert len(those(found, "no_correction")) == 1  # one family per table as it is printed


def test_shares_that_do_not_fill_the_stride_are_found(found):
    sums = [str(finding) for finding in found if finding.check == "shares"]
    assert ["107.7" in sums[0], "108.3" in sums[1], len(sums)] == [True, True, 2]


def test_clipped_columns_are_found(found):
    assert first_of(those(found, "clipped")) == {
        *("R_double_support", "R_single_support", "Knee_max", "Ankle_min", "Ankle_max"),
        *("Shoulder_angle_max", "Shoulder_angle_min"),
    }


def test_means_that_so_many_whole_numbers_cannot_have_are_found(found):
    assert those(found, "whole_numbers", "sarcopenia") == {("Total number of steps", "Cadence")}
    assert those(found, "whole_numbers", "control") == {("Cadence",)}


def clean(seed, n=23, m=60):
    """Return people with variables of many shapes and no error."""
    random = np.random.default_rng(seed)
    place = random.uniform(5, 180, 20)
    size = place * random.uniform(0.01, 0.25, 20)
    shape = [
        lambda k: random.normal(size=k),
        lambda k: (np.exp(0.5 * random.normal(size=k)) - 1.13) / 0.6,
        lambda k: (random.beta(2, 5, k) - 0.286) / 0.16,
    ]
    table = pd.DataFrame({f"v{i}": place[i] + size[i] * shape[i % 3](n + m) for i in range(20)})
    for joint in ("knee", "hip"):
        top = random.normal(150, 8, n + m)
        apart = np.abs(random.normal(40, 6, n + m))
        table[f"{joint}_max"], table[f"{joint}_min"] = top, top - apart
        table[f"{joint}_range"] = table[f"{joint}_max"] - table[f"{joint}_min"]
    for side in ("L", "R"):
        table[f"{side}_double_support"] = random.normal(14, 2, n + m)
    both = table["L_double_support"] + table["R_double_support"]
    table["L_single_support"] = (100 - both) / 2
    table["R_single_support"] = (100 - both) / 2 + 0.0
    table["steps"] = random.integers(60, 140, n + m)
    labels = pd.Series(np.where(np.arange(n + m) < n, "a", "b"))
    return table.drop(columns="R_single_support").assign(
        R_single_support=100 - both - table["L_single_support"] + random.normal(0, 0.3, n + m)
    ), labels


@pytest.mark.parametrize("decimals", [None, 2, 1])
def test_clean_tables_raise_no_alarm(decimals):
    n_tables, n_clipped = 8, 0
    for seed in range(n_tables):
        table, labels = clean(seed)
        summary = summary_of(table, labels, variables=list(table), order=("a", "b"))
        if decimals is not None:
            summary = summary.round(decimals)
        alarms = [f for f in doubts(summary) if f.check != "small_group"]
        # Each of these is weighed against chance; the share of false ones is bounded, not zero.
        n_clipped += any(f.check == "clipped" for f in alarms)
        assert [str(f) for f in alarms if f.check != "clipped"] == []
        assert doubts_of_people(table, list(table)) == []
    assert n_clipped <= 1


def test_values_piled_at_a_bound_are_found():
    table, _ = clean(1)
    capped = table["v0"].clip(upper=table["v0"].quantile(0.85))
    found = doubts_of_people(table.assign(v0=capped), list(table))
    assert those(found, "at_bound") == {("v0",)}


def test_values_that_are_discarded_beyond_a_bound_are_found_in_the_summary():
    random = np.random.default_rng(3)
    table, labels = clean(2)
    angles = random.normal(148, 4, 2000)
    table["v0"] = angles[angles < 150][: len(table)]
    summary = summary_of(table, labels, variables=list(table), order=("a", "b"))
    assert "v0" in first_of(those(doubts(summary), "clipped"))


def test_copies_and_constants_are_found_in_the_people():
    table, _ = clean(1)
    found = doubts_of_people(table.assign(v1=table["v0"], v2=3.0), list(table))
    assert those(found, "copied") == {("v0", "v1")}
    assert those(found, "constant") == {("v2",)}


def test_a_range_of_other_people_is_found_in_the_people():
    table, _ = clean(1)
    found = doubts_of_people(
        table.assign(hip_range=table["hip_range"].to_numpy()[::-1]), list(table)
    )
    assert first_of(those(found, "range")) == {"hip_range"}


def test_one_row_that_contradicts_itself_is_found():
    row = {"group": "a", "variable": "x", "n": 20}
    numbers = {"mean": 5.02, "median": 5.1, "sd": 1.1, "range": 4.0, "min": 3.0, "max": 7.0}
    assert those(doubts(pd.DataFrame([row | numbers])), "row") == set()
    for name, value in {"mean": 8.0, "median": 2.0, "sd": 3.0, "range": 5.0}.items():
        assert those(doubts(pd.DataFrame([row | numbers | {name: value}])), "row") == {("x",)}
    assert those(doubts(pd.DataFrame([row | numbers | {"sd": 0.1}])), "row") == {("x",)}
    assert those(doubts(pd.DataFrame([row | numbers | {"sd": np.nan}])), "incomplete") == {("x",)}


def test_a_summary_without_a_column_or_with_a_row_twice_is_refused():
    with pytest.raises(DataError, match="no column 'group'"):
        doubts(pd.DataFrame({"x": [1]}))
    row = dict.fromkeys(("n", "mean", "median", "sd", "range", "min", "max"), 1.0)
    table = pd.DataFrame([{"group": "a", "variable": "x", **row}] * 2)
    with pytest.raises(DataError, match="twice"):
        doubts(table)
