"""A Keras model to one file: ``python -m models.quantise IN.keras OUT --mode int8 ...``.

One model and one mode per process: what a process converted before changes the bytes, and some
conversions kill it. ``convert`` starts that process and turns its death into one error.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solekit.errors import DataError, MissingExtraError
from solekit.inference.runtime import Model

Arrays = dict[str, NDArray[Any]]

TFLITE = ("float32", "float16", "int8", "dynamic")
MODES = (*TFLITE, "onnx", "keras")
ROOT = Path(__file__).parents[1]
_EDGES = {"QUANTIZE", "DEQUANTIZE"}
_N_PROBES = 4


@dataclass(frozen=True)
class Converted:
    """One file and what the names of our outputs are in it."""

    path: Path
    mode: str
    sha256: str
    n_bytes: int
    tensors: dict[str, str]


def need_train() -> None:
    """Raise where what trains and converts is not installed."""
    for module in ("tensorflow", "onnx", "onnxruntime", "tf2onnx"):
        if find_spec(module) is None:
            raise MissingExtraError("converting a model", "train")


def convert(
    model: Path, out: Path, mode: str, calibration: Path, timeout_s: float = 900.0
) -> Converted:
    """Convert in a process of its own; DataError with what it said when it fails or dies.

    ``calibration`` is an .npz of windows by input name, shape (n, ...): representative data of
    int8, and what the outputs are told apart with in every mode. Mode ``keras`` converts nothing:
    it runs the model on those windows and writes its outputs as .npz.
    """
    need_train()
    command = [sys.executable, "-m", "models.quantise", str(model), str(out)]
    command += ["--mode", mode, "--calibration", str(calibration)]
    # A GPU that is busy with a training would be found otherwise, and its sums differ.
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{model} to {mode}: not done after {timeout_s:g} s") from error
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        why = said[-1] if done.returncode > 0 and said else f"it died, code {done.returncode}"
        raise DataError(f"{model} cannot be converted to {mode}: {why}")
    told = json.loads(lines[-1])
    return Converted(out, mode, told["sha256"], told["bytes"], told["tensors"])


def op_types(content: bytes) -> dict[str, int]:
    """Return how often each operator stands in a .tflite, by name and type of its output.

    The type of an input would mislead: the first one of TRANSPOSE_CONV and SPLIT is a shape.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    types = {one["index"]: np.dtype(one["dtype"]).name for one in interpreter.get_tensor_details()}
    counts: collections.Counter[str] = collections.Counter()
    for op in interpreter._get_ops_details():
        out = sorted({types.get(int(index), "none") for index in op["outputs"] if index >= 0})
        counts[f"{op['op_name']} {'+'.join(out)}"] += 1
    return dict(sorted(counts.items()))


def float_ops(ops: Mapping[str, int]) -> list[str]:
    """Return the operators that compute in float, other than the edges of a quantised file."""
    return [one for one in ops if "float" in one.split()[1] and one.split()[0] not in _EDGES]


def run_tflite(content: bytes, windows: Mapping[str, NDArray[Any]]) -> Arrays:
    """Return all outputs for windows (n, ...) by input name, under the names of the file."""
    model = Model(content)
    return _each(windows, lambda one: model.run(**one))


