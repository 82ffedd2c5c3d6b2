"""How the study's network is taught and read: heat maps, both losses, soft-argmax over voxels.

The paper prints neither voxel sizes nor the widths and weights of its losses; these are ours.
"""

# TensorFlow's annotations do not know what its tensors can do.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportIndexIssue=false
# pyright: reportCallIssue=false, reportOperatorIssue=false, reportOptionalOperand=false

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from models.pose.baseline import ROOM
from solekit.inference.frames import Float32

Tensor = Any
VOXEL_M = (0.10, 0.10, 0.13)
FIRST_M = (-0.95, -0.95, -0.10)  # centre of the first voxel
SPREAD_VOXELS = 1.0
SHARPNESS = 20.0  # of the soft-argmax over values clipped to 0..1, else 7200 voxels drown the peak
HEATMAP_WEIGHT, KEYPOINT_WEIGHT = 1000.0, 300.0
FULL_N = 10.0  # newtons of a cell that become 1 at the input
BATCH, LEARNING_RATE = 32, 1e-4  # the paper's


def places_m() -> tuple[Float32, ...]:
    """Return the centres of the voxels of each axis in metres."""
    return tuple(
        (first + step * np.arange(n)).astype(np.float32)
        for first, step, n in zip(FIRST_M, VOXEL_M, ROOM, strict=True)
    )


def keypoints_m(room: Tensor) -> Tensor:
    """Return key points (batch, 19, 3) of heat maps (18, batch, 20, 20, 19): soft-argmax."""
    weight = tf.exp(SHARPNESS * (tf.clip_by_value(room, 0.0, 1.0) - 1.0))
    x, y, z = places_m()
    total = tf.reduce_sum(weight, axis=[0, 2, 3])
    along = (
        tf.einsum("zbxyk,x->bk", weight, x),
        tf.einsum("zbxyk,y->bk", weight, y),
        tf.einsum("zbxyk,z->bk", weight, z),
    )
    return tf.stack(along, axis=-1) / total[..., None]


def heatmaps(truth_m: Tensor) -> Tensor:
    """Return Gaussians of height 1 around key points (batch, 19, 3), (18, batch, 20, 20, 19)."""
    x, y, z = (
        tf.exp(
            -0.5 * ((places[None, :, None] - truth_m[:, None, :, i]) / (SPREAD_VOXELS * step)) ** 2
        )
        for i, (places, step) in enumerate(zip(places_m(), VOXEL_M, strict=True))
    )
    flat = x[:, :, None, :] * y[:, None, :, :]
    return tf.transpose(z, (1, 0, 2))[:, :, None, None, :] * flat[None]


def loss(room: Tensor, truth_m: Tensor, *, heatmap: bool = True, keypoint: bool = True) -> Tensor:
    """Return the weighted sum of both losses, or one of them."""
    total = tf.constant(0.0)
    if heatmap:
        total += HEATMAP_WEIGHT * tf.reduce_mean((room - heatmaps(truth_m)) ** 2)
    if keypoint:
        total += KEYPOINT_WEIGHT * tf.reduce_mean((keypoints_m(room) - truth_m) ** 2)
    return total
