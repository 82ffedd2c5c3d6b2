"""Files of landmarks: what is read, and one clear error for what is not."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solekit.errors import DataError
from solekit.formats.mediapipe_landmarks import OWN, load_mediapipe
from solekit.formats.openpose import BODY_25, COCO_18, load_openpose
from solekit.video.landmarks import BLAZEPOSE, COUNTED, Landmarks

N = 12
SIZE = (200, 100)


@pytest.fixture
def shares():
    """Return x, y, visibility (12, 33, 3) in shares of the picture."""
    return np.random.default_rng(1).uniform(0.1, 0.9, (N, 33, 3)).round(4)


def as_points(frame):
    return [{"x": x, "y": y, "z": 0.0, "visibility": v} for x, y, v in frame.tolist()]


def check(found, shares):
    np.testing.assert_allclose(found.xy_px, shares[..., :2] * SIZE)
    np.testing.assert_allclose(found.score, shares[..., 2])
    assert found.names == BLAZEPOSE


def own_lines(shares, *, end=N):
    head = {"format": OWN, "version": 1, "width_px": 200, "height_px": 100, "names": BLAZEPOSE}
    rows = [
        {"t_s": i / 30, "points": (frame * [200, 100, 1]).tolist()}
        for i, frame in enumerate(shares)
    ]
    return "\n".join(json.dumps(row) for row in [head, *rows, {"end": end}]) + "\n"


def test_blazepose_has_33_points_and_the_study_lists_13():
    assert len(BLAZEPOSE) == 33
    assert [BLAZEPOSE.index(name) for name in ("left_hip", "right_ankle", "left_foot_index")] == [
        *(23, 28, 31)
    ]
    assert len(COUNTED) == 13


def test_our_own_lines_are_read(tmp_path, shares):
    path = tmp_path / "walk.jsonl"
    path.write_text(own_lines(shares))
    found = load_mediapipe(path)
    check(found, shares)
    assert (found.width_px, found.height_px) == SIZE
    assert found.rate_hz == pytest.approx(30.0)


def test_cut_lines_are_refused(tmp_path, shares):
    path = tmp_path / "walk.jsonl"
    path.write_text("\n".join(own_lines(shares).splitlines()[:-3]))
    with pytest.raises(DataError, match="cut after"):
        load_mediapipe(path)


@pytest.mark.parametrize("form", ["list", "landmarks", "tasks", "object"])
def test_common_dumps_are_read(tmp_path, shares, form):
    frames = [as_points(frame) for frame in shares]
    if form == "landmarks":
        frames = [{"timestamp_ms": 40 * i, "landmarks": f} for i, f in enumerate(frames)]
    elif form == "tasks":
        frames = [{"t_s": 0.04 * i, "pose_landmarks": [f]} for i, f in enumerate(frames)]
    dump = (
        {"fps": 25, "width": 200, "height": 100, "frames": frames} if form == "object" else frames
    )
    path = tmp_path / "walk.json"
    path.write_text(json.dumps(dump))
    found = load_mediapipe(
        path,
        size_px=None if form == "object" else SIZE,
        rate_hz=25.0 if form == "list" else None,
    )
    check(found, shares)
    assert found.rate_hz == pytest.approx(25.0)


def test_frames_without_anybody_are_empty(tmp_path, shares):
    frames = [as_points(frame) for frame in shares]
    frames[3], frames[5] = [], None
    path = tmp_path / "walk.json"
    path.write_text(json.dumps(frames))
    found = load_mediapipe(path, size_px=SIZE, rate_hz=30.0)
    assert np.isnan(found.xy_px[[3, 5]]).all()
    assert np.isfinite(found.xy_px[4]).all()
    assert found.detection_rate(0.0) == pytest.approx(10 / 12)


@pytest.mark.parametrize("columns", ["numbered", "named"])
def test_wide_tables_are_read(tmp_path, shares, columns):
    names = [
        [f"x{i}", f"y{i}", f"v{i}"]
        if columns == "numbered"
        else [f"{name}_x", f"{name}_y", f"{name}_visibility"]
        for i, name in enumerate(BLAZEPOSE)
    ]
    head = ",".join(["t_s", *(name for three in names for name in three)])
    rows = [",".join(map(str, [i / 30, *f.reshape(-1)])) for i, f in enumerate(shares)]
    path = tmp_path / "walk.csv"
    path.write_text("\n".join([head, *rows]))
    check(load_mediapipe(path, size_px=SIZE), shares)


def test_long_tables_are_read(tmp_path, shares):
    rows = [
        f"{i},{k},{x},{y},0,{v}"
        for i, frame in enumerate(shares)
        for k, (x, y, v) in enumerate(frame.tolist())
    ]
    path = tmp_path / "walk.csv"
    path.write_text("\n".join(["frame,landmark,x,y,z,visibility", *rows]))
    check(load_mediapipe(path, size_px=SIZE, rate_hz=30.0), shares)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "empty"),
        ("{", "no landmarks"),
        ("[]", "no list of frames"),
        ("[1, 2]", "no landmarks"),
        ('[[{"x": 1}]]', "has 1 points"),
        ("[[]]", "rate_hz|nobody"),
        ('{"frames": "no"}', "no list"),
        ("\x00\x01", "not a text"),
    ],
)
def test_bad_dumps_have_one_clear_error(tmp_path, text, match):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(DataError, match=match):
        load_mediapipe(path, size_px=SIZE)


def test_dumps_without_size_or_rate_ask_for_them(tmp_path, shares):
    path = tmp_path / "walk.json"
    path.write_text(json.dumps([as_points(frame) for frame in shares]))
    with pytest.raises(DataError, match="size_px"):
        load_mediapipe(path, rate_hz=30.0)
    with pytest.raises(DataError, match="rate_hz"):
        load_mediapipe(path, size_px=SIZE)


def test_pixels_are_not_taken_for_shares(tmp_path, shares):
    path = tmp_path / "walk.json"
    path.write_text(json.dumps([as_points(frame * [200, 100, 1]) for frame in shares]))
    with pytest.raises(DataError, match="in pixels"):
        load_mediapipe(path, size_px=SIZE, rate_hz=30.0)


def write_openpose(folder, people_by_frame):
    for i, people in enumerate(people_by_frame):
        rows = [{"pose_keypoints_2d": person.reshape(-1).tolist()} for person in people]
        path = folder / f"walk_{i:012d}_keypoints.json"
        path.write_text(json.dumps({"version": 1.3, "people": rows}))


def body(n_points, x, trust=0.8):
    out = np.full((n_points, 3), trust)
    out[:, 0], out[:, 1] = x, np.arange(n_points) * 10.0
    return out


@pytest.mark.parametrize("names", [BODY_25, COCO_18])
def test_a_folder_of_openpose_is_read(tmp_path, names):
    write_openpose(tmp_path, [[body(len(names), 100.0 + i)] for i in range(N)])
    found = load_openpose(tmp_path, rate_hz=25.0, size_px=SIZE)
    assert found.names == names
    np.testing.assert_allclose(found.point("right_knee")[:, 0], 100.0 + np.arange(N))
    assert found.rate_hz == pytest.approx(25.0)
    assert found.has("left_foot_index") == (names is BODY_25)


def test_one_person_is_followed_when_others_are_surer_for_a_moment(tmp_path):
    frames = [[body(25, 100.0 + 2 * i), body(25, 500.0, 0.5)] for i in range(N)]
    frames[5] = [body(25, 500.0, 0.7), body(25, 110.0, 0.6)]
    frames[7] = []
    write_openpose(tmp_path, frames)
    found = load_openpose(tmp_path, rate_hz=25.0)
    expected = 100.0 + 2 * np.arange(N)
    expected[7] = np.nan
    np.testing.assert_allclose(found.point("left_ankle")[:, 0], expected)
    assert "2 persons" in found.notes[0]


def test_points_with_no_confidence_are_missing(tmp_path):
    points = np.stack([body(25, 50.0)] * N)
    points[:, BODY_25.index("left_wrist"), 2] = 0.0
    np.savez(tmp_path / "walk.npz", keypoints=points)
    found = load_openpose(tmp_path / "walk.npz", rate_hz=30.0)
    assert np.isnan(found.point("left_wrist")).all()
    assert np.isfinite(found.point("right_wrist")).all()


def test_bad_openpose_has_one_clear_error(tmp_path):
    with pytest.raises(DataError, match="write_json"):
        load_openpose(tmp_path, rate_hz=30.0)
    (tmp_path / "a_keypoints.json").write_text('{"people": 3}')
    with pytest.raises(DataError, match="not what OpenPose writes"):
        load_openpose(tmp_path, rate_hz=30.0)
    (tmp_path / "a_keypoints.json").write_text('{"people": []}')
    with pytest.raises(DataError, match="nobody"):
        load_openpose(tmp_path, rate_hz=30.0)
    with pytest.raises(DataError, match="rate_hz"):
        load_openpose(tmp_path, rate_hz=0.0)
    np.savez(tmp_path / "wrong.npz", keypoints=np.zeros((N, 7, 3)))
    with pytest.raises(DataError, match="7 points"):
        load_openpose(tmp_path / "wrong.npz", rate_hz=30.0)
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(DataError, match="no keypoints"):
        load_openpose(tmp_path / "broken.npz", rate_hz=30.0)
    with pytest.raises(DataError, match="cannot be read"):
        load_openpose(tmp_path / "absent.npz", rate_hz=30.0)


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=200), ending=st.sampled_from([".json", ".jsonl", ".csv"]))
def test_any_bytes_are_landmarks_or_a_data_error(tmp_path_factory, content, ending):
    path = tmp_path_factory.mktemp("any") / f"walk{ending}"
    path.write_bytes(content)
    with pytest.raises(DataError):
        load_mediapipe(path, size_px=SIZE, rate_hz=30.0)


@settings(max_examples=60, deadline=None)
@given(
    content=st.recursive(
        st.none() | st.floats(allow_nan=False) | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["frames", "landmarks", "people", "x", "fps", "t_s", "end", "format"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
    lines=st.booleans(),
)
def test_any_json_is_landmarks_or_a_data_error(tmp_path_factory, content, lines):
    folder = tmp_path_factory.mktemp("any")
    path = folder / ("walk.jsonl" if lines else "walk.json")
    path.write_text(json.dumps(content))
    with pytest.raises(DataError):
        load_mediapipe(path, size_px=SIZE, rate_hz=30.0)
    (folder / "a_keypoints.json").write_text(json.dumps(content))
    with pytest.raises(DataError):
        load_openpose(folder, rate_hz=30.0)


def test_landmarks_keep_their_contract():
    good = {
        "t_s": np.arange(10) / 30,
        "xy_px": np.ones((10, 2, 2)),
        "score": np.ones((10, 2)),
        "names": ("left_hip", "right_hip"),
        "width_px": 0,
        "height_px": 0,
        "source": "test",
    }
    Landmarks(**good)
    with pytest.raises(DataError, match="no video"):
        Landmarks(**{**good, "t_s": np.arange(10) * 1e-6})
    for name, wrong in {
        "t_s": np.zeros(10),
        "xy_px": np.full((10, 2, 2), np.nan),
        "score": np.ones((10, 3)),
        "names": ("left_hip", "left_hip"),
        "width_px": -1,
    }.items():
        with pytest.raises(DataError):
            Landmarks(**{**good, name: wrong})
