import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from solekit.errors import DataError
from solekit.trajectory import FootPath
from solekit.trajectory.path import idle_rate
from tests.trajectory.walking import FLAT_S, RISE_S, STRIDE_S, any_mounting, walk

NOISE = {"accel_noise_m_s2": 0.1, "gyro_noise_rad_s": 0.01, "gyro_bias_rad_s": (0.02, -0.02, 0.01)}


def integrate(walked, **options):
    return FootPath().integrate(*walked.signals, t_s=walked.t_s, **options)


def steps(walked, path):
    """Return the displacement (n_strides, 3) from rest to rest."""
    rows = np.searchsorted(path.t_s_, walked.rest_s - 1e-9)
    return np.diff(path.position_m_[rows], axis=0)


def lengths(walked, path):
    return np.linalg.norm(steps(walked, path)[:, :2], axis=1)


# Single strides are off by more: the blow of the heel lasts 30 ms, six samples at 200 Hz.
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 1.6), st.floats(-15.0, 15.0))
def test_stride_lengths_are_right_to_1_per_cent_in_any_mounting(seed, length_m, turn_deg):
    mounting = any_mounting(seed)
    walked = walk(
        length_m=length_m, turn_deg=turn_deg, mounting=mounting, seed=seed, rate_hz=200.0, **NOISE
    )
    path = integrate(walked)
    assert path.reason_ == ""
    found = lengths(walked, path)
    assert np.median(found) == pytest.approx(length_m, rel=0.01)
    np.testing.assert_allclose(found, length_m, rtol=0.02, atol=0.005)


def test_a_perfect_imu_at_a_high_rate_gives_the_whole_way_to_millimetres():
    walked = walk(rate_hz=800.0)
    path = integrate(walked)
    known = np.isfinite(path.position_m_).all(axis=1)
    off_m = (path.position_m_ - walked.position_m)[known]
    assert np.linalg.norm(off_m, axis=1).max() < 0.003
    moving = known & ~path.is_rest_
    truth = np.gradient(walked.position_m, walked.t_s, axis=0)
    np.testing.assert_allclose(path.velocity_m_s_[moving], truth[moving], atol=0.05)
    assert np.abs(path.velocity_m_s_[path.is_rest_]).max() < 1e-4


def test_the_orientation_is_that_of_the_sensor():
    mounting = any_mounting(3)
    walked = walk(turn_deg=10.0, mounting=mounting)
    path = integrate(walked)
    known = np.isfinite(path.orientation_).all(axis=1)
    found = Rotation.from_quat(np.roll(path.orientation_[known], -1, axis=1))
    truth = Rotation.from_quat(walked.foot.as_quat()[known]) * Rotation.from_matrix(mounting)
    # The heading begins at zero, which way the sensor faces is not known: one turn for all.
    about_up = found * truth.inv()
    off = about_up[0].inv() * about_up
    assert np.degrees(off.magnitude()).max() < 0.5
    assert np.degrees(np.linalg.norm(about_up.as_rotvec()[:, :2], axis=1)).max() < 0.5


@pytest.mark.parametrize("rise_m", [0.17, -0.17])
def test_the_height_of_a_stair_is_right_to_5_mm(rise_m):
    walked = walk(length_m=0.6, rise_m=rise_m, **NOISE)
    np.testing.assert_allclose(steps(walked, integrate(walked))[:, 2], rise_m, atol=0.005)


@pytest.mark.parametrize("turn_deg", [20.0, -45.0])
def test_turning_bends_the_path(turn_deg):
    walked = walk(turn_deg=turn_deg, length_m=0.8, **NOISE)
    step = steps(walked, integrate(walked))
    bearing_deg = np.degrees(np.unwrap(np.arctan2(step[:, 1], step[:, 0])))
    np.testing.assert_allclose(np.diff(bearing_deg), turn_deg, atol=1.0)


def test_at_100_hz_the_mean_length_is_right_and_single_strides_to_3_per_cent():
    walked = walk(20, rate_hz=100.0, **NOISE)
    found = lengths(walked, integrate(walked))
    assert found.mean() == pytest.approx(1.3, rel=0.01)
    np.testing.assert_allclose(found, 1.3, rtol=0.03)


def test_a_jittery_clock_costs_less_than_1_per_cent():
    walked = walk(jitter_s=0.001, **NOISE)
    assert np.median(lengths(walked, integrate(walked))) == pytest.approx(1.3, rel=0.01)


def test_rates_below_100_hz_are_refused_with_a_reason():
    walked = walk(rate_hz=50.0)
    path = integrate(walked)
    assert path.reason_.startswith("50 Hz is below 100 Hz")
    assert np.isnan(path.position_m_).all()
    assert np.isnan(path.orientation_).all()
    assert len(path.position_m_) == len(path.t_s_)
    assert integrate(walk(rate_hz=98.5)).reason_ == ""


