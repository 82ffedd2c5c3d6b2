import numpy as np
import pytest

from solekit.errors import DataError
from solekit.evenly import runs
from solekit.layouts import BoolArray
from solekit.trajectory import FootRest
from solekit.trajectory.axes import G_M_S2
from solekit.trajectory.rest import inner
from tests.trajectory.walking import FLAT_S, RISE_S, STRIDE_S, walk

NOISE = {"accel_noise_m_s2": 0.1, "gyro_noise_rad_s": 0.01, "gyro_bias_rad_s": (0.02, -0.02, 0.01)}


def truly_rests(t_s, n_strides, stand_s) -> BoolArray:
    since_s = t_s - stand_s
    inside = since_s % STRIDE_S
    walking = (since_s >= 0) & (since_s < n_strides * STRIDE_S)
    return ~walking | (inside <= RISE_S) | (inside >= FLAT_S)


def detect(walked, rate_hz=200.0, **options):
    return FootRest().detect(*walked.signals, rate_hz=rate_hz, **options)


@pytest.mark.parametrize("rate_hz", [100.0, 200.0, 400.0])
def test_there_is_one_rest_per_stance_and_none_in_swing(rate_hz):
    walked = walk(rate_hz=rate_hz, **NOISE)
    found = detect(walked, rate_hz)
    first, stop = runs(found.is_rest_)
    middle_s = (walked.t_s[first] + walked.t_s[stop - 1]) / 2
    assert len(middle_s) == 9
    np.testing.assert_allclose(middle_s[1:-1], walked.rest_s[1:-1], atol=0.04)
    truth = truly_rests(walked.t_s, 8, 2.0)
    assert not np.any(found.is_rest_ & ~truth)


def test_rest_leaves_out_the_ends_of_what_is_still():
    found = detect(walk(**NOISE))
    assert np.all(found.is_still_[found.is_rest_])
    assert found.is_rest_.sum() < found.is_still_.sum()


def test_whoever_stands_rests_all_the_time():
    walked = walk(stand_s=5.0, **NOISE)
    walked = walked.keep(walked.t_s < 5.0)
    found = detect(walked)
    assert found.is_still_.all()
    assert found.is_rest_[20:-20].all()


def test_the_mounting_makes_no_difference():
    turned = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    one, other = detect(walk()), detect(walk(mounting=turned))
    np.testing.assert_array_equal(one.is_rest_, other.is_rest_)
    np.testing.assert_allclose(one.statistic_, other.statistic_, rtol=1e-6, atol=1e-6)


def test_a_foot_without_load_does_not_rest():
    walked = walk(**NOISE)
    loaded = walked.t_s < 5.0
    found = detect(walked, is_loaded=loaded)
    assert not found.is_rest_[~loaded].any()
    assert not found.is_still_[~loaded].any()
    assert found.is_rest_[loaded].any()


def test_a_stance_that_never_is_still_rests_at_its_quietest_moment():
    t_s = np.arange(0, 4, 0.005)
    # Rolls on all the time, slowest (1 rad/s) once a second: a run.
    gyro = np.zeros((len(t_s), 3))
    gyro[:, 1] = 1.0 + 10.0 * np.sin(np.pi * t_s) ** 2
    accel = np.tile([0.0, 0.0, G_M_S2], (len(t_s), 1))
    found = FootRest().detect(accel, gyro, rate_hz=200.0)
    assert not found.is_still_.any()
    np.testing.assert_allclose(t_s[found.is_rest_], [1.0, 2.0, 3.0], atol=0.01)
    assert not FootRest(loose=1.0).detect(accel, gyro, rate_hz=200.0).is_rest_.any()


def test_an_accelerometer_that_reads_nothing_is_no_rest():
    nothing = np.zeros((100, 3))
    found = FootRest().detect(nothing, nothing, rate_hz=100.0)
    assert not found.is_rest_.any()
    assert np.isfinite(found.statistic_).all()


def test_load_of_another_length_is_refused():
    with pytest.raises(DataError, match="is_loaded"):
        detect(walk(2), is_loaded=np.ones(5, dtype=bool))


def test_the_inside_of_a_run_keeps_one_sample_at_least():
    mask = np.zeros(20, dtype=bool)
    mask[[2, *range(5, 9), *range(11, 20)]] = True
    assert np.flatnonzero(inner(mask, 3)).tolist() == [2, 7, 14, 15, 16]
    assert not inner(np.zeros(4, dtype=bool), 3).any()
