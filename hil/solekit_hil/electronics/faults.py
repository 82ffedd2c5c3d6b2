"""What can be wrong with cells and lines; any combination, as arguments."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from solekit.errors import DataError
from solekit.layouts import FloatArray

SHORT_S = 0.02  # a pinched thread: 50 ohm


@dataclass(frozen=True)
class Faults:
    """Faults of one sole; ``Faults()`` is a sound one.

    Cells are numbered row by row. ``broken_rows`` and ``broken_cols`` are ``(line, from)``: the
    thread is cut before the crossing ``from``, 0 being its connector. A stuck address line is
    ``(bit, level)``.
    """

    dead_cells: tuple[int, ...] = ()
    saturated_cells: tuple[int, ...] = ()
    broken_rows: tuple[tuple[int, int], ...] = ()
    broken_cols: tuple[tuple[int, int], ...] = ()
    swapped_rows: tuple[tuple[int, int], ...] = ()
    swapped_cols: tuple[tuple[int, int], ...] = ()
    stuck_row_bit: tuple[int, int] | None = None
    stuck_col_bit: tuple[int, int] | None = None

    def __or__(self, other: Faults) -> Faults:
        """Return both together."""
        both = {}
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if field.name.startswith("stuck"):
                if mine and theirs and mine != theirs:
                    raise DataError(f"{field.name}: one line cannot be stuck in two ways")
                both[field.name] = mine or theirs
            else:
                both[field.name] = mine + tuple(one for one in theirs if one not in mine)
        return Faults(**both)

    def cells(self, conductance_s: FloatArray) -> FloatArray:
        """Return the conductances with dead and shorted cells, shape as given (rows, cols)."""
        g = np.array(conductance_s, dtype=float)
        flat = g.reshape(-1)
        for name, value in (("dead_cells", 0.0), ("saturated_cells", SHORT_S)):
            for cell in getattr(self, name):
                if not 0 <= cell < flat.size:
                    raise DataError(f"{name}: there is no cell {cell} among {flat.size}")
                flat[cell] = value
        return g

    def lines(self, g: FloatArray) -> tuple[FloatArray, int]:
        """Return ``g`` as the connectors see it, and how many loose rows end it.

        Swapped lines change places; what lies behind a cut becomes a line of its own, behind the
        connected ones.
        """
        rows, cols = g.shape
        for name, axis, n in (("swapped_rows", 0, rows), ("swapped_cols", 1, cols)):
            for one, other in getattr(self, name):
                _line(name, one, n)
                _line(name, other, n)
                order = np.arange(n)
                order[[one, other]] = other, one
                g = np.take(g, order, axis=axis)
        for row, start in self.broken_rows:
            _line("broken_rows", row, rows)
            loose = np.zeros((1, g.shape[1]))
            loose[0, start:cols] = g[row, start:cols]
            g = np.concatenate((g, loose))
            g[row, start:cols] = 0
        for col, start in self.broken_cols:
            _line("broken_cols", col, cols)
            loose = np.zeros((g.shape[0], 1))
            loose[start:rows, 0] = g[start:rows, col]
            g = np.concatenate((g, loose), axis=1)
            g[start:rows, col] = 0
        return g, len(self.broken_rows)


def stuck(bit: tuple[int, int] | None, address: int) -> int:
    """Return the address that a mux sees."""
    if bit is None:
        return address
    number, level = bit
    return address | 1 << number if level else address & ~(1 << number)


def _line(name: str, line: int, n: int) -> None:
    if not 0 <= line < n:
        raise DataError(f"{name}: there is no line {line} among {n}")
