"""Pressure decides, the IMU confirms and fills in."""

import numpy as np
import pandas as pd
import pytest

from solekit.contacts.fusion import FusedContacts
from solekit.errors import DataError

IC_S = np.arange(1.0, 11.0)
TO_S = IC_S + 0.6


def table(ic_s=IC_S, to_s=TO_S, sigma_s=0.003):
    kinds = ["ic"] * len(ic_s) + ["to"] * len(to_s)
    return pd.DataFrame({"kind": kinds, "t_s": [*ic_s, *to_s], "sigma_s": sigma_s})


def of(events, kind):
    return events.loc[events["kind"] == kind]


def test_what_both_see_is_confirmed_and_keeps_the_time_of_pressure():
    fused = FusedContacts().fuse(table(), table(IC_S - 0.03, TO_S + 0.04))
    assert set(fused.events_["source"]) == {"both"}
    np.testing.assert_array_equal(of(fused.events_, "ic")["t_s"], IC_S)
    assert fused.lag_s_ == pytest.approx({"ic": -0.03, "to": 0.04})
    np.testing.assert_allclose(of(fused.events_, "ic")["imu_s"], IC_S, atol=1e-12)
    assert fused.confirmed_share_ == 1.0


def test_the_imu_alone_invents_nothing_where_pressure_was_there():
    fused = FusedContacts().fuse(table(), table([*IC_S, 20.0], [*TO_S, 20.6]))
    assert len(fused.events_) == 20
    assert fused.events_["t_s"].max() < 11


def test_in_a_gap_of_pressure_the_imu_fills_in_without_its_lag():
    seen = (IC_S < 4) | (IC_S > 6)
    gaps = pd.DataFrame({"start_s": [3.9], "end_s": [6.8]})
    pressure = table(IC_S[seen], TO_S[seen])
    fused = FusedContacts().fuse(pressure, table(IC_S - 0.03, TO_S + 0.04, 0.015), gaps=gaps)
    filled = fused.events_[fused.events_["source"] == "imu"]
    np.testing.assert_allclose(filled["t_s"], np.sort([*IC_S[~seen], *TO_S[~seen]]), atol=1e-12)
    assert (filled["sigma_s"] == 0.015).all()
    np.testing.assert_array_equal(fused.events_["t_s"], np.sort(fused.events_["t_s"]))


def test_without_enough_matches_nothing_is_filled_in():
    gaps = pd.DataFrame({"start_s": [2.5], "end_s": [20.0]})
    fused = FusedContacts().fuse(table(IC_S[:2], TO_S[:2]), table(), gaps=gaps)
    assert len(fused.events_) == 4
    assert np.isnan(fused.lag_s_["ic"])


def test_an_event_that_the_imu_has_elsewhere_is_not_confirmed():
    moved = IC_S.copy()
    moved[4] += 0.12
    fused = FusedContacts().fuse(table(), table(moved, TO_S))
    sources = of(fused.events_, "ic")["source"].tolist()
    assert sources == ["both"] * 4 + ["pressure"] + ["both"] * 5
    assert fused.confirmed_share_ == pytest.approx(0.95)


@pytest.mark.parametrize(("n_own", "n_imu"), [(0, 0), (0, 5), (5, 0), (1, 1)])
def test_few_or_no_events_are_no_error(n_own, n_imu):
    fused = FusedContacts().fuse(table(IC_S[:n_own], []), table(IC_S[:n_imu], []))
    assert len(fused.events_) == n_own
    assert np.isnan(fused.confirmed_share_) == (n_own == 0)


def test_a_table_without_times_is_refused():
    with pytest.raises(DataError, match="no column 't_s'"):
        FusedContacts().fuse(table(), table().drop(columns="t_s"))