def test_without_a_gyroscope_there_is_a_reason_and_no_path():
    walked = walk(2)
    path = FootPath().integrate(walked.accel_m_s2, None, t_s=walked.t_s)
    assert "gyroscope" in path.reason_
    assert np.isnan(path.position_m_).all()
    assert not path.is_known_.any()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_almost_no_samples_have_a_reason(n):
    path = FootPath().integrate(np.zeros((n, 3)), np.zeros((n, 3)), t_s=np.arange(n) / 100.0)
    assert path.reason_
    assert np.isnan(path.position_m_).all()


def test_whoever_stands_stays_where_he_is():
    walked = walk(stand_s=5.0, **NOISE)
    walked = walked.keep(walked.t_s < 5.0)
    path = integrate(walked)
    known = np.isfinite(path.position_m_).all(axis=1)
    assert known.mean() > 0.9
    assert np.abs(path.position_m_[known]).max() < 1e-3


def test_a_foot_that_never_rests_has_a_reason():
    random = np.random.default_rng(0)
    gyro = random.normal(scale=20.0, size=(500, 3))
    path = FootPath().integrate(gyro, gyro, t_s=np.arange(500) / 100.0)
    assert path.reason_ == "the foot never came to rest"


def test_of_a_recording_with_a_gap_the_longest_piece_is_integrated():
    whole = walk(10, **NOISE)
    walked = whole.keep((whole.t_s < 5.0) | (whole.t_s > 5.8))
    path = integrate(walked)
    assert path.reason_ == ""
    assert path.t_s_[0] == pytest.approx(5.805)
    assert path.t_s_[-1] == pytest.approx(walked.t_s[-1])
    later = whole.rest_s[whole.rest_s > 6.5]
    place = path.position_m_[np.searchsorted(path.t_s_, later - 1e-9)]
    np.testing.assert_allclose(np.diff(place[:, 0]), 1.3, rtol=0.02)


def test_before_the_first_and_after_the_last_rest_nothing_is_known():
    whole = walk(**NOISE)
    # From the middle of a swing to the middle of another.
    walked = whole.keep((whole.t_s > 2.65) & (whole.t_s < 2.65 + 5 * STRIDE_S))
    path = integrate(walked)
    rests = np.flatnonzero(path.is_rest_)
    outside = np.ones(len(path.t_s_), dtype=bool)
    outside[rests[0] : rests[-1] + 1] = False
    assert outside.any()
    assert np.isnan(path.position_m_[outside]).all()
    assert np.isfinite(path.position_m_[~outside]).all()
    assert not path.is_known_[outside].any()


def test_a_foot_without_load_gives_no_rest_to_the_path():
    walked = walk(**NOISE)
    lifted = (walked.t_s > walked.rest_s[3] - 0.3) & (walked.t_s < walked.rest_s[3] + 0.3)
    path = integrate(walked, is_loaded=~lifted)
    assert not path.is_rest_[lifted].any()
    assert integrate(walked).is_rest_[lifted].any()
    # Two strides without a rest between them are integrated in one go, a little less exactly.
    rows = np.searchsorted(path.t_s_, walked.rest_s[[2, 4]] - 1e-9)
    assert np.ptp(path.position_m_[rows, 0]) == pytest.approx(2.6, rel=0.03)
    nowhere = integrate(walked, is_loaded=np.zeros(len(walked.t_s), dtype=bool))
    assert nowhere.reason_ == "the foot never came to rest"


def test_given_rests_are_used_as_they_are():
    walked = walk(**NOISE)
    inside = (walked.t_s - 2.0) % STRIDE_S
    rests = (inside < RISE_S) | (inside > FLAT_S)
    path = integrate(walked, is_rest=rests)
    np.testing.assert_array_equal(path.is_rest_, rests)
    np.testing.assert_allclose(lengths(walked, path), 1.3, rtol=0.02)


def test_between_rests_too_far_apart_the_path_is_not_known():
    walked = walk(10, **NOISE)
    rests = (walked.t_s < 2.0) | (walked.t_s > walked.t_s[-1] - 1.5)
    path = integrate(walked, is_rest=rests)
    middle = (walked.t_s > 3.0) & (walked.t_s < 12.0)
    assert not path.is_known_[middle].any()
    assert path.is_known_[rests].all()


def test_what_the_gyroscope_reads_at_rest_is_taken_off_after_a_second_of_standing():
    gyro = np.tile([0.1, -0.2, 0.3], (300, 1))
    gyro[200:] += 5.0
    still = np.arange(300) < 200
    np.testing.assert_allclose(idle_rate(gyro, still, 100.0), [0.1, -0.2, 0.3])
    assert not idle_rate(gyro, still, 300.0).any()


@pytest.mark.parametrize("name", ["is_loaded", "is_rest"])
def test_masks_of_another_length_are_refused(name):
    with pytest.raises(DataError, match="shape"):
        integrate(walk(2), **{name: np.ones(3, dtype=bool)})
