"""The self-test of the foot on modelled electronics: each fault by its name, none without one."""

import numpy as np
import pytest

from solecore.wire import codes
from solekit_hil.electronics.faults import Faults
from tests.hil.soles import Sole

ROWS, COLS = 30, 22


@pytest.fixture(scope="module")
def sole() -> Sole:
    return Sole(seed=11)


@pytest.fixture(scope="module")
def inner(sole) -> list[int]:
    """Cells whose whole neighbourhood is loaded."""
    load = sole.mean_load_n().reshape(ROWS, COLS)
    load = load > 0.05 * load.max()
    around = np.ones_like(load)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            around &= np.roll(load, (dy, dx), (0, 1))
    around[[0, -1]] = False
    around[:, [0, -1]] = False
    return np.flatnonzero(around).tolist()


def real(found) -> list[tuple[int, int, int]]:
    """Return the faults, without the count of what was not judged."""
    return [fault for fault in found if fault[0] != codes.NOT_JUDGED]


@pytest.mark.parametrize(
    ("layout", "motion", "seed"),
    [
        *(("grid-30x22", "walk", seed) for seed in range(20, 22)),
        *(("grid-29x21", "walk", seed) for seed in (30,)),
        *(("cells-16", "walk", seed) for seed in (40,)),
        *(("cells-4", "walk", seed) for seed in (50,)),
        ("grid-30x22", "run", 60),
        ("grid-30x22", "limp", 61),
    ],
)
def test_a_sound_insole_raises_no_alarm(layout, motion, seed):
    found = Sole(seed, layout, side=("left", "right")[seed % 2], motion=motion).faults()
    assert real(found) == []


def test_what_bears_no_load_is_counted_as_not_judged(sole):
    (fault,) = sole.faults()
    kind, n_unjudged, n_cells = fault
    unloaded = int((sole.mean_load_n() == 0).sum())
    assert (kind, n_cells) == (codes.NOT_JUDGED, 660)
    assert unloaded <= n_unjudged <= 1.6 * unloaded  # the rims bear next to nothing
    off = int(np.flatnonzero(sole.mean_load_n() == 0)[0])
    assert sole.faults(Faults(dead_cells=(off,))) == [fault]


def test_dead_cells_are_named_wherever_their_neighbours_bear_load(sole, inner):
    assert len(inner) > 100
    for first in range(4):
        cells = tuple(inner[first * 3 :: len(inner) // 6][:6])  # far apart from each other
        found = real(sole.faults(Faults(dead_cells=cells)))
        assert found == [(codes.DEAD_CELL, cell, 0) for cell in cells]


def test_a_dead_one_of_sixteen_cells_is_named():
    sole = Sole(seed=3, layout="cells-16")
    for cell in (0, 6, 12):
        assert real(sole.faults(Faults(dead_cells=(cell,)))) == [(codes.DEAD_CELL, cell, 0)]


def test_saturated_cells_are_named_also_without_load(sole):
    cells = (2, 77, 333, 610)
    found = real(sole.faults(Faults(saturated_cells=cells)))
    assert found == [(codes.SATURATED_CELL, cell, 0) for cell in cells]


@pytest.mark.parametrize("row", [3, 8, 14, 19, 26])
def test_a_broken_row_is_named_and_its_cells_are_not_called_dead(sole, row):
    ((kind, number, _),) = real(sole.faults(Faults(broken_rows=((row, 0),))))
    assert (kind, number) == (codes.BROKEN_ROW, row)


@pytest.mark.parametrize("col", [4, 8, 13, 17])
def test_a_broken_column_is_named(sole, col):
    ((kind, number, _),) = real(sole.faults(Faults(broken_cols=((col, 0),))))
    assert (kind, number) == (codes.BROKEN_COLUMN, col)


def test_a_thread_that_is_cut_half_way_is_named_with_the_place(sole):
    assert real(sole.faults(Faults(broken_rows=((6, 11),)))) == [(codes.BROKEN_ROW, 6, 11)]
    ((kind, column, place),) = real(sole.faults(Faults(broken_cols=((9, 16),))))
    assert (kind, column) == (codes.BROKEN_COLUMN, 9)
    assert abs(place - 16) <= 2  # the arch bears little: the first cells behind the cut miss none


@pytest.mark.parametrize(
    ("kind", "pair"),
    [
        *((codes.SWAPPED_ROWS, pair) for pair in ((6, 7), (22, 23), (8, 19))),
        *((codes.SWAPPED_COLUMNS, pair) for pair in ((3, 4), (16, 17), (4, 12))),
    ],
)
def test_swapped_lines_are_named(kind, pair):
    name = "swapped_rows" if kind == codes.SWAPPED_ROWS else "swapped_cols"
    made = Faults(**{name: (pair,)})  # at the making: the press saw it so, too
    assert real(Sole(seed=12, made=made).faults(made)) == [(kind, *pair)]


@pytest.mark.parametrize("bit", range(4))
@pytest.mark.parametrize("axis", [0, 1])
def test_an_address_line_that_is_stuck_is_named(sole, axis, bit):
    level = (axis + bit) % 2
    faults = Faults(**{("stuck_row_bit", "stuck_col_bit")[axis]: (bit, level)})
    assert sole.faults(faults) == [(codes.STUCK_MUX, axis, bit)]


def test_several_faults_at_once_are_all_named(sole, inner):
    cell = inner[len(inner) // 2]
    faults = Faults(dead_cells=(cell,), saturated_cells=(30,), broken_rows=((5, 0),))
    found = {kind: number for kind, number, _ in real(sole.faults(faults))}
    expected = {codes.DEAD_CELL: cell, codes.SATURATED_CELL: 30, codes.BROKEN_ROW: 5}
    assert found == expected
