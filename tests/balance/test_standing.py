"""Sway against a known ellipse, and what is refused."""

import numpy as np
import pytest
from scipy.stats import chi2

from solekit import layouts
from solekit.balance import FootStance, StandingBalance
from solekit.errors import DataError

LAYOUT = layouts.named("cells-16", "left")
MIDDLE_MM = LAYOUT.width_mm / 2


def slow_noise(rng, t_s, sd_mm, cutoff_hz=0.8):
    """Sum of slow sines of random phase: an SD that is exact over whole periods."""
    f = np.arange(1, 33) / 40.0
    f = f[f <= cutoff_hz]
    amplitude = sd_mm * np.sqrt(2.0 / len(f))
    return sum(amplitude * np.sin(2 * np.pi * (fi * t_s + rng.random())) for fi in f)


def stand(seconds=40.0, rate_hz=50.0, share_left=0.5, sd_ml=3.0, sd_ap=6.0, seed=1, feet=2):
    rng = np.random.default_rng(seed)
    t_s = np.arange(round(seconds * rate_hz)) / rate_hz
    ml, ap = slow_noise(rng, t_s, sd_ml), slow_noise(rng, t_s, sd_ap)
    foot = [
        FootStance(t_s, np.full(len(t_s), 700.0 * share), MIDDLE_MM + ml, 120.0 + ap)
        for share in (share_left, 1 - share_left)
    ]
    return (foot[0], foot[1] if feet == 2 else None), ml, ap


def value(found, name, side=""):
    table = found.variables_.set_index(["name", "side"])
    return table.loc[(name, side)]


def test_the_ellipse_is_that_of_the_sway():
    feet, ml, ap = stand()
    found = StandingBalance().measure(*feet, layout=LAYOUT)
    expected = np.pi * chi2.ppf(0.95, 2) * np.sqrt(np.linalg.det(np.cov(ml, ap)))
    assert value(found, "sway_area")["value"] == pytest.approx(expected, rel=0.02)
    assert value(found, "sway_rms_ap")["value"] == pytest.approx(ap.std(), rel=0.02)
    assert value(found, "sway_rms_ml")["value"] == pytest.approx(ml.std(), rel=0.02)
    path = np.hypot(np.diff(ml), np.diff(ap)).sum()
    assert value(found, "sway_path")["value"] == pytest.approx(path, rel=0.02)
    assert value(found, "sway_velocity")["value"] == pytest.approx(path / 40.0, rel=0.02)
    assert "100 mm apart" in value(found, "sway_area")["label"]


def test_noise_of_the_cells_hardly_lengthens_the_path():
    feet, ml, ap = stand()
    rng = np.random.default_rng(3)
    noisy = [
        FootStance(f.t_s, f.load, f.cop_x_mm + rng.normal(0, 0.5, len(f.t_s)), f.cop_y_mm)
        for f in feet
    ]
    path = np.hypot(np.diff(ml), np.diff(ap)).sum()
    found = StandingBalance(cutoff_hz=2.0).measure(*noisy, layout=LAYOUT)
    assert value(found, "sway_path")["value"] == pytest.approx(path, rel=0.25)


@pytest.mark.parametrize("share", [0.5, 0.3, 0.8])
def test_the_load_share_is_that_of_the_feet(share):
    feet, _, _ = stand(share_left=share)
    found = StandingBalance().measure(*feet, layout=LAYOUT)
    assert value(found, "load_share", "left")["value"] == pytest.approx(100 * share)
    assert value(found, "load_share", "right")["value"] == pytest.approx(100 * (1 - share))
    assert value(found, "load_drift", "left")["value"] == pytest.approx(0.0, abs=1e-6)


def test_shifting_the_weight_moves_the_joint_centre_between_the_feet():
    (left, right), _, _ = stand(sd_ml=1e-6, sd_ap=1e-6)
    swing = 0.5 + 0.2 * np.sin(2 * np.pi * left.t_s / 10)
    moved = [
        FootStance(f.t_s, 700 * s, f.cop_x_mm, f.cop_y_mm)
        for f, s in ((left, swing), (right, 1 - swing))
    ]
    found = StandingBalance(stance_width_mm=200.0).measure(*moved, layout=LAYOUT)
    assert value(found, "sway_rms_ml")["value"] == pytest.approx(200 * 0.2 / np.sqrt(2), rel=0.02)


def test_one_foot_gives_its_sway_and_no_share():
    feet, _, _ = stand(feet=1)
    found = StandingBalance().measure(*feet, layout=LAYOUT)
    assert np.isfinite(value(found, "sway_area", "left")["value"])
    assert "only the left foot" in value(found, "load_share", "left")["reason"]


def test_a_foot_in_the_air_does_not_sway():
    (left, right), _, _ = stand()
    air = FootStance(right.t_s, np.zeros(len(right.t_s)), right.cop_x_mm * np.nan, right.cop_y_mm)
    found = StandingBalance().measure(left, air, layout=LAYOUT)
    assert "carried no load" in value(found, "sway_area", "right")["reason"]
    assert np.isfinite(value(found, "sway_area")["value"])


def test_steps_before_and_after_are_left_out():
    (left, right), _, _ = stand(seconds=40.0)
    load = left.load.copy()
    load[:300] = 350 + 350 * np.sin(np.arange(300) / 8)
    walked = FootStance(left.t_s, load, left.cop_x_mm, left.cop_y_mm)
    found = StandingBalance().measure(walked, right, layout=LAYOUT)
    assert found.quiet_s_[0] > 5.0
    assert found.reason_ == ""


def test_a_slow_insole_gives_no_path_but_an_area():
    feet, _, _ = stand(rate_hz=14.0)
    found = StandingBalance().measure(*feet, layout=LAYOUT)
    assert "14 Hz is below 20 Hz" in value(found, "sway_path")["reason"]
    assert np.isnan(value(found, "sway_path")["value"])
    assert np.isfinite(value(found, "sway_area")["value"])


def walking():
    t_s = np.arange(3000) / 50.0
    load = np.clip(np.sin(2 * np.pi * t_s / 1.1), 0, None) * 800
    other = np.clip(-np.sin(2 * np.pi * t_s / 1.1), 0, None) * 800
    return [FootStance(t_s, x, np.full(3000, 40.0), np.full(3000, 100.0)) for x in (load, other)]


def short():
    return stand(seconds=5.0)[0]


def nobody():
    t_s = np.arange(2000) / 50.0
    zero = np.zeros(2000)
    return [FootStance(t_s, zero, zero * np.nan, zero * np.nan)] * 2


@pytest.mark.parametrize("make", [walking, short, nobody])
def test_what_is_no_quiet_standing_gives_reasons_and_no_number(make):
    found = StandingBalance().measure(*make(), layout=LAYOUT)
    assert "quiet standing" in found.reason_
    assert found.variables_["value"].isna().all()
    assert (found.variables_["reason"] == found.reason_).all()


def test_no_foot_is_an_error():
    with pytest.raises(DataError, match="no foot"):
        StandingBalance().measure(None, None, layout=LAYOUT)
