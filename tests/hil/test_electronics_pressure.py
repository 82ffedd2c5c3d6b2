"""From newtons to siemens and back through the real driver, and what each fault looks like."""

from array import array

import numpy as np
import pytest

from solefoot.drivers.scan.readout import Circuit
from solefoot.drivers.scan.wiring import Mux, Wiring
from solekit.crosstalk import conductance_s
from solekit.errors import DataError
from solekit.layouts import named
from solekit_hil.electronics.faults import Faults
from solekit_hil.electronics.pressure import (
    PressureSide,
    film_of,
    grid_circuit,
    open_cells,
    open_grid,
)
from solekit_hil.walker.compliant import CompliantSole
from solekit_hil.walker.foot_shape import FootShape

ROWS, COLS = 8, 6


def scan(rig):
    raw = array("H", bytes(2 * rig.readout.n_cells))
    rig.readout.scan_into(raw)
    return np.array(raw).reshape(1, rig.readout.rows, rig.readout.cols)


def standing(layout, force_n=400.0):
    sole = CompliantSole(layout, "left", FootShape(layout.length_mm))
    place = np.array([[0.48 * layout.width_mm, 0.45 * layout.length_mm]])
    return sole.press(np.array([force_n]), place, np.zeros(1))[0][0].astype(float)


COUNTS = 3  # 2 of INL, the mean of the noise, rounding


def uncertainty_s(circuit, g):
    """Return what ``COUNTS`` in every cell, and what the closed form neglects, do at most."""
    volts = COUNTS * 3.3 / 4095
    if circuit.kind == 1:
        r_row, r_col = circuit.r_row_dohm / 10, circuit.r_col_dohm / 10
        neglected = r_row * g.sum(axis=1).max() * r_col * g.sum(axis=0).max() * g.max()
        # The drop of the row and the share of the column make a count worth more.
        larger = 1 / (1 - r_row * g.sum(axis=1).max()) / (1 - r_col * g.sum(axis=0).max())
        return volts / circuit.r_ohm / (circuit.drive_mv / 1000) * larger * 1.1 + neglected
    load_s = 1 / (circuit.r_ohm + circuit.r_col_dohm / 10)
    column_s = load_s + g.sum(axis=0)
    return (1.1 * volts * column_s / 3.3 * (1 + len(g) * g / load_s)).max()


@pytest.mark.parametrize("name", ["grid-30x22", "grid-29x21"])
@pytest.mark.parametrize(
    "circuit", [grid_circuit(), Circuit(2, drive_mv=3300, r_ohm=1000, r_col_dohm=25)]
)
def test_a_foot_comes_back_from_its_counts(name, circuit):
    layout = named(name, "left")
    side = PressureSide(layout, film=film_of(layout, seed=4, noise=0), circuit=circuit)
    force_n = standing(layout)
    side.load(force_n, 0.0)
    frames = np.concatenate([scan(side.rig) for _ in range(16)])
    kpa = force_n * 1000 / layout.area_mm2
    g = film_of(layout, seed=4, noise=0).conductance_s(kpa, 0.0)
    g = g.reshape(layout.rows, layout.cols)
    assert (g > 2e-5).sum() > 100  # there is a foot
    found = conductance_s(frames, side.readout.describe()).mean(axis=0)
    assert np.abs(found - g).max() <= uncertainty_s(circuit, g)
    # What one would have made of the counts alone, without the circuit's other cells.
    volts = frames.mean(axis=0) * 3.3 / 4095
    alone = volts / circuit.r_ohm / (1.0 if circuit.kind == 1 else 3.3 - volts)
    assert np.abs(alone - g).max() > 2 * np.abs(found - g).max()


@pytest.mark.parametrize("name", ["cells-16", "cells-4"])
def test_single_cells_are_dividers_of_their_own(name):
    layout = named(name, "right")
    side = PressureSide(
        layout, film=film_of(layout, seed=1, noise=0), settle_us=20, adc={"noise_lsb": 0}
    )
    twin = film_of(layout, seed=1, noise=0)
    raw = array("H", bytes(2 * layout.n_cells))
    for t_s, newtons in enumerate((0.0, 5.0, 30.0, 150.0)):
        force_n = np.full(layout.n_cells, newtons)
        side.load(force_n, float(t_s))
        side.scan_into(raw)
        g = twin.conductance_s(force_n * 1000 / layout.area_mm2, float(t_s))
        assert np.abs(np.array(raw) - 4095 * g / (g + 1 / 220)).max() <= COUNTS
    assert min(raw) > 1500


def test_a_seed_is_an_insole():
    layout = named("grid-30x22", "left")

    def frame(seed):
        side = PressureSide(layout, seed=seed)
        side.load(standing(layout), 0.0)
        return scan(side.rig).tolist()

    assert frame(1) == frame(1)
    assert frame(1) != frame(2)


