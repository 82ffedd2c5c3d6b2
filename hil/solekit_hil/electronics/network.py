"""A grid of conductances between driven rows and columns, solved exactly by nodal analysis."""

from __future__ import annotations

import numpy as np

from solekit.layouts import FloatArray

LEAK_S = 1e-12  # of a line that nothing holds: keeps the equations regular
STIFF_S = 1e4  # of one that is held without resistance


def held_s(r_ohm: float) -> float:
    """Return the conductance of a source or switch of ``r_ohm``."""
    return 1 / r_ohm if r_ohm > 1 / STIFF_S else STIFF_S


class Network:
    """``g`` (rows, cols) in siemens; ``row_s`` (rows,) and ``col_s`` (cols,) hold the lines.

    Rows meet columns only, so they are eliminated by hand; what is inverted once per frame is a
    matrix of the columns.
    """

    def __init__(self, g: FloatArray, row_s: FloatArray, col_s: FloatArray) -> None:
        row_total = row_s + g.sum(axis=1)
        share = g / row_total[:, None]
        s = np.diag(col_s + g.sum(axis=0)) - g.T @ share
        self.z_ohm = np.linalg.inv(s)  # (cols, cols)
        self._to_cols = self.z_ohm @ (share * row_s[:, None]).T

    def col_v(self, row_v: FloatArray) -> FloatArray:
        """Return the columns' volts (..., cols) with the row drivers at ``row_v`` (..., rows)."""
        return row_v @ self._to_cols.T
