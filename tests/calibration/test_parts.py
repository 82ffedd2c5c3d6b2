"""Curves, creep, hysteresis, body weight, closure: each against a truth it was made from."""

import numpy as np
import pytest

from solekit import calibration as cal
from solekit.calibration.creep import LOG_TAUS_S, Creep
from solekit.calibration.hysteresis import Hysteresis
from solekit.errors import DataError

P_KPA = np.array([25.0, 50.0, 100.0, 200.0, 400.0])
RAMP = np.r_[np.linspace(0, 500, 60), np.linspace(500, 80, 50), np.linspace(80, 300, 30)]


def power_law(kpa, cells=20, seed=1):
    gain = 8.0 * np.exp(0.15 * np.random.default_rng(seed).standard_normal(cells))
    return gain * np.asarray(kpa)[:, None] ** 0.85


def test_curves_give_back_a_power_law_within_and_beyond_their_points():
    curves = cal.fit_curves(P_KPA, power_law(P_KPA))
    kpa = np.array([2.0, 33.0, 150.0, 900.0])
    assert curves.pressure(power_law(kpa)) == pytest.approx(np.tile(kpa[:, None], 20))
    assert curves.pressure(-power_law(kpa)) == pytest.approx(-np.tile(kpa[:, None], 20))
    assert curves.shape_share_sd < 1e-9


def test_a_cell_without_enough_points_takes_the_shape_of_the_others():
    counts = power_law(P_KPA)
    truth = counts[:, 3].copy()
    counts[1:, 3] = np.nan  # one point is left: its level is known
    counts[:, 7] = 0.0  # a dead cell
    counts[4, 9] = 5000.0  # saturated under the largest pressure
    curves = cal.fit_curves(P_KPA, counts, max_counts=4095.0)
    assert np.flatnonzero(~curves.is_own).tolist() == [3, 7]
    assert curves.counts[:, 3] == pytest.approx(truth)
    assert curves.counts[:, 9] == pytest.approx(power_law(P_KPA)[:, 9])
    assert curves.cell_share_sd[7] > 10 * curves.cell_share_sd[9]


def test_every_curve_rises_however_noisy_its_points():
    noisy = power_law(P_KPA) * np.exp(0.5 * np.random.default_rng(2).standard_normal((5, 20)))
    curves = cal.fit_curves(P_KPA, noisy)
    assert (np.diff(curves.counts, axis=0) > 0).all()
    assert curves.cell_share_sd.min() > 0.1


def test_creep_is_found_from_standing_and_taken_off_exactly():
    t_s = np.arange(-20, 3000) * 0.1
    since = np.maximum(t_s, 0)
    slow = 0.5 * -np.expm1(-since[:, None] / LOG_TAUS_S).sum(axis=1)
    load = (t_s >= 0) * 700 * (1 - 0.08 * np.expm1(-since / 20) + 0.03 * slow)
    load += np.random.default_rng(1).normal(0, 1.0, len(t_s)) * (t_s >= 0)
    found = cal.fit_creep(load, t_s)
    assert found.tau_s == pytest.approx(20, rel=0.1)
    assert (found.share, found.per_decade) == pytest.approx((0.08, 0.03), rel=0.1)
    felt, _ = found.compensate(load[:, None], t_s, weight=np.ones(1))
    assert felt[t_s > 5, 0] == pytest.approx(700, rel=0.01)


def test_creep_wants_a_rest_before_a_minute_and_a_steady_load():
    t_s = np.arange(0, 100, 0.1)
    with pytest.raises(DataError, match="begin with the insoles unloaded"):
        cal.fit_creep(np.full(len(t_s), 700.0), t_s)
    with pytest.raises(DataError, match="too few for creep"):
        cal.fit_creep(np.where(t_s < 60, 0, 700.0), t_s)
    with pytest.raises(DataError, match="stand quietly"):
        cal.fit_creep(np.where(t_s < 5, 0, 700 + 300 * np.sin(t_s)), t_s)


