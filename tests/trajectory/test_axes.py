import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from solekit import layouts
from solekit.errors import DataError
from solekit.trajectory import FootAxes
from solekit.trajectory.axes import imu_table
from solekit_hil import walker
from tests.trajectory.walking import any_mounting, walk

NOISE = {"accel_noise_m_s2": 0.1, "gyro_noise_rad_s": 0.01, "gyro_bias_rad_s": (0.02, -0.02, 0.01)}


def off_deg(axes, walked):
    """The angle between the axes found and the true ones."""
    turn = Rotation.from_matrix(axes.rotation_ @ walked.mounting.T)
    return float(np.degrees(turn.magnitude()))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([50.0, 100.0, 200.0]),
    st.floats(0.6, 1.6),
    st.floats(-15.0, 15.0),
)
def test_any_mounting_is_found(seed, rate_hz, length_m, turn_deg):
    walked = walk(
        6,
        mounting=any_mounting(seed),
        rate_hz=rate_hz,
        length_m=length_m,
        turn_deg=turn_deg,
        seed=seed,
        **NOISE,
    )
    axes = FootAxes().fit(*walked.signals, t_s=walked.t_s)
    assert axes.reason_ == ""
    assert off_deg(axes, walked) < 3.0
    assert axes.agreement_ == 1.0
    assert axes.sideways_share_ > 0.95


@pytest.mark.parametrize("seed", range(900, 906))
def test_a_foot_that_turns_back_after_push_off_is_not_at_rest(seed):
    soles = {side: layouts.named("cells-4", side) for side in layouts.SIDES}
    t_s = np.arange(0, 14, 0.01)
    imus = walker.build("walk", seed=seed, layouts=soles).sample(t_s)[1]
    mounting = any_mounting(seed)
    for imu in imus.values():
        seen = imu.reshape(-1, 2, 3) @ mounting
        axes = FootAxes().fit(seen[:, 0], seen[:, 1], t_s=t_s)
        turn = Rotation.from_matrix(axes.rotation_ @ mounting.T)
        assert np.degrees(turn.magnitude()) < 1.0


def test_a_perfect_walk_gives_the_mounting_exactly():
    walked = walk(mounting=any_mounting(1))
    axes = FootAxes().fit(*walked.signals, t_s=walked.t_s)
    np.testing.assert_allclose(axes.rotation_, walked.mounting, atol=1e-9)
    assert axes.n_strides_ == 8


def test_the_axes_are_a_right_handed_rotation():
    walked = walk(mounting=any_mounting(2), turn_deg=10.0, sideways_m=0.05)
    rotation = FootAxes().fit(*walked.signals, t_s=walked.t_s).rotation_
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_stairs_are_no_slope_of_the_foot():
    walked = walk(mounting=any_mounting(3), length_m=0.6, rise_m=0.17)
    assert off_deg(FootAxes().fit(*walked.signals, t_s=walked.t_s), walked) < 3.0


def test_a_gap_in_the_walk_does_no_harm():
    walked = walk(mounting=any_mounting(4))
    walked = walked.keep((walked.t_s < 6.0) | (walked.t_s > 6.8))
    assert off_deg(FootAxes().fit(*walked.signals, t_s=walked.t_s), walked) < 3.0


def test_standing_tells_why_there_are_no_axes():
    walked = walk(stand_s=5.0, **NOISE)
    walked = walked.keep(walked.t_s < 5.0)
    axes = FootAxes().fit(*walked.signals, t_s=walked.t_s)
    assert axes.reason_
    assert np.isnan(axes.rotation_).all()
    assert axes.n_strides_ == 0


def test_too_few_strides_are_counted_in_the_reason():
    walked = walk(1, stand_s=0.5)
    axes = FootAxes().fit(*walked.signals, t_s=walked.t_s)
    assert "1 movements" in axes.reason_
    assert np.isnan(axes.rotation_).all()


@pytest.mark.parametrize("n", [1, 2, 20])
def test_almost_no_samples_have_no_axes(n):
    accel = np.tile([0.0, 0.0, 9.81], (n, 1))
    axes = FootAxes().fit(accel, np.zeros((n, 3)), t_s=np.arange(n) / 100.0)
    assert axes.reason_
    assert np.isnan(axes.rotation_).all()


def test_an_accelerometer_that_reads_nothing_has_no_axes():
    axes = FootAxes().fit(np.zeros((20, 3)), np.zeros((20, 3)), t_s=np.arange(20) / 100.0)
    assert axes.reason_
    assert np.isnan(axes.rotation_).all()


def test_a_fit_on_nothing_forgets_the_axes_of_before():
    walked = walk(4)
    axes = FootAxes().fit(*walked.signals, t_s=walked.t_s)
    axes.fit(np.ones((20, 3)), np.zeros((20, 3)), t_s=np.arange(20) / 100.0)
    assert np.isnan(axes.rotation_).all()
    assert axes.n_strides_ == 0


@pytest.mark.parametrize(
    ("accel", "gyro"),
    [((5, 3), (4, 3)), ((5, 2), (5, 2)), ((5,), (5,)), ((5, 3), (0,))],
)
def test_shapes_that_do_not_fit_are_refused(accel, gyro):
    with pytest.raises(DataError, match="give \\(n, 3\\) of each"):
        imu_table(np.zeros(accel), np.zeros(gyro))
