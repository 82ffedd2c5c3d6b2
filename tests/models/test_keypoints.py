import json

import numpy as np
import pytest

from models.data import keypoints
from models.data.keypoints import read, stature_of
from models.data.names import MEDIAPIPE, convention, our_name
from solekit import layouts
from solekit.errors import DataError
from solekit.inference.decode import KEYPOINTS
from solekit_hil import walker
from solekit_hil.walker.body import INDEX

RATE = 30.0
T = np.arange(60) / RATE


@pytest.fixture(scope="module")
def truth():
    soles = {side: layouts.named("cells-4", side) for side in layouts.SIDES}
    body = walker.build("in-place", seed=2, layouts=soles).body(T)
    return body.keypoints_m[:, [INDEX[name] for name in KEYPOINTS]]


def npz(path, points, names=KEYPOINTS, **more):
    np.savez(path, t_s=T, keypoints_m=points, names=np.array(names), **more)
    return path


def trc(path, points, names, *, unit="mm", factor=1000.0):
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits",
        f"30\t30\t{len(points)}\t{len(names)}\t{unit}",
        "Frame#\tTime\t" + "\t\t\t".join(names),
        "\t\t" + "\t".join(f"{axis}{i + 1}" for i in range(len(names)) for axis in "XYZ"),
        "",
    ]
    for i, frame in enumerate(points):
        lines.append(
            "\t".join([str(i + 1), f"{T[i]:.6f}", *(f"{v * factor:.5f}" for v in frame.ravel())])
        )
    path.write_text("\n".join(lines) + "\n")
    return path


def y_up(points):
    """x ahead, y up, z to the right: the axes of OpenSim."""
    return points[..., [0, 2, 1]] * np.array([1, 1, -1])


def agrees(found, truth, atol=2e-3):
    np.testing.assert_allclose(found.points_m, truth, atol=atol)


def on_floor(points):
    feet = [i for i, name in enumerate(KEYPOINTS) if name.endswith(("heel", "toe"))]
    lowest = points[:, feet, 2].min(axis=1)
    return points - np.array([0, 0, np.percentile(lowest, 2)])


def test_npz_gives_back_what_was_saved(tmp_path, truth):
    found = read(npz(tmp_path / "a.npz", truth, stature_m=1.81))
    agrees(found, on_floor(truth))
    assert found.stature_m == 1.81
    assert not found.notes


def test_trc_in_millimetres_with_y_up_is_turned_and_scaled(tmp_path, truth):
    names = [
        name.replace("left_", "L").replace("right_", "R").title().replace("_", "")
        for name in KEYPOINTS
    ]
    names = [n if n == "Head" else n[0] + n[1:].capitalize() for n in names]
    path = trc(tmp_path / "a.trc", y_up(truth) + np.array([0, 0.3, 0]), names)
    found = read(path)
    agrees(found, on_floor(truth))
    assert found.t_s[-1] == pytest.approx(T[-1], abs=1e-6)


def test_trc_markers_that_were_not_seen_are_missing_not_zero(tmp_path, truth):
    points = y_up(truth).copy()
    points[5, 3] = 0.0
    found = read(trc(tmp_path / "a.trc", points, KEYPOINTS, unit="m", factor=1.0))
    assert np.isnan(found.points_m[5, 3]).all()
    assert np.isfinite(found.points_m).mean() > 0.999


@pytest.mark.parametrize("up", ["x", "y", "z", "-x", "-y", "-z"])
def test_up_is_found_and_handedness_kept(truth, up):
    axis, sign = "xyz".index(up[-1]), -1.0 if up[0] == "-" else 1.0
    # Any proper rotation that takes z to the axis.
    to = np.zeros((3, 3))
    to[axis, 2] = sign
    to[(axis + 1) % 3, 0] = 1.0
    to[(axis + 2) % 3, 1] = sign
    assert np.linalg.det(to) == pytest.approx(1)
    for asked in ("auto", up):
        back = keypoints.turned_up(truth @ to.T, asked)
        np.testing.assert_allclose(back[..., 2], truth[..., 2], atol=1e-12)
        # Lengths and which side is left survive: a rotation, no reflection.
        hips = [KEYPOINTS.index(f"{side}_hip") for side in ("left", "right")]
        toe, heel = KEYPOINTS.index("left_big_toe"), KEYPOINTS.index("left_heel")
        across = back[:, hips[0]] - back[:, hips[1]]
        ahead = back[:, toe] - back[:, heel]
        assert (np.cross(ahead, across)[:, 2] > 0).mean() > 0.9


def test_xrmocap_takes_the_person_asked_for_and_what_the_mask_leaves(tmp_path, truth):
    names = convention("coco_wholebody", 133)
    series = np.zeros((60, 2, 133, 4))
    for k, name in enumerate(names):
        own = {"left_ear": "head", "right_ear": "head"}.get(name, name)
        if own in KEYPOINTS:
            series[:, 1, k, :3] = y_up(truth)[:, KEYPOINTS.index(own)]
            series[:, 1, k, 3] = 0.9
    mask = np.ones((60, 2, 133), np.uint8)
    mask[7, 1, names.index("left_wrist")] = 0
    path = tmp_path / "a.npz"
    np.savez(path, keypoints=series, mask=mask, convention=np.array("coco_wholebody"))
    found = read(path, rate_hz=RATE, person=1)
    wrist = KEYPOINTS.index("left_wrist")
    assert np.isnan(found.points_m[7, wrist]).all()
    rest = np.delete(found.points_m, wrist, axis=1)
    np.testing.assert_allclose(rest, np.delete(on_floor(truth), wrist, axis=1), atol=1e-9)
    with pytest.raises(DataError, match="has no times; give rate_hz"):
        read(path)
    with pytest.raises(DataError, match="person 2 of 2"):
        read(path, rate_hz=RATE, person=2)


