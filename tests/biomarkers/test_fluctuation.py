"""Detrended fluctuation analysis, alone and as the scaling exponent of stride times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from solekit.biomarkers.fluctuation import DetrendedFluctuation
from solekit.errors import DataError


def test_scaling_exponent_of_white_noise_is_a_half_and_of_a_random_walk_three_halves():
    noise = np.random.default_rng(5).normal(size=4000)
    white = DetrendedFluctuation().analyse(noise)
    assert white.alpha_ == pytest.approx(0.5, abs=0.08)
    assert DetrendedFluctuation().analyse(np.cumsum(noise)).alpha_ == pytest.approx(1.5, abs=0.15)
    assert white.fluctuation_.shape == white.windows_.shape


def test_the_error_of_the_scaling_exponent_matches_its_spread():
    rng = np.random.default_rng(6)
    runs = [DetrendedFluctuation().analyse(rng.normal(size=300)) for _ in range(150)]
    spread = np.std([run.alpha_ for run in runs])
    assert np.sqrt(np.mean([run.alpha_error_**2 for run in runs])) == pytest.approx(
        spread, rel=0.3
    )


@pytest.mark.parametrize("series", [np.ones(300), np.full(300, np.nan), np.arange(20.0)])
def test_a_series_without_fluctuation_has_no_scaling_exponent(series):
    with pytest.raises(DataError):
        DetrendedFluctuation().analyse(series)


def test_stride_alpha_needs_200_strides_in_one_bout(compute, row, varied_walk):
    found = row(compute(varied_walk(202)), "stride_time_alpha", "left")
    assert found["reason"] == "199 left strides carry it; 200 are needed in one walking bout"
    two_bouts = pd.concat([varied_walk(150), varied_walk(150, start_s=300.0)])
    assert "in one walking bout" in row(compute(two_bouts), "stride_time_alpha", "left")["reason"]
    long = row(compute(varied_walk(500)), "stride_time_alpha", "left")
    assert long["reason"] == ""
    assert long["value"] == pytest.approx(0.5, abs=3 * long["error"])
