"""Every shipped model keeps what its card says, through the runtime that users have."""

import hashlib
import importlib.util
import json
import shutil

import numpy as np
import pytest

from models import export, quantise
from solekit.errors import DataError, SolekitError
from solekit.inference import decode, frames, runtime, zoo

needs_backend = pytest.mark.skipif(not runtime.backends(), reason="no interpreter of .tflite")
NAMES = zoo.names()
FILES = [(name, mode) for name in NAMES for mode in zoo.card(name).modes]
# A mode may move key points by, on average: halves round at a part in 2000 of two metres, and
# what it quantises may cost up to the limit of the export.
CM = {"float16": 0.02, "int8": export.LIMITS["mean_cm"], "dynamic": export.LIMITS["mean_cm"]}
MOST_WORSE_CM = 0.2  # of the error against the truth, however far key points move
OF_LARGEST = {"float16": 2e-3, "int8": 5e-2, "dynamic": 3e-2}
# Kernels of another processor may round the last bit of int8 otherwise, layer after layer.
ACROSS_MACHINES = {"float16": 1e-3, "int8": 2e-2, "dynamic": 2e-2}
LARGEST_BYTES = 6_000_000  # of one file: the wheel stays small
needs_models = pytest.mark.skipif(not NAMES, reason="no model is shipped yet")


def golden(name):
    with np.load(zoo.card(name).folder / zoo.GOLDEN) as file:
        arrays = {key: file[key] for key in file.files}
    split = {}
    for key, value in arrays.items():
        kind, tensor = key.split(".", 1)
        split.setdefault(kind, {})[tensor] = value
    return split


def outputs(name, mode, windows, **options):
    _, model = zoo.open_zoo_model(name, mode, **options)
    n = len(next(iter(windows.values())))
    rows = [
        model.run(**{key: value[k : k + 1] for key, value in windows.items()}) for k in range(n)
    ]
    return {key: np.concatenate([row[key] for row in rows]) for key in model.outputs}


def of_largest(found, truth):
    return np.abs(found - truth).max() / np.abs(truth).max()


# -- the card --


