import numpy as np
import pytest

from solekit.errors import DataError
from solekit.layouts import SIDES, Side
from solekit_hil.walker.body import INDEX, stature_m
from solekit_hil.walker.capture.clusters import joint_between, pose
from solekit_hil.walker.capture.feet import foot_length_m, sole_points
from solekit_hil.walker.capture.labels import place_of
from solekit_hil.walker.capture.markers import MAX_GAP_S, FootMarkers, motion_of
from tests.hil.test_walker_dynamics import MASS_KG, RATE_HZ, still, walking

LEGS = ("hip", "knee", "ankle", "heel", "big_toe")


NAMED = {
    "asis": "LASI RASI LFWT L.ASIS RxAsis L_IAS R.ASIS LxASIS Left_Asis",
    "psis": "LPSI R.PSIS L_IPS RBWT",
    "hip": "LHJC RHJC",
    "knee": "LKJC",
    "knee_lateral": "LKNE R.Knee RLE LFLE R_FLE LLFC",
    "knee_medial": "LFME RKneeMed R.MKnee",
    "ankle": "RAJC",
    "ankle_lateral": "LANK L.Ankle RFAL RLM",
    "ankle_medial": "LTAM RMMAL LMM",
    "shoulder": "LSHO R.Shoulder RACR LSAE",
    "elbow_lateral": "LELB RHLE",
    "elbow_medial": "RHME LMEL",
    "wrist": "LWRA RWRB LRSP",
    "thigh": "LTHI RTH2 LThighUpper R.Thigh.Front",
    "shank": "LTIB RSK L.Shank.Front RSH1 LTB3",
}
MIDDLE = {
    "sacrum": "SACR V.Sacral PSIS",
    "c7": "C7 CV7 c7",
    "sternum": "CLAV STRN SJN",
    "head": "LFHD RBHD Top.Head Head",
}
NAMELESS = (
    *("CentreOfMass", "LNormalisedGRF", "T10", "", "*12", "LHipAngles", "RKneeMoment"),
    *("LGroundReactionForce", "RTOE", "LHEE", "C_70", "PelvisOrigin", "RBAK", "LFIN"),
)


@pytest.mark.parametrize("place", NAMED)
def test_labels_as_laboratories_write_them_name_side_and_place(place):
    for label in NAMED[place].split():
        side = "left" if label.startswith("L") else "right"
        assert place_of(label) == (side, place), label


def test_a_side_may_come_last_and_a_person_first():
    assert place_of("ASIS_L") == ("left", "asis")
    assert place_of("knee_lat_r") == ("right", "knee_lateral")
    assert place_of("Someone:RASI") == ("right", "asis")


@pytest.mark.parametrize("place", MIDDLE)
def test_labels_of_the_middle_have_no_side(place):
    for label in MIDDLE[place].split():
        assert place_of(label) == ("", place), label


@pytest.mark.parametrize("label", NAMELESS)
def test_a_label_that_names_no_place_of_the_body_is_left_out(label):
    assert place_of(label) is None


FEET: dict[Side, FootMarkers] = {
    side: FootMarkers(f"{side[0].upper()}HEE", f"{side[0].upper()}TOE") for side in SIDES
}


def marked(points_m, *, knees=True, ankles=True, upper=True):
    """Return the markers of a person by name; the pelvis faces along x."""
    found = {}

    def at(name):
        return points_m[:, INDEX[name]]

    for side in SIDES:
        letter, out = side[0].upper(), 1 if side == "left" else -1
        found[f"{letter}ASI"] = at("pelvis") + np.array([0.055, 0.125 * out, 0.075])
        found[f"{letter}PSI"] = at("pelvis") + np.array([-0.10, 0.045 * out, 0.075])
        heel, tip = at(f"{side}_heel"), at(f"{side}_big_toe")
        along = (tip - heel) / np.linalg.norm(tip - heel, axis=1, keepdims=True)
        up = np.cross(along, [0.0, 1.0, 0.0])
        found[f"{letter}HEE"] = heel - 0.01 * along + 0.04 * up
        found[f"{letter}TOE"] = heel + 0.19 * along + 0.05 * up
        if knees:
            found[f"{letter}KNE"] = at(f"{side}_knee") + np.array([0, 0.05 * out, 0])
        if ankles:
            found[f"{letter}ANK"] = at(f"{side}_ankle") + np.array([0, 0.035 * out, 0])
        if upper:
            for word, name in (("SHO", "shoulder"), ("ELB", "elbow"), ("WRA", "wrist")):
                found[f"{letter}{word}"] = at(f"{side}_{name}")
    if upper:
        found |= {"C7": at("neck"), "Head": at("head")}
    return found


