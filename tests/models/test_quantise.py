"""Conversions of a tiny network, each in a process of its own."""

import hashlib

import numpy as np
import pytest

from models import quantise
from solekit.errors import DataError, MissingExtraError
from solekit.inference.runtime import Model

# Importing TensorFlow alone takes a busy machine a minute.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def int8(tiny_network, tmp_path_factory):
    out = tmp_path_factory.mktemp("int8") / "a.tflite"
    return quantise.convert(tiny_network.model, out, "int8", tiny_network.calibration)


def test_an_int8_file_is_int8_to_its_edges_and_close_to_keras(tiny_network, int8):
    content = int8.path.read_bytes()
    assert int8.sha256 == hashlib.sha256(content).hexdigest()
    assert int8.n_bytes == len(content)
    assert quantise.float_ops(quantise.op_types(content)) == []
    model = Model(content, outputs=int8.tensors)
    assert {spec.dtype for spec in (model.inputs | model.outputs).values()} == {np.dtype("int8")}
    # Calibrated by name: the right foot carries less, and the file knows it.
    assert model.inputs["right"].scale < 0.5 * model.inputs["left"].scale
    windows = quantise.load_windows(tiny_network.calibration, ["left", "right"])
    one = {name: value[:1] for name, value in windows.items()}
    found = model.run(**one)
    for name, truth in tiny_network.outputs(**one).items():
        assert found[name].shape == truth.shape
        assert np.abs(found[name] - truth).max() < 0.05 * np.abs(truth).max()


def test_the_same_model_gives_the_same_file_again(tiny_network, int8, tmp_path):
    again = quantise.convert(
        tiny_network.model, tmp_path / "b.tflite", "int8", tiny_network.calibration
    )
    assert again.sha256 == int8.sha256


def test_a_process_that_dies_is_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.setattr(quantise.sys, "executable", str(_program(tmp_path, "kill -SEGV $$")))
    with pytest.raises(
        DataError, match=r"m\.keras cannot be converted to int8: it died, code -11"
    ):
        quantise.convert(tmp_path / "m.keras", tmp_path / "out", "int8", tmp_path / "c.npz")


def test_a_process_that_fails_tells_its_last_line(monkeypatch, tmp_path):
    program = _program(tmp_path, "echo some noise >&2; echo 'no such layer' >&2; exit 1")
    monkeypatch.setattr(quantise.sys, "executable", str(program))
    with pytest.raises(DataError, match=r"converted to onnx: no such layer"):
        quantise.convert(tmp_path / "m.keras", tmp_path / "out", "onnx", tmp_path / "c.npz")


def test_without_the_extra_the_message_names_it(monkeypatch, tmp_path):
    monkeypatch.setattr(quantise, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"solekit\[train\]"):
        quantise.convert(tmp_path / "m.keras", tmp_path / "out", "int8", tmp_path / "c.npz")


def test_outputs_are_told_apart_by_their_values():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 4, 3))
    wanted = {"pose": a, "action": b}
    found = {"output_0": b + 0.01, "output_1": a - 0.01}
    assert quantise.match(wanted, found) == {"pose": "output_1", "action": "output_0"}


def test_an_output_that_is_like_none_is_refused():
    a = np.ones((2, 3))
    with pytest.raises(DataError, match="no output of the file"):
        quantise.match({"pose": a}, {"output_0": -a})
    with pytest.raises(DataError, match="two outputs of the model are one"):
        quantise.match({"pose": a, "action": a}, {"x": a, "y": 5 * a})


def test_windows_that_do_not_pair_are_refused(tmp_path):
    path = tmp_path / "c.npz"
    np.savez(path, left=np.zeros((3, 2)), right=np.zeros((2, 2)))
    with pytest.raises(DataError, match=r"\[2, 3\] windows"):
        quantise.load_windows(path, ["left", "right"])
    with pytest.raises(DataError, match="no array 'imu'"):
        quantise.load_windows(path, ["imu"])


def test_float_islands_are_seen_and_edges_are_not():
    ops = {"CONV_2D int8": 2, "QUANTIZE float32": 1, "ADD_N float32": 1}
    assert quantise.float_ops(ops) == ["ADD_N float32"]


def _program(folder, text):
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path
