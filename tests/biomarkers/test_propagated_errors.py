"""The error printed beside a value matches the spread over repeated timing errors."""

from __future__ import annotations

import numpy as np
import pytest

from solekit.biomarkers import InsoleVariables
from solekit.strides import EventStrides


def test_variability_that_timing_error_alone_explains_is_refused(compute, row, varied_walk):
    events = varied_walk(60, sd_s=0.008)
    refused = row(compute(events, rate_hz=30.0), "stride_time_sd", "left")
    assert refused["reason"].startswith("timing error alone gives an SD of 0.014 s; measured 0.00")
    reported = row(compute(events, rate_hz=100.0), "stride_time_sd", "left")
    assert reported["value"] == pytest.approx(0.008, abs=0.002)
    assert reported["label"] == "timing error alone: SD 0.004 s"


def test_events_without_a_stated_error_err_by_a_frame_over_root_12(compute, row, walk):
    events = walk(40)
    by_rate = row(compute(events, rate_hz=30.0), "stance_time", "left")["error"]
    n = 37
    assert by_rate == pytest.approx(np.sqrt(2 / n) / 30.0 / np.sqrt(12.0))
    by_parameter = compute(events, rate_hz=30.0, event_error_s=0.001)
    assert row(by_parameter, "stance_time", "left")["error"] == pytest.approx(np.sqrt(2 / n) / 1e3)
    stated = compute(events.assign(sigma_s=0.002), rate_hz=30.0, event_error_s=0.001)
    assert row(stated, "stance_time", "left")["error"] == pytest.approx(2 * np.sqrt(2 / n) / 1e3)


def test_the_clock_interval_does_not_shrink_with_the_number_of_strides(compute, row, walk):
    for n in (30, 300):
        found = compute(walk(n), clock_interval_s=0.006)
        step = row(found, "step_time", "left")
        assert step["error_clock"] == pytest.approx(0.006 / np.sqrt(3))
        assert step["error"] == pytest.approx(np.hypot(step["error_random"], step["error_clock"]))
        initial = row(found, "double_support_initial", "left")
        assert initial["error_clock"] == pytest.approx(0.6 / np.sqrt(3))


def test_a_shift_of_the_clocks_cancels_in_the_sum_of_double_support(compute, row, walk):
    found = compute(walk(30), clock_interval_s=0.006)
    for name in ("double_support_sum", "double_support_mean", "single_support", "stance_time"):
        assert row(found, name, "right")["error_clock"] == 0.0


MONTE_CARLO = [
    ("cadence", ""),
    ("double_support_mean", "left"),
    ("double_support_initial", "right"),
    ("single_support", "left"),
    ("stance_time", "left"),
    ("stance_share", "right"),
    ("swing_time", "left"),
    ("stride_time", "left"),
    ("step_time", "right"),
    ("stride_time_sd", "left"),
    ("stride_time_cv", "right"),
    ("stride_time_robust_cv", "left"),
    ("stance_time_symmetry_index", ""),
    ("stance_time_ratio_index", ""),
    ("swing_time_symmetry_angle", ""),
    ("step_time_gait_asymmetry", ""),
]


def test_stated_errors_match_the_spread_over_repeated_jitter(varied_walk):
    rng = np.random.default_rng(20)
    truth = varied_walk(40, sd_s=0.03).assign(sigma_s=0.008)
    # Bouts and outliers are those of the truth: an outlier that comes and goes is no timing error.
    params = {"outlier_mads": 100.0}
    values, errors = [], []
    for _ in range(100):
        events = truth.assign(t_s=truth["t_s"] + rng.normal(0.0, 0.008, len(truth)))
        found = InsoleVariables().compute(
            EventStrides(**params).segment(events),
            events=events,
            rate_hz=50.0,
            clock_interval_s=0.0,
        )
        table = found.variables_.set_index(["name", "side"]).loc[MONTE_CARLO]
        values.append(table["value"].to_numpy())
        errors.append(table["error_random"].to_numpy())
    spread = np.std(values, axis=0, ddof=1)
    ratio = dict(zip(MONTE_CARLO, np.mean(errors, axis=0) / spread, strict=True))
    for key, value in ratio.items():  # 100 repeats know a spread to 7 %
        assert 1 / 1.3 < value < 1.3, (key, value)


def test_the_error_of_the_clocks_matches_the_spread_over_shifted_feet(compute, row, walk):
    rng = np.random.default_rng(21)
    names = [("step_time", "left"), ("double_support_initial", "left"), ("cadence", "")]
    truth, half_width_s = walk(30), 0.008
    is_right = (truth["side"] == "right").to_numpy()
    values, errors = [], []
    for shift_s in rng.uniform(-half_width_s, half_width_s, 60):
        found = compute(
            truth.assign(t_s=truth["t_s"] + shift_s * is_right), clock_interval_s=half_width_s
        )
        values.append([row(found, *name)["value"] for name in names])
        errors.append([row(found, *name)["error_clock"] for name in names])
    assert np.mean(errors, axis=0) == pytest.approx(np.std(values, axis=0), rel=0.2)


def test_the_error_of_variability_covers_what_timing_adds_to_it(compute, row, varied_walk):
    rng = np.random.default_rng(22)
    truth = varied_walk(60, sd_s=0.02)
    true_sd = row(compute(truth, event_error_s=0.0), "stride_time_sd", "left")["value"]
    events = truth.assign(t_s=truth["t_s"] + rng.normal(0.0, 0.008, len(truth)))
    found = row(compute(events, event_error_s=0.008), "stride_time_sd", "left")
    assert found["value"] > true_sd
    assert abs(found["value"] - true_sd) < 2 * found["error"]