def seen(markers, rate_hz=RATE_HZ):
    """Return the motion that the markers give."""
    array = np.stack(list(markers.values()), axis=1)
    return motion_of(array, list(markers), rate_hz, foot_markers=FEET, mass_kg=MASS_KG)


def swaying():
    """Return a person who stands on both feet and sways with all of the body."""
    t_s, points = still(4.0)
    by_m = 0.05 * np.sin(2 * np.pi * 0.5 * t_s)
    share = {"knee": 0.55, "ankle": 0.0, "heel": 0.0, "toe": 0.0}
    for name, i in INDEX.items():
        points[:, i, 0] += share.get(name.split("_")[-1], 1.0) * by_m
    return points


def distances_m(found, true_m, names):
    at = [INDEX[f"{side}_{name}"] for name in names for side in SIDES]
    return np.linalg.norm(found.points_m[:, at] - true_m[:, at], axis=2)


def test_a_swaying_person_is_found_within_a_few_centimetres():
    points = swaying()
    found = seen(marked(points))
    assert found.mass_kg == MASS_KG
    assert found.rate_hz == RATE_HZ
    assert distances_m(found, points, ("hip",)).max() < 0.01
    assert distances_m(found, points, ("knee", "ankle")).max() < 0.005
    assert distances_m(found, points, ("heel",)).max() < 0.015
    assert distances_m(found, points, ("big_toe",)).max() < 0.035
    assert distances_m(found, points, ("shoulder", "elbow", "wrist")).max() < 0.005


@pytest.mark.parametrize("to", [1, -1])
def test_it_does_not_matter_which_way_a_person_faces(to):
    points = swaying()
    turn = np.array([[0.0, to, 0], [-to, 0, 0], [0, 0, 1]])
    markers = marked(points)
    straight = seen(markers).points_m
    found = seen({name: at @ turn for name, at in markers.items()}).points_m
    np.testing.assert_allclose(found, straight @ turn, atol=1e-9)


def test_a_walking_person_is_found_within_a_few_centimetres():
    motion, _ = walking(3.0)
    found = seen(marked(motion.points_m))
    inner = slice(20, -20)
    off = distances_m(found, motion.points_m, LEGS)[inner]
    # Markers pass a filter, and the rise of the heel is quick.
    assert np.sqrt((off**2).mean(axis=0)).max() < 0.035
    assert np.percentile(off, 95) < 0.05


def test_feet_stand_on_the_floor_whatever_height_their_markers_have():
    points = swaying()
    markers = marked(points)
    for side in "LR":
        markers[f"{side}HEE"] = markers[f"{side}HEE"] + [0, 0, 0.03]
        markers[f"{side}TOE"] = markers[f"{side}TOE"] - [0, 0, 0.02]
    found = seen(markers)
    for side in SIDES:
        for name in ("heel", "big_toe", "small_toe"):
            assert np.abs(found.point_m(f"{side}_{name}")[:, 2]).max() < 0.005


def test_toes_point_ahead_and_the_small_toe_is_outside():
    found = seen(marked(swaying()))
    for side, out in (("left", 1), ("right", -1)):
        big, small = found.point_m(f"{side}_big_toe"), found.point_m(f"{side}_small_toe")
        assert (big[:, 0] > small[:, 0]).all()
        assert (out * (small - big)[:, 1] > 0.02).all()
    assert (found.point_m("left_hip") - found.point_m("right_hip"))[:, 1].min() > 0.15


def test_hip_and_knee_centres_that_a_set_names_are_taken_as_they_are():
    points = swaying()
    given = marked(points, knees=False) | {
        f"{side[0].upper()}{joint[0].upper()}JC": points[:, INDEX[f"{side}_{joint}"]] + 0.01
        for side in SIDES
        for joint in ("hip", "knee")
    }
    found = seen(given)
    np.testing.assert_allclose(
        distances_m(found, points, ("hip", "knee")), 0.01 * np.sqrt(3), atol=3e-4
    )


def test_a_knee_with_markers_on_both_sides_is_in_their_middle():
    points = swaying()
    markers = marked(points)
    for side, out in (("left", 1), ("right", -1)):
        markers[f"{side[0].upper()}FME"] = points[:, INDEX[f"{side}_knee"]] - [0, 0.05 * out, 0]
    np.testing.assert_allclose(distances_m(seen(markers), points, ("knee",)), 0, atol=3e-4)


def test_legs_and_pelvis_are_enough_for_a_whole_body_by_proportion():
    points = swaying()
    found = seen(marked(points, upper=False))
    assert np.isfinite(found.points_m).all()
    assert stature_m(found.points_m) == pytest.approx(stature_m(points), rel=0.05)
    arms = distances_m(found, points, ("shoulder", "elbow", "wrist"))
    assert arms.max() < 0.15
    order = ("head", "neck", "left_shoulder", "left_elbow", "left_wrist")
    heights = [found.point_m(name)[:, 2].mean() for name in order]
    assert heights == sorted(heights, reverse=True)


