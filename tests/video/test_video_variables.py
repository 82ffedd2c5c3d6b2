"""Angles and variables of virtual people against their truth, and refusals."""

from dataclasses import replace

import numpy as np
import pytest

from solekit.biomarkers.dictionary import variables
from solekit.errors import DataError
from solekit.video import VideoVariables
from solekit.video.angles import angle_curves, between_deg
from solekit.video.view import TRUNK, check_protocol, facing, passes, scale_of, view_deg
from solekit_hil.walker.body import INDEX
from tests.video.camera import film, true_angle, walk

JOINTS = {
    "knee_angle": ("hip", "knee", "ankle"),
    "ankle_angle": ("knee", "ankle", "big_toe"),
    "elbow_angle": ("shoulder", "elbow", "wrist"),
}
# Root mean square of the error against the angle in space, near the middle of the view: what a
# view across gives is 0.2 to 1.6 degrees at knee and elbow; the foot points outwards.
WITHIN_DEG = {"knee_angle": 2.0, "elbow_angle": 2.0, "ankle_angle": 4.0}


@pytest.fixture(scope="module")
def person():
    return walk(seconds=6.0, start_s=3.0)


def value(measured, name, side=""):
    table = measured.variables_.set_index(["name", "side"])
    return float(table.loc[(name, side), "value"])


def reason(measured, name, side=""):
    return measured.variables_.set_index(["name", "side"]).loc[(name, side), "reason"]


def angle_errors(person, name, side, seen):
    points_m = person[1]
    truth = true_angle(points_m, *(f"{side}_{part}" for part in JOINTS[name]))
    return angle_curves(seen, 1)[f"{side}_{name}"].to_numpy() - truth


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


def true_view_deg(person):
    return np.degrees(np.arctan2(person[1][:, INDEX["pelvis"], 0], 2.0))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", JOINTS)
@pytest.mark.parametrize("motion", ["walk", "slow", "shuffle", "limp"])
def test_angles_near_the_middle_of_the_view_are_those_of_the_body(motion, name, side):
    person = walk(motion, seconds=6.0, start_s=3.0)
    seen = film(*person[:2], lens_deg=103.0)
    central = np.abs(true_view_deg(person)) <= 25.0
    assert rms(angle_errors(person, name, side, seen)[central]) < WITHIN_DEG[name]


@pytest.mark.parametrize("name", ["knee_angle", "ankle_angle"])
def test_the_ends_of_the_path_are_seen_worse_than_its_middle(person, name):
    seen = film(*person[:2], lens_deg=103.0)
    view = np.abs(true_view_deg(person))
    errors = np.stack([angle_errors(person, name, side, seen) for side in ("left", "right")])
    middle, ends = errors[:, view <= 25.0], errors[:, (view > 40.0) & (view <= 51.0)]
    assert rms(ends) > 1.5 * rms(middle)


def test_the_angle_of_view_is_known_from_the_size_of_the_person(person):
    seen = film(*person[:2], lens_deg=103.0)
    found = view_deg(seen, scale_of(seen), camera_distance_m=2.0)
    assert np.abs(found - true_view_deg(person)).max() < 4.0


def test_only_the_middle_of_the_view_is_measured(person):
    measured = VideoVariables().measure(film(*person[:2], lens_deg=103.0))
    curves = measured.curves_.loc[measured.curves_["is_measured"]]
    assert np.abs(curves["view_deg"]).max() <= 25.0
    wider = VideoVariables(central_deg=35.0).measure(film(*person[:2], lens_deg=103.0))
    assert wider.curves_["is_measured"].sum() > measured.curves_["is_measured"].sum() + 10


@pytest.mark.parametrize("to_the_right", [True, False])
def test_statistics_are_those_of_the_true_angle_with_noise_and_swaps(person, to_the_right):
    seen = film(*person[:2], noise_px=2.0, to_the_right=to_the_right)
    measured = VideoVariables().measure(seen)
    near = "right" if to_the_right else "left"
    assert measured.pass_ is not None
    assert measured.pass_.near == near
    central = np.abs(true_view_deg(person)) <= 25.0
    truth = true_angle(person[1], f"{near}_hip", f"{near}_knee", f"{near}_ankle")[central]
    assert value(measured, "pose_knee_angle_mean", near) == pytest.approx(truth.mean(), abs=2.0)
    assert value(measured, "pose_knee_angle_min", near) == pytest.approx(truth.min(), abs=4.0)
    assert value(measured, "pose_knee_angle_max", near) == pytest.approx(truth.max(), abs=4.0)
    low, high = (value(measured, f"pose_knee_angle_{s}", near) for s in ("min", "max"))
    assert value(measured, "pose_knee_angle_range", near) == pytest.approx(high - low)


