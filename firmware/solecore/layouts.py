"""The layouts of our own insoles as data, in tenths of a millimetre, for the left foot.

``y`` runs from the heel to the toes, ``x`` from the wearer's left to the right; a right sole is
its mirror image. Row 0 of a grid is the heel row. A geometry is one u16 array: x, y, area of
every cell (0.1 mm, 0.1 mm2).
"""

from array import array

GRID_30X22: str = "grid-30x22"
GRID_29X21: str = "grid-29x21"
CELLS_16: str = "cells-16"
CELLS_4: str = "cells-4"
NAMES = (GRID_30X22, GRID_29X21, CELLS_16, CELLS_4)

# name: rows, cols, length, width. Only the pitch along the sole is published for the grids
# (8.0 and 9.3 mm); across it is the width of a sole shared by the columns.
_GRIDS = {GRID_30X22: (30, 22, 2400, 880), GRID_29X21: (29, 21, 2700, 960)}

# name: length, width, then x, y, area of each cell.
_LISTS = {
    CELLS_16: (
        2600,
        900,
        (
            (320, 180, 5200),  # heel
            (560, 180, 5200),
            (320, 420, 5200),
            (560, 420, 5200),
            (260, 760, 6000),  # midfoot, lateral to medial
            (500, 780, 6000),
            (230, 1120, 6000),
            (470, 1140, 6000),
            (170, 1560, 5200),  # metatarsal heads 5 to 1
            (320, 1660, 4500),
            (450, 1730, 4500),
            (580, 1770, 4500),
            (720, 1760, 5200),
            (240, 2060, 4500),  # toes 4 to 5, 2 to 3, hallux
            (460, 2200, 4500),
            (690, 2260, 6000),
        ),
    ),
    CELLS_4: (
        2600,
        900,
        (
            (440, 320, 6500),  # heel
            (270, 1050, 6500),  # lateral midfoot
            (680, 1740, 6500),  # first metatarsal head
            (660, 2250, 6500),  # hallux
        ),
    ),
}

HEEL_END_PCT: int = 31
FOREFOOT_START_PCT: int = 60


class Geometry:
    """Cells of one sole: ``table`` is u16, n of x, n of y, n of area; None for a plain grid.

    A plain grid divides length and width; ``is_right`` turns it round.
    """

    is_right = False

    def __init__(
        self, name: str, rows: int, cols: int, length: int, width: int, table: array | None
    ) -> None:
        self.name = name
        self.rows = rows
        self.cols = cols
        self.length = length
        self.width = width
        self._table = table
        self.n_cells = len(table) // 3 if table else rows * cols
        largest = length if length > width else width
        self.unit = (largest + 254) // 255  # 0.1 mm of one step of the u8 coordinates

    def word(self, i: int) -> int:
        """Return word ``i`` of the table."""
        if self._table is not None:
            return self._table[i]
        n = self.n_cells
        if i >= 2 * n:
            return (self.length * self.width // n + 5) // 10
        if i >= n:
            return (2 * ((i - n) // self.cols) + 1) * self.length // (2 * self.rows)
        x = (2 * (i % self.cols) + 1) * self.width // (2 * self.cols)
        return self.width - x if self.is_right else x

    def words(self, start: int, stop: int) -> bytearray:
        """Return a piece of the table, low bytes first."""
        out = bytearray(2 * (stop - start))
        for i in range(stop - start):
            word = self.word(start + i)
            out[2 * i] = word & 255
            out[2 * i + 1] = word >> 8
        return out

    @property
    def table(self) -> array:
        """The whole table, made when asked for: a grid's takes 4 kB."""
        return array("H", bytes(self.words(0, 3 * self.n_cells)))

    def zones(self) -> bytearray:
        """Return what the sums kernel needs, u8: n of x, n of y, n of zone."""
        n = self.n_cells
        half = self.unit // 2  # to the nearest step: cutting would pull every CoP by half of one
        out = bytearray(3 * n)
        for i in range(n):
            y = self.word(n + i)
            out[i] = (self.word(i) + half) // self.unit
            out[n + i] = (y + half) // self.unit
            if y * 100 < HEEL_END_PCT * self.length:
                out[2 * n + i] = 1
            elif y * 100 >= FOREFOOT_START_PCT * self.length:
                out[2 * n + i] = 2
        return out


def geometry(name: str, is_right: bool) -> Geometry:
    """Return one of our own layouts; ValueError for a name that is not in NAMES."""
    if name in _GRIDS:
        rows, cols, length, width = _GRIDS[name]
        grid = Geometry(name, rows, cols, length, width, None)
        grid.is_right = is_right
        return grid
    if name in _LISTS:
        length, width, cells = _LISTS[name]
        rows = cols = 0
        n = len(cells)
        table = array("H", bytes(6 * n))
        for i in range(n):
            table[i], table[n + i], table[2 * n + i] = cells[i]
    else:
        raise ValueError("layout %r is not one of %s" % (name, ", ".join(NAMES)))
    if is_right:
        for i in range(n):
            table[i] = width - table[i]
    return Geometry(name, rows, cols, length, width, table)
