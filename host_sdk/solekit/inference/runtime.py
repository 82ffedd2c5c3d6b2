"""Run a ``.tflite`` file with whichever interpreter is installed; names in, float arrays out.

Quantised files look like float ones from outside: ``Model.run`` quantises what goes in and
dequantises what comes out. The interpreter is looked for when a model is opened, not at import:
everything but inference works without one.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solekit.errors import DataError, SolekitError

Float32 = NDArray[np.float32]

# Distribution to the module that holds its Interpreter, in the order of preference.
_MODULES = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
    "tensorflow": "tensorflow",
}


class MissingBackendError(SolekitError, ImportError):
    """No interpreter of ``.tflite`` files is installed, or not the one that was named."""


@dataclass(frozen=True)
class TensorSpec:
    """What a tensor of a file is; ``scale`` is 0 where it is not quantised."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float = 0.0
    zero_point: int = 0


def backends() -> list[str]:
    """Return the installed interpreters, the preferred one first."""
    return [name for name, module in _MODULES.items() if _is_installed(module.split(".")[0])]


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


class Model:
    """One ``.tflite`` file, opened.

    Parameters
    ----------
    source : path or bytes
        The file, or what is in it.
    threads : int
        How many the interpreter may use.
    backend : str, optional
        One of ``backends()``; the first of them where None.
    outputs : mapping, optional
        Our names of the outputs to those in the file's signature; the file's own where None.

    Attributes
    ----------
    inputs, outputs : dict of str to TensorSpec
    backend : str

    One thread at a time uses the interpreter; ``run`` waits for its turn.
    """

    def __init__(
        self,
        source: str | Path | bytes,
        *,
        threads: int = 1,
        backend: str | None = None,
        outputs: Mapping[str, str] | None = None,
    ) -> None:
        if threads < 1:
            raise DataError(f"threads is {threads}; at least one is needed")
        self._what = "this model" if isinstance(source, bytes) else Path(source).name
        self.backend = _choose(backend)
        content = source if isinstance(source, bytes) else _read(Path(source))
        interpreter = _interpreter(self.backend)
        try:
            with warnings.catch_warnings():
                # TensorFlow announces for years that its own interpreter will go.
                warnings.simplefilter("ignore")
                self._interpreter = interpreter(model_content=content, num_threads=threads)
            self._signature = self._interpreter.get_signature_runner()
        except (ValueError, RuntimeError, SystemError) as error:
            first = (str(error).strip().splitlines() or ["no reason given"])[0]
            raise DataError(
                f"{self._what} is no .tflite file with one signature ({first}); "
                "get it anew or export it anew"
            ) from error
        self._lock = threading.Lock()
        self.inputs = _specs(self._signature.get_input_details())
        inside = _specs(self._signature.get_output_details())
        self._names = dict(outputs) if outputs is not None else {name: name for name in inside}
        unknown = sorted(set(self._names.values()) - set(inside))
        if unknown:
            raise DataError(
                f"{self._what} has no output {unknown[0]!r}, it has {', '.join(sorted(inside))}"
            )
        self.outputs = {ours: inside[theirs] for ours, theirs in self._names.items()}

    def run(self, **arrays: ArrayLike) -> dict[str, Float32]:
        """Return every output as float32 for one set of inputs, by name.

        DataError for a name, a shape or a value (NaN, infinity) that the model does not take.
        """
        if arrays.keys() != self.inputs.keys():
            raise DataError(
                f"{self._what} takes the inputs {', '.join(sorted(self.inputs))}; "
                f"it was given {', '.join(sorted(arrays)) or 'none'}"
            )
        ready = {name: self._ready(name, np.asarray(value)) for name, value in arrays.items()}
        with self._lock:
            found = self._signature(**ready)
        return {
            ours: dequantise(found[theirs], self.outputs[ours])
            for ours, theirs in self._names.items()
        }

    def _ready(self, name: str, value: NDArray[Any]) -> NDArray[Any]:
        spec = self.inputs[name]
        if value.shape != spec.shape:
            raise DataError(
                f"input {name!r} of {self._what} has shape {spec.shape}, not {value.shape}"
            )
        if not np.all(np.isfinite(value)):
            raise DataError(
                f"input {name!r} of {self._what} holds NaN or infinity; leave such windows out"
            )
        return quantise(value, spec)


def quantise(value: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """Return ``value`` as the file stores it: round(value / scale) + zero point, clipped."""
    if spec.scale == 0.0:
        return np.ascontiguousarray(value, dtype=spec.dtype)
    limits = np.iinfo(spec.dtype)
    counts = np.rint(value / np.float32(spec.scale)) + spec.zero_point
    return np.clip(counts, limits.min, limits.max).astype(spec.dtype)


def dequantise(value: NDArray[Any], spec: TensorSpec) -> Float32:
    """Return what the file stores as float32: (value - zero point) * scale."""
    found = np.asarray(value, dtype=np.float32)
    if spec.scale == 0.0:
        return found
    return (found - np.float32(spec.zero_point)) * np.float32(spec.scale)


def _choose(backend: str | None) -> str:
    if backend is not None and backend not in _MODULES:
        raise DataError(f"no backend {backend!r}; there are {', '.join(_MODULES)}")
    installed = backends()
    if backend is None and installed:
        return installed[0]
    if backend is not None and backend in installed:
        return backend
    raise MissingBackendError(
        f"running a model needs {backend or 'an interpreter'}, which is not installed: "
        f"pip install {backend or 'ai-edge-litert'} "
        "(on 32-bit ARM: tflite-runtime 'numpy<2'; on a Mac with Intel: tensorflow==2.16.2)"
    )


def _interpreter(backend: str) -> Any:
    try:
        module = importlib.import_module(_MODULES[backend])
    except (ImportError, SystemError) as error:
        raise MissingBackendError(
            f"{backend} is installed but does not load ({error}); install it anew"
            + (" together with 'numpy<2'" if backend == "tflite-runtime" else "")
        ) from error
    return module.lite.Interpreter if backend == "tensorflow" else module.Interpreter


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _specs(details: Mapping[str, Mapping[str, Any]]) -> dict[str, TensorSpec]:
    specs = {}
    for name, detail in sorted(details.items()):
        scale, zero_point = detail["quantization"]
        specs[name] = TensorSpec(
            tuple(int(n) for n in detail["shape"]),
            np.dtype(detail["dtype"]),
            float(scale),
            int(zero_point),
        )
    return specs
