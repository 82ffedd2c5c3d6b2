import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from solekit.errors import DataError
from solekit.trajectory import FootAxes, FootPath, StrideGeometry
from solekit.trajectory.stride_geometry import VALUES
from tests.trajectory.walking import STRIDE_S, STRIKE_DEG, TOE_OFF_DEG, any_mounting, walk

NOISE = {"accel_noise_m_s2": 0.1, "gyro_noise_rad_s": 0.01, "gyro_bias_rad_s": (0.02, -0.02, 0.01)}
TOE_M, HEEL_M = (0.12, 0.01, -0.06), (-0.13, 0.0, -0.06)
MOUNTING = any_mounting(7)


def measure(walked, strides=None, **levers):
    path = FootPath().integrate(*walked.signals, t_s=walked.t_s)
    axes = FootAxes().fit(*walked.signals, t_s=walked.t_s)
    strides = walked.strides if strides is None else strides
    return StrideGeometry(**levers).measure(strides, path=path, axes=axes).strides_


def level_m(walked, heights, i):
    """Return times and heights within stride ``i`` above the line between its rests."""
    rows = (walked.t_s >= walked.rest_s[i + 1]) & (walked.t_s <= walked.rest_s[i + 2])
    t_s, height = walked.t_s[rows], heights[rows]
    line = np.interp(t_s, t_s[[0, -1]], height[[0, -1]])
    return t_s, height - line


def test_a_walk_straight_on_is_measured():
    found = measure(walk(mounting=MOUNTING, stand_s=1.0, **NOISE))
    assert list(found.columns) == [*VALUES, "reason"]
    assert found["reason"].eq("").to_numpy().all()
    np.testing.assert_allclose(found["stride_length_m"], 1.3, rtol=0.015)
    np.testing.assert_allclose(found["stride_speed_m_s"], 1.3 / STRIDE_S, rtol=0.015)
    np.testing.assert_allclose(found["height_change_m"], 0.0, atol=0.005)
    np.testing.assert_allclose(found["strike_angle_deg"], STRIKE_DEG, atol=1.0)
    np.testing.assert_allclose(found["toe_off_angle_deg"], TOE_OFF_DEG, atol=1.0)
    np.testing.assert_allclose(found["turning_deg"], 0.0, atol=0.5)
    np.testing.assert_allclose(found["circumduction_m"], 0.0, atol=0.01)


def test_the_rests_lie_in_the_stances_around_the_swing():
    walked = walk(stand_s=1.0)
    found = measure(walked)
    np.testing.assert_allclose(found["rest_s"], walked.rest_s[1:-1], atol=0.04)
    np.testing.assert_allclose(found["next_rest_s"][:-1], walked.rest_s[2:-1], atol=0.04)


@pytest.mark.parametrize("sideways_m", [0.06, -0.04])
def test_circumduction_is_the_way_out_to_either_side(sideways_m):
    found = measure(walk(sideways_m=sideways_m, mounting=MOUNTING, stand_s=1.0))
    np.testing.assert_allclose(found["circumduction_m"], abs(sideways_m), atol=0.005)


@pytest.mark.parametrize("turn_deg", [20.0, -35.0])
def test_turning_is_positive_to_the_left(turn_deg):
    found = measure(walk(turn_deg=turn_deg, length_m=0.9, mounting=MOUNTING, stand_s=1.0, **NOISE))
    np.testing.assert_allclose(found["turning_deg"], turn_deg, atol=1.0)


@pytest.mark.parametrize("rise_m", [0.17, -0.17])
def test_stairs_up_and_down_are_heights_and_do_not_change_the_angles(rise_m):
    found = measure(walk(length_m=0.6, rise_m=rise_m, mounting=MOUNTING, stand_s=1.0, **NOISE))
    np.testing.assert_allclose(found["height_change_m"], rise_m, atol=0.005)
    np.testing.assert_allclose(found["stride_length_m"], 0.6, atol=0.015)
    np.testing.assert_allclose(found["strike_angle_deg"], STRIKE_DEG, atol=1.0)