def test_without_markers_of_knees_and_ankles_they_are_put_in_by_proportion():
    points = swaying()
    found = seen(marked(points, knees=False, ankles=False))
    assert distances_m(found, points, ("knee",)).max() < 0.06
    assert distances_m(found, points, ("ankle",)).max() < 0.04


@pytest.mark.parametrize("gone", [("LASI",), ("RASI",), ("LPSI", "RPSI")])
def test_a_set_without_its_pelvis_is_refused_in_one_sentence(gone):
    markers = {name: at for name, at in marked(swaying()).items() if name not in gone}
    with pytest.raises(DataError, match=r"no pelvis: .*LASI.*; name them") as error:
        seen(markers)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("gone", "side"), [("LHEE", "left"), ("RTOE", "right")])
def test_a_set_without_a_marker_of_a_foot_is_refused_by_its_name(gone, side):
    markers = {name: at for name, at in marked(swaying()).items() if name != gone}
    with pytest.raises(DataError, match=rf"no marker '{gone}' for the {side} foot; "):
        seen(markers)


def test_a_marker_that_is_hardly_seen_counts_as_missing():
    markers = marked(swaying())
    markers["LHEE"][200:] = np.nan
    with pytest.raises(DataError, match="no marker 'LHEE'"):
        seen(markers)
    markers = marked(swaying())
    markers["LELB"][200:] = np.nan  # not needed: put in by proportion
    assert np.isfinite(seen(markers).points_m).all()


def test_a_short_gap_of_a_marker_is_bridged():
    points = swaying()
    markers = marked(points)
    whole = seen(markers)
    n = round(0.6 * MAX_GAP_S * RATE_HZ)
    markers["LASI"][300 : 300 + n] = np.nan
    markers["RHEE"][500 : 500 + n] = np.nan
    found = seen(markers)
    assert np.isfinite(found.points_m).all()
    assert np.abs(found.points_m - whole.points_m).max() < 0.01


@pytest.mark.parametrize("name", ["LASI", "RHEE", "LTOE"])
def test_a_long_gap_of_pelvis_or_foot_leaves_the_whole_body_open(name):
    markers = marked(swaying())
    gap = slice(300, 300 + round(2 * MAX_GAP_S * RATE_HZ))
    markers[name][gap] = np.nan
    found = seen(markers)
    assert np.isnan(found.points_m[gap]).all()
    assert np.isfinite(np.delete(found.points_m, np.arange(800)[gap], axis=0)).all()


def test_what_is_missing_at_the_ends_is_not_made_up():
    markers = marked(swaying())
    markers["LASI"][:100] = np.nan
    markers["RTOE"][-120:] = np.nan
    shown = np.asarray(np.isfinite(seen(markers).points_m).all(axis=(1, 2)))
    assert np.flatnonzero(shown)[[0, -1]].tolist() == [100, 679]
    assert shown[100:680].all()


def test_a_foot_is_as_long_as_its_leg_asks():
    hip, heel = np.zeros((50, 3)), np.tile([0.0, 0, -0.92], (50, 1))
    assert foot_length_m(hip, heel) == pytest.approx(0.264, abs=0.01)  # of a person of 1.74 m


@pytest.mark.parametrize("lifted_m", [0.0, 0.03])
def test_the_sole_turns_with_the_foot(lifted_m):
    # Flat half of the time, then the heel comes up by a known angle.
    pitch = np.radians(np.where(np.arange(400) < 200, 0.0, -25.0))
    along = np.column_stack([np.cos(pitch), 0 * pitch, np.sin(pitch)])
    up = np.column_stack([-np.sin(pitch), 0 * pitch, np.cos(pitch)])
    ball = np.array([0.19, 0.1, 0.0])
    true_heel = ball - 0.19 * along
    foot = sole_points(
        true_heel - 0.01 * along + (0.04 + lifted_m) * up,
        true_heel + 0.19 * along + 0.05 * up,
        0.26,
        RATE_HZ,
    )
    np.testing.assert_allclose(foot.ahead, along, atol=1e-6)
    np.testing.assert_allclose(foot.heel, true_heel, atol=1e-6)
    np.testing.assert_allclose(foot.leftward, np.tile([0, 1, 0], (400, 1)), atol=1e-12)
    assert foot.length_m == pytest.approx(0.26)


OFF_M = np.array([0.015, -0.01, 0.02])  # of a guess


