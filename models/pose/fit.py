"""Training: steps over batches, the rate falling as a cosine, lines about the progress."""

# TensorFlow's annotations do not know what its tensors can do.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportIndexIssue=false
# pyright: reportCallIssue=false, reportOperatorIssue=false, reportOptionalOperand=false

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

Tensor = Any
Say = Callable[[str], object]


def fit(
    model: keras.Model,
    loss: Callable[[Tensor, Tensor], Tensor],
    data: Iterator[tuple[Any, Any]],
    *,
    steps: int,
    rate: float,
    decay: bool = True,
    weight_decay: float = 0.0,
    say: Say = str,
) -> float:
    """Teach ``model`` by ``steps`` batches of (inputs, truth); return the seconds that it took."""
    warm = min(200, steps // 10)
    schedule: Any = rate
    if decay:
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, max(steps - warm, 1), warmup_target=rate, warmup_steps=max(warm, 1)
        )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=weight_decay, clipnorm=5.0)
    if not weight_decay:
        optimizer = keras.optimizers.Adam(schedule, clipnorm=5.0 if decay else None)

    @tf.function(autograph=False)
    def step(inputs: Tensor, truth: Tensor) -> Tensor:
        with tf.GradientTape() as tape:
            value = loss(model(inputs, training=True), truth)
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return value

    began, last, values = time.monotonic(), time.monotonic(), []
    for i in range(steps):
        inputs, truth = next(data)
        values.append(step([inputs["left"], inputs["right"]], truth))
        if time.monotonic() - last > 30 or i + 1 == steps:
            recent = float(np.mean([float(v) for v in values]))
            say(f"step {i + 1} of {steps}, loss {recent:.3f}, {time.monotonic() - began:.0f} s")
            last, values = time.monotonic(), []
    return time.monotonic() - began
