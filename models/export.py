"""A finished training run into the zoo: ``python -m models.export RUN_FOLDER [--zoo DIR]``.

A run holds ``model.keras``, ``run.json`` (what training knows of the card), ``calibration.npz``
(inputs) and ``golden.npz`` (inputs; for poses also ``pose_m`` (m, 2, 19, 3), the truth, and maybe
``stature_m`` (m,)). Every file is checked before the card names it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import quantise
from models.quantise import Arrays, Converted
from solekit.errors import DataError, MissingExtraError
from solekit.inference import decode, zoo

SHIPPED = ("float16", "int8", "dynamic")
# Largest error over the largest output of Keras (the project's checklist for exported models).
# Of the quantised files it is only a guard: that logits are coarse at one of hundreds of windows
# says little, so what is made of them is judged too (LIMITS).
PARITY = {"float32": 1e-5, "float16": 2e-3, "onnx": 1e-5, "dynamic": 0.1, "int8": 0.15}
LIMITS = {"mean_cm": 0.5, "other_action_pct": 2.0}
N_GOLDEN = 4
OWN = "own"  # a laboratory's own people: exported into a folder of its own, never shipped
_FROM_RUN = (
    *("name", "version", "task", "what", "layout", "rate_hz", "n_frames", "actions"),
    *("keypoints", "trained_on", "seed", "preset", "evaluation", "limits", "licence"),
)
_NEEDED = ("name", "task", "what", "layout", "trained_on")


def export(run: Path, folder: Path = Path(zoo.__file__).parent, name: str | None = None) -> Path:
    """Write the zoo folder of the run and return it; nothing is written when a check fails.

    DataError for an incomplete run, for data that forbids shipping, and for a file that is
    further from Keras than its mode may be.
    """
    about = _about(run, is_shipped=folder == Path(zoo.__file__).parent)
    if name:
        about["name"] = name
    target = folder / about["name"]
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / about["name"]
        made.mkdir()
        _fill(run, made, about)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(made, target)
    return target


def licence_classes(about: Any) -> Iterator[str]:
    """Yield every ``licence_class`` that stands anywhere in a run's description."""
    if isinstance(about, Mapping):
        for key, value in about.items():
            if key == "licence_class":
                yield str(value)
            else:
                yield from licence_classes(value)
    elif isinstance(about, list):
        for value in about:
            yield from licence_classes(value)


def relative_error(found: NDArray[Any], truth: NDArray[Any]) -> float:
    """Return the largest error over the largest output; infinite where ``found`` holds NaN."""
    if not np.all(np.isfinite(found)):
        return float("inf")
    return float(np.abs(found - truth).max() / max(float(np.abs(truth).max()), 1e-12))


def drift_pose(
    found: Arrays, reference: Arrays, golden: Mapping[str, NDArray[Any]]
) -> dict[str, float]:
    """Return how far key points move, and how far they are from the truth, in centimetres.

    ``found`` and ``reference`` hold the logits ``pose`` (m, 2, 19, bins).
    """
    n = len(reference["pose"])
    stature_m = np.broadcast_to(golden.get("stature_m", decode.STATURE_M), (n,))
    scale_cm = 100.0 * np.asarray(stature_m, dtype=float)[:, None, None, None]
    points, before = (scale_cm * decode.keypoints(one["pose"]) for one in (found, reference))
    moved = np.linalg.norm(points - before, axis=-1)
    rows = {
        "mean_cm": _round(float(moved.mean())),
        "largest_cm": _round(float(moved.max())),
    }
    if "action" in reference:
        best = [np.argmax(one["action"], axis=-1) for one in (found, reference)]
        rows["other_action_pct"] = _round(float(100 * np.mean(best[0] != best[1])))
    if "pose_m" in golden:
        truth = 100.0 * golden["pose_m"]
        for key, one in (("error_cm", points), ("error_of_float_cm", before)):
            rows[key] = _round(float(np.nanmean(np.linalg.norm(one - truth, axis=-1))))
    return rows


_DRIFT = {"pose": drift_pose}


def _about(run: Path, *, is_shipped: bool) -> dict[str, Any]:
    for file in ("run.json", "model.keras", "calibration.npz", "golden.npz"):
        if not (run / file).is_file():
            raise DataError(f"{run} is no finished run: {file} is missing; train it to the end")
    about = json.loads((run / "run.json").read_text(encoding="utf-8"))
    missing = [key for key in _NEEDED if key not in about]
    if missing:
        raise DataError(f"{run / 'run.json'} lacks {', '.join(missing)}")
    classes = set(licence_classes(about))
    if not classes:
        raise DataError(
            f"{run / 'run.json'} names no licence_class of its training data; "
            "state it, weights ship only when it is A"
        )
    allowed = {"A"} if is_shipped else {"A", OWN}
    if not classes <= allowed:
        other = ", ".join(sorted(classes - allowed))
        raise DataError(
            f"{run} was trained on data of licence class {other}: such weights are not shipped; "
            "train on class A data or on the virtual insole"
        )
    return about


