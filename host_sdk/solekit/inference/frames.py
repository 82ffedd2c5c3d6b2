"""What a network sees of a foot: the same for training and for use.

Every network looks at ``N_FRAMES`` frames at ``RATE_HZ``. Pressure becomes relative load: the load
density of a cell over the mean load density of both soles together in the window, so neither
body weight nor calibration matter. The right foot is mirrored: both feet share one encoder.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solekit.errors import DataError
from solekit.layouts import FloatArray, Layout, Side, grid, spread

Float32 = NDArray[np.float32]

RATE_HZ = 14.0  # of the pressure-to-pose study
N_FRAMES = 40
CENTRE, LATEST = 20, 39  # the frames of a window whose poses are found
GRID = (30, 22)
FULL_LOAD = 16.0  # times the mean density; what is above is clipped
FULL_ACCEL_M_S2, FULL_RATE_RAD_S = 40.0, 15.0
MIN_CELLS = 100  # of a layout that is looked at as an image


def grid_matrix(layout: Layout) -> FloatArray:
    """Return what turns cell forces into forces on the 30x22 grid, shape (660, n_cells).

    The grid is stretched over the sole; the force is conserved. A smaller grid whose cells are
    about as many (29x21) is padded instead, as in the study: at the toes and the right edge.
    DataError for a layout of too few cells.
    """
    rows, cols = GRID
    n = rows * cols
    if (layout.rows, layout.cols) in (GRID, (29, 21)):
        row, col = np.divmod(np.arange(layout.n_cells), layout.cols)
        matrix = np.zeros((n, layout.n_cells))
        matrix[row * cols + col, np.arange(layout.n_cells)] = 1.0
        return matrix
    if layout.n_cells < MIN_CELLS:
        raise DataError(
            f"layout {layout.name!r} has {layout.n_cells} cells; "
            f"an image of the sole needs {MIN_CELLS} or more"
        )
    target = grid("", rows, cols, length_mm=layout.length_mm, width_mm=layout.width_mm)
    return spread(layout, target).T


def relative_load(
    left: FloatArray, right: FloatArray, area_mm2: FloatArray | float = 1.0
) -> tuple[Float32, Float32]:
    """Return what the network sees of windows of both feet, 0 to 1, shaped like the input.

    ``left`` and ``right`` are loads of cells, shape (..., n_frames, n_cells), in any one unit;
    ``area_mm2`` has shape (n_cells,) or is one for all. The square root brings out light loads.
    A window without any load is all zero.
    """
    area = np.broadcast_to(np.asarray(area_mm2, dtype=np.float32), left.shape[-1:])
    total = (left.sum(axis=(-2, -1)) + right.sum(axis=(-2, -1))) / left.shape[-2]
    per_mean = np.divide(
        area.sum(), total * FULL_LOAD, out=np.zeros_like(total), where=np.asarray(total > 0)
    )
    scale = (np.asarray(per_mean)[..., None, None] / area).astype(np.float32)

    def root(foot: FloatArray) -> Float32:
        return np.sqrt(np.clip(foot * scale, 0.0, 1.0)).astype(np.float32)

    return root(left), root(right)


def image(load: Float32, side: Side) -> Float32:
    """Return windows (..., n_frames, 660) as images (..., 30, 22, n_frames), right mirrored."""
    shaped = load.reshape(*load.shape[:-1], *GRID)
    if side == "right":
        shaped = shaped[..., ::-1]
    return np.ascontiguousarray(np.moveaxis(shaped, -3, -1))


def imu_channels(imu: NDArray[Any], side: Side) -> Float32:
    """Return specific force (and rate), (..., 3 or 6) in m/s2 and rad/s, as -1 to 1.

    Axes of a motion sensor as everywhere: x to the toes, y to the left, z up. In the mirror y of
    forces turns, and x and z of rates.
    """
    full = np.repeat([FULL_ACCEL_M_S2, FULL_RATE_RAD_S], 3)
    signs = np.array([1, -1, 1, -1, 1, -1]) if side == "right" else np.ones(6)
    n = imu.shape[-1]
    return np.clip(imu * (signs / full)[:n], -1.0, 1.0).astype(np.float32)