def faulty(**faults):
    """Return counts of an even load, sound and with ``faults``, (rows, cols) each."""
    found = []
    for one in (Faults(), Faults(**faults)):
        rig = open_grid(ROWS, COLS, faults=one, adc={"noise_lsb": 0, "inl_lsb": 0}, settle_us=20)
        g = np.linspace(1e-4, 2e-4, ROWS * COLS)
        rig.front.load(g)
        found.append(scan(rig)[0].astype(int))
    return found


def changed(sound, bad, by=40):
    return {tuple(int(k) for k in at) for at in np.argwhere(np.abs(bad - sound) > by)}


def test_a_dead_cell_reads_nothing():
    sound, bad = faulty(dead_cells=(13,))
    assert changed(sound, bad) == {(2, 1)}
    assert bad[2, 1] < 10


def test_a_shorted_cell_is_at_full_scale_and_disturbs_its_row():
    sound, bad = faulty(saturated_cells=(13,))
    assert bad[2, 1] == 4095
    assert (bad[2] < sound[2]).sum() == COLS - 1  # the driver gives way
    assert {row for row, _ in changed(sound, bad)} == {2}


def test_a_broken_row_is_gone_from_the_cut_on():
    sound, bad = faulty(broken_rows=((3, 2),))
    assert changed(sound, bad) == {(3, col) for col in range(2, COLS)}
    assert bad[3, 2:].max() < 10
    sound, bad = faulty(broken_rows=((3, 0),))
    assert bad[3].max() < 10


def test_a_broken_column_is_gone_from_the_cut_on():
    sound, bad = faulty(broken_cols=((4, 5),))
    assert changed(sound, bad) == {(row, 4) for row in range(5, ROWS)}
    assert bad[5:, 4].max() < 10


def test_swapped_lines_change_places():
    sound, bad = faulty(swapped_rows=((1, 6),), swapped_cols=((0, 5),))
    rows, cols = [0, 6, 2, 3, 4, 5, 1, 7], [5, 1, 2, 3, 4, 0]
    assert np.abs(bad - sound[rows][:, cols]).max() <= 1


@pytest.mark.parametrize("level", [0, 1])
def test_a_stuck_address_line_shows_one_column_twice(level):
    sound, bad = faulty(stuck_col_bit=(0, level))
    for col in range(COLS):
        seen = col & ~1 | level
        assert np.abs(bad[:, col] - sound[:, seen]).max() <= 1


def test_a_column_address_beyond_the_grid_reads_nothing():
    _, bad = faulty(stuck_col_bit=(3, 1))
    assert bad.max() < 10


def test_a_stuck_row_address_drives_another_row():
    rig = open_grid(
        4, 3, wiring=Wiring(4, 3, Mux((1, 2)), Mux((3, 4))), faults=Faults(stuck_row_bit=(1, 0)),
        adc={"noise_lsb": 0, "inl_lsb": 0}, settle_us=20,
    )  # fmt: skip
    rig.front.load(np.linspace(1e-4, 4e-4, 12))
    counts = scan(rig)[0]
    assert np.array_equal(counts[2:], counts[:2])


def test_faults_come_together():
    both = Faults(dead_cells=(1,)) | Faults(dead_cells=(1, 2), stuck_col_bit=(0, 1))
    assert both == Faults(dead_cells=(1, 2), stuck_col_bit=(0, 1))
    with pytest.raises(DataError, match="two ways"):
        _ = both | Faults(stuck_col_bit=(0, 0))
    sound, bad = faulty(dead_cells=(0,), broken_rows=((3, 2),), broken_cols=((4, 5),))
    gone = {(0, 0)} | {(3, col) for col in range(2, COLS)} | {(row, 4) for row in range(5, ROWS)}
    assert changed(sound, bad) == gone


@pytest.mark.parametrize(
    "faults",
    [
        {"dead_cells": (48,)},
        {"saturated_cells": (-1,)},
        {"broken_rows": ((8, 0),)},
        {"broken_cols": ((6, 0),)},
        {"swapped_rows": ((0, 8),)},
        {"stuck_col_bit": (4, 0)},
        {"stuck_row_bit": (0, 1)},
    ],
)
def test_a_fault_of_what_is_not_there_is_refused(faults):
    with pytest.raises(DataError, match="no"):
        faulty(**faults)


def test_single_cells_have_faults_too():
    rig = open_cells(
        16, faults=Faults(dead_cells=(2,), saturated_cells=(5,), stuck_col_bit=(3, 0)),
        adc={"noise_lsb": 0, "inl_lsb": 0}, settle_us=20,
    )  # fmt: skip
    rig.front.load(np.linspace(1e-4, 4e-4, 16))
    counts = scan(rig)[0, 0]
    assert counts[2] < 5
    assert counts[5] == round(4095 / (1 + 50 / 220))  # the divider of a short
    assert np.array_equal(counts[8:], counts[:8])