def _fill(run: Path, made: Path, about: dict[str, Any]) -> None:
    """Write everything of one model into the folder ``made``."""
    name = about["name"]
    files = {mode: made / f"{name}.{mode}.tflite" for mode in ("float32", *SHIPPED)}
    files["onnx"] = made / f"{name}.onnx"
    probe = quantise.convert(run / "model.keras", made / "keras.npz", "keras", run / "golden.npz")
    with np.load(probe.path) as file:
        reference = {key: file[key] for key in file.files}
    probe.path.unlink()
    with np.load(run / "golden.npz") as file:
        golden = {key: file[key] for key in file.files}
    converted = {
        mode: quantise.convert(run / "model.keras", path, mode, run / "calibration.npz")
        for mode, path in files.items()
    }
    model = quantise.Model(files["float32"])
    inputs = {one: spec.shape for one, spec in model.inputs.items()}
    windows = quantise.load_windows(run / "golden.npz", list(inputs))
    found = {mode: _outputs(one, windows) for mode, one in converted.items()}
    parity = {
        mode: {key: relative_error(found[mode][key], reference[key]) for key in reference}
        for mode in found
    }
    _check(name, parity, reference)
    ops = {mode: quantise.op_types(files[mode].read_bytes()) for mode in SHIPPED}
    islands = quantise.float_ops(ops["int8"])
    if islands:
        raise DataError(f"{name} in int8 still computes in float: {', '.join(islands)}")
    judge = _DRIFT.get(about["task"])
    drift = {mode: judge(found[mode], reference, golden) for mode in SHIPPED} if judge else {}
    _check_drift(name, drift)
    files.pop("float32").unlink()  # float16 is as good and half of it
    _write_golden(made / zoo.GOLDEN, windows, reference, {mode: found[mode] for mode in SHIPPED})
    card = {key: about[key] for key in _FROM_RUN if key in about}
    card.setdefault("version", "1")
    card.setdefault("licence", "Apache-2.0")
    card |= {
        "inputs": _told(inputs, about.get("inputs", {})),
        "outputs": _told(
            {k: (1, *v.shape[1:]) for k, v in reference.items()}, about.get("outputs", {})
        ),
        "tensors": {mode: converted[mode].tensors for mode in SHIPPED},
        "default": "int8",
        "files": {path.name: _file(path, mode) for mode, path in files.items()},
        "ops": ops,
        "parity": {m: {k: float(f"{v:.2g}") for k, v in row.items()} for m, row in parity.items()},
        "drift": drift,
    }
    card["files"][zoo.GOLDEN] = _file(made / zoo.GOLDEN, "golden")
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    (made / zoo.CARD).write_text(text, encoding="utf-8")


def _outputs(one: Converted, windows: Arrays) -> Arrays:
    """Return what a file puts out, under our names."""
    if one.mode == "onnx":
        found = quantise.run_onnx(one.path, windows)
    else:
        found = quantise.run_tflite(one.path.read_bytes(), windows)
    return {ours: found[theirs] for ours, theirs in one.tensors.items()}


def _check(name: str, parity: Mapping[str, Mapping[str, float]], reference: Arrays) -> None:
    for key, value in reference.items():
        if len(value) > 1 and np.ptp(value, axis=0).max() < 1e-6:
            raise DataError(f"{name}: output {key!r} is the same for every window; train it")
    for mode, row in parity.items():
        for key, error in row.items():
            if not error <= PARITY[mode]:
                raise DataError(
                    f"{name}: {mode} is off by {error:.2g} of the largest {key!r}, "
                    f"{PARITY[mode]:g} is allowed"
                    + ("; calibrate with windows as strong as these" if mode == "int8" else "")
                )


def _check_drift(name: str, drift: Mapping[str, Mapping[str, float]]) -> None:
    for mode, row in drift.items():
        for key, limit in LIMITS.items():
            if row.get(key, 0.0) > limit:
                raise DataError(
                    f"{name}: {mode} moves {key} by {row[key]:g}, {limit:g} is allowed; calibrate "
                    "with windows as strong as those it is used on"
                )


def _write_golden(
    path: Path, windows: Arrays, reference: Arrays, found: Mapping[str, Arrays]
) -> None:
    """Write the inputs of a few windows and what Keras and every mode make of them."""
    arrays = {f"input.{key}": value[:N_GOLDEN] for key, value in windows.items()}
    arrays |= {f"keras.{key}": value[:N_GOLDEN] for key, value in reference.items()}
    for mode, outputs in found.items():
        arrays |= {f"{mode}.{key}": value[:N_GOLDEN] for key, value in outputs.items()}
    named: dict[str, Any] = arrays
    np.savez_compressed(path, **named)


def _told(shapes: Mapping[str, tuple[int, ...]], what: Mapping[str, Any]) -> dict[str, Any]:
    """Return shape and meaning of every tensor; a run tells the meaning as text or as a row."""
    told = {}
    for name, shape in shapes.items():
        words = what.get(name, "")
        told[name] = {
            "shape": [int(n) for n in shape],
            "what": words.get("what", "") if isinstance(words, Mapping) else words,
        }
    return told


def _file(path: Path, mode: str) -> dict[str, Any]:
    content = path.read_bytes()
    return {
        "mode": mode,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }


def _round(value: float) -> float:
    return float(f"{value:.3g}")


def main() -> int:
    """Export the run that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m models.export", description=__doc__)
    parser.add_argument("run", type=Path, help="the folder of a finished training run")
    parser.add_argument("--zoo", type=Path, default=Path(zoo.__file__).parent)
    parser.add_argument("--name", help="of the model, where not that of the run")
    arguments = parser.parse_args()
    try:
        target = export(arguments.run, arguments.zoo, arguments.name)
    except (DataError, MissingExtraError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 1
    card = zoo.card(target)
    print(f"{target}: {sum(one['bytes'] for one in card.files.values())} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
