from __future__ import annotations

import numpy as np
import pytest

from solekit import layouts
from solekit.errors import DataError
from solekit.pressure import CentreOfPressure, GaitLine, region_mask, region_masks
from solekit.pressure.regions import absent_regions, region_names

RATE_HZ = 100.0
LENGTH_MM, WIDTH_MM = 250.0, 90.0


def irregular() -> layouts.Layout:
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, WIDTH_MM, 60), rng.uniform(0, LENGTH_MM, 60)
    area = rng.uniform(20, 90, 60)
    return layouts.cells("irregular", x, y, area, length_mm=LENGTH_MM, width_mm=WIDTH_MM)


def all_layouts() -> list[layouts.Layout]:
    own = [layouts.named(name, "left") for name in ("grid-30x22", "cells-16", "cells-4")]
    return [*own, irregular()]


def gaussian(layout: layouts.Layout, x_mm: np.ndarray, y_mm: np.ndarray, sd_mm: float):
    """Force of a Gaussian load that moves; its CoP is its middle, far from the edges."""
    apart = (layout.x_mm - x_mm[:, None]) ** 2 + (layout.y_mm - y_mm[:, None]) ** 2
    return np.exp(-apart / (2 * sd_mm**2)) * layout.area_mm2


@pytest.mark.parametrize("layout", all_layouts(), ids=lambda layout: layout.name)
class TestEveryLayout:
    def test_load_on_one_cell_has_its_cop_there(self, layout):
        cop = CentreOfPressure().compute(np.eye(layout.n_cells), layout=layout)
        assert cop.cop_x_mm_ == pytest.approx(layout.x_mm)
        assert cop.cop_y_mm_ == pytest.approx(layout.y_mm)

    def test_every_cell_is_in_exactly_one_region_of_either_foot(self, layout):
        for side in layouts.SIDES:
            masks = region_masks(layout, side)
            assert (np.sum(list(masks.values()), axis=0) == 1).all()
            assert set(masks) | set(absent_regions(layout, side)) == set(region_names())

    def test_regions_of_the_right_foot_are_those_of_the_left_mirrored(self, layout):
        left, right = region_masks(layout, "left"), region_masks(layout.mirrored(), "right")
        assert left.keys() == right.keys()
        for name in left:
            assert np.array_equal(left[name], right[name]), name


class TestRegions:
    def test_four_cells_are_heel_midfoot_first_metatarsal_head_and_hallux(self):
        masks = region_masks(layouts.named("cells-4", "left"), "left")
        found = {name: np.flatnonzero(mask).tolist() for name, mask in masks.items()}
        assert found == {"heel": [0], "midfoot": [1], "mth1": [2], "hallux": [3]}

    def test_the_sixteen_cells_have_all_regions_by_their_own_map(self):
        masks = region_masks(layouts.named("cells-16", "right"), "right")
        assert set(masks) == set(region_names())
        assert np.flatnonzero(masks["lesser_toes"]).tolist() == [13, 14]

    def test_the_hallux_is_on_the_medial_side_of_each_foot(self):
        for side, is_medial in (("left", np.greater), ("right", np.less)):
            layout = layouts.named("grid-30x22", side)
            masks = region_masks(layout, side)
            middle_mm = layout.width_mm / 2
            assert is_medial(layout.x_mm[masks["hallux"]], middle_mm).all()
            assert is_medial(layout.x_mm[masks["mth1"]], middle_mm).all()

    def test_limits_are_half_open_and_cells_beyond_the_outline_join_the_outermost(self):
        y_mm = np.array([-5.0, 0.0, 30.9, 31.0, 60.0, 83.0, 100.0, 110.0])
        layout = layouts.cells("line", np.full(8, 99.0), y_mm, 1.0, length_mm=100, width_mm=100)
        masks = region_masks(layout, "left")
        assert np.flatnonzero(masks["heel"]).tolist() == [0, 1, 2]
        assert np.flatnonzero(masks["midfoot"]).tolist() == [3]
        assert np.flatnonzero(masks["mth1"]).tolist() == [4]
        assert np.flatnonzero(masks["hallux"]).tolist() == [5, 6, 7]

    def test_asking_for_an_absent_region_gives_a_reason(self):
        layout = layouts.named("cells-4", "left")
        with pytest.raises(DataError, match=r"no cell in region 'mth4_5'.*it has heel, midfoot"):
            region_mask(layout, "left", "mth4_5")
        with pytest.raises(DataError, match="'arch' is not one of heel"):
            region_mask(layout, "left", "arch")
        with pytest.raises(DataError, match="side 'both'"):
            region_masks(layout, "both")  # type: ignore[arg-type]


