"""Times are compared with those of the synthetic foot, which defines its events by kinematics.

Toe off there is a point of the fall of the pitch, the detector's a share of the push-off; contact
is the touch of the heel, the detector's the end of the braking (lasts 30 ms). So the detector is
later by an offset of its own, at most 40 ms, and what is sharp is the spread around the offset.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solekit.contacts.inertial import InertialContacts, Signals, humps, low_pass, summit
from solekit.errors import DataError
from solekit.trajectory import FootAxes
from tests.trajectory.walking import any_mounting, walk

NOISE = {"accel_noise_m_s2": 0.1, "gyro_noise_rad_s": 0.01, "gyro_bias_rad_s": (0.02, -0.02, 0.01)}
OFFSET_S, SPREAD_S = 0.04, 0.006


def detect(walked, **options):
    return InertialContacts().detect(*walked.signals, t_s=walked.t_s, **options)


def assert_all_swings(found, walked, spread_s=SPREAD_S):
    assert found.reason_ == ""
    assert len(found.swings_) == len(walked.to_s)
    for name, truth in (("to_s", walked.to_s), ("ic_s", walked.ic_s)):
        late = found.swings_[name].to_numpy() - truth
        assert np.abs(late).max() <= OFFSET_S
        assert np.ptp(late) <= 2 * spread_s


# In longer strides this foot brakes before the strike as hard as in it.
@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([60.0, 100.0, 204.8]),
    st.floats(0.5, 1.3),
    st.floats(-40.0, 40.0),
)
def test_every_swing_is_found_in_any_mounting(seed, rate_hz, length_m, turn_deg):
    mounting = any_mounting(seed)
    walked = walk(
        6,
        mounting=mounting,
        rate_hz=rate_hz,
        length_m=length_m,
        turn_deg=turn_deg,
        seed=seed,
        **NOISE,
    )
    assert_all_swings(detect(walked), walked, 2 * SPREAD_S if rate_hz < 100 else SPREAD_S)


@pytest.mark.parametrize("rise_m", [0.17, -0.17])
def test_swings_on_stairs_are_found(rise_m):
    walked = walk(length_m=0.6, rise_m=rise_m, **NOISE)
    assert_all_swings(detect(walked), walked)


def test_a_jittery_clock_does_no_harm():
    walked = walk(rate_hz=100.0, jitter_s=0.002, **NOISE)
    assert_all_swings(detect(walked), walked)


def test_events_are_the_ends_of_the_swings_in_order():
    found = detect(walk())
    events = found.events_
    assert events["kind"].tolist() == ["to", "ic"] * 8
    assert np.all(np.diff(events["t_s"].to_numpy()) > 0)
    assert set(events["sigma_s"].tolist()) == {InertialContacts().event_error_s}
    swings = found.swings_
    order = swings[["to_s", "mid_swing_s", "ic_s"]].to_numpy()
    assert np.all(np.diff(order, axis=1) > 0)


def test_standing_has_no_events_even_where_the_axes_are_known():
    walked = walk(stand_s=5.0, **NOISE)
    axes = FootAxes().fit(*walked.signals, t_s=walked.t_s)
    standing = walked.keep(walked.t_s < 5.0)
    for found in (detect(standing), detect(standing, axes=axes)):
        assert found.events_.empty
        assert found.swings_.empty
        assert found.reason_
    # While it walks, none falls into the standing before and after.
    times = detect(walked).events_["t_s"].to_numpy(dtype=float)
    assert 5.0 < times.min() < times.max() < walked.ic_s[-1] + OFFSET_S


def test_a_foot_that_turns_on_the_spot_does_not_swing():
    t_s = np.arange(0, 6, 0.01)
    axes = FootAxes().fit(*walk().signals, t_s=walk().t_s)
    gyro = np.zeros((len(t_s), 3))
    gyro[:, 2] = 2.0 * np.sin(2 * np.pi * t_s)
    accel = np.tile([0.0, 0.0, 9.81], (len(t_s), 1))
    found = InertialContacts().detect(accel, gyro, t_s=t_s, axes=axes)
    assert found.reason_ == "no swing of the foot was found"


def test_30_hz_is_refused_with_a_reason():
    found = detect(walk(rate_hz=30.0))
    assert found.reason_.startswith("30 Hz is below 50 Hz")
    assert found.events_.empty


def test_50_hz_is_enough_whatever_the_rounding_of_the_times():
    for n_strides in (4, 5, 6):
        walked = walk(n_strides, rate_hz=50.0, length_m=1.0)
        assert_all_swings(detect(walked), walked, 2 * SPREAD_S)


def test_swings_in_a_gap_are_lost_and_the_others_stay():
    whole = walk(**NOISE)
    # The gap takes the middle of the fourth swing.
    from_s, to_s = whole.to_s[3] + 0.05, whole.ic_s[3] - 0.05
    walked = whole.keep((whole.t_s < from_s) | (whole.t_s > to_s))
    swings = detect(walked).swings_
    np.testing.assert_allclose(swings["ic_s"], np.delete(whole.ic_s, 3), atol=OFFSET_S)
    np.testing.assert_allclose(swings["to_s"], np.delete(whole.to_s, 3), atol=OFFSET_S)


def test_known_axes_are_used_and_kept():
    walked = walk(mounting=any_mounting(5))
    axes = FootAxes().fit(*walked.signals, t_s=walked.t_s)
    one_stride = walked.keep(walked.t_s < walked.rest_s[1])
    assert detect(one_stride).reason_
    found = detect(one_stride, axes=axes)
    assert found.axes_ is axes
    assert len(found.swings_) == 1


@pytest.mark.parametrize("n", [1, 2, 30])
def test_almost_no_samples_have_a_reason(n):
    accel = np.tile([0.0, 0.0, 9.81], (n, 1))
    found = InertialContacts().detect(accel, np.zeros((n, 3)), t_s=np.arange(n) / 100.0)
    assert found.reason_
    assert found.events_.empty


def test_repeated_times_and_shapes_that_do_not_fit_are_refused():
    walked = walk(2)
    with pytest.raises(DataError, match="increase"):
        InertialContacts().detect(*walked.signals, t_s=np.zeros(len(walked.t_s)))
    with pytest.raises(DataError, match="give"):
        InertialContacts().detect(walked.accel_m_s2, walked.gyro_rad_s[:-1], t_s=walked.t_s)


def test_a_level_is_crossed_between_the_samples():
    values = np.array([-4.0, -3.0, -1.0, 1.0])
    assert Signals.crossing(values, 0, 3, -2.0) == pytest.approx(1.5)
    assert Signals.crossing(values, 0, 3, 5.0) is None


def test_a_summit_lies_between_the_samples_or_at_the_end():
    x = np.arange(5.0)
    assert summit(-((x - 2.3) ** 2)) == pytest.approx(2.3)
    assert summit(x) == 4.0


def test_two_humps_without_a_fall_between_are_one_swing():
    x = np.arange(200)
    one = np.exp(-(((x - 60) / 15) ** 2)) + 0.8 * np.exp(-(((x - 100) / 15) ** 2))
    two = one - 0.9 * np.exp(-(((x - 80) / 8) ** 2))
    assert humps(one, 0.5).tolist() == [60]
    assert len(humps(two, 0.5)) == 2


def test_a_low_pass_shifts_nothing_and_leaves_slow_recordings_alone():
    t_s = np.arange(0, 2, 0.005)
    slow = np.sin(2 * np.pi * t_s)
    np.testing.assert_allclose(low_pass(slow, 25.0, 200.0)[20:-20], slow[20:-20], atol=1e-3)
    np.testing.assert_array_equal(low_pass(slow, 25.0, 50.0), slow)
    assert np.ptp(low_pass(np.sin(2 * np.pi * 80 * t_s), 6.0, 200.0)[50:-50]) < 0.01
