"""A finished run of a tiny network becomes a model of the zoo, or one sentence."""

import json
import shutil

import numpy as np
import pytest

from models import export
from solekit.errors import DataError
from solekit.inference import decode, zoo

# Importing TensorFlow alone takes a busy machine a minute.
pytestmark = pytest.mark.timeout(600)

RUN = {
    "name": "pose-tiny",
    "version": "1",
    "task": "pose",
    "what": "poses of nobody",
    "layout": "grid-8x6",
    "actions": ["walk", "stand", "jump"],
    "keypoints": list(decode.KEYPOINTS),
    "trained_on": {"data": [{"name": "virtual insole", "licence_class": "A"}], "simulated": True},
    "seed": 1,
    "preset": "smoke",
    "evaluation": {"cm": 1.0},
    "limits": ["knows nothing"],
    "inputs": {"left": "left foot", "right": {"what": "right foot"}},
}
TRUTH_CM = 12.0  # the truth lies this far above what the network says


@pytest.fixture(scope="module")
def run(tiny_network, tmp_path_factory):
    """Return a run's folder as training leaves it."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copy(tiny_network.model, folder)
    shutil.copy(tiny_network.calibration, folder)
    (folder / "run.json").write_text(json.dumps(RUN))
    with np.load(tiny_network.calibration) as file:
        windows = {name: file[name][:6] for name in ("left", "right")}
    stature_m = np.linspace(1.5, 2.0, 6)
    points = decode.keypoints(tiny_network.outputs(**windows)["pose"])
    truth = points * stature_m[:, None, None, None] + np.array([0.0, 0.0, TRUTH_CM / 100])
    np.savez(folder / "golden.npz", **windows, pose_m=truth, stature_m=stature_m)
    return folder


@pytest.fixture(scope="module")
def made(run, export_here, tmp_path_factory):
    return export_here(run, tmp_path_factory.mktemp("zoo"))


def test_an_exported_run_opens_as_a_model_in_every_mode(made, tiny_network):
    with np.load(tiny_network.calibration) as file:
        window = {name: file[name][:1] for name in ("left", "right")}
    truth = tiny_network.outputs(**window)
    assert zoo.card(made).modes == ("dynamic", "float16", "int8")
    for mode in zoo.card(made).modes:
        card, model = zoo.open_zoo_model(made, mode)
        found = model.run(**window)
        assert found.keys() == card.outputs.keys() == {"pose", "action"}
        for name, value in truth.items():
            assert export.relative_error(found[name], value) < 0.06


def test_the_card_tells_what_training_and_export_know(made):
    card = zoo.card(made)
    assert (card.name, card.task, card.layout, card.default) == (
        *("pose-tiny", "pose", "grid-8x6"),
        "int8",
    )
    assert card.inputs["left"] == {"shape": [1, 8, 6, 4], "what": "left foot"}
    assert card.inputs["right"]["what"] == "right foot"
    assert card.outputs["pose"]["shape"] == [1, 2, 19, sum(decode.N_BINS)]
    assert card.trained_on["simulated"] is True
    assert {path.name for path in made.iterdir()} == {"card.json", *card.files}
    assert set(card.ops) == set(card.modes)


def test_drift_is_told_in_centimetres_and_against_the_truth(made):
    drift = zoo.card(made).drift
    assert set(drift) == {"float16", "int8", "dynamic"}
    assert drift["float16"]["mean_cm"] < drift["int8"]["mean_cm"] < 10
    for row in drift.values():
        assert row["error_of_float_cm"] == pytest.approx(TRUTH_CM, rel=0.01)
        assert abs(row["error_cm"] - TRUTH_CM) <= row["mean_cm"] + 0.01


def test_the_onnx_file_has_our_names_and_takes_any_number_of_windows(made, tiny_network):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(made / "pose-tiny.onnx"))
    assert {one.name for one in session.get_outputs()} == {"pose", "action"}
    with np.load(tiny_network.calibration) as file:
        windows = {name: file[name][:5] for name in ("left", "right")}
    pose = session.run(["pose"], windows)[0]
    assert export.relative_error(pose, tiny_network.outputs(**windows)["pose"]) < 1e-5


def test_data_that_may_not_be_shipped_stops_the_export(run, tmp_path):
    trained_on = {"data": [{"licence_class": "A"}, {"name": "gait study", "licence_class": "B"}]}
    with pytest.raises(DataError, match="data of licence class B: such weights are not shipped"):
        export.export(_changed(run, tmp_path / "run", trained_on=trained_on), tmp_path)
    assert not (tmp_path / "pose-tiny").exists()


def test_data_of_unknown_licence_stops_the_export(run, tmp_path):
    with pytest.raises(DataError, match="names no licence_class"):
        export.export(_changed(run, tmp_path / "run", trained_on={}), tmp_path)


@pytest.mark.parametrize("file", ["model.keras", "calibration.npz", "golden.npz", "run.json"])
def test_an_unfinished_run_is_named(run, tmp_path, file):
    folder = _changed(run, tmp_path / "run")
    (folder / file).unlink()
    with pytest.raises(DataError, match=f"no finished run: {file} is missing"):
        export.export(folder, tmp_path)


def test_a_file_too_far_from_keras_or_without_an_answer_is_refused():
    reference = {"pose": np.array([[1.0, 2.0], [3.0, 4.0]])}
    off = {"pose": export.relative_error(reference["pose"] * 1.2, reference["pose"])}
    with pytest.raises(DataError, match=r"int8 is off by 0\.2 of the largest 'pose', 0\.15 is"):
        export._check("x", {"int8": off}, reference)
    nan = {"pose": export.relative_error(np.full((2, 2), np.nan), reference["pose"])}
    with pytest.raises(DataError, match="int8 is off by inf"):
        export._check("x", {"int8": nan}, reference)
    with pytest.raises(DataError, match="the same for every window"):
        export._check("x", {}, {"pose": np.ones((3, 2))})


def test_a_file_that_moves_poses_or_changes_actions_is_refused():
    fine = {"mean_cm": 0.1, "other_action_pct": 1.0}
    export._check_drift("x", {"int8": fine})
    with pytest.raises(DataError, match=r"int8 moves mean_cm by 0\.7, 0\.5 is allowed"):
        export._check_drift("x", {"float16": fine, "int8": {**fine, "mean_cm": 0.7}})
    with pytest.raises(DataError, match="int8 moves other_action_pct by 5, 2 is allowed"):
        export._check_drift("x", {"int8": {**fine, "other_action_pct": 5.0}})


def _changed(run, folder, **fields):
    folder.mkdir()
    for path in run.iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "run.json").unlink()
    (folder / "run.json").write_text(json.dumps(RUN | fields))
    return folder
