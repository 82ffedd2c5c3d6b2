"""What poses are learned by: distributions over bins, heat maps, distances."""

# TensorFlow's annotations do not know what its tensors can do.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportIndexIssue=false
# pyright: reportCallIssue=false, reportOperatorIssue=false, reportOptionalOperand=false

from __future__ import annotations

from typing import Any

import tensorflow as tf

from solekit.inference.decode import HIGH, LOW, N_BINS, bin_centres

Tensor = Any
SPREAD_BINS = 1.0  # SD of the target around the true place


def expectation(logits: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return key points in statures and the log probabilities per axis of SimCC logits."""
    logs = [tf.nn.log_softmax(part) for part in tf.split(logits, N_BINS, axis=-1)]
    places = [
        tf.linalg.matvec(tf.exp(log), tf.constant(centres))
        if log.shape.rank == 2
        else tf.reduce_sum(tf.exp(log) * centres, axis=-1)
        for log, centres in zip(logs, bin_centres(), strict=True)
    ]
    return tf.stack(places, axis=-1), logs


def simcc(logits: Tensor, truth: Tensor, *, distance_weight: float = 10.0) -> Tensor:
    """Return cross entropy to Gaussians around the truth plus the mean distance, per batch.

    Key points that nobody saw (NaN) count nothing.
    """
    seen = tf.reduce_all(tf.math.is_finite(truth), axis=-1)
    truth = tf.where(seen[..., None], truth, tf.zeros_like(truth))
    places, logs = expectation(logits)
    loss = tf.zeros(tf.shape(seen))
    for axis, (log, centres) in enumerate(zip(logs, bin_centres(), strict=True)):
        width = (HIGH[axis] - LOW[axis]) / N_BINS[axis]
        away = (truth[..., axis, None] - centres) / (SPREAD_BINS * width)
        target = tf.nn.softmax(-0.5 * away**2)
        loss -= tf.reduce_sum(target * log, axis=-1)
    apart = tf.sqrt(tf.reduce_sum((places - truth) ** 2, axis=-1) + 1e-8)
    each = tf.where(seen, loss / 3 + distance_weight * apart, 0.0)
    return tf.reduce_sum(each) / tf.maximum(tf.reduce_sum(tf.cast(seen, tf.float32)), 1.0)
