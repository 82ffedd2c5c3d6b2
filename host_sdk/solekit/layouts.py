"""Where the cells are: geometries as data, for any grid and any list of cells.

Foot axes, defined here once: ``y`` runs from the heel (0) to the toes, ``x`` from the wearer's
left to the wearer's right, both in millimetres inside the sole; both feet use the same axes, so a
right sole is the mirror image of a left one. Row 0 of a grid is the heel row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from solecore import layouts as core
from solekit.errors import DataError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")

HEEL_END = (
    0.31  # share of the sole's length, heel to toe (regions of plantar pressure descriptors)
)
FOREFOOT_START = 0.60


@dataclass(frozen=True, eq=False)
class Layout:
    """Cells of one sole.

    ``x_mm``, ``y_mm`` and ``area_mm2`` have shape (n_cells,). ``rows`` and ``cols`` are 0 for a
    list of cells; for a grid the cells are row-major and n_cells == rows * cols.
    """

    name: str
    x_mm: FloatArray
    y_mm: FloatArray
    area_mm2: FloatArray
    length_mm: float
    width_mm: float
    rows: int = 0
    cols: int = 0

    def __post_init__(self) -> None:
        n = self.x_mm.shape[0]
        if not (self.x_mm.shape == self.y_mm.shape == self.area_mm2.shape == (n,)):
            raise DataError(f"layout {self.name!r}: x_mm, y_mm and area_mm2 must have one length")
        if self.rows * self.cols not in (0, n):
            raise DataError(f"layout {self.name!r}: {self.rows} x {self.cols} is not {n} cells")

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.x_mm.shape[0]

    @property
    def heel(self) -> BoolArray:
        """Cells of the heel, shape (n_cells,)."""
        return self.y_mm < HEEL_END * self.length_mm

    @property
    def forefoot(self) -> BoolArray:
        """Cells of forefoot and toes, shape (n_cells,)."""
        return self.y_mm >= FOREFOOT_START * self.length_mm

    def mirrored(self) -> Layout:
        """Return the layout of the other foot: same cells in the same order, x mirrored."""
        return replace(self, x_mm=self.width_mm - self.x_mm)


def grid(name: str, rows: int, cols: int, *, length_mm: float, width_mm: float) -> Layout:
    """Return a full rectangular grid, row 0 at the heel."""
    pitch_y = length_mm / rows
    pitch_x = width_mm / cols
    row, col = np.divmod(np.arange(rows * cols), cols)
    return Layout(
        name,
        x_mm=(col + 0.5) * pitch_x,
        y_mm=(row + 0.5) * pitch_y,
        area_mm2=np.full(rows * cols, pitch_x * pitch_y),
        length_mm=length_mm,
        width_mm=width_mm,
        rows=rows,
        cols=cols,
    )


def cells(
    name: str,
    x_mm: FloatArray,
    y_mm: FloatArray,
    area_mm2: FloatArray | float,
    *,
    length_mm: float,
    width_mm: float,
) -> Layout:
    """Return a layout from a list of cells."""
    x = np.asarray(x_mm, dtype=float)
    area = np.broadcast_to(np.asarray(area_mm2, dtype=float), x.shape).copy()
    return Layout(name, x, np.asarray(y_mm, dtype=float), area, length_mm, width_mm)


def from_table(
    name: str, table: NDArray[np.uint16], *, rows: int, cols: int, length: int, width: int
) -> Layout:
    """Return what an insole describes: ``table`` (3 * n_cells,), in 0.1 mm and 0.1 mm2."""
    x, y, area = table.reshape(3, -1) / 10.0
    return Layout(name, x, y, area, length / 10.0, width / 10.0, rows, cols)


def named(name: str, side: Side) -> Layout:
    """Return one of Solekit's own layouts; DataError names those that exist."""
    try:
        own = core.geometry(name, is_right=side == "right")
    except ValueError as error:
        raise DataError(str(error)) from error
    return from_table(
        name,
        np.array(own.table, np.uint16),
        rows=own.rows,
        cols=own.cols,
        length=own.length,
        width=own.width,
    )


def spread(source: Layout, target: Layout) -> FloatArray:
    """Return weights (n_source, n_target) that carry forces over; every row sums to one.

    Each source cell is a square of its area at its relative place in the sole; it gives its force
    to the target cells by overlap, or to the nearest one where it overlaps none.
    """
    out = np.zeros((source.n_cells, target.n_cells))
    scale_x = target.width_mm / source.width_mm
    scale_y = target.length_mm / source.length_mm
    half_x, half_y = _halves(source)
    to_x, to_y = _halves(target)
    for i in range(source.n_cells):
        x, y = source.x_mm[i] * scale_x, source.y_mm[i] * scale_y
        hx, hy = half_x[i] * scale_x, half_y[i] * scale_y
        over_x = np.minimum(x + hx, target.x_mm + to_x) - np.maximum(x - hx, target.x_mm - to_x)
        over_y = np.minimum(y + hy, target.y_mm + to_y) - np.maximum(y - hy, target.y_mm - to_y)
        overlap = np.maximum(over_x, 0) * np.maximum(over_y, 0)
        if overlap.sum() == 0:
            overlap[np.argmin((target.x_mm - x) ** 2 + (target.y_mm - y) ** 2)] = 1
        out[i] = overlap / overlap.sum()
    return out


def _halves(layout: Layout) -> tuple[FloatArray, FloatArray]:
    """Return half widths and half lengths of the cells in mm."""
    if layout.rows:
        n = layout.n_cells
        return (
            np.full(n, layout.width_mm / layout.cols / 2),
            np.full(n, layout.length_mm / layout.rows / 2),
        )
    half = np.sqrt(layout.area_mm2) / 2
    return half, half
