"""Trains of pulses on two clocks, with a known offset and rate."""

import numpy as np
import pytest

from solekit.errors import DataError
from solekit.sync.trains import Train, match_trains

OFFSET_S = -8123.4567


def trains(seed, *, n=20, gap_s=(1.0, 9.0), rate=1.0, jitter_s=0.002, lost=0.15, extra=2):
    """Return outside pulses and the recording's: irregular, some missing in each."""
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.uniform(*gap_s, n))
    kept = [rng.random(n) >= lost for _ in range(2)]
    outside = (t[kept[0]] - OFFSET_S) / rate + rng.normal(0, jitter_s, kept[0].sum())
    seen = t[kept[1]] + rng.normal(0, jitter_s, kept[1].sum())
    seen = np.sort(np.concatenate((seen, rng.uniform(0, t[-1], extra))))
    return Train(outside), Train(seen), t


@pytest.mark.parametrize("rate", [1.0, 1.0003, 0.999])
def test_offset_and_rate_are_found_whatever_is_missing(rate):
    errors = []
    for seed in range(12):
        outside, seen, t = trains(seed, rate=rate)
        tie = match_trains(outside, seen)
        error = tie.to_recording_s((t - OFFSET_S) / rate) - t
        assert np.abs(error).max() < 0.006
        assert tie.rate == pytest.approx(rate, abs=2e-4)
        errors.append(np.abs(error).max() / tie.uncertainty_s)
        np.testing.assert_allclose(tie.from_recording_s(tie.to_recording_s(t)), t, atol=1e-6)
    # The largest error of a train lies mostly within two standard deviations.
    assert np.mean(np.array(errors) <= 2.0) >= 0.9


def test_even_pulses_of_which_some_are_missing_are_refused():
    t = np.arange(20) * 2.0
    with pytest.raises(DataError, match="fit alike"):
        match_trains(Train(t + 100.0), Train(t[1:]))


def test_trains_of_different_sessions_and_too_few_pulses_are_refused():
    outside, _, _ = trains(1)
    _, other, _ = trains(99)
    with pytest.raises(DataError, match=r"match|fit alike"):
        match_trains(outside, other)
    with pytest.raises(DataError, match="3 or more"):
        match_trains(Train(np.array([1.0, 2.5])), Train(np.array([3.0, 4.5])))


def test_what_are_no_times_is_refused():
    good = Train(np.array([1.0, 2.5, 6.0]))
    for bad in ([2.0, 1.0, 3.0], [1.0, np.nan, 2.0]):
        with pytest.raises(DataError, match="no rising times"):
            match_trains(Train(np.array(bad)), good)
    with pytest.raises(DataError, match="300 at most"):
        match_trains(Train(np.arange(400.0)), good)


def test_over_a_short_train_the_rate_stays_one_and_the_uncertainty_says_so():
    tie = match_trains(Train(np.array([0.0, 1.3, 4.1])), Train(np.array([10.0, 11.3, 14.1])))
    assert tie.rate == 1.0
    assert tie.offset_s == pytest.approx(10.0)
    assert 1e-4 <= tie.uncertainty_s < 1e-3
