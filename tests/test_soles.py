"""Plantar pressure of whole recordings: what is told, and what is done about bad cells."""

import pytest

from solekit.analysis import analyse
from tests.recorded import Recorder


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    return Recorder(tmp_path_factory.mktemp("recordings"))


def value(pressure, quantity, side="", region="foot"):
    table = pressure.table
    is_it = (table["quantity"] == quantity) & (table["side"] == side) & (table["region"] == region)
    (row,) = table.loc[is_it].to_dict("records")
    return row


@pytest.mark.parametrize("layout", ["cells-16", "grid-30x22"])
def test_a_walk_has_pressure_gait_line_and_butterfly(record, layout):
    found = analyse(record(f"sim:walk?layout={layout}")).pressure
    assert found.warnings == []
    for side in ("left", "right"):
        assert 200 < value(found, "peak_kpa", side)["mean"] < 700
        assert 600 < value(found, "max_force_n", side)["mean"] < 1000
        line = value(found, "gait_line_length_mm", side)
        assert 120 < line["mean"] < 220
        assert line["n"] > 5
    asymmetry = value(found, "butterfly_asymmetry_pct", region="both feet")
    assert abs(asymmetry["mean"]) < 20
    assert set(found.stances["side"]) == {"left", "right"}


def test_regions_carry_the_whole_load(record):
    found = analyse(record("sim:walk?layout=grid-30x22")).pressure
    rows = found.table.loc[
        (found.table["quantity"] == "load_pct") & (found.table["side"] == "left")
    ]
    regions = rows.loc[~rows["region"].isin(["foot", "both feet"])]
    assert regions["mean"].sum() == pytest.approx(100.0, abs=1e-6)


def test_one_foot_has_no_butterfly(record):
    found = analyse(record("sim:walk?layout=cells-16&side=left")).pressure
    assert not found.table["quantity"].str.startswith("butterfly").any()


def test_a_broken_row_is_named_and_its_load_filled_in(record):
    uri = "sim:walk?layout=grid-30x22"
    whole = value(analyse(record(uri)).pressure, "force_time_n_s", "left")["mean"]
    recording = record(uri)
    foot = recording.feet["left"]
    counts = foot.counts.copy().reshape(-1, 30, 22)
    n_lost = counts[:, 7].sum() / counts.sum()
    counts[:, 7] = 0
    foot.__dict__["counts"] = counts.reshape(-1, 660)
    foot.__dict__["force_n"] = foot.__dict__["counts"] * foot.info.force_lsb_n
    found = analyse(recording).pressure
    assert any("row 7 is broken" in sentence for sentence in found.warnings)
    filled = value(found, "force_time_n_s", "left")["mean"]
    assert filled == pytest.approx(whole, rel=0.01)
    assert n_lost > 0.02
