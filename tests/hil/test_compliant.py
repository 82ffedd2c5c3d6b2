from __future__ import annotations

import functools

import numpy as np
import pytest

from solekit import layouts
from solekit.errors import DataError
from solekit_hil.walker.compliant import CompliantSole
from solekit_hil.walker.foot_shape import FootShape

GRIDS = ("grid-30x22", "grid-29x21")
NAMES = (*GRIDS, "cells-16", "cells-4")
BODY_N = 75 * 9.80665


@functools.cache
def sole(name="grid-30x22", side="left", **shape):
    layout = layouts.named(name, side)
    return layout, CompliantSole(layout, side, FootShape(layout.length_mm, **shape))


def step(layout, n=64, seed=0):
    """Return force, centre of pressure and heel raise of ``n`` samples of a step."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(size=n)
    across = 0.47 + 0.08 * phase + rng.uniform(-0.06, 0.06, n)
    along = 0.12 + 0.72 * phase
    cop_mm = np.stack([across * layout.width_mm, along * layout.length_mm], axis=1)
    return rng.uniform(5, 1.3 * BODY_N, n), cop_mm, np.clip((phase - 0.6) / 0.35, 0, 1)


def pressed(made, along, force_n, raised=0.0, across=0.5):
    """Return kPa per cell of one sample, its centre at shares of width and length."""
    layout, compliant = made
    cop_mm = np.array([[across * layout.width_mm, along * layout.length_mm]])
    cells, _ = compliant.press(np.array([force_n]), cop_mm, np.array([raised]))
    return cells[0] / layout.area_mm2 * 1e3


def listed(x_mm, y_mm):
    return layouts.cells(
        "listed", np.array(x_mm, float), np.array(y_mm, float), 100.0, length_mm=260, width_mm=90
    )


ODD = {
    "one cell": listed([45], [100]),
    "two cells": listed([40, 50], [40, 200]),
    "three in a line": listed([45, 45, 45], [40, 120, 200]),
    "a slanted line": listed([30, 40, 50, 60], [40, 90, 140, 190]),
    "two in one place": listed([30, 30, 60, 50], [40, 40, 120, 210]),
    "many": listed(*np.random.default_rng(5).uniform(5, [[85], [255]], (2, 150))),
}


@pytest.mark.parametrize("side", layouts.SIDES)
@pytest.mark.parametrize("name", NAMES)
def test_the_cells_add_up_to_the_force_and_have_the_centre_that_is_told(name, side):
    layout, compliant = sole(name, side)
    check_sums(layout, compliant)


@pytest.mark.parametrize("name", ODD)
def test_any_list_of_cells_adds_up(name):
    check_sums(ODD[name], CompliantSole(ODD[name], "left", FootShape(260)))


def check_sums(layout, compliant):
    force_n, cop_mm, raised = step(layout)
    cells, centre = compliant.press(force_n, cop_mm, raised)
    assert cells.shape == (64, layout.n_cells)
    assert cells.dtype == np.float32
    assert (cells >= 0).all()
    exact = cells.astype(float)
    np.testing.assert_allclose(exact.sum(axis=1), force_n, rtol=1e-6)
    places = np.stack([layout.x_mm, layout.y_mm], axis=1)
    np.testing.assert_allclose(centre, exact @ places / force_n[:, None], atol=1e-3)


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize(
    "shape", [{}, {"arch": 0.0}, {"arch": 1.0, "pad_stiffness": 3.0}, {"width": 0.85}]
)
def test_a_grid_meets_the_centre_of_pressure_that_is_asked_for(name, shape):
    layout, compliant = sole(name, **shape)
    force_n, cop_mm, raised = step(layout, n=200)
    _, centre = compliant.press(force_n, cop_mm, raised)
    assert np.abs(centre - cop_mm).max() < 0.5


def test_sixteen_cells_move_their_centre_with_the_one_asked_for():
    layout, compliant = sole("cells-16")
    along = np.linspace(0.1, 0.85, 40)
    cop_mm = np.stack([np.full(40, 45.0), along * layout.length_mm], axis=1)
    _, centre = compliant.press(np.full(40, BODY_N), cop_mm, np.clip(along - 0.5, 0, 0.3) / 0.3)
    assert (np.diff(centre[:, 1]) > 0).all()
    # Between the rearmost and the foremost cells nothing is lost.
    within = (along > 0.3) & (along < 0.6)
    assert np.abs(centre - cop_mm)[within].max() < 8


@pytest.mark.parametrize("name", NAMES)
def test_any_order_and_any_division_into_calls_give_the_same_bits(name):
    layout, compliant = sole(name)
    force_n, cop_mm, raised = step(layout, n=150)
    force_n[::9] = 0
    whole = compliant.press(force_n, cop_mm, raised)
    order = np.random.default_rng(1).permutation(150)
    mixed = compliant.press(force_n[order], cop_mm[order], raised[order])
    for all_, shuffled in zip(whole, mixed, strict=True):
        assert all_[order].tobytes() == shuffled.tobytes()
    for size in (1, 7, 64):
        cuts = [slice(i, i + size) for i in range(0, 150, size)]
        pieces = [compliant.press(force_n[at], cop_mm[at], raised[at]) for at in cuts]
        for all_, *parts in zip(whole, *pieces, strict=True):
            assert all_.tobytes() == np.concatenate(parts).tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_right_foot_is_the_mirror_image_of_a_left_one(name):
    layout, left = sole(name)
    other = layout.mirrored()
    right = CompliantSole(other, "right", FootShape(layout.length_mm))
    force_n, cop_mm, raised = step(layout)
    cells, centre = left.press(force_n, cop_mm, raised)
    mirrored = cop_mm * (-1, 1) + (layout.width_mm, 0)
    right_cells, right_centre = right.press(force_n, mirrored, raised)
    np.testing.assert_allclose(right_cells, cells, atol=1e-3)
    np.testing.assert_allclose(right_centre, centre * (-1, 1) + (layout.width_mm, 0), atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("arch", [0.0, 0.5, 1.0])
def test_heel_and_forefoot_unload_to_exactly_nothing(name, arch):
    layout, _ = made = sole(name, arch=arch)
    for force_n in (20.0, 0.5 * BODY_N, 1.1 * BODY_N):
        assert pressed(made, 0.12, force_n)[layout.y_mm > 0.6 * layout.length_mm].max() == 0
        heel = layout.y_mm < 0.2 * layout.length_mm
        assert pressed(made, 0.78, force_n, raised=1.0)[heel].max() == 0


def test_pressures_are_those_of_walking_and_standing():
    layout, _ = made = sole()
    across, along = layout.x_mm / layout.width_mm, layout.y_mm / layout.length_mm
    heel, middle = along < 0.31, (along > 0.31) & (along < 0.58)
    ball, hallux = (along > 0.6) & (along < 0.82), (along > 0.84) & (across > 0.62)
    landed = pressed(made, 0.18, 0.9 * BODY_N)
    assert 200 < landed[heel].max() < 370
    for place in (0.72, 0.75, 0.78):
        pushed = pressed(made, place, 1.1 * BODY_N, raised=1.0, across=0.55)
        assert 250 < pushed[ball].max() < 450
        assert 120 < pushed[hallux].max() < 420
        assert pushed[middle].max() < 120
    stood = pressed(made, 0.45, 0.5 * BODY_N, across=0.47)
    assert 80 < stood[heel].max() < 160
    assert 30 < np.mean(stood[ball & (stood > 0)]) < 90
    assert stood[middle].max() < 60


def test_a_higher_arch_leaves_less_on_the_midfoot():
    loads = []
    for arch in (0.0, 0.25, 0.5, 0.75, 1.0):
        layout, _ = made = sole(arch=arch)
        middle = ~layout.heel & ~layout.forefoot
        loads.append((pressed(made, 0.45, BODY_N, across=0.47) * layout.area_mm2)[middle].sum())
    assert (np.diff(loads) < 0).all()


def test_a_softer_pad_spreads_the_force():
    peaks = [pressed(sole(pad_stiffness=k), 0.16, BODY_N).max() for k in (0.5, 1.0, 2.0)]
    assert peaks[0] < peaks[1] < peaks[2]


def test_a_strong_hallux_takes_more():
    layout = layouts.named("grid-30x22", "left")
    hallux = (layout.y_mm > 0.84 * 240) & (layout.x_mm > 0.62 * 88)
    loads = [pressed(sole(hallux=h), 0.76, BODY_N, raised=1.0)[hallux].sum() for h in (0, 1, 2)]
    assert loads[0] < loads[1] < loads[2]


def test_a_short_foot_leaves_the_toe_end_of_its_sole_empty():
    layout = layouts.named("grid-30x22", "left")
    short = CompliantSole(layout, "left", FootShape(0.85 * layout.length_mm))
    cells, _ = short.press(*step(layout))
    assert cells[:, layout.y_mm > 0.85 * layout.length_mm].max() == 0
    assert cells[:, layout.y_mm > 0.75 * layout.length_mm].max() > 0


def test_cells_outside_the_outline_carry_nothing():
    layout, compliant = sole()
    carried = compliant.press(*step(layout, n=300))[0].max(axis=0).reshape(30, 22) > 0
    assert not carried[0, :5].any()
    assert not carried[0, -5:].any()
    assert not carried[8:16, 20:].any()
    assert 300 < carried.sum() < 500


@pytest.mark.parametrize("name", NAMES)
def test_a_centre_out_of_reach_becomes_one_at_the_edge_of_the_foot(name):
    layout, compliant = sole(name)
    w, h = layout.width_mm, layout.length_mm
    cop_mm = np.array([(w / 2, -500.0), (w / 2, 900.0), (-99.0, h / 2), (999.0, h / 2), (-9, -9)])
    force_n = np.array([800.0, 30.0, 700.0, 3000.0, 0.01])
    for raised in (0.0, 1.0):
        cells, centre = compliant.press(force_n, cop_mm, np.full(5, raised))
        np.testing.assert_allclose(cells.sum(axis=1), force_n, rtol=1e-5)
        assert ((centre > 0) & (centre < (w, h))).all()
        if name in GRIDS:
            assert centre[0, 1] < 0.1 * h < 0.9 * h < centre[1, 1]
            assert centre[2, 0] < 0.4 * w < 0.6 * w < centre[3, 0]


def test_no_force_gives_zero_cells_and_no_centre():
    layout, compliant = sole()
    cells, centre = compliant.press(np.zeros(3), np.full((3, 2), np.nan), np.zeros(3))
    assert not cells.any()
    assert np.isnan(centre).all()
    cells, centre = compliant.press(np.zeros(0), np.zeros((0, 2)), np.zeros(0))
    assert cells.shape == (0, layout.n_cells)
    assert centre.shape == (0, 2)


@pytest.mark.parametrize(
    ("force_n", "cop_mm", "raised", "text"),
    [
        ([-1.0], [[40, 90]], [0], "-1.0 N"),
        ([np.nan], [[40, 90]], [0], "nan N"),
        ([1.0], [[40, np.nan]], [0], "needs numbers"),
        ([1.0], [[40, 90]], [np.inf], "needs numbers"),
        ([1.0], [40, 90], [0], "shapes"),
        (1.0, [[40, 90]], [0], "shapes"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(force_n, cop_mm, raised, text):
    _, compliant = sole("cells-4")
    with pytest.raises(DataError, match=text):
        compliant.press(force_n, cop_mm, raised)


@pytest.mark.parametrize(
    "shape", [{"length_mm": 0}, {"arch": 1.2}, {"width": np.nan}, {"pad_stiffness": -1}]
)
def test_an_impossible_foot_is_refused(shape):
    with pytest.raises(DataError, match=next(iter(shape))):
        FootShape(**{"length_mm": 240, **shape})
