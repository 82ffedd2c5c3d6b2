"""Which cells are next to which, on grids and on lists of cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solekit.layouts import BoolArray, FloatArray, Layout

N_NEAR = 8
N_DONORS = 4
REACH = 1.6  # spacings: includes the diagonal neighbours of a square grid
_AROUND = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0)]


def distances(layout: Layout) -> FloatArray:
    """Return distances between cells in mm, (n_cells, n_cells); a cell is not near itself."""
    apart = np.hypot(layout.x_mm[:, None] - layout.x_mm, layout.y_mm[:, None] - layout.y_mm)
    np.fill_diagonal(apart, np.inf)
    return apart


def spacing(layout: Layout) -> float:
    """Return the usual distance from a cell to its nearest, in mm; inf for a single cell."""
    return float(np.median(distances(layout).min(axis=1)))


def near_cells(layout: Layout) -> NDArray[np.intp]:
    """Return the up to 8 neighbours of every cell, (n_cells, 8); -1 where there is none."""
    if layout.rows:
        return _grid_neighbours(layout)[0]
    apart = distances(layout)
    n = min(N_NEAR, layout.n_cells)
    near = np.argsort(apart, axis=1, kind="stable")[:, :n]
    limit_mm = REACH * np.median(apart.min(axis=1))
    return np.where(np.take_along_axis(apart, near, axis=1) <= limit_mm, near, -1)


def support(
    layout: Layout,
    cells: NDArray[np.intp],
    valid: BoolArray,
    on_line: BoolArray,
    max_distance_mm: float,
) -> FloatArray:
    """Return the weights with which cells fill ``cells``, (n_cells, len(cells)), not scaled."""
    weights = np.zeros((layout.n_cells, len(cells)))
    if layout.rows:
        near, weight = _grid_neighbours(layout)
        usable = (near >= 0) & valid[near]
        for k, cell in enumerate(cells):
            between = _across_line(layout, int(cell), valid, on_line) if on_line[cell] else {}
            for donor, value in between.items():
                weights[donor, k] = value
            if not between:
                weights[near[cell][usable[cell]], k] = weight[usable[cell]]
        return weights
    apart = distances(layout)[:, cells]
    apart[~valid] = np.inf
    for k in range(len(cells)):
        donors = np.argsort(apart[:, k], kind="stable")[:N_DONORS]
        donors = donors[apart[donors, k] <= max_distance_mm]
        weights[donors, k] = 1 / np.maximum(apart[donors, k], 1e-3)
    return weights


def _grid_neighbours(layout: Layout) -> tuple[NDArray[np.intp], FloatArray]:
    row, col = np.divmod(np.arange(layout.n_cells), layout.cols)
    step = np.array(_AROUND)
    r, c = row[:, None] + step[:, 0], col[:, None] + step[:, 1]
    inside = (r >= 0) & (r < layout.rows) & (c >= 0) & (c < layout.cols)
    return np.where(inside, r * layout.cols + c, -1), 3.0 - np.abs(step).sum(axis=1)


def _across_line(
    layout: Layout, cell: int, valid: BoolArray, on_line: BoolArray
) -> dict[int, float]:
    """Return donors and weights: the valid cells on both sides of a broken line, linear."""
    row, col = divmod(cell, layout.cols)
    picture = on_line.reshape(layout.rows, layout.cols)
    step = layout.cols if picture[row].all() else 1
    place, end = (row, layout.rows) if step == layout.cols else (col, layout.cols)
    donors = {}
    for sign, room in ((-1, place), (1, end - 1 - place)):
        for away in range(1, min(room, 2) + 1):
            other = cell + sign * away * step
            if valid[other]:
                donors[other] = 1 / away
                break
    # With one side only there is nothing to be linear between.
    return donors if len(donors) == 2 else {}