def test_hip_and_shoulder_are_positive_ahead_whichever_way_people_walk(person):
    thigh = person[1][:, INDEX["right_knee"]] - person[1][:, INDEX["right_hip"]]
    ahead = np.degrees(np.arctan2(thigh[:, 0], -thigh[:, 2]))
    middle = {
        part: (person[1][:, INDEX[f"left_{part}"]] + person[1][:, INDEX[f"right_{part}"]]) / 2
        for part in ("shoulder", "hip")
    }
    trunk = middle["shoulder"] - middle["hip"]
    lean = np.degrees(np.arctan2(trunk[:, 0], trunk[:, 2]))
    central = np.abs(true_view_deg(person)) <= 25.0
    for to_the_right in (True, False):
        measured = VideoVariables().measure(film(*person[:2], to_the_right=to_the_right))
        flexion = value(measured, "pose_hip_flexion_mean", "right")
        assert flexion == pytest.approx((ahead + lean)[central].mean(), abs=4.0)
        assert value(measured, "pose_trunk_lean_mean") == pytest.approx(
            lean[central].mean(), abs=2.0
        )


def test_nothing_is_clipped(person):
    t_s, points_m, _ = person
    seen = film(t_s, points_m)
    xy_px = seen.xy_px.copy()
    at = {p: seen.names.index(f"right_{p}") for p in ("hip", "knee", "ankle")}
    xy_px[:, at["ankle"]] = xy_px[:, at["hip"]] + [1.0, 0.0]  # heel on the hip: 1 degree or less
    measured = VideoVariables().measure(replace(seen, xy_px=xy_px))
    assert value(measured, "pose_knee_angle_max", "right") < 10.0


def test_differences_of_the_sides_are_those_of_the_curves(person):
    measured = VideoVariables().measure(film(*person[:2]))
    curves = measured.curves_.loc[measured.curves_["is_measured"]]
    knees = np.abs(curves["left_knee_angle"] - curves["right_knee_angle"])
    assert value(measured, "pose_knee_angle_max_difference") == pytest.approx(knees.max())
    assert value(measured, "pose_knee_angle_min_difference") == pytest.approx(knees.min())
    thighs = np.abs(curves["left_thigh"] - curves["right_thigh"])
    assert value(measured, "pose_max_inter_thigh_angle") == pytest.approx(thighs.max())
    every = [
        value(measured, f"pose_{joint}_max_difference")
        for joint in (
            *("knee_angle", "ankle_angle", "elbow_angle"),
            *("shoulder_flexion", "hip_flexion"),
        )
    ]
    assert value(measured, "pose_max_joint_difference") == pytest.approx(max(every))


def test_the_step_is_measured_in_legs(person):
    points_m = person[1]
    legs = [
        np.linalg.norm(points_m[:, INDEX[f"{s}_hip"]] - points_m[:, INDEX[f"{s}_knee"]], axis=1)
        + np.linalg.norm(
            points_m[:, INDEX[f"{s}_knee"]] - points_m[:, INDEX[f"{s}_ankle"]], axis=1
        )
        for s in ("left", "right")
    ]
    apart = np.abs(np.diff(points_m[:, [INDEX["left_ankle"], INDEX["right_ankle"]], 0]))[:, 0]
    central = np.abs(true_view_deg(person)) <= 25.0
    truth = apart[central].max() / np.median(legs)
    found = value(VideoVariables().measure(film(*person[:2])), "pose_max_step_separation")
    assert found == pytest.approx(truth, rel=0.08)


def test_speed_needs_a_scale_and_is_right_with_one(person):
    t_s, points_m, _ = person
    truth = np.polyfit(t_s, points_m[:, INDEX["pelvis"], 0], 1)[0]
    leg_m = sum(
        np.linalg.norm(points_m[0, INDEX[f"left_{a}"]] - points_m[0, INDEX[f"left_{b}"]])
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    )
    seen = film(t_s, points_m)
    assert "no scale" in reason(VideoVariables().measure(seen), "pose_gait_speed")
    by_leg = VideoVariables().measure(seen, leg_length_m=leg_m)
    assert value(by_leg, "pose_gait_speed") == pytest.approx(truth, rel=0.04)
    focal_px = 960 / np.tan(np.radians(77 / 2))
    half_px = focal_px * 0.75 / 2.0  # half the path, 2 m away
    ends = (960 - half_px, 960 + half_px)
    by_path = VideoVariables(path_m=1.5).measure(seen, path_px=ends)
    assert value(by_path, "pose_gait_speed") == pytest.approx(truth, rel=0.04)