class TestCentreOfPressure:
    def test_it_follows_a_moving_gaussian_load_on_the_grid(self):
        layout = layouts.named("grid-30x22", "left")
        y_mm = np.linspace(60, 180, 50)
        x_mm = np.linspace(40, 48, 50)
        load = gaussian(layout, x_mm, y_mm, 9.0)
        cop = CentreOfPressure().compute(load, layout=layout)
        assert cop.cop_x_mm_ == pytest.approx(x_mm, abs=0.01)
        assert cop.cop_y_mm_ == pytest.approx(y_mm, abs=0.01)

    def test_the_unit_of_load_does_not_matter(self):
        layout = irregular()
        load = gaussian(layout, np.full(20, 45.0), np.linspace(50, 200, 20), 40.0)
        one = CentreOfPressure().compute(load, layout=layout)
        other = CentreOfPressure().compute(load * 17.0, layout=layout)
        assert one.cop_y_mm_ == pytest.approx(other.cop_y_mm_)

    def test_below_five_percent_of_body_weight_there_is_none(self):
        layout = layouts.named("cells-4", "left")
        load = np.zeros((3, 4))
        load[:, 0] = [34.9, 35.0, 700.0]
        cop = CentreOfPressure().compute(load, layout=layout, body_weight_n=700.0)
        assert np.isnan(cop.cop_y_mm_).tolist() == [True, False, False]
        assert cop.threshold_n_ == pytest.approx(35.0)

    def test_without_body_weight_the_98th_percentile_stands_in(self):
        layout = layouts.named("cells-4", "left")
        load = np.outer(np.arange(101.0), np.ones(4))
        cop = CentreOfPressure().compute(load, layout=layout)
        assert cop.threshold_n_ == pytest.approx(0.05 * 4 * 98)
        assert np.isnan(cop.cop_x_mm_).sum() == 5

    def test_a_given_threshold_and_the_dead_band_of_cells_count(self):
        layout = layouts.named("cells-4", "left")
        load = np.array([[2, 2, 2, 100], [0, 0, 0, 9]], dtype=np.uint8)
        cop = CentreOfPressure(min_force_n=10.0, min_cell=2.0).compute(load, layout=layout)
        assert cop.cop_y_mm_[0] == pytest.approx(layout.y_mm[3])
        assert np.isnan(cop.cop_y_mm_[1])

    def test_a_lost_frame_and_a_recording_without_load_give_none(self):
        layout = layouts.named("cells-4", "left")
        lost = np.full((2, 4), np.nan)
        lost[1] = 1.0
        cop = CentreOfPressure().compute(lost, layout=layout)
        assert np.isnan(cop.cop_x_mm_).tolist() == [True, False]
        for empty in (np.zeros((5, 4)), np.full((5, 4), np.nan), np.zeros((0, 4))):
            nothing = CentreOfPressure().compute(empty, layout=layout)
            assert np.isnan(nothing.cop_x_mm_).all()
            assert "no frame carries" in nothing.reason_

    def test_frames_of_another_layout_are_refused(self):
        with pytest.raises(DataError, match=r"frames of shape \(5, 7\) for 4 cells"):
            CentreOfPressure().compute(np.ones((5, 7)), layout=layouts.named("cells-4", "left"))


def resample(x_mm, y_mm, t_s, ic_s, to_s):
    layout = layouts.named("cells-16", "left")
    return GaitLine().resample(
        x_mm, y_mm, t_s=t_s, ic_s=np.array(ic_s), to_s=np.array(to_s), layout=layout
    )


class TestGaitLine:
    t_s = np.arange(0, 3.005, 1 / RATE_HZ)

    def test_a_straight_line_has_its_length_and_no_width(self):
        phase = self.t_s % 1.0
        found = resample(
            np.full(self.t_s.shape, 40.0), 20 + 200 * phase, self.t_s, [0, 1], [0.6, 1.6]
        )
        row = found.stances_.iloc[0]
        assert row["length_mm"] == pytest.approx(120.0)
        assert row["path_mm"] == pytest.approx(120.0)
        assert row["velocity_mm_s"] == pytest.approx(200.0)
        assert row["width_mm"] == pytest.approx(0, abs=1e-9)
        assert row["start_pct"] == pytest.approx(100 * 20 / 260)
        assert row["end_pct"] == pytest.approx(100 * 140 / 260)
        assert found.lines_mm_.shape == (2, 101, 2)
        assert found.mean_line_mm_[50] == pytest.approx([40.0, 80.0])
        assert found.sd_line_mm_ == pytest.approx(np.zeros((101, 2)), abs=1e-9)

    def test_a_half_sine_has_its_amplitude_and_area(self):
        phase = np.clip((self.t_s % 1.0) / 0.6, 0, 1)
        x_mm, y_mm = 40 + 10 * np.sin(np.pi * phase), 30 + 150 * phase
        row = resample(x_mm, y_mm, self.t_s, [1.0], [1.6]).stances_.iloc[0]
        assert row["width_mm"] == pytest.approx(10.0, rel=1e-3)
        assert row["lateral_area_mm2"] == pytest.approx(2 / np.pi * 10 * 150, rel=2e-3)
        assert row["path_mm"] > row["length_mm"] == pytest.approx(150.0)

    def test_stances_that_cannot_carry_a_line_say_why(self):
        x_mm = np.full(self.t_s.shape, 40.0)
        x_mm[130:140] = np.nan
        keep = np.ones(self.t_s.size, dtype=bool)
        keep[30:50] = False
        ic_s = [0.0, 0.7, 1.0, 2.0, 2.9, 9.0, np.nan]
        to_s = [0.6, 0.75, 1.6, 1.9, 3.4, 9.6, 2.0]
        found = resample(x_mm[keep], 100 * self.t_s[keep], self.t_s[keep], ic_s, to_s)
        assert found.stances_["reason"].tolist() == [
            "a gap in the frames",
            "6 frames with a centre of pressure; 8 are needed",
            "the centre of pressure is missing within the stance",
            "toe off is not after initial contact",
            "outside the recording",
            "outside the recording",
            "toe off is not after initial contact",
        ]
        assert np.isnan(found.lines_mm_).all()
        assert np.isnan(found.mean_line_mm_).all()

    def test_no_stance_gives_an_empty_table(self):
        found = resample(self.t_s, self.t_s, self.t_s, [], [])
        assert found.stances_.empty
        assert found.lines_mm_.shape == (0, 101, 2)

    def test_times_that_do_not_rise_are_refused(self):
        with pytest.raises(DataError, match="t_s must be finite and rise"):
            resample(self.t_s, self.t_s, self.t_s[::-1], [0.0], [0.6])
