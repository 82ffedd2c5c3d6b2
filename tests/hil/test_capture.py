import numpy as np
import pytest

from solekit.errors import DataError
from solekit_hil.walker.angles import joint_angles
from solekit_hil.walker.body import INDEX, KEYPOINTS, SEGMENTS, point, stature_m
from solekit_hil.walker.capture.skeletons import bandai, bandai_clips, cmu
from solekit_hil.walker.capture.vicon import fill_rigid, hip_centres, vicon

# -- poses with known angles --

STANDING = {
    "head": (0, 0, 1.6),
    "neck": (0, 0, 1.5),
    "shoulder": (0, 0.2, 1.4),
    "elbow": (0, 0.2, 1.1),
    "wrist": (0, 0.2, 0.85),
    "hip": (0, 0.1, 0.9),
    "knee": (0, 0.1, 0.5),
    "ankle": (0, 0.1, 0.08),
    "heel": (-0.06, 0.1, 0),
    "big_toe": (0.2, 0.08, 0),
    "small_toe": (0.15, 0.12, 0),
    "pelvis": (0, 0, 0.9),
}


def standing():
    rows = []
    for name in KEYPOINTS:
        side, _, part = name.partition("_")
        x, y, z = STANDING[part] if side in ("left", "right") else STANDING[name]
        rows.append((x, -y if side == "right" else y, z))
    return np.array(rows)[None]


def turned(points_m, parts, about, axis, angle_deg):
    """Turn key points about another one; right-handed, so about y is forward and down."""
    out = points_m.copy()
    a = np.radians(angle_deg)
    k = np.eye(3)[axis]
    rows = [INDEX[part] for part in parts]
    v = out[0, rows] - out[0, INDEX[about]]
    v = v * np.cos(a) + np.cross(k, v) * np.sin(a) + np.outer(v @ k, k) * (1 - np.cos(a))
    out[0, rows] = v + out[0, INDEX[about]]
    return out


def limb(side, *parts):
    return [f"{side}_{part}" for part in parts]


FOOT = ("heel", "big_toe", "small_toe")


def test_standing_straight_all_angles_are_zero():
    for name, angle in joint_angles(standing()).items():
        assert angle[0] == pytest.approx(0.0, abs=1e-6), name


@pytest.mark.parametrize(
    ("name", "parts", "about", "axis", "turn_deg", "expected_deg"),
    [
        ("left_knee", limb("left", "ankle", *FOOT), "left_knee", 1, 60, 60),
        ("right_knee", limb("right", "ankle", *FOOT), "right_knee", 1, -5, -5),
        ("left_knee", limb("left", "ankle", *FOOT), "left_knee", 1, 150, 150),
        ("right_hip", limb("right", "knee", "ankle", *FOOT), "right_hip", 1, -35, 35),
        ("left_hip", limb("left", "knee", "ankle", *FOOT), "left_hip", 1, 20, -20),
        ("left_hip_abduction", limb("left", "knee", "ankle", *FOOT), "left_hip", 0, 15, 15),
        ("right_hip_abduction", limb("right", "knee", "ankle", *FOOT), "right_hip", 0, -15, 15),
        ("left_ankle", limb("left", *FOOT), "left_ankle", 1, -12, 12),
        ("right_ankle", limb("right", *FOOT), "right_ankle", 1, 25, -25),
        ("left_elbow", limb("left", "wrist"), "left_elbow", 1, -90, 90),
        ("right_shoulder", limb("right", "elbow", "wrist"), "right_shoulder", 1, -40, 40),
    ],
)
def test_a_joint_bent_by_an_angle_shows_it_and_no_other_does(
    name, parts, about, axis, turn_deg, expected_deg
):
    angles = joint_angles(turned(standing(), parts, about, axis, turn_deg))
    for other, angle in angles.items():
        expected = expected_deg if other == name else 0.0
        assert angle[0] == pytest.approx(expected, abs=1e-6), other


def test_a_leaning_trunk_flexes_both_hips_and_says_where_it_leans():
    trunk = [n for n in KEYPOINTS if n.endswith(("shoulder", "elbow", "wrist", "head", "neck"))]
    forward = joint_angles(turned(standing(), trunk, "pelvis", 1, 30))
    assert forward["trunk_forward"][0] == pytest.approx(30)
    assert forward["left_hip"][0] == pytest.approx(30)
    assert forward["right_shoulder"][0] == pytest.approx(0, abs=1e-6)
    to_left = joint_angles(turned(standing(), trunk, "pelvis", 0, -10))
    assert to_left["trunk_left"][0] == pytest.approx(10)
    assert to_left["trunk_forward"][0] == pytest.approx(0, abs=1e-6)


