import numpy as np
import pytest

from solekit.contacts.pressure import PressureContacts, contact_spans
from solekit.errors import DataError

STANCE_S, STRIDE_S = 0.65, 1.1


def step(t_s, stance_s=STANCE_S, *, peak=800.0, load_s=0.12, push_s=0.10):
    """Load of one stance that begins at 0: up, a hollow in the middle, down."""
    shape = np.minimum(np.clip(t_s / load_s, 0, 1), np.clip((stance_s - t_s) / push_s, 0, 1))
    hollow = 1 - 0.25 * np.exp(-(((t_s - stance_s / 2) / (0.15 * stance_s)) ** 2))
    return peak * shape**1.2 * hollow


def walk(t_s, starts_s, **stance):
    return sum(step(t_s - start_s, **stance) for start_s in starts_s)


def true_events(share=0.05, **stance):
    """Where one stance passes a share of its own maximum."""
    t_s = np.arange(0, 3, 1e-5)
    load = step(t_s, **stance)
    above = np.flatnonzero(load > share * load.max())
    return t_s[above[0]], t_s[above[-1]]


def times(found, kind):
    return found.events_.loc[found.events_["kind"] == kind, "t_s"].to_numpy()


@pytest.mark.parametrize(
    ("rate_hz", "limit_ms"), [(14, 25.0), (30, 8.0), (60, 4.0), (100, 3.5), (200, 3.5)]
)
def test_events_of_a_known_load_are_placed_between_the_samples(rate_hz, limit_ms):
    rng = np.random.default_rng(rate_hz)
    starts_s = 1 + np.cumsum(rng.uniform(1.0, 1.25, 30))
    t_s = np.arange(0, starts_s[-1] + 2, 1 / rate_hz)
    load = 310 + walk(t_s, starts_s) + rng.normal(0, 3, t_s.size)
    found = PressureContacts().detect(load, t_s=t_s)
    assert found.reason_ == ""
    assert found.rate_hz_ == pytest.approx(rate_hz)
    assert np.abs(found.baseline_ - 310).max() < 8
    assert found.level_ == pytest.approx(800, rel=0.05)
    assert list(found.events_["kind"]) == ["ic", "to"] * 30
    for kind, true_s in zip(("ic", "to"), true_events(), strict=True):
        error_ms = 1e3 * (times(found, kind) - starts_s - true_s)
        assert np.sqrt(np.mean(error_ms**2)) < limit_ms
    sigma_s = found.events_["sigma_s"]
    assert (sigma_s > 0).all()
    assert sigma_s.max() <= 1 / rate_hz / np.sqrt(12) + 1e-12


@pytest.mark.parametrize("rate_hz", [14, 30])
def test_sigma_is_the_size_of_the_error_at_low_rates(rate_hz):
    starts_s = 1 + np.arange(60) * 1.137
    t_s = np.arange(0, 72, 1 / rate_hz)
    found = PressureContacts().detect(walk(t_s, starts_s), t_s=t_s)
    error_s = times(found, "ic") - starts_s - true_events()[0]
    z = error_s / found.events_.loc[found.events_["kind"] == "ic", "sigma_s"].to_numpy()
    assert 0.3 < np.sqrt(np.mean(z**2)) < 1.5


def test_a_straight_rise_is_placed_exactly_where_it_passes_the_fall_share():
    t_s = np.arange(0, 20, 1 / 40)  # below the rate from which data are filtered
    load = np.zeros(t_s.size)
    for start in range(40, 760, 44):
        load[start : start + 24] = (
            np.concatenate([np.arange(1, 9), np.full(8, 8), np.arange(8, 0, -1)]) * 100
        )
    found = PressureContacts(max_refine_s=0.1).detect(load, t_s=t_s, body_weight=800.0)
    assert times(found, "ic")[0] == pytest.approx(t_s[39] + 0.4 / 40)
    assert times(found, "to")[0] == pytest.approx(t_s[64] - 0.4 / 40)


def test_initial_contact_goes_back_along_its_rise_but_not_into_the_swing():
    t_s = np.arange(0, 20, 1 / 100)
    load = walk(t_s, 1 + np.arange(16) * STRIDE_S)
    slow = load.copy()
    for start_s in 1 + np.arange(16) * STRIDE_S:  # the shoe presses ever more before the ground
        before = (t_s > start_s - 0.2) & (t_s <= start_s)
        slow[before] += 55 * (t_s[before] - start_s + 0.2) / 0.2
    at = PressureContacts(max_refine_s=0.0).detect(slow, t_s=t_s)
    back = PressureContacts().detect(slow, t_s=t_s)
    moved_s = times(at, "ic") - times(back, "ic")
    assert (moved_s >= 0).all()
    assert moved_s.max() < 0.045  # 30 ms and a frame


