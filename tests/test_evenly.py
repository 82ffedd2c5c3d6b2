import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solekit.errors import DataError
from solekit.evenly import even_pieces, rate_of, runs

LINE = np.array([2.0, -1.0, 0.5])


def line(t_s):
    """Values that linear interpolation does not change."""
    return t_s[:, None] * LINE


def test_even_samples_pass_unchanged():
    t_s = 5.0 + np.arange(200) / 100.0
    values = np.random.default_rng(0).normal(size=(200, 3))
    (piece,) = even_pieces(t_s, values)
    np.testing.assert_array_equal(piece.values, values)
    assert piece.rate_hz == pytest.approx(100.0)
    np.testing.assert_allclose(piece.t_s, t_s, atol=1e-9)


def test_one_column_may_come_without_an_axis():
    (piece,) = even_pieces(np.arange(5) / 100.0, np.arange(5.0))
    assert piece.values.shape == (5, 1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([50.0, 100.0, 204.8]), st.floats(0.05, 0.4))
def test_jittery_times_are_interpolated_at_the_mean_rate(seed, rate_hz, jitter):
    n = 300
    t_s = (np.arange(n) + np.random.default_rng(seed).uniform(-jitter, jitter, n)) / rate_hz
    (piece,) = even_pieces(t_s, line(t_s))
    np.testing.assert_allclose(piece.values, line(piece.t_s), atol=1e-9)
    np.testing.assert_allclose(np.diff(piece.t_s), 1 / piece.rate_hz, rtol=1e-9)
    assert piece.rate_hz == pytest.approx(rate_hz, rel=0.01)
    assert piece.t_s[0] == t_s[0]
    assert t_s[-1] - 1 / piece.rate_hz - 1e-9 <= piece.t_s[-1] <= t_s[-1] + 1e-9


def test_lost_samples_within_the_limit_are_filled_at_the_rate_of_the_rest():
    t_s = np.delete(np.arange(1000) / 100.0, [100, 101, 500])
    (piece,) = even_pieces(t_s, line(t_s))
    assert piece.rate_hz == pytest.approx(100.0, rel=0.005)
    np.testing.assert_allclose(piece.values, line(piece.t_s), atol=1e-9)


@pytest.mark.parametrize("gap_s", [0.11, 0.5, 3600.0])
def test_a_longer_gap_is_never_filled(gap_s):
    t_s = np.arange(300) / 100.0
    t_s[120:] += gap_s
    before, after = even_pieces(t_s, line(t_s))
    assert (len(before.values), len(after.values)) == (120, 180)
    assert before.t_s[-1] == pytest.approx(t_s[119])
    assert after.t_s[0] == t_s[120]
    assert before.rate_hz == pytest.approx(100.0)
    assert after.rate_hz == pytest.approx(100.0)


def test_gaps_do_not_lower_the_rate():
    t_s = np.concatenate([k * 10.0 + np.arange(50) / 100.0 for k in range(5)])
    assert rate_of(t_s, max_gap_s=0.1) == pytest.approx(100.0)


def test_samples_that_stand_alone_are_left_out():
    t_s = np.array([0.0, 0.01, 0.02, 5.0, 9.0, 9.01])
    assert [len(piece.values) for piece in even_pieces(t_s, line(t_s))] == [3, 2]


def test_one_sample_is_no_piece():
    assert even_pieces(np.zeros(1), np.zeros((1, 3))) == []


def test_no_samples_are_no_piece():
    assert even_pieces(np.zeros(0), np.zeros((0, 3))) == []


def test_samples_all_further_apart_than_a_gap_are_no_piece():
    t_s = np.arange(10.0)
    assert even_pieces(t_s, line(t_s)) == []


@pytest.mark.parametrize("second", [0.0, -0.01, np.nan, np.inf])
def test_times_that_repeat_go_back_or_are_not_finite_are_refused(second):
    t_s = np.array([0.0, second, 0.02, 0.03])
    with pytest.raises(DataError, match="increase"):
        even_pieces(t_s, np.zeros((4, 3)))


def test_a_value_that_is_not_finite_is_named_by_its_sample():
    values = np.zeros((10, 3))
    values[7, 1] = np.nan
    with pytest.raises(DataError, match="sample 7"):
        even_pieces(np.arange(10) / 100.0, values)


def test_times_and_values_of_different_length_are_refused():
    with pytest.raises(DataError, match=r"shape \(9,\) for 10 samples"):
        even_pieces(np.arange(9) / 100.0, np.zeros((10, 3)))


def test_inputs_are_left_alone():
    t_s = np.arange(50) / 100.0 + np.random.default_rng(1).uniform(0, 0.004, 50)
    values = line(t_s)
    kept = t_s.copy(), values.copy()
    even_pieces(t_s, values)
    np.testing.assert_array_equal(t_s, kept[0])
    np.testing.assert_array_equal(values, kept[1])


@given(st.lists(st.booleans(), max_size=30))
def test_runs_cover_what_is_true_and_nothing_else(mask):
    first, stop = runs(np.array(mask, dtype=bool))
    rebuilt = np.zeros(len(mask), dtype=bool)
    for a, b in zip(first, stop, strict=True):
        assert a < b
        rebuilt[a:b] = True
    assert rebuilt.tolist() == mask
    assert np.all(first[1:] > stop[:-1])