def test_turning_the_whole_body_changes_its_heading_only():
    bent = turned(standing(), limb("left", "ankle", *FOOT), "left_knee", 1, 60)
    before = joint_angles(bent)
    after = joint_angles(turned(bent, KEYPOINTS, "pelvis", 2, 130))
    assert after.pop("pelvis_heading")[0] == pytest.approx(130)
    for name, angle in after.items():
        assert angle[0] == pytest.approx(before[name][0], abs=1e-6), name


def test_angles_of_points_in_another_order_are_refused():
    with pytest.raises(DataError, match=r"\(5, 19, 3\)"):
        joint_angles(np.zeros((5, 19, 3)))


# -- a small file in the form of the set --

JOINTS = {
    "Hips": (0, 0, 0),
    "Neck": (0, 0, 0.42),
    "Head": (0, 0, 0.6),
    "HeadEnd": (0, 0, 0.69),
    "Arm": (0, 0.18, 0.45),
    "ForeArm": (0, 0.46, 0.45),
    "Hand": (0, 0.7, 0.45),
    "UpLeg": (0, 0.1, -0.06),
    "Leg": (0, 0.1, -0.47),
    "Foot": (0, 0.1, -0.88),
    "ToeBase": (0.12, 0.1, -0.91),
    "ToeEnd": (0.18, 0.1, -0.91),
}
ANKLES_M = {"Left": 0.06, "Right": 0.08}  # a skeleton may stand crooked
TILT_DEG = 6.0


def cmu_arrays(*, n=40, heading_deg=70.0, action="stand", tilt_deg=TILT_DEG):
    """Stand still, feet rotated in the file though flat, looking anywhere, somewhere."""
    middle = {name: at for name, at in JOINTS.items() if at[1] == 0}
    rest = dict(middle)
    for side, sign in (("Left", 1), ("Right", -1)):
        rest |= {side + k: (x, sign * y, z) for k, (x, y, z) in JOINTS.items() if k not in middle}
    a, b = np.radians(heading_deg), np.radians(tilt_deg)
    yaw = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    pitch = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    turn = {name: yaw @ pitch if name.endswith(("Foot", "ToeBase")) else yaw for name in rest}
    at = {name: yaw @ np.array(p) for name, p in rest.items()}
    for side, height in ANKLES_M.items():
        at[f"{side}Foot"][2] = height - 0.95
        for start, end in (("Foot", "ToeBase"), ("ToeBase", "ToeEnd")):
            along = np.subtract(rest[side + end], rest[side + start])
            at[side + end] = at[side + start] + turn[side + start] @ along
    half = np.array([np.cos(a / 2), 0, 0, np.sin(a / 2)])
    foot = np.array(
        [
            np.cos(a / 2) * np.cos(b / 2),
            -np.sin(a / 2) * np.sin(b / 2),
            np.cos(a / 2) * np.sin(b / 2),
            np.sin(a / 2) * np.cos(b / 2),
        ]
    )
    quat = [foot if name.endswith(("Foot", "ToeBase")) else half for name in rest]
    pos = np.array(list(at.values())) + np.array([3.0, -2.0, 0.95])
    return {
        "pos_m": np.repeat(pos[None], n, axis=0).astype(np.float32),
        "joints": np.array(list(rest)),
        "quat_wxyz": np.repeat(np.array(quat)[None], n, axis=0).astype(np.float32),
        "quat_joints": np.array(list(rest)),
        "rest_pos_m": np.array(list(rest.values()), np.float32),
        "fps": np.float32(120),
        "clip": "99_01",
        "subject": "99",
        "action": action,
        "action_names": np.array([action]),
        "action_frame": np.zeros(n, np.uint8),
    }


@pytest.fixture
def clip_file(tmp_path):
    def write(drop=(), **changes):
        arrays = cmu_arrays() | changes
        path = tmp_path / "99_01.npz"
        np.savez(path, **{k: v for k, v in arrays.items() if k not in drop})
        return path

    return write


def test_a_crooked_skeleton_stands_level_on_the_floor_looking_along_x(clip_file):
    clip = cmu(clip_file(), mass_kg=61.0)
    points_m = clip.motion.points_m
    assert points_m.shape == (40, 21, 3)
    assert np.isfinite(points_m).all()
    for side in ("left", "right"):
        rows = [INDEX[f"{side}_{name}"] for name in FOOT]
        np.testing.assert_allclose(points_m[:, rows, 2], 0, atol=1e-3)
    angles = joint_angles(points_m)
    np.testing.assert_allclose(angles["pelvis_heading"], 0, atol=0.01)
    np.testing.assert_allclose(points_m[0, INDEX["pelvis"], :2], 0, atol=1e-6)
    assert (clip.person, clip.action, clip.floor) == ("99", "stand", "flat")
    assert (clip.licence_class, clip.motion.mass_kg) == ("A", 61.0)