def landmarks(truth):
    """Hip-centred, y down, as MediaPipe's world landmarks."""
    hips = [KEYPOINTS.index(f"{side}_hip") for side in ("left", "right")]
    own = truth - truth[:, hips].mean(axis=1, keepdims=True)
    out = np.zeros((60, 33, 3))
    for k, name in enumerate(MEDIAPIPE):
        source = our_name(name)
        source = "head" if source in ("left_ear", "right_ear", "nose") else source
        if source in KEYPOINTS:
            out[:, k] = own[:, KEYPOINTS.index(source)]
    return np.stack([-out[..., 1], -out[..., 2], out[..., 0]], axis=-1)


@pytest.mark.parametrize("form", ["json", "long", "wide"])
def test_mediapipe_puts_the_lowest_foot_on_the_floor_and_says_so(tmp_path, truth, form):
    marks = landmarks(truth)
    path = tmp_path / ("a.json" if form == "json" else "a.csv")
    if form == "json":
        frames = [
            {
                "timestamp_ms": 1000 * t,
                "pose_world_landmarks": [
                    [dict(zip("xyz", p, strict=True)) for p in frame.tolist()]
                ],
            }
            for t, frame in zip(T.tolist(), marks, strict=True)
        ]
        path.write_text(json.dumps({"frames": frames}))
    elif form == "long":
        rows = [
            f"{t},{name},{p[0]},{p[1]},{p[2]}"
            for t, frame in zip(T, marks, strict=True)
            for name, p in zip(MEDIAPIPE, frame, strict=True)
        ]
        path.write_text("\n".join(["t_s,landmark,x,y,z", *rows]))
    else:
        head = ",".join(f"{name}_{axis}" for name in MEDIAPIPE for axis in "xyz")
        rows = [",".join(map(str, [t, *frame.ravel()])) for t, frame in zip(T, marks, strict=True)]
        path.write_text("\n".join([f"t_s,{head}", *rows]))
    found = read(path)
    assert found.is_hip_centred
    assert any("no absolute height" in note for note in found.notes)
    toe = KEYPOINTS.index("left_small_toe")
    assert np.isnan(found.points_m[:, toe]).all()
    feet = [KEYPOINTS.index(f"{s}_{p}") for s in ("left", "right") for p in ("heel", "big_toe")]
    np.testing.assert_allclose(found.points_m[:, feet, 2].min(axis=1), 0, atol=1e-9)
    hip = KEYPOINTS.index("left_hip")
    knee = KEYPOINTS.index("left_knee")
    wanted = truth[:, hip, 2] - truth[:, knee, 2]
    np.testing.assert_allclose(
        found.points_m[:, hip, 2] - found.points_m[:, knee, 2], wanted, atol=1e-9
    )


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("RBigToe", "right_big_toe"),
        ("left_foot_index", "left_big_toe"),
        ("L.Knee", "left_knee"),
        ("r_calc_study", "right_heel"),
        ("left_smalltoe_openpose", "left_small_toe"),
        ("Head", "head"),
        ("Hip", ""),
        ("MidHip", ""),
    ],
)
def test_names_of_other_systems_are_known(theirs, ours):
    assert our_name(theirs) == ours


def test_stature_follows_from_the_lengths_of_the_body(truth):
    person = walker.Person.from_seed(2)
    assert stature_of(truth) == pytest.approx(person.height_m, rel=0.05)
    lost = truth.copy()
    lost[:, [KEYPOINTS.index(f"{side}_knee") for side in ("left", "right")]] = np.nan
    with pytest.raises(DataError, match="the thigh is never seen whole; give stature_m"):
        stature_of(lost)


def test_files_that_cannot_be_read_are_refused_in_a_sentence(tmp_path, truth):
    def refused(path, match, **how):
        with pytest.raises(DataError, match=match):
            read(path, **how)

    (tmp_path / "a.mp4").write_bytes(b"")
    refused(tmp_path / "a.mp4", "key points come as")
    refused(tmp_path / "gone.npz", "cannot be read")
    (tmp_path / "b.npz").write_bytes(b"PK nothing")
    refused(tmp_path / "b.npz", "is damaged")
    np.savez(tmp_path / "c.npz", t_s=T)
    refused(tmp_path / "c.npz", "lacks 'keypoints_m'")
    refused(npz(tmp_path / "d.npz", truth[:-1]), r"shape \(59, 19, 3\) for 60 times")
    names = ["x" if "hip" in name else name for name in KEYPOINTS]
    refused(npz(tmp_path / "e.npz", truth, names), "lacks left_hip")
    refused(npz(tmp_path / "f.npz", truth * 0.01), "check the unit")
    (tmp_path / "g.trc").write_text("hello")
    refused(tmp_path / "g.trc", "does not begin like a TRC file")
    refused(npz(tmp_path / "h.npz", truth), "up 'w'", up="w")
    (tmp_path / "i.json").write_text('[{"pose_world_landmarks": [{"x": 0}], "t_s": 0}]')
    refused(tmp_path / "i.json", "1 landmarks, not 33")