@needs_models
@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_the_one_of_its_card_and_no_other_lies_there(name):
    card = zoo.card(name)
    assert card.name == name
    assert {path.name for path in card.folder.iterdir()} == {zoo.CARD, *card.files}
    for file, about in card.files.items():
        content = (card.folder / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == about["sha256"]
        assert len(content) == about["bytes"] < LARGEST_BYTES
    assert card.default in card.modes
    assert {"float16", "int8"} <= set(card.modes)
    assert f"{name}.onnx" in card.files


@needs_models
@pytest.mark.parametrize("name", NAMES)
def test_the_card_says_where_a_model_comes_from_and_where_it_fails(name):
    card = zoo.card(name)
    assert card.what
    assert card.limits
    assert card.evaluation
    assert card.trained_on
    assert card.licence == "Apache-2.0"
    text = json.dumps(card.trained_on)
    assert '"licence_class": "A"' in text
    assert '"licence_class": "B"' not in text
    assert (card.rate_hz, card.n_frames) == (frames.RATE_HZ, frames.N_FRAMES)
    for tensors in (card.inputs, card.outputs):
        assert all(one["shape"] and one["what"] for one in tensors.values())


@needs_models
@pytest.mark.parametrize("name", [name for name in NAMES if zoo.card(name).task == "pose"])
def test_a_pose_model_has_the_shapes_that_decoding_expects(name):
    card = zoo.card(name)
    assert card.keypoints == decode.KEYPOINTS
    assert card.outputs["pose"]["shape"] == [1, 2, len(decode.KEYPOINTS), sum(decode.N_BINS)]
    if "action" in card.outputs:
        assert card.outputs["action"]["shape"] == [1, len(card.actions)]
    assert set(card.inputs) == {"left", "right"}


# -- the files --


@needs_models
@needs_backend
@pytest.mark.parametrize(("name", "mode"), FILES)
def test_the_operators_are_the_stored_ones_and_int8_computes_in_int8(name, mode):
    card = zoo.card(name)
    ops = quantise.op_types(card.path(mode).read_bytes())
    assert ops == card.ops[mode]
    assert not any(op.startswith(("WHILE", "Flex", "CUSTOM")) for op in ops)
    if mode == "int8":
        assert quantise.float_ops(ops) == []


@needs_models
@needs_backend
@pytest.mark.parametrize(("name", "mode"), FILES)
def test_golden_vectors_come_out_again_and_near_to_keras(name, mode):
    stored = golden(name)
    found = outputs(name, mode, stored["input"])
    for tensor, truth in stored["keras"].items():
        assert np.isfinite(found[tensor]).all()
        assert np.ptp(found[tensor], axis=0).max() > 0
        assert of_largest(found[tensor], stored[mode][tensor]) <= ACROSS_MACHINES[mode]
        assert of_largest(found[tensor], truth) <= OF_LARGEST[mode]


@needs_models
@needs_backend
@pytest.mark.parametrize(
    ("name", "mode"), [one for one in FILES if zoo.card(one[0]).task == "pose"]
)
def test_quantising_moves_key_points_by_little(name, mode):
    stored = golden(name)
    found = decode.keypoints(outputs(name, mode, stored["input"])["pose"])
    truth = decode.keypoints(stored["keras"]["pose"])
    moved_cm = 100 * decode.STATURE_M * np.linalg.norm(found - truth, axis=-1)
    assert moved_cm.mean() <= CM[mode]
    drift = zoo.card(name).drift[mode]
    assert drift["mean_cm"] <= CM[mode]
    assert drift["error_cm"] <= drift["error_of_float_cm"] + MOST_WORSE_CM


@needs_models
@needs_backend
@pytest.mark.parametrize(("name", "mode"), FILES)
def test_left_and_right_are_not_the_same_to_a_model(name, mode):
    windows = golden(name)["input"]
    swapped = windows | {"left": windows["right"], "right": windows["left"]}
    before, after = (outputs(name, mode, one) for one in (windows, swapped))
    assert of_largest(after["pose"], before["pose"]) > 0.02


@needs_models
@pytest.mark.parametrize("name", NAMES)
def test_sizes_are_those_of_frozen_and_quantised_weights(name):
    card = zoo.card(name)
    sizes = {about["mode"]: about["bytes"] for about in card.files.values()}
    assert sizes["int8"] > 20_000
    assert 0.35 < sizes["int8"] / sizes["float16"] < 0.8
    assert 1.5 < sizes["onnx"] / sizes["float16"] < 2.6


@needs_models
@pytest.mark.skipif(not importlib.util.find_spec("onnxruntime"), reason="no onnxruntime")
@pytest.mark.parametrize("name", NAMES)
def test_the_onnx_file_is_the_same_network(name):
    stored = golden(name)
    found = quantise.run_onnx(zoo.card(name).folder / f"{name}.onnx", stored["input"])
    for tensor, truth in stored["keras"].items():
        assert of_largest(found[tensor], truth) <= 1e-5


# -- faults --


@pytest.fixture
def copy(tmp_path):
    """Return a folder with a model of a laboratory's own."""
    if not NAMES:
        pytest.skip("no model is shipped yet")
    return shutil.copytree(zoo.card(NAMES[0]).folder, tmp_path / "own")


@needs_backend
def test_a_folder_of_the_same_form_opens_as_a_model(copy):
    for where in (copy, str(copy)):
        card, model = zoo.open_zoo_model(where)
        assert card.folder == copy
        assert model.outputs.keys() == card.outputs.keys()


@needs_backend
def test_a_damaged_file_is_not_run(copy):
    path = zoo.card(copy).path()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="not the file of its card"):
        zoo.open_zoo_model(copy)
    path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        zoo.open_zoo_model(copy)


@needs_backend
def test_a_card_that_tells_other_shapes_is_refused(copy):
    card = json.loads((copy / zoo.CARD).read_text())
    card["inputs"]["left"]["shape"][-1] += 1
    (copy / zoo.CARD).write_text(json.dumps(card))
    with pytest.raises(DataError, match="its card tells"):
        zoo.open_zoo_model(copy)


def test_a_card_that_is_no_card_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"card\.json cannot be read: No such file"):
        zoo.card(tmp_path)
    (tmp_path / zoo.CARD).write_text("{")
    with pytest.raises(DataError, match="is no JSON"):
        zoo.card(tmp_path)
    (tmp_path / zoo.CARD).write_text('{"name": "x"}')
    with pytest.raises(DataError, match=r"incomplete: missing .* required .* 'version'"):
        zoo.card(tmp_path)


def test_an_unknown_name_and_mode_list_what_there_is(copy):
    with pytest.raises(DataError, match=f"no model 'pose-of-cats'.*{NAMES[0]}"):
        zoo.open_zoo_model("pose-of-cats")
    with pytest.raises(DataError, match=r"no mode 'int4', it has .*int8"):
        zoo.open_zoo_model(copy, "int4")


@needs_backend
def test_a_window_of_the_wrong_shape_is_named(copy):
    card, model = zoo.open_zoo_model(copy)
    windows = {key: np.zeros(one["shape"]) for key, one in card.inputs.items()}
    with pytest.raises(DataError, match=r"input 'left' of .* has shape"):
        model.run(**(windows | {"left": windows["left"][..., 1:]}))


def test_without_a_backend_the_cards_can_still_be_read(copy, monkeypatch):
    monkeypatch.setattr(runtime, "_is_installed", lambda module: False)
    assert zoo.card(copy).what
    with pytest.raises(SolekitError, match="pip install ai-edge-litert"):
        zoo.open_zoo_model(copy)
