"""The folder of a finished run: what ``models.export`` makes a model of."""

# TensorFlow's annotations do not know what its tensors can do.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportIndexIssue=false
# pyright: reportCallIssue=false, reportOperatorIssue=false, reportOptionalOperand=false

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from models.data.windows import Windows
from solekit import __version__
from solekit.errors import DataError
from solekit.inference.decode import KEYPOINTS

_CALIBRATE, _GOLDEN = 400, 400  # windows
OUTPUTS = {
    "pose": "logits over the bins of x, y and z in statures per key point, of the pose at the "
    "window's centre and at its latest frame (solekit.inference.decode)",
    "action": "logits of the actions",
}


def keep(
    run: Path,
    model: keras.Model,
    windows: Windows,
    *,
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    seed: int,
    about: Mapping[str, Any],
) -> None:
    """Write network, windows to calibrate and to check quantised files by, and the card's part.

    ``about`` needs name, layout, actions, trained_on (with ``licence_class``) and limits.
    """
    run.mkdir(parents=True, exist_ok=True)
    model.save(run / "model.keras")
    rng = np.random.default_rng(seed)
    some = train[np.sort(rng.choice(len(train), min(_CALIBRATE, len(train)), replace=False))]
    np.savez(run / "calibration.npz", **windows.inputs(some))
    asked = test[:: max(len(test) // _GOLDEN, 1)]
    stature_m = np.array([windows.takes[i].stature_m for i in asked[:, 0]], np.float32)
    truth_m = windows.truth(asked) * stature_m[:, None, None, None]
    golden = {**windows.inputs(asked), "pose_m": truth_m, "stature_m": stature_m}
    np.savez(run / "golden.npz", **golden)
    row = {
        "task": "pose",
        "version": __version__,
        "what": "19 key points of the body and its action from the load under both feet",
        "keypoints": KEYPOINTS,
        "inputs": _inputs(windows),
        "outputs": OUTPUTS,
        "licence": "Apache-2.0",
        "seed": seed,
        **about,
    }
    part = run / "run.part"  # last: a run with it is finished
    part.write_text(json.dumps(row, indent=1) + "\n", "utf-8")
    part.replace(run / "run.json")


def _inputs(windows: Windows) -> dict[str, str]:
    if windows.is_image:
        what = "relative load on 30x22 cells, heel row first, frames last"
    else:
        what = "relative load of each cell, then the IMU, per frame"
    turned = "; mirrored, so that it looks like a left one"
    return {"left": what, "right": what + turned}


def taught(run: Path) -> keras.Model:
    """Return the pose network of a finished run, to go on from."""
    if not (run / "run.json").is_file():
        raise DataError(f"{run} is no finished run; train one there first")
    whole: Any = keras.models.load_model(run / "model.keras")
    return keras.Model(whole.inputs, whole.get_layer("pose").output, name="pose")