def test_body_weight_and_the_walks_own_envelope_agree_where_the_walk_reaches_it():
    t_s = np.arange(0, 20, 0.01)
    load = walk(t_s, 1 + np.arange(16) * STRIDE_S)
    own = PressureContacts().detect(load, t_s=t_s)
    given = PressureContacts().detect(load, t_s=t_s, body_weight=own.level_)
    np.testing.assert_array_equal(own.events_["t_s"], given.events_["t_s"])
    assert given.level_ == own.level_


GAITS = {
    "walk": (STRIDE_S, {}),
    "run": (0.72, {"stance_s": 0.22, "peak": 2000.0, "load_s": 0.05, "push_s": 0.05}),
    "limp": (1.4, {"stance_s": 1.15, "peak": 300.0, "load_s": 0.3, "push_s": 0.2}),
    "shuffle": (2.2, {"stance_s": 1.9, "peak": 300.0, "load_s": 0.4, "push_s": 0.3}),
}


@pytest.mark.parametrize("gait", GAITS)
def test_every_step_of_a_gait_is_found_on_raw_counts_with_an_idle_offset(gait):
    stride_s, stance = GAITS[gait]
    rng = np.random.default_rng(3)
    t_s = np.arange(0, 60, 0.01)
    starts_s = np.arange(1, 57, stride_s)
    load = np.round(16 * 310 + walk(t_s, starts_s, **stance) + rng.normal(0, 4, t_s.size))
    found = PressureContacts().detect(load, t_s=t_s)
    assert list(found.events_["kind"]) == ["ic", "to"] * len(starts_s)
    ic_s, to_s = true_events(**stance)
    np.testing.assert_allclose(times(found, "ic"), starts_s + ic_s, atol=0.02)
    np.testing.assert_allclose(times(found, "to"), starts_s + to_s, atol=0.02)


def test_standing_between_walks_and_long_rest_do_not_move_the_thresholds():
    rng = np.random.default_rng(4)
    t_s = np.arange(0, 200, 0.02)
    starts_s = np.concatenate([20 + np.arange(15) * STRIDE_S, 150 + np.arange(15) * STRIDE_S])
    stands = (t_s > 60) & (t_s < 120)
    load = 4960 + walk(t_s, starts_s) + np.where(stands, 500 + 60 * np.sin(2 * t_s), 0)
    found = PressureContacts().detect(load + rng.normal(0, 4, t_s.size), t_s=t_s)
    ic_s = times(found, "ic")
    assert len(ic_s) == len(times(found, "to")) == 31  # the stand begins and ends once
    np.testing.assert_allclose(np.delete(ic_s, 15), starts_s + true_events()[0], atol=0.02)
    assert found.level_ == pytest.approx(800, rel=0.05)


def test_a_drifting_idle_load_is_followed():
    t_s = np.arange(0, 120, 0.01)
    starts_s = 1 + np.arange(105) * STRIDE_S
    found = PressureContacts().detect(walk(t_s, starts_s) + 310 + 1.5 * t_s, t_s=t_s)
    assert len(times(found, "ic")) == len(times(found, "to")) == 105
    assert found.baseline_[-500] - found.baseline_[500] == pytest.approx(165, abs=10)


def test_a_contact_under_way_lacks_the_event_that_was_not_seen():
    t_s = np.arange(1.3, 11.3, 0.01)
    found = PressureContacts().detect(walk(t_s, 1 + np.arange(20) * STRIDE_S), t_s=t_s)
    assert found.events_["kind"].iloc[0] == "to"
    assert found.events_["t_s"].iloc[0] == pytest.approx(1 + true_events()[1], abs=0.01)
    ends_in_stance = t_s < 10.1  # contact from 9.8
    found = PressureContacts().detect(
        walk(t_s[ends_in_stance], 1 + np.arange(20) * STRIDE_S), t_s=t_s[ends_in_stance]
    )
    assert found.events_["kind"].iloc[-1] == "ic"


def test_no_event_is_invented_in_a_gap():
    t_s = np.arange(0, 20, 0.01)
    load = walk(t_s, 1 + np.arange(16) * STRIDE_S)
    kept = (t_s < 5.6) | (t_s > 6.7)  # a stance began at 5.4, the next one begins at 6.5
    found = PressureContacts().detect(load[kept], t_s=t_s[kept])
    inside = found.events_[(found.events_["t_s"] > 5.59) & (found.events_["t_s"] < 6.71)]
    assert inside.empty
    around = found.events_[(found.events_["t_s"] > 5.3) & (found.events_["t_s"] < 7.2)]
    assert list(around["kind"]) == ["ic", "to"]