def test_speed_is_refused_where_the_camera_follows(person):
    t_s, points_m, _ = person
    stays = points_m.copy()
    stays[..., 0] -= points_m[:, [INDEX["pelvis"]], 0]
    measured = VideoVariables().measure(film(t_s, stays), leg_length_m=0.8)
    assert "camera follows" in reason(measured, "pose_gait_speed")
    assert np.isfinite(value(measured, "pose_knee_angle_mean", "right"))
    label = measured.variables_.loc[0, "label"]
    assert "angle of view unknown" in label


def test_too_little_is_refused_with_its_reason(person):
    t_s, points_m, _ = person
    seen = film(t_s, points_m)
    xy_px = seen.xy_px.copy()
    xy_px[::2, seen.names.index("right_wrist")] = np.nan
    xy_px[:, seen.names.index("left_wrist")] = np.nan
    gone = np.abs(true_view_deg(person)) < 15.0
    xy_px[gone, seen.names.index("left_elbow")] = np.nan
    measured = VideoVariables(max_gap_s=0.0).measure(replace(seen, xy_px=xy_px))
    assert "are needed" in reason(measured, "pose_elbow_angle_mean", "right")
    assert "are needed" in reason(measured, "pose_shoulder_flexion_mean", "left")
    assert "0.0 s" in reason(measured, "pose_elbow_angle_mean", "left")
    assert np.isfinite(value(measured, "pose_knee_angle_mean", "left"))
    refused = measured.variables_.loc[measured.variables_["reason"] != ""]
    assert refused["value"].isna().all()


def test_a_person_seen_from_the_front_is_refused(person):
    t_s, points_m, _ = person
    stays = points_m.copy()
    stays[..., 0] -= points_m[:, [INDEX["pelvis"]], 0]
    front = film(t_s, stays, turned_deg=80.0)
    measured = VideoVariables().measure(front)
    assert measured.pass_ is None
    assert (measured.variables_["reason"] != "").all()
    check = measured.protocol_.set_index("item")
    assert check.loc["view", "ok"] is False


def test_every_variable_of_the_dictionary_has_its_rows(person):
    measured = VideoVariables().measure(film(*person[:2]))
    listed = {
        (v.name, s)
        for v in variables("video")
        for s in (("left", "right") if v.per_side else ("",))
    }
    found = measured.variables_
    assert set(zip(found["name"], found["side"], strict=True)) == listed
    assert len(found) == len(listed)
    assert not {v.name for v in variables()} & {v.name for v in variables("video")}


def test_the_protocol_check_says_what_is_off(person):
    seen = film(*person[:2], lens_deg=77.0)
    walk_one = passes(seen)[0]
    good = check_protocol(seen, walk_one, scale_of(seen)).set_index("item")
    assert good.loc["picture", "ok"] is True
    assert good.loc["frames per second", "ok"] is True
    assert good.loc["view", "ok"] is True
    assert good.loc["camera height", "ok"] is True
    assert good.loc["visible path", "ok"] is False
    assert "103 deg" in good.loc["visible path", "note"]
    assert "right" in good.loc["direction", "note"]
    low = film(*person[:2], lens_deg=77.0, height_m=0.8)
    assert (
        check_protocol(low, walk_one, scale_of(low)).set_index("item").loc["camera height", "ok"]
        is False
    )
    turned = film(*person[:2], turned_deg=32.0, distance_m=4.0)
    table = check_protocol(turned, None, scale_of(turned)).set_index("item")
    assert table.loc["view", "ok"] is False
    wide = film(*person[:2], lens_deg=110.0)
    assert (
        check_protocol(wide, walk_one, scale_of(wide)).set_index("item").loc["visible path", "ok"]
        is True
    )


def test_a_turn_divides_the_walk_in_two_passes(person):
    t_s, points_m, _ = person
    there, back = film(t_s, points_m), film(t_s, points_m, to_the_right=False)
    both = replace(
        there,
        t_s=np.concatenate([t_s, t_s + t_s[-1] + 1 / 30]),
        xy_px=np.concatenate([there.xy_px, back.xy_px]),
        score=np.concatenate([there.score, back.score]),
    )
    assert [one.facing for one in passes(both)] == [1, -1]
    assert set(facing(there)) == {1.0}


def test_right_angles_and_straight_lines():
    a, b = np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]])
    assert between_deg(a, b, np.array([[1.0, 5.0]])) == pytest.approx(90.0)
    assert between_deg(a, b, np.array([[2.0, 0.0]])) == pytest.approx(180.0)
    assert TRUNK == 0.288


@pytest.mark.parametrize(
    ("parameter", "wrong"), [("camera_distance_m", 0.0), ("central_deg", 91.0), ("path_m", -1.0)]
)
def test_impossible_cameras_are_refused(person, parameter, wrong):
    with pytest.raises(DataError, match=parameter):
        VideoVariables(**{parameter: wrong}).measure(film(*person[:2]))