def turns(angles_rad, axes):
    """Return rotations (n, 3, 3) by angles (n,) about axes (n, 3)."""
    axes = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    x, y, z = axes.T
    none = np.zeros_like(x)
    cross = np.moveaxis(np.array([[none, -z, y], [z, none, -x], [-y, x, none]]), -1, 0)
    a = angles_rad[:, None, None]
    return np.eye(3) + np.sin(a) * cross + (1 - np.cos(a)) * cross @ cross


def jointed(n=400, noise_m=0.0, k=4):
    """Return two clusters that turn about one moving centre, and the centre."""
    random = np.random.default_rng(3)
    t = np.linspace(0, 4, n)
    centre = np.column_stack([0.1 * np.sin(t), 0.05 * np.cos(2 * t), 0.5 + 0.03 * np.sin(3 * t)])
    ways = np.column_stack([0.4 * np.sin(1.1 * t), np.ones(n), 0.5 * np.cos(0.7 * t)])
    clusters = []
    for height, swing in ((0.2, 0.5), (-0.2, 1.0)):
        local = np.array([0, 0, height]) + random.uniform(-0.06, 0.06, (k, 3))
        turn = turns(swing * np.sin(2 * t + height), ways)
        cluster = centre[:, None] + np.einsum("nij,kj->nki", turn, local)
        clusters.append(cluster + noise_m * random.normal(size=cluster.shape))
    return (*clusters, centre)


def test_the_centre_between_two_turning_clusters_is_found_within_two_millimetres():
    upper, lower, centre = jointed()
    found = joint_between(upper, lower, centre + OFF_M)
    assert np.linalg.norm(found - centre, axis=1).max() < 0.002


def test_noise_of_the_markers_does_not_shift_the_centre():
    upper, lower, centre = jointed(noise_m=0.0005)
    off = joint_between(upper, lower, centre + OFF_M) - centre
    assert np.linalg.norm(off.mean(axis=0)) < 0.002
    assert np.sqrt((off**2).sum(axis=1).mean()) < 0.004


def test_where_a_marker_is_missing_the_guess_stays():
    upper, lower, centre = jointed()
    guess = centre + OFF_M
    lower[50:80, 1] = np.nan
    found = joint_between(upper, lower, guess)
    np.testing.assert_array_equal(found[50:80], guess[50:80])
    assert np.linalg.norm((found - centre)[80:], axis=1).max() < 0.002


@pytest.mark.parametrize("few", ["upper", "lower"])
def test_a_cluster_of_two_markers_leaves_the_guess(few):
    upper, lower, centre = jointed()
    guess = centre + 0.02
    upper = upper[:, :2] if few == "upper" else upper
    lower = lower[:, :2] if few == "lower" else lower
    np.testing.assert_array_equal(joint_between(upper, lower, guess), guess)


def test_the_pose_of_a_cluster_is_the_turn_that_was_given():
    random = np.random.default_rng(5)
    local = random.uniform(-0.1, 0.1, (5, 3))
    angles = np.linspace(0, 2.5, 30)
    turn = turns(angles, np.tile([1.0, 2.0, -1.0], (30, 1)))
    cluster = np.einsum("nij,kj->nki", turn, local) + np.linspace(0, 1, 30)[:, None, None]
    found, middle = pose(cluster)
    np.testing.assert_allclose(found, turn, atol=1e-9)
    np.testing.assert_allclose(middle, cluster.mean(axis=1))
    np.testing.assert_allclose(np.linalg.det(found), 1.0)


def test_knees_without_markers_come_from_the_clusters_of_thigh_and_shank():
    points = swaying()
    t_s = np.arange(len(points)) / RATE_HZ
    bent = 0.5 * (1 - np.cos(2 * np.pi * 0.5 * t_s))
    points[:, [INDEX[f"{side}_knee"] for side in SIDES], 0] += 0.12 * bent[:, None]
    markers = marked(points, knees=False)
    for side in SIDES:
        knee = points[:, INDEX[f"{side}_knee"]]
        for word, end in (("TH", "hip"), ("TB", "ankle")):
            along = points[:, INDEX[f"{side}_{end}"]] - knee
            along = along / np.linalg.norm(along, axis=1, keepdims=True)
            across = np.cross(along, [0.0, 1.0, 0.0])
            out = np.array([0, 1.0 if side == "left" else -1.0, 0])
            for i, (a, b, c) in enumerate(
                ((0.2, 0.05, 0.06), (0.12, -0.04, 0.07), (0.15, 0.06, 0))
            ):
                marker = knee + a * along + b * across + c * out
                markers[f"{side[0].upper()}{word}{i + 1}"] = marker
    proportion = seen(marked(points, knees=False))
    found = seen(markers)
    assert distances_m(found, points, ("knee",)).mean() < 0.02
    assert (
        distances_m(found, points, ("knee",)).mean()
        < distances_m(proportion, points, ("knee",)).mean() / 2
    )
