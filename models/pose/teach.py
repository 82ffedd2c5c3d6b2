"""Teach our network on a parts and ask it: poses in statures, actions from the frozen encoder."""

# TensorFlow's annotations do not know what its tensors can do.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportIndexIssue=false
# pyright: reportCallIssue=false, reportOperatorIssue=false, reportOptionalOperand=false

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers as nn
from numpy.typing import NDArray

from models.data.windows import Spoil, Windows, batches, turned
from models.pose import network, scores
from models.pose.fit import fit
from models.pose.losses import simcc
from models.pose.people import Parts
from solekit.inference import decode
from solekit.inference.frames import Float32

RATE, WEIGHT_DECAY = 2e-3, 1e-4
ASK = 256  # windows at once
Say = Callable[[str], object]


def encoder_for(windows: Windows) -> keras.Model:
    """Return an untaught encoder that fits what the windows look like."""
    if windows.is_image:
        return network.grid_encoder()
    shape = windows.inputs(windows.all()[:1])["left"].shape
    return network.cells_encoder(shape[-1])


def teach(
    windows: Windows,
    train: NDArray[np.int64],
    *,
    steps: int,
    batch: int,
    seed: int,
    spoil: Spoil | None = None,
    start: keras.Model | None = None,
    rate: float = RATE,
    say: Say = str,
) -> tuple[keras.Model, float]:
    """Return the pose network taught on windows (n, 2), and the seconds that it took.

    ``start`` is a taught network to go on from (transfer). Every window is mirrored half of the
    time; ``spoil`` is how sensors are wrong in training.
    """
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = start or network.pose_network(encoder_for(windows))

    def data() -> Iterator[tuple[dict[Any, Float32], Float32]]:
        for chosen in batches(train, batch, rng):
            swap = rng.random(len(chosen)) < 0.5
            inputs = windows.inputs(chosen, mirrored=swap, spoil=spoil or Spoil(), rng=rng)
            yield inputs, turned(windows.truth(chosen), swap)

    def loss(logits: Any, truth: Any) -> Any:
        return simcc(logits, truth)

    seconds = fit(model, loss, data(), steps=steps, rate=rate, weight_decay=WEIGHT_DECAY, say=say)
    return model, seconds


def poses(model: keras.Model, windows: Windows, asked: NDArray[np.int64]) -> Float32:
    """Return the poses of centre and latest frame in statures, (n, 2, n_points, 3)."""
    return _in_parts(lambda part: decode.keypoints(_answer(model, windows, part)), asked)


def _answer(model: keras.Model, windows: Windows, part: NDArray[np.int64]) -> Float32:
    inputs = windows.inputs(part)
    return model([inputs["left"], inputs["right"]], training=False).numpy()


def _in_parts(ask: Callable[[NDArray], NDArray], asked: NDArray) -> NDArray:
    return np.concatenate([ask(asked[i : i + ASK]) for i in range(0, len(asked), ASK)])


def scored(model: keras.Model, parts: Parts, *, per_action: bool = True) -> dict[str, Any]:
    """Return how far poses are off in cm: seen and unseen people, stature known or not, causal."""
    windows = parts.windows
    taught = sorted(
        {(windows.takes[i].person, windows.takes[i].stature_m) for i in parts.train[:, 0]}
    )
    usual_m = float(np.mean([height for _, height in taught]))
    row: dict[str, Any] = {}
    for name, asked in (("unseen", parts.unseen), ("seen", parts.seen)):
        found = poses(model, windows, asked)
        truth = windows.truth(asked)
        heights = np.array([windows.takes[i].stature_m for i in asked[:, 0]], np.float32)
        people = np.array([windows.takes[i].person for i in asked[:, 0]])
        heights = heights[:, None, None, None]
        off = scores.distances_cm(found * heights, truth * heights)
        blind = scores.distances_cm(found * np.float32(usual_m), truth * heights)
        row[f"{name}_cm"] = scores.over_people(off[:, 0].mean(1), people)
        row[f"{name}_stature_unknown_cm"] = scores.over_people(blind[:, 0].mean(1), people)
        row[f"{name}_causal_cm"] = scores.over_people(off[:, 1].mean(1), people)
        if name == "unseen":
            row["per_keypoint_cm"] = dict(
                zip(decode.KEYPOINTS, off[:, 0].mean(0).round(2).tolist(), strict=True)
            )
        if per_action:
            row[f"{name}_per_action_cm"] = by_action(off[:, 0].mean(1), asked, windows, people)
    return row


def by_action(
    values: NDArray, asked: NDArray, windows: Windows, people: NDArray
) -> dict[str, scores.Interval]:
    """Return the mean of ``values`` (n,) with its interval for each action."""
    actions = np.array([windows.takes[i].action for i in asked[:, 0]])
    return {
        name: scores.over_people(values[actions == name], people[actions == name])
        for name in dict.fromkeys(actions)
    }


def features(model: keras.Model, windows: Windows, asked: NDArray[np.int64]) -> Float32:
    """Return what the frozen encoder makes of windows: one max-pool, flat, (n, n_features)."""
    pooled = _pooled(model.get_layer("encoder"))

    def ask(part: NDArray[np.int64]) -> Float32:
        inputs = windows.inputs(part)
        feet = [pooled(inputs[side], training=False).numpy() for side in ("left", "right")]
        return np.concatenate(feet, axis=1)

    return _in_parts(ask, asked)


def _pooled(encoder: keras.Model) -> keras.Model:
    shape = encoder.input_shape[1:]
    foot = keras.Input(shape, name="foot")
    return keras.Model(foot, _pool(encoder(foot)), name="pooled")


def _pool(x: Any) -> Any:
    pool = nn.MaxPooling2D(2) if len(x.shape) == 4 else nn.MaxPooling1D(2)
    return nn.Flatten()(pool(x))


def linear_head(
    inputs: NDArray, labels: NDArray[np.int64], n: int, *, seed: int, epochs: int = 40
) -> keras.layers.Dense:
    """Return a linear layer that tells ``n`` classes apart, taught on (m, k) features."""
    keras.utils.set_random_seed(seed)
    head = nn.Dense(n, name="action")
    model = keras.Sequential([keras.Input(inputs.shape[1:]), nn.Dropout(0.3), head])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(2e-3, weight_decay=1e-3), loss=loss)
    model.fit(inputs, labels, batch_size=256, epochs=epochs, verbose=0)
    return head


def with_action(model: keras.Model, head: keras.layers.Dense) -> keras.Model:
    """Return the network with two outputs, ``pose`` and ``action``: what is exported."""
    left, right = model.inputs
    encoder = model.get_layer("encoder")
    joined = nn.Concatenate(name="pooled")([_pool(encoder(foot)) for foot in (left, right)])
    return keras.Model([left, right], {"pose": model.output, "action": head(joined)}, name="pose")


def action_scored(
    head: keras.layers.Dense,
    inputs: NDArray,
    windows: Windows,
    asked: NDArray[np.int64],
    actions: Sequence[str],
) -> dict[str, Any]:
    """Return how often the action is right in percent, over people, and the confusion matrix."""
    found = np.argmax(head(inputs).numpy(), axis=1)
    truth = windows.labels(asked, actions)
    people = np.array([windows.takes[i].person for i in asked[:, 0]])
    table = scores.confusion(found, truth, len(actions))
    shares = 100 * np.diag(table) / np.maximum(table.sum(1), 1)
    return {
        "right_pct": scores.share_right(found, truth, people),
        "per_action_pct": dict(zip(actions, shares.round(2).tolist(), strict=True)),
        "confusion": table.tolist(),
    }