def test_a_floor_that_rises_along_the_way_is_made_level(clip_file):
    still, metres, slope = 60, 4, 0.02
    x_m = np.repeat(np.arange(metres), still)  # stands at one place, then at the next
    pos_m = cmu_arrays(n=len(x_m))["pos_m"].astype(float)
    pos_m[..., 0] += x_m[:, None]
    pos_m[..., 2] += slope * x_m[:, None]
    n = len(x_m)
    arrays = {key: cmu_arrays(n=n)[key] for key in ("quat_wxyz", "action_frame")}
    motion = cmu(clip_file(pos_m=pos_m, **arrays)).motion
    ankle_m = motion.point_m("left_ankle")[:, 2]
    assert np.ptp(ankle_m) < 0.1 * slope * (metres - 1)


def test_the_foot_has_the_proportions_of_the_stature_and_its_big_toe_inside(clip_file):
    points_m = cmu(clip_file()).motion.points_m
    at = {name: points_m[0, i] for name, i in INDEX.items()}
    height_m = stature_m(points_m)
    length_m = at["left_big_toe"][0] - at["left_heel"][0]
    assert length_m == pytest.approx(0.152 * height_m, rel=1e-3)
    assert at["left_small_toe"][1] > at["left_ankle"][1] > at["left_big_toe"][1]
    assert at["right_small_toe"][1] < at["right_ankle"][1] < at["right_big_toe"][1]
    assert (
        at["left_heel"][0] < at["left_ankle"][0] < at["left_small_toe"][0] < at["left_big_toe"][0]
    )
    mean_m = (at["left_ankle"][2] + at["right_ankle"][2]) / 2
    assert mean_m == pytest.approx(0.039 * height_m, abs=2e-3)
    assert at["head"][2] > at["neck"][2] > at["left_shoulder"][2]


def test_uneven_ground_is_said_to_be_unknown_and_heights_are_kept(clip_file):
    clip = cmu(clip_file(action="uneven", action_names=np.array(["uneven"])))
    assert clip.floor == "unknown"
    assert clip.motion.points_m[0, INDEX["left_ankle"], 2] == pytest.approx(0.06, abs=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"drop": ("quat_wxyz",)}, "lacks quat_wxyz"),
        ({"joints": np.array(["Nose"] * 20)}, "no joint LeftFoot"),
        ({"pos_m": np.full((40, 20, 3), np.nan)}, "no numbers"),
        ({"pos_m": np.zeros((40, 19, 3))}, r"\(40, 19, 3\)"),
        ({"quat_wxyz": np.zeros((40, 20, 4))}, "no rotation"),
        ({"action_frame": np.zeros(7, np.uint8)}, "7 labels"),
        ({"fps": np.float32(0)}, "0 Hz"),
    ],
)
def test_a_file_that_is_not_of_the_set_is_refused_with_a_reason(clip_file, changes, message):
    with pytest.raises(DataError, match=message):
        cmu(clip_file(**changes))


@pytest.mark.parametrize("load", [cmu, vicon, bandai_clips])
def test_a_missing_file_and_one_that_is_no_npz_are_data_errors(tmp_path, load):
    with pytest.raises(DataError, match="there is no file"):
        load(tmp_path / "absent.npz")
    text = tmp_path / "text.npz"
    text.write_text("not an archive", encoding="utf-8")
    with pytest.raises(DataError, match=r"no \.npz file"):
        load(text)


# -- markers --


def test_hip_centres_follow_the_regression_on_a_level_pelvis():
    left, right = np.array([[0, 0.12, 1.0]]), np.array([[0, -0.12, 1.0]])
    back = np.array([[-0.15, 0.05, 1.0]]), np.array([[-0.15, -0.05, 1.0]])
    hips = hip_centres(left, right, *back)
    x, z = -0.24 * 0.15 - 0.0099, 1.0 - 0.30 * 0.24 - 0.0109
    y = 0.33 * 0.24 + 0.0073
    np.testing.assert_allclose(hips[:, 0], [[x, y, z], [x, -y, z]], atol=1e-9)


def test_one_hidden_marker_of_a_rigid_part_is_put_back():
    rng = np.random.default_rng(3)
    shape = rng.normal(size=(4, 3))
    turns = [np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(20)]
    whole = np.array([shape @ (t * np.linalg.det(t)).T + rng.normal(size=3) for t in turns])
    seen = whole.copy()
    seen[3:9, 2] = np.nan
    seen[12, :2] = np.nan
    filled = fill_rigid(seen)
    np.testing.assert_allclose(filled[:12], whole[:12], atol=1e-9)
    assert np.isnan(filled[12, :2]).all()