def run_onnx(path: Path, windows: Mapping[str, NDArray[Any]]) -> Arrays:
    """Return all outputs of an ONNX file for windows (n, ...) by input name."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    outputs = [one.name for one in session.get_outputs()]
    return _each(
        windows, lambda one: dict(zip(outputs, session.run(None, dict(one)), strict=True))
    )


def load_windows(path: Path, names: list[str]) -> Arrays:
    """Return the arrays ``names`` of an .npz, each (n, ...) float32, equally many of each."""
    with np.load(path) as file:
        missing = [name for name in names if name not in file.files]
        if missing:
            raise DataError(f"{path} has no array {missing[0]!r}; it needs {', '.join(names)}")
        windows = {name: file[name].astype(np.float32) for name in names}
    lengths = {len(value) for value in windows.values()}
    if len(lengths) != 1 or not max(lengths):
        raise DataError(f"{path} holds {sorted(lengths)} windows; as many of each input, not 0")
    return windows


def match(wanted: Mapping[str, NDArray[Any]], found: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """Return which of ``found`` is which of ``wanted``, by shape and by nearness of the values.

    The order of outputs in a file is not that of the model; DataError where it stays unclear.
    """
    if len(wanted) != len(found):
        raise DataError(f"the file has {len(found)} outputs, the model {len(wanted)}")
    names = {}
    for ours, truth in wanted.items():
        errors = {
            theirs: float(np.abs(value - truth).max())
            for theirs, value in found.items()
            if value.shape == truth.shape
        }
        limit = 0.2 * float(np.abs(truth).max()) + 1e-6
        near = [theirs for theirs, error in errors.items() if error <= limit]
        if not near:
            raise DataError(f"no output of the file is like the model's {ours!r}: {errors}")
        names[ours] = min(near, key=errors.__getitem__)
    if len(set(names.values())) != len(names):
        raise DataError(f"two outputs of the model are one of the file: {names}")
    return names


def _each(windows: Mapping[str, NDArray[Any]], run: Any) -> Arrays:
    n = len(next(iter(windows.values())))
    rows = [run({name: value[k : k + 1] for name, value in windows.items()}) for k in range(n)]
    return {name: np.concatenate([row[name] for row in rows]) for row in rows[:1] for name in row}


# -- what runs in the child --


def _load(path: Path) -> tuple[Any, list[str], list[str]]:
    """Return the model with batch 1, a list of inputs and of outputs, and the names of both."""
    import keras

    import models.pose.baseline  # noqa: F401 - its layers are found by being registered

    model: Any = keras.models.load_model(path, compile=False)
    inputs: list[Any] = [
        keras.Input(batch_shape=(1, *one.shape[1:]), dtype=one.dtype, name=one.name.split(":")[0])
        for one in model.inputs
    ]
    names = [one.name for one in inputs]
    structure = model.input
    if isinstance(structure, dict):
        given: Any = {key: inputs[names.index(one.name)] for key, one in structure.items()}
    else:
        given = inputs if len(inputs) > 1 else inputs[0]
    result = model(given, training=False)
    if isinstance(result, dict):
        named = dict(result)
    else:
        values = list(result) if isinstance(result, list | tuple) else [result]
        named = dict(zip(model.output_names, values, strict=True))
    return keras.Model(inputs, list(named.values())), names, list(named)


def _convert_tflite(model: Any, mode: str, calibration: Arrays) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if mode != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode == "int8":

        def representative() -> Iterator[Arrays]:
            # A list would be read in the order of the file, which need not be that of the model.
            for k in range(len(next(iter(calibration.values())))):
                yield {name: value[k : k + 1] for name, value in calibration.items()}

        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _convert_onnx(model: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        model.export(path, format="onnx", verbose=False)
        return path.read_bytes()


def _renamed(content: bytes, ours: Mapping[str, str]) -> bytes:
    """Return the ONNX file with our names of the outputs and the batch called n."""
    import onnx

    model = onnx.load_from_string(content)
    graph = model.graph
    for node in graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [ours.get(name, name) for name in tensors]
    for one in (*graph.input, *graph.output):
        one.name = ours.get(one.name, one.name)
        first = one.type.tensor_type.shape.dim[0]
        if first.dim_param:
            first.dim_param = "n"
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def _work(source: Path, out: Path, mode: str, calibration: Path) -> dict[str, Any]:
    import keras

    keras.utils.set_random_seed(0)
    model, inputs, outputs = _load(source)
    windows = load_windows(calibration, inputs)

    def run(one: Arrays) -> Arrays:
        values = model([one[name] for name in inputs], training=False)
        values = values if isinstance(values, list | tuple) else [values]
        return {name: np.asarray(value) for name, value in zip(outputs, values, strict=True)}

    if mode == "keras":
        arrays: dict[str, Any] = _each(windows, run)
        with out.open("wb") as file:  # a path would be given the ending .npz
            np.savez(file, **arrays)
        tensors = {name: name for name in outputs}
    else:
        probes = {name: value[:_N_PROBES] for name, value in windows.items()}
        wanted = _each(probes, run)  # ONNX export also needs a model that was called
        content = _convert_onnx(model) if mode == "onnx" else _convert_tflite(model, mode, windows)
        out.write_bytes(content)
        found = run_onnx(out, probes) if mode == "onnx" else run_tflite(content, probes)
        tensors = match(wanted, found)
        if mode == "onnx":
            out.write_bytes(_renamed(content, {theirs: ours for ours, theirs in tensors.items()}))
            tensors = {name: name for name in outputs}
    content = out.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return {"sha256": sha256, "bytes": len(content), "tensors": tensors}


def main() -> int:
    """Convert what the command line names and print one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m models.quantise", description=__doc__)
    parser.add_argument("model", type=Path, help="a saved .keras model")
    parser.add_argument("out", type=Path)
    parser.add_argument("--mode", choices=MODES, required=True)
    parser.add_argument("--calibration", type=Path, required=True, help=".npz by input name")
    arguments = parser.parse_args()
    try:
        need_train()
        told = _work(arguments.model, arguments.out, arguments.mode, arguments.calibration)
    except (DataError, MissingExtraError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
