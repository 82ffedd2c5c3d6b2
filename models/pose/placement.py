"""Where a few cells tell most about the pose: chosen greedily on people who teach."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.data.takes import Take
from models.data.windows import Windows
from solekit.inference.frames import GRID, N_FRAMES, Float32
from solekit.layouts import FloatArray, Layout

LAGS = np.array([4, 12, 20, 28, 36])  # frames of the window that are looked at
_N_POSES = 12  # principal directions of the pose
_RIDGE = 1e-3


def best_cells(
    windows: Windows, train: NDArray[np.int64], n: int, *, seed: int, n_windows: int = 4000
) -> NDArray[np.int64]:
    """Return the indices of ``n`` cells of the 30x22 grid, the most telling first.

    A cell counts on both feet, mirrored. Each step takes the cell whose load at five moments
    explains most of what a linear model of the cells before leaves of the pose (orthogonal
    matching pursuit over groups); so of two cells that say the same only one is taken.
    """
    rng = np.random.default_rng(seed)
    chosen = train[np.sort(rng.choice(len(train), min(n_windows, len(train)), replace=False))]
    seen = windows.inputs(chosen)
    # (windows, cells, feet x lags): what one cell of both soles adds.
    groups = np.concatenate(
        [seen[side].reshape(len(chosen), -1, N_FRAMES)[:, :, LAGS] for side in ("left", "right")],
        axis=2,
    ).transpose(1, 0, 2)
    groups = groups - groups.mean(axis=1, keepdims=True)
    rest = _directions(windows.truth(chosen)[:, 0])
    found: list[int] = []
    alive = groups.std(axis=(1, 2)) > 1e-4
    for _ in range(n):
        gain = np.where(alive, _explained(groups, rest), -1.0)
        gain[found] = -1.0
        best = int(np.argmax(gain))
        found.append(best)
        basis, strength, _ = np.linalg.svd(groups[best], full_matrices=False)
        basis = basis[:, strength > 1e-3 * strength[0]]
        rest = rest - basis @ (basis.T @ rest)
        groups = groups - basis @ (basis.T @ groups)
    return np.array(found)


def _directions(poses: Float32) -> FloatArray:
    flat = poses.reshape(len(poses), -1)
    flat = flat - flat.mean(axis=0)
    _, strength, axes = np.linalg.svd(flat, full_matrices=False)
    return flat @ axes[:_N_POSES].T if len(strength) > _N_POSES else flat


def _explained(groups: FloatArray, rest: FloatArray) -> FloatArray:
    """Return how much of ``rest`` (n, p) each of groups (cells, n, k) explains linearly."""
    gram = groups.transpose(0, 2, 1) @ groups
    size = np.trace(gram, axis1=1, axis2=2)[:, None, None] / gram.shape[1]
    gram = gram + (_RIDGE * size + 1e-6) * np.eye(gram.shape[1])
    cross = groups.transpose(0, 2, 1) @ rest
    return np.einsum("ckp,ckp->c", cross, np.linalg.solve(gram, cross))


def only(takes: list[Take], layout: Layout, cells: NDArray[np.int64]) -> tuple[list[Take], Layout]:
    """Return takes and layout with some cells of the grid only; the right sole is mirrored."""
    row, col = np.divmod(cells, GRID[1])
    right = row * GRID[1] + GRID[1] - 1 - col
    kept = [
        replace(
            take,
            imu=None,
            load={"left": take.load["left"][:, cells], "right": take.load["right"][:, right]},
        )
        for take in takes
    ]
    area = layout.area_mm2[cells]
    few = replace(
        layout,
        name=f"{len(cells)} cells",
        x_mm=layout.x_mm[cells],
        y_mm=layout.y_mm[cells],
        area_mm2=area,
        rows=0,
        cols=0,
    )
    return kept, few


def pooled_matrix(times: int) -> FloatArray:
    """Return (660, 660): the grid pooled ``times`` times by 2 and interpolated back.

    30x22 becomes 15x11, 8x6 and 4x3 as in the study: average pooling of 2 by 2 (what sticks out
    at the end is averaged over what is there), then linear interpolation.
    """
    matrices = []
    for n in GRID:
        edges = np.arange(n + 1)
        pool = np.eye(n)
        for _ in range(times):
            edges = np.append(edges[:-1:2], edges[-1]) if (len(edges) - 1) % 2 else edges[::2]
        pool = np.array([np.eye(n)[a:b].mean(axis=0) for a, b in pairwise(edges)])
        centres = (edges[:-1] + edges[1:] - 1) / 2
        back = np.array([np.interp(np.arange(n), centres, unit) for unit in np.eye(len(centres))])
        matrices.append(back.T @ pool)
    return np.kron(*matrices)
