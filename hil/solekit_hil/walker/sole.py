"""How the force of a foot lies on the cells of a sole: seven blobs, heel to toes."""

from __future__ import annotations

import numpy as np

from solekit.layouts import BoolArray, FloatArray, Layout, Side
from solekit_hil.walker.interface import Float32Array
from solekit_hil.walker.smooth import ramp

# Left sole, as shares of width (from the outer edge) and length: x, y, spread in x, in y.
_BLOBS = np.array(
    [
        (0.49, 0.14, 0.19, 0.080),  # heel
        (0.30, 0.45, 0.12, 0.080),  # outer midfoot
        (0.24, 0.68, 0.12, 0.050),  # metatarsal heads 4-5
        (0.50, 0.74, 0.14, 0.055),  # 2-3
        (0.77, 0.73, 0.13, 0.055),  # 1
        (0.74, 0.91, 0.11, 0.045),  # hallux
        (0.42, 0.88, 0.15, 0.040),  # other toes
    ]
)
HEEL, MIDFOOT, N_BLOBS = 0, 1, len(_BLOBS)
_OUTLINE_Y = (0.00, 0.04, 0.10, 0.20, 0.31, 0.45, 0.60, 0.70, 0.80, 0.88, 0.94, 1.00)
_OUTLINE_OUTER = (0.40, 0.26, 0.20, 0.18, 0.15, 0.10, 0.05, 0.03, 0.06, 0.14, 0.30, 0.55)
_OUTLINE_INNER = (0.60, 0.74, 0.80, 0.80, 0.74, 0.68, 0.80, 0.94, 0.97, 0.96, 0.92, 0.75)
FLAT = 0.32  # phase of the roll at which one stands


class Sole:
    """One layout under one foot."""

    def __init__(self, layout: Layout, side: Side) -> None:
        weights = np.array([_footprint(layout, side, blob) for blob in range(N_BLOBS)])
        self.n_cells = layout.n_cells
        self._weights = weights.astype(np.float32)
        cells = np.stack([layout.x_mm, layout.y_mm], axis=1)
        self._centre_mm = (weights[:, :, None] * cells).sum(axis=1)

    def cells(self, load: list[FloatArray]) -> Float32Array:
        """Return newtons per cell, (n, n_cells), for newtons per blob, each (n,)."""
        # Blob by blob instead of a matrix product: see smooth.py.
        total = np.zeros((load[0].shape[0], self.n_cells), np.float32)
        for newtons, weights in zip(load, self._weights, strict=True):
            total += newtons.astype(np.float32)[:, None] * weights
        return total

    def cop_mm(self, load: list[FloatArray], force_n: FloatArray) -> FloatArray:
        """Return the centre of pressure, (n, 2), NaN where ``force_n`` is 0."""
        moment = np.zeros((force_n.shape[0], 2))
        for newtons, centre in zip(load, self._centre_mm, strict=True):
            moment += newtons[:, None] * centre
        carried = np.where(force_n > 0, force_n, np.nan)
        return moment / carried[:, None]


def roll(phase: FloatArray, forefoot_on: float, heel_off: float) -> list[FloatArray]:
    """Return the share of each blob at ``phase`` (0 initial contact, 1 toe off), each (n,).

    The heel is loaded exactly up to ``heel_off``, the forefoot exactly from ``forefoot_on``.
    """

    def up(end: float) -> FloatArray:
        return ramp(phase, forefoot_on, end)

    parts = [
        2.5 * (1 - ramp(phase, 0.1, heel_off)),
        0.45 * ramp(phase, forefoot_on / 2, 0.3) * (1 - ramp(phase, 0.45, 0.75)),
        0.5 * up(0.4) * (1 - ramp(phase, 0.6, 0.95)),
        0.9 * up(0.55) * (1 - 0.85 * ramp(phase, 0.7, 1.0)),
        0.8 * up(0.65) * (1 - 0.8 * ramp(phase, 0.75, 1.0)),
        0.9 * ramp(phase, 0.35, 0.9),
        0.35 * ramp(phase, 0.35, 0.85) * (1 - 0.6 * ramp(phase, 0.85, 1.0)),
    ]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return [part / total for part in parts]


def _footprint(layout: Layout, side: Side, blob: int) -> FloatArray:
    """Return how one newton on ``blob`` is shared by the cells, (n_cells,)."""
    centre_x, centre_y, spread_x, spread_y = _BLOBS[blob]
    x, y = _left_shares(layout, side)
    dx, dy = (x - centre_x) / spread_x, (y - centre_y) / spread_y
    density = np.exp(-(dx * dx + dy * dy) / 2) * layout.area_mm2
    region = _region(layout, blob)
    weights = np.where(region & _on_foot(layout, x, y), density, 0.0)
    weights = np.where(weights > 1e-6 * weights.max(), weights, 0.0)
    if weights.sum() > 0:
        return weights / weights.sum()
    # A sparse layout without a cell here: what stands nearest carries it.
    distance = dx * dx + dy * dy
    if region.any():
        distance = np.where(region, distance, np.inf)
    return (np.arange(layout.n_cells) == np.argmin(distance)).astype(float)


def _left_shares(layout: Layout, side: Side) -> tuple[FloatArray, FloatArray]:
    x = layout.x_mm / layout.width_mm
    return (x if side == "left" else 1 - x), layout.y_mm / layout.length_mm


def _region(layout: Layout, blob: int) -> BoolArray:
    """Return the cells that ``blob`` may load, so that the events of a region are exact."""
    if blob == HEEL:
        return layout.heel
    if blob == MIDFOOT:
        return ~layout.heel & ~layout.forefoot
    return layout.forefoot


def _on_foot(layout: Layout, x: FloatArray, y: FloatArray) -> BoolArray:
    if not layout.rows:
        return np.ones(layout.n_cells, bool)  # whoever lists cells lists those under a foot
    outer = np.interp(y, _OUTLINE_Y, _OUTLINE_OUTER)
    inner = np.interp(y, _OUTLINE_Y, _OUTLINE_INNER)
    return (x > outer) & (x < inner)
