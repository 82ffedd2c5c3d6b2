"""From what a pose network puts out to key points: the soft-argmax, in float on the host.

Inside an int8 graph the expectation would be rounded to a hundredth of the room.
"""

from __future__ import annotations

import numpy as np

from solekit.inference.frames import Float32

KEYPOINTS = (
    "head",
    *(
        f"{side}_{name}"
        for name in (
            "shoulder",
            "elbow",
            "wrist",
            "hip",
            "knee",
            "ankle",
            "heel",
            "small_toe",
            "big_toe",
        )
        for side in ("left", "right")
    ),
)
# Bins over the room in statures: x to the right, y ahead (from the middle of the hips), z up.
N_BINS = (20, 20, 30)
LOW, HIGH = (-0.6, -0.6, -0.1), (0.6, 0.6, 1.4)
STATURE_M = 1.70  # where nobody says it


def bin_centres() -> tuple[Float32, ...]:
    """Return the centres of the bins of x, y and z in statures."""
    return tuple(
        (low + (np.arange(n) + 0.5) * (high - low) / n).astype(np.float32)
        for n, low, high in zip(N_BINS, LOW, HIGH, strict=True)
    )


def keypoints(logits: Float32) -> Float32:
    """Return key points (..., n_points, 3) in statures from logits (..., n_points, sum(N_BINS)).

    One distribution per axis and key point (SimCC, Li et al. 2022); its expectation is the place.
    """
    parts = np.split(logits, np.cumsum(N_BINS)[:-1], axis=-1)
    axes = []
    for part, centres in zip(parts, bin_centres(), strict=True):
        weight = np.exp(part - part.max(axis=-1, keepdims=True))
        axes.append((weight @ centres) / weight.sum(axis=-1))
    return np.stack(axes, axis=-1)
