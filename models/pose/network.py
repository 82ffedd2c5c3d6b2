"""Our pose network: one small encoder for both feet, three distributions per key point.

The right foot comes mirrored, so both feet share one encoder and teach it twice. The head puts
out SimCC logits (Li et al. 2022) of two poses, of the window's centre and of its latest frame:
one file serves recordings and live use. The expectation over the bins is taken outside.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from solekit.inference.decode import KEYPOINTS, N_BINS
from solekit.inference.frames import GRID, N_FRAMES

SLOPE = 0.1
N_IMU = 6
Tensor = Any


def _block(x: Tensor, n: int, name: str, *, stride: int = 1, rank: int = 2) -> Tensor:
    conv = layers.Conv2D if rank == 2 else layers.Conv1D
    x = conv(n, 3, strides=stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.LeakyReLU(SLOPE)(x)


def grid_encoder(channels: tuple[int, ...] = (48, 64, 96, 96)) -> keras.Model:
    """Return the encoder of one foot's images: (30, 22, 40) to (4, 3, channels[-1]).

    Frames are channels, as in the study. Each layer but the second halves the picture: what a
    window says is in where and when the load is, and coarse places suffice after the first look.
    """
    x = image = keras.Input((*GRID, N_FRAMES), name="foot")
    for i, (n, stride) in enumerate(zip(channels, (2, 1, 2, 2), strict=True)):
        x = _block(x, n, f"look{i + 1}", stride=stride)
    return keras.Model(image, x, name="encoder")


def cells_encoder(n_channels: int, channels: tuple[int, ...] = (64, 64, 96, 96)) -> keras.Model:
    """Return the encoder of one foot's cells and IMU: (40, n_channels) to (5, channels[-1])."""
    x = window = keras.Input((N_FRAMES, n_channels), name="foot")
    for i, (n, stride) in enumerate(zip(channels, (1, 2, 2, 2), strict=True)):
        x = _block(x, n, f"look{i + 1}", stride=stride, rank=1)
    return keras.Model(window, x, name="encoder")


def pose_network(encoder: keras.Model, *, width: int = 192, dropout: float = 0.2) -> keras.Model:
    """Return the network over both feet; outputs logits (2, 19, bins): centre, latest."""
    left = keras.Input(encoder.input_shape[1:], name="left")
    right = keras.Input(encoder.input_shape[1:], name="right")
    feet = [layers.Flatten()(encoder(foot)) for foot in (left, right)]
    x = layers.Concatenate(name="features")(feet)
    x = layers.Dropout(dropout)(x)
    x = layers.Dense(width, use_bias=False, name="mix")(x)
    x = layers.LeakyReLU(SLOPE)(layers.BatchNormalization(name="mix_norm")(x))
    n = len(KEYPOINTS) * sum(N_BINS)
    x = layers.Dense(2 * n, name="bins")(x)
    pose = layers.Reshape((2, len(KEYPOINTS), sum(N_BINS)), name="pose")(x)
    return keras.Model([left, right], pose, name="pose")
