from __future__ import annotations

import numpy as np
import pytest

from solekit import layouts
from solekit.errors import DataError
from solekit.pressure import CellCheck, CentreOfPressure, carried_by_interpolation, interpolate

GRID = layouts.named("grid-30x22", "left")
N_STRIDES = 25
FRAMES = 50


def walking(layout: layouts.Layout, sd_mm: float = 28.0) -> np.ndarray:
    """Counts (n, n_cells): a broad load that rolls from heel to toe in each of 25 stances."""
    phase = np.tile(np.arange(FRAMES) / FRAMES, N_STRIDES) / 0.6
    y_mm = (0.1 + 0.8 * phase) * layout.length_mm
    apart = (layout.x_mm - layout.width_mm / 2) ** 2 + (layout.y_mm - y_mm[:, None]) ** 2
    load = 180 * np.exp(-apart / (2 * sd_mm**2)) * (phase <= 1)[:, None]
    noise = np.random.default_rng(0).normal(0, 0.3, load.shape)
    return np.clip(np.round(load + noise), 0, 255).astype(np.uint8)


def cell(row: int, col: int) -> int:
    return row * GRID.cols + col


class TestFindings:
    @pytest.mark.parametrize("name", ["grid-30x22", "grid-29x21", "cells-16", "cells-4"])
    def test_a_good_sole_has_no_flags(self, name):
        layout = layouts.named(name, "left")
        found = CellCheck().inspect(walking(layout), layout=layout)
        assert (found.flags_ == "").all()
        assert found.lines_ == []
        assert found.n_stances_ == N_STRIDES
        assert not found.is_heel_dead_

    def test_three_dead_cells_are_found_and_no_others(self):
        load = walking(GRID)
        dead = [cell(12, 9), cell(12, 10), cell(20, 5)]
        load[:, dead] = 0
        found = CellCheck().inspect(load, layout=GRID)
        assert np.flatnonzero(found.flags_).tolist() == dead
        assert set(found.flags_[dead]) == {"dead"}
        assert "3 of 660 cells do not respond: 273, 274, 445" in found.reasons_

    def test_a_dead_cell_of_a_sparse_sole_is_found(self):
        for name in ("cells-16", "cells-4"):
            layout = layouts.named(name, "left")
            load = walking(layout)
            load[:, 2] = 0
            found = CellCheck().inspect(load, layout=layout)
            assert np.flatnonzero(found.flags_).tolist() == [2]
            assert any("gains are not compared" in reason for reason in found.reasons_)

    def test_dead_cells_of_an_irregular_list_are_found_and_no_others(self):
        rng = np.random.default_rng(3)
        x_mm, y_mm = rng.uniform(0, 90, 60), rng.uniform(0, 250, 60)
        layout = layouts.cells("irregular", x_mm, y_mm, 50.0, length_mm=250, width_mm=90)
        load = walking(layout, sd_mm=40.0)
        assert (CellCheck().inspect(load, layout=layout).flags_ == "").all()
        load[:, [4, 9]] = 0
        found = CellCheck().inspect(load, layout=layout)
        assert np.flatnonzero(found.flags_).tolist() == [4, 9]

    def test_a_cell_stuck_at_a_load_is_told_from_a_dead_one(self):
        load = walking(GRID)
        load[:, cell(15, 11)] = 90
        found = CellCheck().inspect(load, layout=GRID)
        assert found.flags_[cell(15, 11)] == "stuck"
        assert np.count_nonzero(found.flags_ != "") == 1

    @pytest.mark.parametrize(("gain", "code"), [(0.1, "low"), (0.3, ""), (8.0, "high"), (3.0, "")])
    def test_gains_beyond_five_fold_are_flagged(self, gain, code):
        load = walking(GRID).astype(float)
        load /= 8
        load[:, cell(15, 11)] *= gain
        load *= 255 / load.max() * 0.99
        found = CellCheck(moving_sd=1.0).inspect(load, layout=GRID)
        assert found.flags_[cell(15, 11)] == code
        assert np.count_nonzero(found.flags_ != "") == (code != "")

    def test_a_saturated_cell_is_flagged_from_five_percent_of_frames(self):
        load = walking(GRID)
        n = load.shape[0]
        load[: n * 6 // 100, 300] = 255
        load[: n * 4 // 100, 400] = 255
        found = CellCheck().inspect(load, layout=GRID)
        assert found.flags_[300] == "saturated"
        assert found.flags_[400] == ""

    def test_broken_rows_and_columns_are_found_by_name(self):
        load = walking(GRID)
        picture = load.reshape(-1, GRID.rows, GRID.cols)
        picture[:, 14] = 0
        picture[:, :, 7:9] = 0
        found = CellCheck().inspect(load, layout=GRID)
        assert found.lines_ == [("row", 14), ("column", 7), ("column", 8)]
        flags = found.flags_.reshape(GRID.rows, GRID.cols)
        assert (flags[14] == "line").all()
        assert (flags[:, 7:9] == "line").all()
        assert np.count_nonzero(flags != "") == 30 * 2 + 22 - 2
        assert "row 14 is broken: check its thread and contact" in found.reasons_

    @pytest.mark.parametrize("name", ["grid-30x22", "cells-16", "cells-4"])
    def test_a_dead_heel_is_reported_with_its_consequence(self, name):
        layout = layouts.named(name, "left")
        load = walking(layout)
        load[:, layout.heel] = 0
        found = CellCheck().inspect(load, layout=layout)
        assert found.is_heel_dead_
        assert (found.flags_[layout.heel] != "").all()
        assert any("contact and stance times are late" in reason for reason in found.reasons_)

    def test_few_stances_make_it_provisional(self):
        found = CellCheck().inspect(walking(GRID)[: 5 * FRAMES], layout=GRID)
        assert "judged on 5 stances; 20 are needed to be sure" in found.reasons_

    def test_given_stances_are_used_and_lost_frames_left_out(self):
        load = walking(GRID).astype(float)
        load[7] = np.nan
        is_stance = np.zeros(load.shape[0], dtype=bool)
        is_stance[: 3 * FRAMES] = True
        found = CellCheck().inspect(load, layout=GRID, is_stance=is_stance)
        assert (found.flags_ == "").all()

    def test_a_sole_without_load_is_refused(self):
        with pytest.raises(DataError, match="no frame in stance"):
            CellCheck().inspect(np.zeros((9, 660), np.uint8), layout=GRID)
        with pytest.raises(DataError, match="is_stance of shape"):
            CellCheck().inspect(walking(GRID), layout=GRID, is_stance=np.ones(3, dtype=bool))


def flags_at(layout: layouts.Layout, cells: list[int], code: str = "dead") -> np.ndarray:
    flags = np.full(layout.n_cells, "", dtype="<U9")
    flags[cells] = code
    return flags


class TestInterpolation:
    def test_a_plane_is_restored_exactly_inside_a_grid(self):
        plane = (3 * GRID.x_mm + GRID.y_mm)[None, :]
        load = plane.copy()
        bad = [cell(10, 10), cell(20, 3)]
        load[:, bad] = 0
        filled = interpolate(load, flags_at(GRID, bad), GRID)
        assert filled.load == pytest.approx(plane)
        assert filled.is_filled.sum() == 2
        assert (load[:, bad] == 0).all()

    def test_direct_neighbours_weigh_twice_the_diagonal_ones(self):
        load = np.zeros((2, 660))
        load[0, cell(10, 11)] = 12.0
        load[1, cell(11, 11)] = 12.0
        filled = interpolate(load, flags_at(GRID, [cell(10, 10)]), GRID)
        assert filled.load[:, cell(10, 10)] == pytest.approx([2.0, 1.0])

    def test_flagged_neighbours_do_not_count_whatever_they_hold(self):
        load = np.full((1, 660), 5.0)
        bad = [cell(10, 10), cell(10, 11), cell(0, 0)]
        load[:, bad] = [[np.nan, 1e9, 77.0]]
        filled = interpolate(load, flags_at(GRID, bad), GRID)
        assert filled.load[:, bad] == pytest.approx(5.0)

    def test_a_broken_pair_of_lines_is_linear_between_the_lines_beside_it(self):
        ramp = np.tile(GRID.y_mm, (2, 1))
        load = ramp.copy()
        picture = load.reshape(2, 30, 22)
        picture[:, 10:12] = 0
        rows = [cell(r, c) for r in (10, 11) for c in range(22)]
        filled = interpolate(load, flags_at(GRID, rows, "line"), GRID)
        assert filled.load == pytest.approx(ramp)
        columns = [cell(r, 5) for r in range(30)]
        across = np.tile(GRID.x_mm, (1, 1))
        broken = across.copy()
        broken[:, columns] = 0
        filled = interpolate(broken, flags_at(GRID, columns, "line"), GRID)
        assert filled.load == pytest.approx(across)

    def test_a_cell_without_valid_neighbours_is_left_zero_and_said(self):
        block = [cell(r, c) for r in (9, 10, 11) for c in (9, 10, 11)]
        filled = interpolate(np.ones((1, 660)), flags_at(GRID, block), GRID)
        assert filled.unfilled == [cell(10, 10)]
        assert filled.load[0, cell(10, 10)] == 0
        assert "1 cells have no valid cell adjacent to them and are left at zero" in filled.reason

    def test_lists_are_filled_from_the_nearest_within_the_limit(self):
        layout = layouts.cells(
            "list", np.array([0.0, 10.0, 40.0, 200.0]), np.zeros(4), 1.0,
            length_mm=250, width_mm=250,
        )  # fmt: skip
        load = np.array([[8.0, 0.0, 2.0, 99.0]])
        filled = interpolate(load, flags_at(layout, [1]), layout)
        assert filled.load[0, 1] == pytest.approx((8 / 10 + 2 / 30) / (1 / 10 + 1 / 30))
        alone = interpolate(load, flags_at(layout, [3]), layout)
        assert alone.load[0, 3] == 0
        assert "within 40 mm" in alone.reason

    def test_saturated_cells_keep_their_value(self):
        load = np.full((1, 660), 255.0)
        filled = interpolate(load, flags_at(GRID, [4], "saturated"), GRID)
        assert not filled.is_filled.any()

    def test_the_share_on_filled_cells_is_given_per_frame(self):
        layout = layouts.named("cells-4", "left")
        load = np.array([[0.0, 6.0, 0.0, 0.0], [0.0, 0.0, 0.0, 4.0], [0.0] * 4])
        filled = interpolate(load, flags_at(layout, [2]), layout, max_distance_mm=90.0)
        share = carried_by_interpolation(filled)
        assert share[0] == pytest.approx(filled.load[0, 2] / filled.load[0].sum())
        assert 0.2 < share[1] < 0.5
        assert np.isnan(share[2])

    def test_the_cop_after_interpolation_is_nearer_to_the_truth(self):
        truth = walking(GRID).astype(float)
        broken = truth.copy()
        rows = [cell(14, c) for c in range(22)] + [cell(20, 5)]
        broken[:, rows] = 0
        flags = CellCheck().inspect(broken, layout=GRID).flags_
        filled = interpolate(broken, flags, GRID)
        cop = [
            CentreOfPressure().compute(load, layout=GRID).cop_y_mm_
            for load in (truth, broken, filled.load)
        ]
        before_mm = np.nanmax(np.abs(cop[1] - cop[0]))
        after_mm = np.nanmax(np.abs(cop[2] - cop[0]))
        assert before_mm > 1.0
        assert after_mm < 0.2

    def test_flags_of_another_layout_are_refused(self):
        with pytest.raises(DataError, match="flags of shape"):
            interpolate(np.ones((1, 660)), np.full(4, ""), GRID)