@pytest.mark.parametrize("rise_m", [0.0, 0.17])
def test_lift_and_clearances_are_those_of_the_points_of_the_foot(rise_m):
    walked = walk(rise_m=rise_m, mounting=MOUNTING, stand_s=1.0)
    found = measure(walked, toe_lever_m=TOE_M, heel_lever_m=HEEL_M)
    toe, heel = walked.point_m(TOE_M)[:, 2], walked.point_m(HEEL_M)[:, 2]
    lift, heel_lift, clearance = (
        found[["max_lift_m", "heel_lift_m", "toe_clearance_m"]].to_numpy().T
    )
    for i in range(len(found) - 1):  # the last ends in standing
        to_s, ic_s = walked.to_s[i + 1], walked.ic_s[i + 1]
        sensor = walked.position_m[:, 2]
        assert lift[i] == pytest.approx(level_m(walked, sensor, i)[1].max(), abs=0.003)
        assert heel_lift[i] == pytest.approx(level_m(walked, heel, i)[1].max(), abs=0.003)
        t_s, height = level_m(walked, toe, i)
        late = (t_s >= (to_s + ic_s) / 2) & (t_s <= ic_s - 0.05)
        assert clearance[i] == pytest.approx(height[late].min(), abs=0.004)


def test_without_levers_there_is_no_clearance_but_all_the_rest():
    found = measure(walk(stand_s=1.0))
    assert found[["toe_clearance_m", "heel_lift_m"]].isna().to_numpy().all()
    others = [name for name in VALUES if name not in ("toe_clearance_m", "heel_lift_m")]
    assert found[others].notna().to_numpy().all()


def test_a_sole_that_is_tilted_on_the_foot_has_the_same_angles():
    # The vertical is found at rest: a sensor on a 15 deg wedge reads as one that lies flat.
    wedge = Rotation.from_euler("y", 15, degrees=True).as_matrix()
    found = measure(walk(mounting=wedge, stand_s=1.0))
    np.testing.assert_allclose(found["strike_angle_deg"], STRIKE_DEG, atol=0.5)


def test_a_path_that_is_refused_gives_its_reason_to_every_stride():
    found = measure(walk(rate_hz=50.0))
    assert all("below 100 Hz" in reason for reason in found["reason"])
    assert found[VALUES].isna().to_numpy().all()


def test_axes_that_are_refused_give_their_reason():
    walked = walk(1, stand_s=0.5)
    strides = pd.DataFrame({"ic_s": [0.1], "to_s": [0.9], "next_ic_s": [1.3]})
    found = measure(walked, strides)
    assert "forward cannot be told from backward" in found["reason"][0]


def test_strides_that_begin_or_end_in_a_stance_without_rest_are_refused():
    walked = walk(stand_s=1.0)
    path = FootPath().integrate(
        *walked.signals,
        t_s=walked.t_s,
        is_loaded=np.abs(walked.t_s - walked.rest_s[3]) > 0.4,
    )
    axes = FootAxes().fit(*walked.signals, t_s=walked.t_s)
    found = StrideGeometry().measure(walked.strides, path=path, axes=axes).strides_
    refused = found["reason"] != ""
    assert np.flatnonzero(refused).tolist() == [1, 2]
    assert found["reason"].tolist()[1:3] == [
        "no rest in the next stance",
        "the foot did not come to rest in the stance",
    ]
    assert found.loc[refused, VALUES].isna().to_numpy().all()


def test_strides_outside_the_recording_or_without_times_are_refused_alone():
    walked = walk(stand_s=1.0)
    strides = walked.strides
    strides.loc[1, ["ic_s", "next_ic_s"]] = np.nan
    strides.loc[2] += 1000.0
    found = measure(walked, strides)
    refused = found["reason"] != ""
    assert refused.tolist() == [False, True, True, False, False, False, False]
    assert found.loc[refused, VALUES].isna().to_numpy().all()


def test_the_last_stride_before_standing_for_long_is_measured():
    found = measure(walk(stand_s=5.0))
    assert found["reason"].eq("").to_numpy().all(), found["reason"].tolist()


def test_no_strides_give_no_rows():
    found = measure(walk(3), walk(3).strides.iloc[:0])
    assert list(found.columns) == [*VALUES, "reason"]
    assert len(found) == 0


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match="to_s"):
        measure(walk(3), walk(3).strides.drop(columns="to_s"))


@pytest.mark.parametrize("lever", [(120.0, 0.0, -60.0), (0.1, 0.0), (np.nan, 0.0, 0.0)])
def test_levers_in_millimetres_or_of_another_shape_are_refused(lever):
    with pytest.raises(DataError, match="metres"):
        measure(walk(3, stand_s=1.0), toe_lever_m=lever)