# -- real recordings --


def bones_spread(points_m):
    """Return how much the lengths of the bones change, by name, as a share."""
    found = {}
    for segment in SEGMENTS:
        along = point(points_m, segment.end) - point(points_m, segment.start)
        low, middle, high = np.nanpercentile(np.linalg.norm(along, axis=1), [2, 50, 98])
        found[segment.name] = (high - low) / middle
    return found


def flat_heights_m(motion):
    """Return heights of heel and toes while heel and toes both rest, medians, by foot."""
    found = {}
    for side in ("left", "right"):
        rows = [INDEX[f"{side}_{name}"] for name in FOOT]
        at = motion.points_m[:, rows]
        speed = np.linalg.norm(np.gradient(at, axis=0), axis=2).max(axis=1) * motion.rate_hz
        rest = (speed < 0.35) & (at[:, :, 2].max(axis=1) < 0.1)
        if rest.any():
            found[side] = np.median(at[rest][:, :, 2], axis=0)
    return found


@pytest.mark.data
@pytest.mark.parametrize("name", ["07_01", "07_05", "08_03", "02_01", "x_test_walking_12"])
def test_flat_feet_of_real_walks_lie_on_the_floor(name, data_dir):
    clip = cmu(data_dir / "mocap_cmu" / f"{name}.npz")
    points_m = clip.motion.points_m
    assert np.isfinite(points_m).all()
    heights = flat_heights_m(clip.motion)
    assert set(heights) == {"left", "right"}
    for side, height_m in heights.items():
        assert np.abs(height_m).max() < 0.02, (side, np.round(height_m, 3))
    spread = bones_spread(points_m)
    # The trunk bends between hips and shoulders; the foot bends at the toes.
    limbs = {k: v for k, v in spread.items() if k.endswith(("arm", "thigh", "shank", "head"))}
    assert max(limbs.values()) < 0.03, limbs
    assert max(v for k, v in spread.items() if k.endswith("foot")) < 0.12
    left = points_m[:, INDEX["left_hip"]] - points_m[:, INDEX["right_hip"]]
    assert np.median(left[: len(left) // 4, 1]) > 0


@pytest.mark.data
def test_walk_07_01_has_the_speed_and_cadence_of_its_readme(data_dir):
    motion = cmu(data_dir / "mocap_cmu" / "07_01.npz").motion
    pelvis = motion.point_m("pelvis")
    way = pelvis[-1] - pelvis[0]
    speed = np.hypot(way[0], way[1]) / motion.t_s[-1]
    assert way[0] > 0.9 * np.hypot(way[0], way[1])
    assert speed == pytest.approx(1.34, abs=0.05)
    apart = (motion.point_m("left_ankle") - motion.point_m("right_ankle"))[:, 0]
    crossings = np.flatnonzero(np.diff(np.sign(apart)))
    cadence = 60 * motion.rate_hz * (len(crossings) - 1) / (crossings[-1] - crossings[0])
    assert cadence == pytest.approx(111, abs=6)
    knee = joint_angles(motion.points_m)["left_knee"]
    assert 50 < knee.max() < 80


@pytest.mark.data
def test_a_clip_of_the_bandai_set_is_whole_and_level(data_dir):
    path = data_dir / "mocap_bandai" / "walk_normal.npz"
    clip = bandai(path, 3)
    assert len(bandai_clips(path)) == 12
    assert clip.name == bandai_clips(path)[3]
    assert (clip.licence_class, clip.floor, clip.person) == ("B", "flat", "bandai")
    assert np.isfinite(clip.motion.points_m).all()
    for height_m in flat_heights_m(clip.motion).values():
        assert np.abs(height_m).max() < 0.02
    with pytest.raises(DataError, match="choose 0 to 11"):
        bandai(path, 12)


@pytest.mark.data
def test_markers_of_a_level_walk_give_usual_angles(data_dir):
    legs = vicon(data_dir / "nikonpic_vicon" / "F1_level_1.npz")
    assert (legs.person, legs.action, legs.rate_hz) == ("F1", "level", 200.0)
    for side in ("left", "right"):
        assert 45 < np.nanpercentile(legs.joint_deg[f"{side}_knee"], 98) < 75
        low, high = np.nanpercentile(legs.joint_deg[f"{side}_hip"], [2, 98])
        assert 30 < high - low < 60
    assert not any("trunk" in name for name in legs.joint_deg)
