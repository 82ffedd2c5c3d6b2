"""A person's recording on virtual cells: force is conserved, time is kept, holes stay holes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import solekit
from solekit import layouts
from solekit.errors import DataError
from solekit_hil.filewalker import LEAD_IN_S, MAX_HOLE_S, FileWalker

STRIDE_S = 1.1
STANCE_S = 0.68


def vertical_n(t_s: np.ndarray) -> np.ndarray:
    """Return a walker's force under one foot that lands at 0, 1.1, 2.2 s."""
    phase = np.mod(t_s, STRIDE_S) / STANCE_S
    hump = np.sin(np.pi * np.clip(phase, 0, 1)) ** 0.5
    return 750 * hump * (phase < 1)


def write_gaitpdb(path: Path, *, duration_s: float = 12.0, hole: tuple[float, float] = (0, 0)):
    """Write 8 cells per foot at 100 Hz as the data base does: time, left, right, both totals."""
    t_s = np.arange(0, duration_s, 0.01)
    t_s = t_s[(t_s < hole[0]) | (t_s >= hole[1])]
    share = np.array([3, 3, 1, 1, 2, 2, 2, 1]) / 15
    left = vertical_n(t_s)[:, None] * share
    right = vertical_n(t_s + STRIDE_S / 2)[:, None] * share
    totals = np.stack([left.sum(axis=1), right.sum(axis=1)], axis=1)
    table = np.concatenate([t_s[:, None], left, right, totals], axis=1)
    np.savetxt(path, table, fmt="%.2f", delimiter="\t")
    return path


@pytest.fixture(scope="module")
def walk_file(tmp_path_factory) -> Path:
    return write_gaitpdb(tmp_path_factory.mktemp("file") / "GaCo01_01.txt")


def test_the_samples_of_the_file_come_at_their_times(walk_file):
    walker = FileWalker(walk_file)
    for side, foot in walker.feet.items():
        at = foot.t_s - walker.start_s + LEAD_IN_S
        cells, _, _ = walker.sample(at)
        assert np.allclose(cells[side], foot.force_n, atol=1e-6)
        assert np.allclose(walker.file_time_s(at), foot.t_s)
    assert walker.duration_s == pytest.approx(12.0 + LEAD_IN_S, abs=0.02)
    assert not walker.has_imu


def test_between_samples_the_force_is_between_them(walk_file):
    walker = FileWalker(walk_file)
    at = LEAD_IN_S + np.array([0.205])
    before, after = (walker.sample(at + step)[0]["left"] for step in (-0.005, 0.005))
    between = walker.sample(at)[0]["left"]
    assert np.allclose(between, (before + after) / 2, atol=1e-6)


def test_before_and_after_the_file_nobody_stands_there(walk_file):
    cells, _, _ = FileWalker(walk_file).sample(np.array([0.0, LEAD_IN_S - 0.1, 20.0]))
    assert all((force == 0).all() for force in cells.values())


def test_a_hole_in_the_file_is_no_force_and_no_bridge(tmp_path):
    path = write_gaitpdb(tmp_path / "GaCo02_01.txt", hole=(5.0, 5.5))
    walker = FileWalker(path)
    cells, _, _ = walker.sample(LEAD_IN_S + np.array([4.9, 5.1, 5.25, 5.4, 5.6]))
    total = sum(force.sum(axis=1) for force in cells.values())
    assert total[1:4].tolist() == [0, 0, 0]
    assert (total[[0, 4]] > 100).all()
    assert MAX_HOLE_S < 0.5


SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 8), st.floats(150, 300), st.floats(60, 120))


@given(SHAPES, SHAPES, st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_spreading_over_another_layout_conserves_the_force(one, two, seed):
    source, target = (
        layouts.grid("any", rows, cols, length_mm=length, width_mm=width)
        for rows, cols, length, width in (one, two)
    )
    weights = layouts.spread(source, target)
    assert (weights >= 0).all()
    assert np.allclose(weights.sum(axis=1), 1)
    force = np.random.default_rng(seed).uniform(0, 50, source.n_cells)
    assert (force @ weights).sum() == pytest.approx(force.sum())


def test_spreading_over_the_same_layout_changes_nothing():
    grid = layouts.named("grid-30x22", "left")
    assert np.allclose(layouts.spread(grid, grid), np.eye(grid.n_cells))


@pytest.mark.parametrize("layout", ["grid-30x22", "cells-16", "cells-4"])
def test_a_file_on_another_layout_keeps_its_total(walk_file, layout):
    plain, other = FileWalker(walk_file), FileWalker(walk_file, layout=layout)
    at = LEAD_IN_S + np.arange(0, 5, 0.05)
    for side in layouts.SIDES:
        one, two = (walker.sample(at)[0][side].sum(axis=1) for walker in (plain, other))
        assert np.allclose(one, two)
        assert other.layouts[side].name == layout


@pytest.mark.parametrize("scheme", ["sim", pytest.param("mpy", marks=pytest.mark.mpy32)])
def test_a_file_walks_through_the_whole_way(scheme, walk_file, tmp_path):
    async def record():
        async with solekit.connect_pair(f"{scheme}:file:{walk_file}") as pair:
            assert pair.duration_s == pytest.approx(12.0 + LEAD_IN_S, abs=0.02)
            pair.record_to(tmp_path / "walk.mcap")
            await pair.start()
            await pair.clock.sleep(pair.duration_s)
            return await pair.stop()

    losses = asyncio.run(record())
    recording = solekit.Recording(tmp_path / "walk.mcap")
    for side, foot in recording.feet.items():
        assert all(loss.holds and not loss.missing for loss in losses[side].values())
        assert foot.info.n_cells == 8
        assert foot.loss["pressure"].sampled == pytest.approx(1200, abs=5)
        shift_s = STRIDE_S / 2 if side == "right" else 0.0
        # The first frame is the file's first row, two seconds after the world began.
        force = foot.force_n.sum(axis=1)
        expected = vertical_n(foot.t_s - LEAD_IN_S + shift_s)
        assert np.corrcoef(force, expected)[0, 1] > 0.99
        assert force.max() == pytest.approx(expected.max(), rel=0.03)
        ic = foot.events[foot.events["kind"] == "ic"]["t_s"].to_numpy()
        assert ic.size >= 9
        assert np.median(np.diff(ic)) == pytest.approx(STRIDE_S, abs=0.01)


def test_one_side_of_a_file_can_be_asked_for(walk_file):
    async def connect():
        async with solekit.connect(f"sim:file:{walk_file}?side=right") as insole:
            return insole.side

    assert asyncio.run(connect()) == "right"


def test_a_file_of_no_known_format_is_a_data_error(tmp_path):
    path = tmp_path / "walk.txt"
    path.write_text("once upon a time\n")
    with pytest.raises(DataError, match="no known format"):
        solekit.connect_pair(f"sim:file:{path}")
