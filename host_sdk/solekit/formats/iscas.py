"""Takes of the ISCAS 2025 insole (npz): 33 x 15 raw counts per foot, no newtons.

Counts are not forces, so this is no format of :func:`solekit.formats.load_source`: it serves
measurements of the pressure codec, which works on counts.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from solekit.errors import DataError
from solekit.layouts import SIDES, Layout, Side, grid

ROWS = 33
COLS = 15
LENGTH_MM = 260.0  # nominal: no pitch is published
WIDTH_MM = 90.0


def load_iscas_counts(
    path: Path | str,
) -> tuple[NDArray[np.float64], dict[Side, NDArray[np.uint16]], Layout]:
    """Return times (n,), counts by side (n, 495) with the heel row first, and the grid.

    The file's row 0 is the toe end: the sole is widest in rows 8-9 and narrowest in rows 20-23.
    (Contacts do not decide it: the takes walk forwards and backwards.) Cells outside the sole are
    in the grid and always 0.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as take:
            t_s = np.asarray(take["t_s"], dtype=np.float64)
            pressure = np.asarray(take["pressure"])
    except KeyError as error:
        raise DataError(f"{path.name}: {error.args[0]}; t_s and pressure are needed") from error
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(f"{path.name} is no readable npz file: {error}") from error
    if t_s.ndim != 1 or pressure.shape != (t_s.size, 2, ROWS, COLS):
        raise DataError(
            f"{path.name}: t_s {t_s.shape} and pressure {pressure.shape}; "
            f"(n,) and (n, 2, {ROWS}, {COLS}) are needed"
        )
    if pressure.dtype != np.uint16:
        raise DataError(f"{path.name}: pressure is {pressure.dtype}; uint16 counts are needed")
    if not np.isfinite(t_s).all() or (np.diff(t_s) <= 0).any():
        raise DataError(f"{path.name}: t_s does not increase; put the frames in order")
    counts: dict[Side, NDArray[np.uint16]] = {
        side: np.ascontiguousarray(pressure[:, foot, ::-1].reshape(t_s.size, ROWS * COLS))
        for foot, side in enumerate(SIDES)
    }
    layout = grid(f"iscas-{ROWS}x{COLS}", ROWS, COLS, length_mm=LENGTH_MM, width_mm=WIDTH_MM)
    return t_s, counts, layout
