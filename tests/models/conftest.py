"""A network small enough to convert in seconds, saved as training saves one."""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from solekit.inference import decode

SHAPE = (8, 6, 4)
POSE = (2, len(decode.KEYPOINTS), sum(decode.N_BINS))
ACTIONS = ("walk", "stand", "jump")


@dataclass(frozen=True)
class Tiny:
    """Where a saved network and its windows lie, and the network itself as a function."""

    model: Path
    calibration: Path
    outputs: Callable


@pytest.fixture(scope="session")
def tiny_network(tmp_path_factory):
    pytest.importorskip("tensorflow", reason="the extra train is not installed")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    from keras import layers

    keras.utils.set_random_seed(3)
    left, right = (keras.Input(SHAPE, name=name) for name in ("left", "right"))
    encoder = keras.Sequential([layers.Conv2D(4, 3), layers.LeakyReLU(0.1), layers.Flatten()])
    # The order of these differs from that of the names: files sort them as they like.
    x = layers.Concatenate()([encoder(left), encoder(right)])
    pose = layers.Dense(int(np.prod(POSE)), kernel_initializer="he_normal")(x)
    action = layers.Dense(2 * len(ACTIONS))(x)
    model = keras.Model(
        [left, right],
        {
            "pose": layers.Reshape(POSE, name="pose")(pose),
            "action": layers.Reshape((2, len(ACTIONS)), name="action")(action),
        },
    )
    folder = tmp_path_factory.mktemp("tiny")
    model.save(folder / "model.keras")
    windows = tiny_windows(16, seed=0)
    np.savez(folder / "calibration.npz", **windows)

    def outputs(left, right):
        found = model([left, right], training=False)
        return {name: np.asarray(value) for name, value in found.items()}

    return Tiny(folder / "model.keras", folder / "calibration.npz", outputs)


def tiny_windows(n, seed):
    rng = np.random.default_rng(seed)
    left, right = rng.random((2, n, *SHAPE), dtype=np.float32)
    return {"left": left, "right": 0.3 * right}


@pytest.fixture(scope="module")
def few_windows():
    """Let a run keep few windows to calibrate and to check by: enough for a toy."""
    from models.pose import runs

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "_CALIBRATE", 64)
        patch.setattr(runs, "_GOLDEN", 32)
        yield


@pytest.fixture(scope="session")
def convert_here():
    """Return ``quantise.convert`` in this process: that saves a minute of imports."""
    from models import quantise

    def convert(model, out, mode, calibration):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the converter's own: a process of its own hides them
            told = quantise._work(model, out, mode, calibration)
        return quantise.Converted(out, mode, told["sha256"], told["bytes"], told["tensors"])

    return convert


@pytest.fixture(scope="session")
def export_here(convert_here):
    """Return ``export`` with conversions in this process."""
    from models import export, quantise

    def exported(run, folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(quantise, "convert", convert_here)
            return export.export(run, folder)

    return exported
