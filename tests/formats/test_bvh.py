"""BVH files, read back by a forward kinematics of their own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from solekit import layouts
from solekit.errors import DataError
from solekit.formats.bvh import to_bvh, write_bvh
from solekit.inference.decode import KEYPOINTS

INDEX = {name: i for i, name in enumerate(KEYPOINTS)}
PARTS = {"shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand", "hip": "UpLeg", "knee": "Leg"}
PARTS |= {"ankle": "Foot", "heel": "Heel", "small_toe": "SmallToe", "big_toe": "BigToe"}


def joint_of(keypoint):
    side, _, part = keypoint.partition("_")
    return side.capitalize() + PARTS.get(part, "")


def read(text):
    """Return names, parents, offsets (k, 3), channels by joint, frames (n, k) and frame time."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    names, parents, offsets, channels, stack = [], [], [], [], []
    for words in lines:
        if words[0] in ("ROOT", "JOINT", "End"):
            open_now = words[-1]
        elif words[0] == "{":
            parents.append(stack[-1] if stack else -1)
            names.append(open_now)
            channels.append([])
            stack.append(len(names) - 1)
        elif words[0] == "}":
            stack.pop()
        elif words[0] == "OFFSET":
            offsets.append([float(word) for word in words[1:]])
        elif words[0] == "CHANNELS":
            channels[-1] = words[2:]
            assert len(words[2:]) == int(words[1])
        elif words[0] == "MOTION":
            break
    assert not stack
    i = lines.index(["MOTION"])
    n = int(lines[i + 1][1])
    frames = np.array(lines[i + 3 :], dtype=float)
    assert frames.shape == (n, sum(map(len, channels)))
    return names, parents, np.array(offsets), channels, frames, float(lines[i + 2][2])


def forward(text):
    """Return joint positions by name, (n, 3) metres in the axes of the key points."""
    names, parents, offsets, channels, frames, _ = read(text)
    at, places, turns = 0, [], []
    for i, parent in enumerate(parents):
        place, turn = np.tile(offsets[i], (len(frames), 1)), Rotation.identity(len(frames))
        for channel in channels[i]:
            axis, kind = channel[0], channel[1:]
            if kind == "position":
                place[:, "XYZ".index(axis)] += frames[:, at]
            else:
                turn = turn * Rotation.from_euler(axis, frames[:, [at]], degrees=True)
            at += 1
        if parent >= 0:
            place = places[parent] + turns[parent].apply(place)
            turn = turns[parent] * turn
        places.append(place)
        turns.append(turn)
    return {
        name: np.stack((-p[:, 0], p[:, 2], p[:, 1]), axis=1) / 100
        for name, p in zip(names, places, strict=True)
    }


def errors_m(text, points):
    found = forward(text)
    return np.stack(
        [np.linalg.norm(found[joint_of(k)] - points[:, INDEX[k]], axis=1) for k in KEYPOINTS], 1
    )


def rigid(n=120):
    """A puppet of rigid parts that turns all its joints at random, smoothly."""
    rng = np.random.default_rng(4)
    t = np.linspace(0, 6, n)

    def turn(size):
        phase, speed = rng.uniform(0, 6, 3), rng.uniform(0.5, 2, 3)
        return Rotation.from_rotvec(size * np.sin(t[:, None] * speed + phase))

    points = np.zeros((n, len(KEYPOINTS), 3))
    pelvis = turn(0.4)
    hips = np.stack((0 * t, 0 * t, 0.9 + 0.05 * np.sin(t)), axis=1)
    spine = pelvis * turn(0.4)
    chest_at = hips + spine.apply([0, 0, 0.5])
    # The trunk is the shoulders' middle: shoulders turn across it without leaning off it.
    chest = spine * turn(0.3)
    points[:, INDEX["head"]] = chest_at + (chest * turn(0.3)).apply([0, 0, 0.3])
    for side, sign in (("left", -1), ("right", 1)):

        def put(name, value, side=side):
            points[:, INDEX[f"{side}_{name}"]] = value
            return value

        place = put("shoulder", chest_at + chest.apply([sign * 0.18, 0, 0]))
        arm = chest * turn(1.0)
        place = put("elbow", place + arm.apply([sign * 0.1, 0.1, -0.26]))
        put("wrist", place + (arm * turn(0.6)).apply([0, 0.2, -0.2]))
        place = put("hip", hips + pelvis.apply([sign * 0.1, 0, 0]))
        thigh = pelvis * turn(0.7)
        place = put("knee", place + thigh.apply([0, 0, -0.42]))
        shank = thigh * turn(0.4)
        place = put("ankle", place + shank.apply([0, 0, -0.4]))
        foot = shank * turn(0.5)
        put("heel", place + foot.apply([0, -0.05, -0.07]))
        put("small_toe", place + foot.apply([sign * 0.06, 0.15, -0.07]))
        put("big_toe", place + foot.apply([-sign * 0.03, 0.19, -0.07]))
    return points


