"""Smooth functions made of additions, products and comparisons only.

Those round the same way however many samples are computed at once. ``np.sin`` or a matrix product
need not, and then a recording would depend on how it was cut into chunks.
"""

from __future__ import annotations

import numpy as np

from solekit.layouts import FloatArray

_SIN = (1.0, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800, 1 / 6227020800)
_COS = (1.0, -1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800, 1 / 479001600)


def unit(x: FloatArray) -> FloatArray:
    """Return ``x`` limited to 0..1."""
    return np.minimum(np.maximum(x, 0.0), 1.0)


def ease(u: FloatArray) -> FloatArray:
    """Return the step from 0 to 1 with flat ends for ``u`` in 0..1; its mean is 1/2."""
    return u * u * (3.0 - 2.0 * u)


def ramp(x: FloatArray, start: float, end: float) -> FloatArray:
    """Return 0 up to ``start``, 1 from ``end`` on, smooth between."""
    return ease(unit((x - start) / (end - start)))


def wave(cycles: FloatArray) -> FloatArray:
    """Return about sin(2 pi cycles), within 0.002."""
    y = cycles - np.floor(cycles + 0.5)
    arc = 8.0 * y * (1.0 - 2.0 * np.abs(y))
    return arc * (0.775 + 0.225 * np.abs(arc))


def sin_cos(angle_rad: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return sine and cosine within 1e-8 for angles up to 1.5 rad."""
    square = angle_rad * angle_rad
    sin = np.full_like(square, _SIN[-1])
    cos = np.full_like(square, _COS[-1])
    for s, c in zip(_SIN[-2::-1], _COS[-2::-1], strict=True):
        sin = sin * square + s
        cos = cos * square + c
    return sin * angle_rad, cos