def test_single_lost_samples_and_a_jittery_clock_cost_no_event():
    rng = np.random.default_rng(5)
    t_s = np.arange(0, 30, 0.01) + rng.uniform(-0.003, 0.003, 3000)
    kept = rng.random(3000) > 0.1
    starts_s = 1 + np.arange(25) * STRIDE_S
    found = PressureContacts().detect(walk(t_s, starts_s)[kept], t_s=t_s[kept])
    assert list(found.events_["kind"]) == ["ic", "to"] * 25
    np.testing.assert_allclose(times(found, "ic"), starts_s + true_events()[0], atol=0.012)


def test_a_dip_in_stance_is_joined_and_a_touch_in_swing_left_out():
    t_s = np.arange(0, 20, 0.01)
    starts_s = 1 + np.arange(16) * STRIDE_S
    load = walk(t_s, starts_s)
    load[(t_s > 5.65) & (t_s < 5.73)] = 0.0
    load[(t_s > 7.30) & (t_s < 7.36)] = 500.0
    load[(t_s > 8.35) & (t_s < 8.50)] = 110.0
    found = PressureContacts().detect(load, t_s=t_s)
    assert list(found.events_["kind"]) == ["ic", "to"] * 16


def test_hysteresis_holds_between_the_levels_and_starts_as_the_first_clear_sample():
    load = np.array([6.0, 3, 6, 9, 6, 9, 5, 6, 9])
    assert contact_spans(load, rise=8, fall=5) == [(3, 6), (8, 9)]
    assert contact_spans(np.array([6.0, 9, 1]), rise=8, fall=5) == [(0, 2)]
    assert contact_spans(np.array([6.0, 6]), rise=8, fall=5) == []


T_S = np.arange(0, 60, 0.01)
NOISE = np.random.default_rng(6).normal(0, 1, T_S.size)
STILL = {
    "never unloaded": 500 + 20 * np.sin(3 * T_S) + 15 * np.sin(1.3 * T_S) + 5 * NOISE,
    "flat: it varies": 20 + 5 * NOISE,
    "flat: it varies by 0 around 300": np.full(T_S.size, 300.0),
    "flat": np.round(np.abs(0.6 * NOISE)),
    "saturated: 9": np.minimum(1000.0, 1040 + 20 * NOISE),
}


@pytest.mark.parametrize("reason", STILL)
def test_a_foot_that_does_not_step_gives_no_event_but_a_reason(reason):
    found = PressureContacts().detect(STILL[reason], t_s=T_S)
    assert found.events_.empty
    assert reason in found.reason_
    assert list(found.events_.columns) == ["kind", "t_s", "sigma_s"]


def test_a_load_that_varies_less_than_a_fifth_of_the_body_weight_is_no_walk():
    load = walk(T_S, 1 + np.arange(40) * STRIDE_S, peak=100.0)
    found = PressureContacts().detect(load, t_s=T_S, body_weight=800.0)
    assert found.events_.empty
    assert "fifth of the body weight of 800" in found.reason_


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_few_samples_are_a_reason_not_a_crash(n):
    found = PressureContacts().detect(T_S[:n], t_s=T_S[:n])
    assert found.events_.empty
    assert "in a row" in found.reason_
    assert found.baseline_.shape == (n,)
    assert np.isnan(found.level_)


def test_samples_further_apart_than_a_gap_are_refused_with_a_reason():
    t_s = T_S[::25]
    found = PressureContacts().detect(walk(t_s, 1 + np.arange(40) * STRIDE_S), t_s=t_s)
    assert found.events_.empty
    assert found.rate_hz_ == 0.0
    assert "too long" in found.reason_


@pytest.mark.parametrize(
    ("load", "t_s", "weight", "message"),
    [
        (np.zeros((5, 2)), np.arange(5.0), None, "shape"),
        (np.zeros(5), np.arange(4.0), None, "shape"),
        (np.zeros(5), np.arange(5.0)[::-1], None, "increase"),
        (np.array([0, 1, np.nan, 1]), np.arange(4.0), None, "finite"),
        (np.zeros(5), np.arange(5.0), 0.0, "body_weight is 0"),
        (np.zeros(5), np.arange(5.0), np.nan, "body_weight is nan"),
    ],
)
def test_bad_input_is_named(load, t_s, weight, message):
    with pytest.raises(DataError, match=message):
        PressureContacts().detect(load, t_s=t_s, body_weight=weight)


def test_shares_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match="must rise"):
        PressureContacts(rise_share=0.04).detect(T_S, t_s=T_S)