def test_the_inverse_of_the_operator_is_its_inverse():
    made = Hysteresis(np.log1p([0.0, 0.03, 0.08, 0.15]), np.array([0.3, 0.2, 0.4, 0.1]), 0.0)
    kpa = np.column_stack([RAMP, 0.5 * RAMP, RAMP[::-1] * np.linspace(0, 1, len(RAMP))])
    felt = made.apply(kpa)
    assert np.abs(felt - kpa).max() > 10
    assert made.invert(felt) == pytest.approx(kpa, abs=1e-6)


def test_weights_are_found_from_loading_and_unloading():
    made = Hysteresis(np.log1p([0.0, 0.02, 0.05, 0.1, 0.2]), np.array([0.3, 0, 0.7, 0, 0]), 0.0)
    felt = made.apply(RAMP[:, None])[:, 0]
    found = cal.fit_hysteresis(RAMP, felt)
    assert found.weights == pytest.approx(made.weights, abs=0.02)
    assert found.share_sd < 1e-6
    with pytest.raises(DataError, match="on the way down"):
        cal.fit_hysteresis(RAMP[:60], felt[:60])


def stances(shares, k=(1.1, 0.8), noise=0.0):
    w = 70 * 9.80665
    rng = np.random.default_rng(3)
    shares = np.array(shares)
    left, right = shares * w / k[0], (1 - shares) * w / k[1]
    return left * (1 + noise * rng.standard_normal(len(shares))), right


def test_body_weight_gives_both_factors_and_their_errors_cover_the_truth():
    fit = cal.fit_body_weight(*stances([0.5, 0.9, 0.1, 0.5, 0.5]), body_mass_kg=70)
    assert fit.factors == pytest.approx([1.1, 0.8])
    hits = 0
    rng = np.random.default_rng(4)
    for _ in range(300):
        left, right = stances([0.5, 0.9, 0.1, 0.5, 0.5])
        left, right = (v * (1 + 0.02 * rng.standard_normal(5)) for v in (left, right))
        fit = cal.fit_body_weight(left, right, body_mass_kg=70, body_mass_sd_kg=0.0)
        hits += (np.abs(fit.factors - [1.1, 0.8]) <= 1.96 * fit.share_sd * fit.factors).mean()
    assert hits / 300 > 0.93


@pytest.mark.parametrize(
    ("shares", "mass_kg", "words"),
    [
        ([0.5, 0.9, 0.1], 70, "5 or more"),
        ([0.5, 0.52, 0.49, 0.5, 0.51], 70, "too alike"),
        ([0.5, 0.9, 0.1, 0.5, 0.5], 700, "10 to 300 kg"),
    ],
)
def test_body_weight_is_refused_with_what_to_do(shares, mass_kg, words):
    with pytest.raises(DataError, match=words):
        cal.fit_body_weight(*stances(shares), body_mass_kg=mass_kg)


def test_walking_closes_on_the_body_weight_and_refuses_what_a_factor_cannot_mend():
    t_s = np.arange(0, 40, 0.02)
    w = 70 * 9.80665
    left = w * (1 - np.cos(2 * np.pi * t_s / 1.1)) / 2
    right = w - left + 0.1 * w * np.sin(4 * np.pi * t_s / 1.1)
    ic_s = np.arange(0.3, 39, 1.1)
    found = cal.walking_closure(0.93 * left, 0.93 * right, t_s, ic_s, body_mass_kg=70)
    assert found.ratio == pytest.approx(1 / 0.93, rel=0.002)
    assert len(found.strides) == len(ic_s) - 1
    with pytest.raises(DataError, match="by more than 20 % is refused"):
        cal.walking_closure(0.7 * left, 0.7 * right, t_s, ic_s, body_mass_kg=70)
    with pytest.raises(DataError, match="whole strides"):
        cal.walking_closure(left, right, t_s, ic_s[:4], body_mass_kg=70)


def test_without_creep_nothing_changes():
    none = Creep(20.0, 0.0, 0.0, np.zeros((2, 2)), 0.0)
    p = np.random.default_rng(1).uniform(0, 100, (50, 3))
    felt, _ = none.compensate(p, np.arange(50.0), weight=np.ones(3))
    assert felt == pytest.approx(p)
