import numpy as np
import pandas as pd
import pytest

from solekit.errors import DataError
from solekit.formats.source import (
    FootSamples,
    SourceRecording,
    event_table,
    nominal_rate_hz,
    person_code,
    starts_at_the_toes,
)
from solekit.layouts import grid

LAYOUT = grid("test-2x2", 2, 2, length_mm=20.0, width_mm=10.0)


def foot(n=5, **changes):
    parts = {"t_s": np.arange(n) * 0.01, "force_n": np.ones((n, 4)), "layout": LAYOUT}
    return FootSamples(**{**parts, **changes})


def recording(**changes):
    parts = {
        "name": "walk",
        "source": "test",
        "rate_hz": 100.0,
        "left": foot(),
        "right": None,
        "body_mass_kg": None,
        "person": "p1",
    }
    return SourceRecording(**{**parts, **changes})


def test_a_recording_knows_its_feet_and_its_duration():
    both = recording(right=foot(t_s=np.arange(5) * 0.01 + 0.02))
    assert both.sides == ("left", "right")
    assert list(both.feet) == ["left", "right"]
    assert both.duration_s == pytest.approx(0.06)
    assert recording().sides == ("left",)
    assert foot().total_n.tolist() == [4.0] * 5


def test_time_that_does_not_increase_is_refused_with_its_row():
    with pytest.raises(DataError, match=r"t_s does not increase at row 2 .*0\.01 s comes after"):
        foot(t_s=np.array([0.0, 0.01, 0.01, 0.02, 0.03]))


def test_a_missing_force_is_refused_with_row_and_column():
    force = np.ones((5, 4))
    force[3, 1] = np.nan
    with pytest.raises(DataError, match="force_n is nan at row 3, column 1"):
        foot(force_n=force)


def test_an_infinite_time_is_refused_with_its_row():
    with pytest.raises(DataError, match="t_s is inf at row 4 "):
        foot(t_s=np.array([0.0, 0.01, 0.02, 0.03, np.inf]))


def test_a_negative_force_is_refused_and_rounding_below_zero_is_not():
    force = np.ones((5, 4))
    force[2, 3] = -1e-6
    assert foot(force_n=force).force_n[2, 3] == -1e-6
    force[2, 3] = -0.5
    with pytest.raises(DataError, match=r"force_n is -0\.5 N at row 2, column 3"):
        foot(force_n=force)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"force_n": np.ones((5, 3))}, r"force_n has shape \(5, 3\)"),
        ({"force_n": np.ones((4, 4))}, r"ask for \(5, 4\)"),
        ({"accel_m_s2": np.ones((5, 2))}, r"accel_m_s2 has shape \(5, 2\)"),
        ({"gyro_rad_s": np.ones((4, 3))}, r"gyro_rad_s has shape \(4, 3\)"),
        ({"gyro_rad_s": np.full((5, 3), np.nan)}, "gyro_rad_s is nan at row 0, column 0"),
        ({"t_s": np.zeros((5, 1))}, "t_s has shape"),
        ({"t_s": np.zeros(1), "force_n": np.ones((1, 4))}, "at least 2 samples"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(DataError, match=message):
        foot(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"left": None}, "no foot has samples"),
        ({"rate_hz": 0.0}, "rate_hz is 0.0"),
        ({"rate_hz": np.nan}, "rate_hz is nan"),
        ({"body_mass_kg": -70.0}, "body_mass_kg is -70.0"),
        ({"events": pd.DataFrame({"side": ["left"], "t_s": [1.0]})}, "lack the column 'kind'"),
        ({"events": event_table([("left", "hs", 1.0)])}, "kind 'hs'; use one of ic, to"),
        ({"events": event_table([("both", "ic", 1.0)])}, "side 'both'"),
        ({"events": event_table([("left", "ic", np.nan)])}, "events t_s is nan at row 0"),
    ],
)
def test_a_recording_that_breaks_the_contract_is_refused(changes, message):
    with pytest.raises(DataError, match=message):
        recording(**changes)


def test_events_come_in_time_order_and_no_events_are_none():
    table = event_table([("left", "to", 2.0), ("right", "ic", 1.0)])
    assert table["t_s"].tolist() == [1.0, 2.0]
    assert table["side"].tolist() == ["right", "left"]
    assert event_table([]) is None


def test_the_nominal_rate_ignores_gaps_and_rounds_within_half_a_percent():
    t_s = np.concatenate([np.arange(100) * 0.01, 5 + np.arange(100) * 0.01])
    assert nominal_rate_hz(t_s) == 100.0
    assert nominal_rate_hz(np.arange(50) * 0.032) == pytest.approx(31.25)
    assert nominal_rate_hz(np.round(np.arange(100) / 75, 3)) == 75.0
    with pytest.raises(DataError, match="between samples"):
        nominal_rate_hz(np.array([0.0, 5e-324]))


def test_a_person_code_shows_nothing_of_the_name():
    assert person_code("jane_doe") == person_code("jane_doe")
    assert person_code("jane_doe") != person_code("john_doe")
    assert "jane" not in person_code("jane_doe")


def test_contacts_that_begin_at_the_toes_are_found():
    stance = np.zeros((20, 2))
    stance[5:15, 0] = np.linspace(100, 1, 10)  # heel first
    stance[5:15, 1] = np.linspace(1, 100, 10)
    walk = np.tile(stance, (3, 1))
    y_mm = np.array([10.0, 200.0])
    assert not starts_at_the_toes(y_mm, walk)
    assert starts_at_the_toes(y_mm[::-1], walk)
    assert not starts_at_the_toes(y_mm[::-1], stance)  # one contact proves nothing
    assert not starts_at_the_toes(y_mm, np.ones((50, 2)))
    assert not starts_at_the_toes(y_mm, np.zeros((50, 2)))
