"""A toy is taught until it converges, kept, exported and judged: the whole way, small."""

import json

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the extra 'train' is not installed")

import keras

from models import export
from models.data import virtual
from models.data.windows import Spoil, Windows, turned
from models.pose import network, people, runs, scores, teach
from models.pose.tables import Tables
from solekit.errors import DataError
from solekit.inference import decode, zoo
from solekit.layouts import named
from solekit_hil.walker import dataset

ACTIONS = ("squat", "walk", "lunge")
pytestmark = pytest.mark.timeout(600)  # conversions start TensorFlow anew


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    plan = dataset.Plan(
        people=4, seconds=28.0, motions=ACTIONS, layout="grid-30x22", rate=14.0, seed=9
    )
    takes = virtual.takes(tmp_path_factory.mktemp("people"), plan)
    return people.parts(takes, named("grid-30x22", "left"), 1)


@pytest.fixture(scope="module")
def taught(parts):
    keras.utils.set_random_seed(1)
    small = network.pose_network(network.grid_encoder((24, 32, 48, 48)), width=96)
    model, _ = teach.teach(parts.windows, parts.train, steps=220, batch=32, seed=1, start=small)
    return model


@pytest.fixture(scope="module")
def model_folder(parts, taught, export_here, few_windows, tmp_path_factory):
    windows, run = parts.windows, tmp_path_factory.mktemp("run")
    found = teach.features(taught, windows, parts.train)
    head = teach.linear_head(
        found, windows.labels(parts.train, ACTIONS), len(ACTIONS), seed=1, epochs=5
    )
    about = {
        "name": "pose-toy",
        "layout": "grid-30x22",
        "actions": ACTIONS,
        "limits": ["a toy"],
        "trained_on": {"licence_class": "A", "simulated": True},
    }
    runs.keep(
        run,
        teach.with_action(taught, head),
        windows,
        train=parts.train,
        test=parts.unseen,
        seed=1,
        about=about,
    )
    return export_here(run, tmp_path_factory.mktemp("zoo"))


def error_cm(poses, windows, asked):
    height_m = np.array([windows.takes[i].stature_m for i in asked[:, 0]])[:, None, None]
    truth = windows.truth(asked)[:, 0]
    return float(scores.distances_cm(poses * height_m, truth * height_m).mean())


def test_the_toy_converges_and_beats_the_mean_pose_on_an_unseen_person(parts, taught):
    windows = parts.windows
    mean = windows.truth(parts.train)[:, 0].mean(axis=0)
    plain = error_cm(mean[None], windows, parts.unseen)
    unseen = error_cm(teach.poses(taught, windows, parts.unseen)[:, 0], windows, parts.unseen)
    own = parts.train[::20]
    seen = error_cm(teach.poses(taught, windows, own)[:, 0], windows, own)
    assert seen < 5.0
    assert unseen < 0.7 * plain


def test_the_exported_toy_sees_what_training_saw(parts, taught, model_folder):
    windows, asked = parts.windows, parts.unseen[::4]
    keras_cm = error_cm(teach.poses(taught, windows, asked)[:, 0], windows, asked)
    for mode, worse_cm in (("float16", 0.02), ("int8", 0.5)):
        _, model = zoo.open_zoo_model(model_folder, mode)
        found = []
        for window in asked:
            seen = windows.inputs(window[None])
            out = model.run(left=seen["left"], right=seen["right"])
            found.append(decode.keypoints(out["pose"])[0, 0])
        assert error_cm(np.stack(found), windows, asked) < keras_cm + worse_cm


def test_the_card_says_where_the_toy_comes_from(model_folder):
    card = zoo.card(model_folder)
    assert card.trained_on["simulated"] is True
    assert card.keypoints == decode.KEYPOINTS
    assert set(card.modes) == {"float16", "int8", "dynamic"}


def test_parts_share_no_person_and_no_frame(parts):
    def frames(windows):
        return {(int(i), int(f) + k) for i, f in windows for k in range(40)}

    def who(windows):
        return {parts.windows.takes[i].person for i in windows[:, 0]}

    assert not who(parts.train) & who(parts.unseen)
    assert who(parts.train) == who(parts.seen)
    assert not frames(parts.train) & frames(parts.seen)


def test_a_mirrored_window_is_the_window_of_the_mirrored_person(parts):
    asked = parts.train[:3]
    plain = parts.windows.inputs(asked)
    swapped = parts.windows.inputs(asked, mirrored=np.ones(3, bool))
    np.testing.assert_array_equal(plain["left"], swapped["right"])
    np.testing.assert_array_equal(plain["right"], swapped["left"])
    pose = parts.windows.truth(asked)
    other = turned(pose, np.ones(3, bool))
    names = decode.KEYPOINTS
    left, right = names.index("left_wrist"), names.index("right_wrist")
    np.testing.assert_array_equal(other[..., left, 0], -pose[..., right, 0])
    np.testing.assert_array_equal(other[..., left, 1:], pose[..., right, 1:])
    np.testing.assert_array_equal(turned(other, np.ones(3, bool)), pose)


def test_spoiling_changes_what_is_seen_but_keeps_its_range(parts):
    rng = np.random.default_rng(1)
    plain = parts.windows.inputs(parts.train[:8])["left"]
    spoilt = parts.windows.inputs(parts.train[:8], spoil=Spoil(), rng=rng)["left"]
    assert spoilt.min() >= 0.0
    assert spoilt.max() <= 1.0
    assert 0.01 < np.abs(plain - spoilt).mean() < 0.2


def test_a_table_goes_on_where_it_broke_off(tmp_path):
    made = []
    tables = Tables(tmp_path, preset="toy", seed=1)
    for _ in range(2):
        row = tables.row("one", "a", lambda: made.append(1) or {"error_cm": 3.0})
    assert len(made) == 1
    assert row["preset"] == "toy"
    assert row["error_cm"] == 3.0
    with pytest.raises(DataError, match="another preset or seed"):
        Tables(tmp_path, preset="small", seed=1).row("one", "a", dict)
    unknown = scores.Interval(1.0, float("nan"), float("nan"), 1)
    tables.row("one", "c", lambda: {"error_cm": unknown})
    assert "NaN" not in (tmp_path / "one.json").read_text()
    (tmp_path / "one.json").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        tables.row("one", "b", dict)


def test_windows_need_takes():
    with pytest.raises(DataError, match="no takes"):
        Windows([], named("grid-30x22", "left"))


def test_weights_from_measure_only_data_are_not_exported(model_folder, tmp_path, parts, taught):
    head = teach.linear_head(
        teach.features(taught, parts.windows, parts.train[:7]),
        np.arange(7) % 3,
        3,
        seed=1,
        epochs=1,
    )
    about = {"name": "x", "layout": "l", "actions": (), "limits": []}
    for licence, where in (("B", tmp_path / "zoo"), ("own", None)):
        run = tmp_path / licence
        runs.keep(
            run,
            teach.with_action(taught, head),
            parts.windows,
            train=parts.train,
            test=parts.unseen,
            seed=1,
            about={**about, "trained_on": {"licence_class": licence}},
        )
        assert json.loads((run / "run.json").read_text())["trained_on"]["licence_class"] == licence
        with pytest.raises(DataError, match=f"licence class {licence}"):
            export.export(run, **({"folder": where} if where else {}))
