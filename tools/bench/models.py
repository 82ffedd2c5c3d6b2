"""How long one window of the shipped models takes, as ratios to the published network.

Round robin on one thread, medians of one run. ``network`` is the interpreter alone; ``whole`` is
what a caller waits for, with quantising and dequantising. Both are given against the float
original and against its exact int8 twin: int8 against float alone would flatter. Latency does not
depend on the weights, so the published network has random ones here.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from models import quantise
from solekit.inference import zoo
from solekit.inference.runtime import Model
from solekit.inference.runtime import quantise as as_stored

ORIGINAL, TWIN = "study M, float32", "twin M, int8"
WARM_UP = 5
ROUNDS = 60


def measure() -> list[dict[str, Any]]:
    """Return one row per model and mode: bytes and ratios of medians to both references."""
    quantise.need_train()
    with tempfile.TemporaryDirectory() as folder:
        opened = _references(Path(folder))
    for name in zoo.names():
        card = zoo.card(name)
        for mode in card.modes:
            opened[f"{name}, {mode}"] = (zoo.open_zoo_model(name, mode)[1], _bytes(card, mode))
    rng = np.random.default_rng(0)
    calls = {name: _calls(model, rng) for name, (model, _) in opened.items()}
    medians = _round_robin(calls)
    return [
        {
            "model": name,
            "kilobytes": round(opened[name][1] / 1000),
            **{
                f"{kind}_to_{against}": float(f"{medians[name][kind] / medians[other][kind]:.3g}")
                for against, other in (("original", ORIGINAL), ("int8_twin", TWIN))
                for kind in ("network", "whole")
            },
        }
        for name in opened
    ]


def _bytes(card: zoo.Card, mode: str) -> int:
    return int(card.files[card.path(mode).name]["bytes"])


def _references(folder: Path) -> dict[str, tuple[Model, int]]:
    """Return the published network in float32 and its twin in float32 and int8."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from models.pose import baseline

    rng = np.random.default_rng(0)
    shape = (8, 30, 22, 40)
    windows = {name: rng.random(shape, dtype=np.float32) for name in ("left", "right")}
    calibration = folder / "calibration.npz"
    np.savez(calibration, left=windows["left"], right=windows["right"])
    original = baseline.native("M")
    original.save(folder / "original.keras")
    baseline.twin(original).save(folder / "twin.keras")
    made = {}
    for name, file, mode in (
        (ORIGINAL, "original", "float32"),
        ("twin M, float32", "twin", "float32"),
        (TWIN, "twin", "int8"),
    ):
        out = folder / f"{file}.{mode}.tflite"
        one = quantise.convert(folder / f"{file}.keras", out, mode, calibration)
        made[name] = (Model(one.path), one.n_bytes)
    return made


def _calls(model: Model, rng: np.random.Generator) -> dict[str, Callable[[], Any]]:
    """Return the two things that are timed, each with its input ready."""
    window = {
        name: rng.random(spec.shape, dtype=np.float32) for name, spec in model.inputs.items()
    }
    stored = {name: as_stored(value, model.inputs[name]) for name, value in window.items()}
    return {"network": lambda: model._signature(**stored), "whole": lambda: model.run(**window)}


def _round_robin(
    calls: dict[str, dict[str, Callable[[], Any]]],
) -> dict[str, dict[str, float]]:
    """Return the median seconds of every call, all taking turns."""
    spent: dict[tuple[str, str], list[float]] = {}
    for k in range(WARM_UP + ROUNDS):
        for name, kinds in calls.items():
            for kind, call in kinds.items():
                began_s = time.perf_counter()
                call()
                took_s = time.perf_counter() - began_s
                if k >= WARM_UP:
                    spent.setdefault((name, kind), []).append(took_s)
    return {
        name: {kind: float(np.median(spent[name, kind])) for kind in kinds}
        for name, kinds in calls.items()
    }
