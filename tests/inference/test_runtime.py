"""The runtime, on the smallest file there is: written here by the schema of the format."""

import sys

import numpy as np
import pytest

from solekit.errors import DataError, SolekitError
from solekit.inference import runtime
from solekit.inference.runtime import MissingBackendError, Model, TensorSpec

flatbuffers = pytest.importorskip("flatbuffers", reason="the extra train is not installed")
schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="no ai-edge-litert")

LEFT, RIGHT, SUM = 0, 1, 2
SHAPE = (1, 3)


def file_that_subtracts(quantised):
    """Return a .tflite whose output is left - right; int8 with one scale per tensor if asked."""
    scales = {LEFT: 0.01, RIGHT: 0.02, SUM: 0.03}
    tensors = []
    for index, name in enumerate(("serve_left", "serve_right", "Identity")):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name, list(SHAPE), 0
        tensor.type = schema.TensorType.INT8 if quantised else schema.TensorType.FLOAT32
        if quantised:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = [scales[index]]
            tensor.quantization.zeroPoint = [[-5, 7, 3][index]]
        tensors.append(tensor)
    op = schema.OperatorT()
    op.opcodeIndex, op.inputs, op.outputs = 0, [LEFT, RIGHT], [SUM]
    op.builtinOptionsType = schema.BuiltinOptions.SubOptions
    op.builtinOptions = schema.SubOptionsT()
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = tensors, [op]
    graph.inputs, graph.outputs = [RIGHT, LEFT], [SUM]  # not the order of the names
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.SUB
    code.version = 2 if quantised else 1
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs = [_named("left", LEFT), _named("right", RIGHT)]
    signature.outputs = [_named("output_0", SUM)]
    model = schema.ModelT()
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], [code]
    model.buffers, model.signatureDefs = [schema.BufferT()], [signature]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _named(name, index):
    tensor = schema.TensorMapT()
    tensor.name, tensor.tensorIndex = name, index
    return tensor


@pytest.fixture(scope="module", params=[False, True], ids=["float32", "int8"])
def content(request):
    return file_that_subtracts(request.param)


def test_inputs_go_by_name_whatever_their_order_in_the_file(content):
    model = Model(content)
    left, right = np.array([[0.5, 0.25, -0.2]]), np.array([[0.1, 0.3, 0.4]])
    found = model.run(right=right, left=left)["output_0"]
    assert found.dtype == np.float32
    step = 0.0 if model.outputs["output_0"].scale == 0 else 0.03
    assert found == pytest.approx(left - right, abs=1e-6 + step)
    swapped = model.run(right=left, left=right)["output_0"]
    assert swapped == pytest.approx(right - left, abs=1e-6 + step)


def test_the_specs_tell_shape_type_and_scale():
    model = Model(file_that_subtracts(quantised=True), outputs={"difference": "output_0"})
    spec = model.inputs["left"]
    assert (spec.shape, spec.dtype, spec.zero_point) == (SHAPE, np.dtype("int8"), -5)
    assert spec.scale == pytest.approx(0.01)
    assert list(model.outputs) == ["difference"]
    assert Model(file_that_subtracts(quantised=False)).inputs["left"].scale == 0


def test_a_file_on_disk_is_the_same_as_its_bytes(content, tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(content)
    values = {"left": np.ones(SHAPE), "right": np.zeros(SHAPE)}
    found = [Model(source).run(**values)["output_0"] for source in (path, str(path), content)]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_what_is_beyond_the_range_is_clipped_not_wrapped():
    spec = TensorSpec((3,), np.dtype("int8"), 0.01, -5)
    counts = runtime.quantise(np.array([9.0, -9.0, 0.004]), spec)
    assert counts.tolist() == [127, -128, -5]
    assert runtime.dequantise(counts, spec) == pytest.approx([1.32, -1.23, 0.0])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"left": np.zeros(SHAPE)}, "takes the inputs left, right; it was given left"),
        ({}, "it was given none"),
        (
            {"left": np.zeros(SHAPE), "right": np.zeros(SHAPE), "imu": np.zeros(SHAPE)},
            "it was given imu, left, right",
        ),
        (
            {"left": np.zeros((2, 3)), "right": np.zeros(SHAPE)},
            r"input 'left' of this model has shape \(1, 3\), not \(2, 3\)",
        ),
        ({"left": np.zeros(SHAPE), "right": np.full(SHAPE, np.nan)}, "'right' .* holds NaN"),
    ],
)
def test_a_wrong_input_is_named(content, arrays, message):
    with pytest.raises(DataError, match=message):
        Model(content).run(**arrays)


@pytest.mark.parametrize(
    "damaged",
    [b"", b"not a model", lambda whole: whole[: len(whole) // 2]],
    ids=["empty", "text", "half"],
)
def test_a_damaged_file_is_one_sentence(damaged, tmp_path):
    path = tmp_path / "broken.tflite"
    whole = file_that_subtracts(quantised=True)
    path.write_bytes(damaged(whole) if callable(damaged) else damaged)
    with pytest.raises(DataError, match=r"broken\.tflite is no \.tflite file"):
        Model(path)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"none\.tflite cannot be read: No such file"):
        Model(tmp_path / "none.tflite")


def test_an_output_that_the_file_lacks_is_named(content):
    with pytest.raises(DataError, match="no output 'output_7', it has output_0"):
        Model(content, outputs={"pose": "output_7"})


def test_threads_below_one_are_refused(content):
    with pytest.raises(DataError, match="threads is 0"):
        Model(content, threads=0)


def test_without_any_backend_opening_says_what_to_install(content, monkeypatch):
    monkeypatch.setattr(runtime, "_is_installed", lambda module: False)
    assert runtime.backends() == []
    with pytest.raises(MissingBackendError, match="pip install ai-edge-litert") as caught:
        Model(content)
    assert isinstance(caught.value, SolekitError)
    assert isinstance(caught.value, ImportError)


def test_the_backends_come_in_the_order_of_preference(monkeypatch):
    monkeypatch.setattr(runtime, "_is_installed", lambda module: module != "ai_edge_litert")
    assert runtime.backends() == ["tflite-runtime", "tensorflow"]


def test_a_backend_that_is_named_but_not_there_is_not_replaced(content, monkeypatch):
    monkeypatch.setattr(runtime, "_is_installed", lambda module: module == "ai_edge_litert")
    with pytest.raises(MissingBackendError, match="needs tflite-runtime, which is not installed"):
        Model(content, backend="tflite-runtime")
    with pytest.raises(DataError, match="no backend 'torch'; there are ai-edge-litert"):
        Model(content, backend="torch")


def test_a_backend_that_does_not_load_is_one_sentence(content, monkeypatch):
    monkeypatch.setattr(runtime, "_is_installed", lambda module: module == "tflite_runtime")
    monkeypatch.setitem(sys.modules, "tflite_runtime", None)
    with pytest.raises(MissingBackendError, match=r"does not load .* together with 'numpy<2'"):
        Model(content)
