"""From recorded feet to poses, through a network whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from solekit import layouts
from solekit.errors import DataError
from solekit.inference.pose import PoseEstimator
from solekit.inference.signals import FootSignal
from solekit.inference.windows import fitting_model
from tests.inference.fakes import COLUMN, fake, share_of

DURATION_S = 8.0


def foot(
    side,
    *,
    rate_hz=50.0,
    start_s=100.0,
    layout="grid-30x22",
    cell=slice(None),
    level=None,
    imu=None,
):
    """A foot of which every ``cell`` carries ``level(t_s)``; 1 if not told."""
    sole = layouts.named(layout, side)
    t_s = start_s + np.arange(int(DURATION_S * rate_hz)) / rate_hz
    load = np.zeros((len(t_s), sole.n_cells))
    load[:, cell] = 1.0 if level is None else level(t_s)[:, None]
    return FootSignal(side, t_s, load, sole, *(imu or ()))


def ramp(t_s):
    return (t_s - 100.0) / 10.0


def true_share(t_s):
    return ramp(t_s) / (1 + ramp(t_s))


def feet(**options):
    """Left a ramp, right even; the right foot at other times and another rate."""
    return [
        foot("left", level=ramp, **options),
        foot("right", rate_hz=37.0, start_s=100.013, **options),
    ]


def test_a_pose_shows_the_centre_of_its_window_at_any_rate():
    for rate_hz in (14.0, 30.0, 9.7):
        found = PoseEstimator(model=fake(), stature_m=1.0).estimate(feet(), rate_hz=rate_hz)
        np.testing.assert_allclose(np.diff(found.t_s_), 1 / rate_hz)
        np.testing.assert_allclose(share_of(found.keypoints_m_), true_share(found.t_s_), atol=2e-5)
        assert found.keypoints_m_.shape == (len(found.t_s_), 19, 3)


def test_poses_begin_and_end_where_whole_windows_do():
    found = PoseEstimator(model=fake()).estimate(feet())
    assert found.t_s_[0] == pytest.approx(100.013 + 20 / 14)
    assert found.t_s_[-1] <= 100.0 + DURATION_S - 19 / 14
    assert found.t_s_[-1] > 100.0 + DURATION_S - 21 / 14


def test_lengths_go_with_the_stature_and_a_missing_one_is_told():
    one = PoseEstimator(model=fake(), stature_m=1.0).estimate(feet())
    two = PoseEstimator(model=fake(), stature_m=2.0).estimate(feet())
    none = PoseEstimator(model=fake()).estimate(feet())
    np.testing.assert_allclose(two.keypoints_m_, 2 * one.keypoints_m_, rtol=1e-6)
    np.testing.assert_allclose(none.keypoints_m_, 1.7 * one.keypoints_m_, rtol=1e-6)
    assert not one.warnings_
    assert "1.70 m is assumed" in none.warnings_[0]


def test_counts_and_newtons_give_the_same_poses():
    newtons = feet()
    counts = [FootSignal(f.side, f.t_s, 40.0 * f.load, f.layout) for f in newtons]
    one, other = (PoseEstimator(model=fake()).estimate(each) for each in (newtons, counts))
    np.testing.assert_allclose(one.keypoints_m_, other.keypoints_m_, atol=1e-5)


def test_a_right_foot_is_seen_as_a_left_one():
    # The inner edge of both soles: the last column of the left, the first of the right foot.
    inner = [foot("left", cell=slice(21, None, 22)), foot("right", cell=slice(0, None, 22))]
    found = PoseEstimator(model=fake(), stature_m=1.0).estimate(inner)
    np.testing.assert_allclose(found.keypoints_m_[:, COLUMN, :2], 0.5, atol=1e-5)


def test_the_action_is_the_likeliest_one():
    found = PoseEstimator(model=fake()).estimate(
        [foot("left", level=lambda t_s: 4 * ramp(t_s)), foot("right")]
    )
    share = 4 * ramp(found.t_s_) / (1 + 4 * ramp(found.t_s_))
    np.testing.assert_allclose(found.action_share_[:, 0], share, atol=1e-4)
    np.testing.assert_allclose(found.action_share_.sum(axis=1), 1.0, rtol=1e-6)
    assert (found.action_[share > 0.51] == "left").all()
    assert (found.action_[share < 0.49] == "right").all()


def test_windows_that_touch_a_long_gap_have_no_pose():
    left, right = feet()
    kept = (right.t_s < 105.0) | (right.t_s > 105.35)
    cut = FootSignal("right", right.t_s[kept], right.load[kept], right.layout)
    found = PoseEstimator(model=fake(), stature_m=1.0).estimate([left, cut])
    before, after = cut.t_s[cut.t_s < 105.0][-1], cut.t_s[cut.t_s > 105.0][0]
    touches = (found.t_s_ + 19 / 14 > before) & (found.t_s_ - 20 / 14 < after)
    assert touches.any()
    assert np.isnan(found.keypoints_m_[touches]).all()
    assert np.isnan(found.action_share_[touches]).all()
    assert (found.action_[touches] == "").all()
    assert np.isfinite(found.keypoints_m_[~touches]).all()
    assert "0.25 s" in found.warnings_[0]


def test_a_short_gap_is_bridged_by_a_straight_line():
    left, right = feet()
    kept = (left.t_s < 105.0) | (left.t_s > 105.2)
    cut = FootSignal("left", left.t_s[kept], left.load[kept], left.layout)
    found = PoseEstimator(model=fake(), stature_m=1.0).estimate([cut, right])
    np.testing.assert_allclose(share_of(found.keypoints_m_), true_share(found.t_s_), atol=2e-5)


def imu_of(t_s):
    """A value of its own per channel, with a fast ripple that a frame averages out."""
    ripple = np.sin(2 * np.pi * 140.0 * t_s)[:, None]
    return (np.arange(1, 7) + ripple) * np.array([4.0, 4.0, 4.0, 1.5, 1.5, 1.5]) / 10


@pytest.mark.parametrize(("layout", "n_cells"), [("cells-16", 16), ("cells-4", 4)])
def test_a_sparse_layout_is_seen_with_its_motion(layout, n_cells):
    imu_t_s = 100.0 + np.arange(int(DURATION_S * 1120)) / 1120
    imu = (imu_t_s, imu_of(imu_t_s))
    both = feet(layout=layout, cell=slice(2, 3), imu=imu)
    network = fake(layout, n_cells)
    found = PoseEstimator(model=network, stature_m=1.0).estimate(both)
    area = both[0].layout.area_mm2[2], both[1].layout.area_mm2[2]
    assert area[0] == area[1]
    np.testing.assert_allclose(share_of(found.keypoints_m_), true_share(found.t_s_), atol=2e-5)
    left, right = (network.model.seen[5][side][0, :, n_cells:] for side in ("left", "right"))
    full = np.arange(1, 7) / 10 * np.array([4, 4, 4, 1.5, 1.5, 1.5]) / np.repeat([40, 15], 3)
    np.testing.assert_allclose(left, np.tile(full, (40, 1)), atol=1e-3)
    np.testing.assert_allclose(right, left * [1, -1, 1, -1, 1, -1], atol=1e-3)


def test_an_imu_that_ends_early_leaves_no_pose():
    t_s = 100.0 + np.arange(500) / 100
    both = feet(layout="cells-4", cell=slice(2, 3), imu=(t_s, np.ones((500, 6))))
    found = PoseEstimator(model=fake("cells-4", 4)).estimate(both)
    late = found.t_s_ + 19 / 14 > t_s[-1] + 0.25
    assert np.isnan(found.keypoints_m_[late]).all()
    assert np.isfinite(found.keypoints_m_[~late]).all()


def test_a_sensor_without_gyroscope_serves_a_model_of_accelerations():
    t_s = 100.0 + np.arange(800) / 100
    both = feet(layout="cells-4", cell=slice(2, 3), imu=(t_s, np.full((800, 3), 4.0)))
    network = fake("cells-4", 4, n_imu=3)
    PoseEstimator(model=network).estimate(both)
    np.testing.assert_allclose(network.model.seen[0]["left"][0, :, 4:], 0.1)
    np.testing.assert_allclose(network.model.seen[0]["right"][0, :, 5], -0.1)
    with pytest.raises(DataError, match=r"tells 3 axes of motion.*needs 6"):
        PoseEstimator(model=fake("cells-4", 4)).estimate(both)


def test_the_model_goes_with_the_layout():
    for layout in ("cells-16", "cells-4", "grid-30x22"):
        soles = {side: layouts.named(layout, side) for side in layouts.SIDES}
        assert fitting_model(soles) == f"pose-{layout}"
    dense = layouts.grid("ours", 20, 10, length_mm=240.0, width_mm=80.0)
    assert fitting_model({"left": dense, "right": dense}) == "pose-grid-30x22"
    few = layouts.grid("theirs", 5, 3, length_mm=240.0, width_mm=80.0)
    with pytest.raises(DataError, match=r"theirs.*name a model of your own"):
        fitting_model({"left": few, "right": few})


def test_a_dense_layout_of_another_shape_is_seen_as_an_image():
    sole = layouts.grid("ours", 20, 11, length_mm=240.0, width_mm=80.0)
    both = [FootSignal(f.side, f.t_s, np.ascontiguousarray(f.load[:, :220]), sole) for f in feet()]
    found = PoseEstimator(model=fake(), stature_m=1.0).estimate(both)
    np.testing.assert_allclose(share_of(found.keypoints_m_), true_share(found.t_s_), atol=2e-5)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda both: both[:1], "one left and one right foot; the recording has left"),
        (lambda both: [both[0], both[0]], "one left and one right foot"),
        (
            lambda both: [FootSignal(f.side, f.t_s[:60], f.load[:60], f.layout) for f in both],
            "2.8 s",
        ),
        (
            lambda both: feet(layout="cells-16", cell=slice(2, 3)),
            "for layout 'grid-30x22'|100 or more",
        ),
    ],
)
def test_feet_that_no_pose_comes_from_are_refused(change, sentence):
    with pytest.raises(DataError, match=sentence):
        PoseEstimator(model=fake()).estimate(change(feet()))


def test_what_a_sparse_model_cannot_see_is_refused():
    with pytest.raises(DataError, match=r"is for layout 'cells-16'.*'grid-30x22'"):
        PoseEstimator(model=fake("cells-16", 16)).estimate(feet())
    with pytest.raises(DataError, match="tells 0 axes of motion"):
        PoseEstimator(model=fake("cells-16", 16)).estimate(
            feet(layout="cells-16", cell=slice(2, 3))
        )


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, 31.0, float("nan")])
def test_a_rate_that_poses_do_not_come_at_is_refused(rate_hz):
    with pytest.raises(DataError, match="rate_hz"):
        PoseEstimator(model=fake()).estimate(feet(), rate_hz=rate_hz)


def test_a_stature_in_centimetres_is_refused():
    with pytest.raises(DataError, match="stature_m is 170"):
        PoseEstimator(model=fake(), stature_m=170).estimate(feet())


def test_progress_hears_the_end():
    heard = []
    found = PoseEstimator(model=fake()).estimate(
        feet(), rate_hz=30.0, progress=lambda done, total: heard.append((done, total))
    )
    assert heard[-1] == (len(found.t_s_), len(found.t_s_))