def test_a_rigid_puppet_comes_back_to_the_millimetre():
    points = rigid()
    text, notes = to_bvh(points, rate_hz=30.0)
    assert errors_m(text, points).max() < 1e-4
    assert not notes


def test_bones_are_medians_where_the_key_points_stretch():
    points = rigid()
    rng = np.random.default_rng(0)
    noisy = points + rng.normal(0, 0.01, points.shape)
    text, _ = to_bvh(noisy, rate_hz=30.0)
    # Bones cannot stretch: an end is off by what the bones above it have too much or too little.
    assert np.median(errors_m(text, noisy)) < 0.02
    lengths = read(text)[2]
    assert np.linalg.norm(lengths[read(text)[0].index("LeftLeg")]) == pytest.approx(42, abs=0.5)


def test_a_bone_turned_right_back_has_a_turn():
    points = rigid(4)
    points[:, INDEX["left_elbow"]] = points[:, INDEX["left_shoulder"]] + 0.3 * np.array(
        [
            (points[i, INDEX["right_shoulder"]] - points[i, INDEX["left_shoulder"]]) / 0.36
            for i in range(4)
        ]
    )
    text, _ = to_bvh(points, rate_hz=30.0)
    assert errors_m(text, points)[:, INDEX["left_elbow"]].max() < 1e-4


def test_frames_without_a_pose_hold_the_one_before_and_are_told():
    points = rigid(60)
    points[:5] = np.nan
    points[20:30, 3] = np.nan
    text, notes = to_bvh(points, rate_hz=10.0)
    frames = read(text)[4]
    assert len(frames) == 60
    assert (frames[:5] == frames[5]).all()
    assert (frames[20:30] == frames[19]).all()
    assert "15 of 60 frames" in notes[0]
    assert "0.00-0.50 s, 2.00-3.00 s" in notes[0]


def test_the_skeleton_looks_along_z_with_y_up_at_its_height():
    text, _ = to_bvh(rigid(), rate_hz=25.0)
    names, _, offsets, channels, frames, period_s = read(text)
    assert period_s == pytest.approx(0.04)
    assert names[0] == "Hips"
    assert channels[0][:3] == ["Xposition", "Yposition", "Zposition"]
    np.testing.assert_allclose(frames[:, [0, 2]], 0, atol=1e-4)
    assert 84 < frames[:, 1].min() < frames[:, 1].max() < 96
    assert offsets[names.index("LeftUpLeg")] == pytest.approx([10, 0, 0], abs=1e-3)
    assert offsets[names.index("LeftBigToe")][2] > 10


def test_a_walking_person_comes_back():
    from solekit_hil.walker import body, build

    soles = {side: layouts.named("cells-4", side) for side in layouts.SIDES}
    points = build("walk", seed=0, layouts=soles).body(np.arange(2, 8, 1 / 14)).keypoints_m
    order = [body.INDEX[name] for name in KEYPOINTS]
    right = np.stack((-points[..., 1], points[..., 0], points[..., 2]), axis=-1)[:, order]
    text, _ = to_bvh(right, rate_hz=14.0)
    off_m = errors_m(text, right)
    assert off_m.mean() < 0.005
    is_toe = np.array(["toe" in name for name in KEYPOINTS])
    assert off_m[:, ~is_toe].max() < 0.03
    # The toes of the walker bend, which brings them nearer to the ankle: no rigid bone does so.
    for name in np.array(KEYPOINTS)[is_toe]:
        ankle = INDEX[f"{name.partition('_')[0]}_ankle"]
        length_m = np.linalg.norm(right[:, INDEX[name]] - right[:, ankle], axis=1)
        stretched_m = np.abs(length_m - np.median(length_m))
        assert (off_m[:, INDEX[name]] <= stretched_m + off_m[:, ankle] + 1e-4).all()


def test_key_points_at_one_place_make_no_turn():
    text, _ = to_bvh(np.ones((3, len(KEYPOINTS), 3)), rate_hz=30.0)
    assert errors_m(text, np.ones((3, len(KEYPOINTS), 3))).max() < 1e-6


def test_a_file_is_written_once(tmp_path):
    path = tmp_path / "walk.bvh"
    assert write_bvh(path, rigid(10), rate_hz=30.0) == []
    assert path.read_text(encoding="ascii") == to_bvh(rigid(10), rate_hz=30.0)[0]
    with pytest.raises(DataError, match="exists"):
        write_bvh(path, rigid(10), rate_hz=30.0)


@pytest.mark.parametrize(
    ("points", "rate_hz", "sentence"),
    [
        (np.zeros((4, 18, 3)), 30.0, "has shape"),
        (np.full((4, 19, 3), np.nan), 30.0, "no frame has all key points"),
        (np.zeros((4, 19, 3)), 0.0, "rate_hz is 0"),
    ],
)
def test_what_is_no_motion_is_refused(points, rate_hz, sentence):
    with pytest.raises(DataError, match=sentence):
        to_bvh(points, rate_hz=rate_hz)
