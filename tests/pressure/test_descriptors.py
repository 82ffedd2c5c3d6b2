from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from solekit import layouts
from solekit.errors import DataError
from solekit.pressure import PlantarPressure, region_masks

T_S = np.arange(0, 4.0001, 0.01)
CONTACTS = pd.DataFrame({"ic_s": [0.5, 1.5, 2.5], "to_s": [1.1, 2.1, 3.1]})
GRID = layouts.named("grid-30x22", "left")
PEAKS_KPA = np.array([100.0, 200.0, 300.0])


def half_sine(t_s: np.ndarray = T_S) -> np.ndarray:
    """Pressure over time, (n,): a half sine in each stance, of 100, 200 and 300 kPa."""
    phase = ((t_s - 0.5) % 1.0) / 0.6
    stance = np.clip(np.floor(t_s - 0.5 + 1e-9).astype(int), 0, 2)
    inside = (phase <= 1) & (t_s > 0.5) & (t_s < 3.2)
    return np.where(inside, PEAKS_KPA[stance] * np.sin(np.pi * np.clip(phase, 0, 1)), 0.0)


def describe(load, layout=GRID, contacts=CONTACTS, t_s=T_S, **options):
    return PlantarPressure().describe(
        load, t_s=t_s, layout=layout, side="left", contacts=contacts, **options
    )


def of(result: PlantarPressure, region: str, stance: int = 0) -> pd.Series:
    table = result.regions_
    return table[(table["region"] == region) & (table["stance"] == stance)].iloc[0]


def uniform(layout: layouts.Layout) -> np.ndarray:
    return half_sine()[:, None] * np.ones(layout.n_cells)


@pytest.mark.parametrize("name", ["grid-30x22", "cells-16", "cells-4"])
class TestUniformLoad:
    """The same half sine on all cells: every descriptor has a closed form."""

    def test_peak_force_and_integrals_are_the_analytic_ones(self, name):
        layout = layouts.named(name, "left")
        result = describe(uniform(layout), layout)
        for stance, peak_kpa in enumerate(PEAKS_KPA):
            foot = of(result, "foot", stance)
            area_mm2 = layout.area_mm2.sum()
            time_s = 0.6 * 2 / np.pi
            assert foot["peak_kpa"] == pytest.approx(peak_kpa, rel=1e-3)
            assert foot["max_force_n"] == pytest.approx(peak_kpa * area_mm2 * 1e-3, rel=1e-3)
            assert foot["pressure_time_kpa_s"] == pytest.approx(peak_kpa * time_s, rel=1e-3)
            assert foot["force_time_n_s"] == pytest.approx(
                peak_kpa * area_mm2 * 1e-3 * time_s, rel=1e-3
            )
            assert foot["contact_area_mm2"] == pytest.approx(area_mm2)

    def test_regions_add_up_to_the_foot(self, name):
        layout = layouts.named(name, "left")
        result = describe(uniform(layout), layout)
        table = result.regions_[result.regions_["stance"] == 1]
        parts = table[table["region"] != "foot"]
        assert parts["load_pct"].sum() == pytest.approx(100.0)
        assert parts["force_time_n_s"].sum() == pytest.approx(
            of(result, "foot", 1)["force_time_n_s"]
        )
        assert set(parts["region"]) == set(region_masks(layout, "left"))

    def test_force_in_newtons_gives_the_same_as_pressure(self, name):
        layout = layouts.named(name, "left")
        kpa = describe(uniform(layout), layout)
        newtons = describe(uniform(layout) * layout.area_mm2 * 1e-3, layout, unit="n")
        pd.testing.assert_frame_equal(kpa.regions_, newtons.regions_)


class TestStances:
    def test_means_have_sd_and_n_over_the_stances(self):
        means = describe(uniform(GRID)).means_.set_index(["region", "quantity"])
        peak = means.loc[("heel", "peak_kpa")]
        assert peak["mean"] == pytest.approx(200.0, rel=1e-3)
        assert peak["sd"] == pytest.approx(100.0, rel=1e-3)
        assert peak["n"] == 3

    def test_maximum_picture_is_the_highest_of_each_cell(self):
        load = uniform(GRID) * np.linspace(0.1, 1, GRID.n_cells)
        picture = describe(load).maximum_picture_
        assert picture == pytest.approx(300 * np.linspace(0.1, 1, GRID.n_cells), rel=1e-3)

    def test_a_swing_does_not_count(self):
        load = uniform(GRID)
        load[(T_S > 1.2) & (T_S < 1.4)] = 999.0
        assert of(describe(load), "foot", 0)["peak_kpa"] < 101
        assert of(describe(load), "foot", 1)["peak_kpa"] < 201

    def test_a_stance_with_lost_cells_or_a_gap_is_left_out_with_its_reason(self):
        load = uniform(GRID)
        load[170, 5] = np.nan
        keep = np.ones(T_S.size, dtype=bool)
        keep[270:290] = False
        result = describe(load[keep], t_s=T_S[keep])
        assert result.stances_["reason"].tolist() == [
            "", "a frame with missing cells", "a gap in the frames",
        ]  # fmt: skip
        assert set(result.regions_["stance"]) == {0}

    def test_contacts_of_the_other_foot_are_dropped(self):
        both = CONTACTS.assign(side=["left", "right", "left"])
        assert len(describe(uniform(GRID), contacts=both).stances_) == 2

    def test_no_stance_gives_empty_tables_and_says_so(self):
        result = describe(uniform(GRID), contacts=CONTACTS.iloc[:0])
        assert result.regions_.empty
        assert result.reasons_["stances"] == "no stance counts"
        assert np.isnan(result.maximum_picture_).all()

    def test_a_stance_that_ends_with_the_recording_counts_its_last_frame(self):
        load = np.zeros((5, 4))
        load[:, 0] = [0, 10, 20, 30, 40]
        contacts = pd.DataFrame({"ic_s": [0.0], "to_s": [0.4]})
        layout = layouts.named("cells-4", "left")
        result = describe(load, layout, contacts, t_s=np.arange(5) / 10)
        assert of(result, "heel")["peak_kpa"] == 40
        assert of(result, "heel")["pressure_time_kpa_s"] == pytest.approx(8.0)


class TestQuantities:
    def test_a_small_loaded_patch_has_its_area_and_mean(self):
        load = np.zeros((T_S.size, GRID.n_cells))
        heel = np.flatnonzero(region_masks(GRID, "left")["heel"])
        load[:, heel[:10]] = 50.0
        row = of(describe(load), "heel")
        assert row["contact_area_mm2"] == pytest.approx(10 * GRID.area_mm2[0])
        assert row["contact_area_pct"] == pytest.approx(1000 / heel.size)
        assert row["mean_kpa"] == pytest.approx(50.0)
        assert row["load_pct"] == pytest.approx(100.0)
        assert of(describe(load), "hallux")["contact_area_mm2"] == 0

    def test_loading_rate_is_the_steepest_rise_early_in_stance(self):
        load = np.zeros((T_S.size, GRID.n_cells))
        since_s = np.clip(T_S - 0.5, 0, None)
        load += np.minimum(since_s * 1000, 60)[:, None]  # 1000 kPa/s for 60 ms
        load[T_S > 0.8] += 500  # steeper, but late
        result = describe(load, contacts=CONTACTS.iloc[:1], body_weight_n=700.0)
        rate_n_s = 1000 * GRID.area_mm2.sum() * 1e-3
        assert result.stances_["loading_rate_n_s"][0] == pytest.approx(rate_n_s)
        assert result.stances_["loading_rate_bw_s"][0] == pytest.approx(rate_n_s / 700)

    def test_body_weights_need_the_weight(self):
        with_weight = describe(uniform(GRID), body_weight_n=700.0)
        row = of(with_weight, "foot")
        assert row["max_force_bw"] == pytest.approx(row["max_force_n"] / 700)
        without = describe(uniform(GRID))
        assert without.regions_["max_force_bw"].isna().all()
        assert "body weight is not known" in without.reasons_["max_force_bw"]

    def test_loading_rate_is_refused_below_50_hz_even_after_resampling(self):
        slow = describe(uniform(GRID)[::4], t_s=T_S[::4])
        assert slow.stances_["loading_rate_n_s"].isna().all()
        assert "sampled at 25 Hz; a loading rate needs 50 Hz" in slow.reasons_["loading_rate_n_s"]
        resampled = describe(uniform(GRID), rate_hz=30.0)
        assert "sampled at 30 Hz" in resampled.reasons_["loading_rate_n_s"]
        at_limit = describe(uniform(GRID)[::2], t_s=T_S[::2])
        assert "loading_rate_n_s" not in at_limit.reasons_

    def test_arch_index_is_the_share_of_the_midfoot_without_toes(self):
        masks = region_masks(GRID, "left")
        flat = describe(uniform(GRID)).stances_["arch_index"]
        below_toes = sum(mask.sum() for name, mask in masks.items()) - sum(
            masks[name].sum() for name in ("hallux", "lesser_toes")
        )
        assert flat.to_numpy() == pytest.approx(masks["midfoot"].sum() / below_toes)
        high = uniform(GRID)
        high[:, masks["midfoot"]] = 0
        assert (describe(high).stances_["arch_index"] == 0).all()

    @pytest.mark.parametrize("name", ["cells-16", "cells-4"])
    def test_arch_index_is_refused_where_cells_are_too_large(self, name):
        layout = layouts.named(name, "left")
        result = describe(uniform(layout), layout)
        assert result.stances_["arch_index"].isna().all()
        assert "of the sole without toes; an arch index needs" in result.reasons_["arch_index"]

    def test_arch_index_is_refused_where_small_cells_cover_little(self):
        rng = np.random.default_rng(0)
        dots = layouts.cells(
            "dots", rng.uniform(0, 90, 300), rng.uniform(0, 250, 300), 4.0,
            length_mm=250, width_mm=90,
        )  # fmt: skip
        result = describe(uniform(dots), dots)
        assert "the cells cover 5.3 % of the sole" in result.reasons_["arch_index"]


class TestRefusals:
    def test_counts_give_ratios_and_refuse_kpa_and_newtons(self):
        counts = np.round(uniform(GRID) / 300 * 255).astype(np.uint8)
        result = describe(counts, unit="counts", body_weight_n=700.0)
        for name in ("peak_kpa", "max_force_n", "force_time_bw_s", "contact_area_mm2"):
            assert result.regions_[name].isna().all(), name
            assert "not calibrated" in result.reasons_[name]
        assert "not calibrated" in result.reasons_["loading_rate_n_s"]
        assert result.stances_["arch_index"].notna().all()
        assert of(result, "heel")["contact_area_pct"] == pytest.approx(100.0)
        assert result.regions_["load_pct"].notna().all()
        assert result.maximum_unit_ == "counts"
        assert result.maximum_picture_.max() == 255

    def test_absent_regions_are_named_with_their_reason(self):
        layout = layouts.named("cells-4", "left")
        reasons = describe(uniform(layout), layout).reasons_
        assert "no cell in region 'mth2_3'" in reasons["mth2_3"]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"unit": "psi"}, "unit 'psi'"),
            ({"body_weight_n": 0.0}, "body weight 0.0"),
            ({"contacts": CONTACTS[["ic_s"]]}, "no column 'to_s'"),
            ({"t_s": T_S[:-1]}, "give one per frame"),
            ({"t_s": T_S[::-1]}, "t_s must be finite and rise"),
            ({"layout": layouts.named("cells-4", "left")}, "for 4 cells"),
        ],
    )
    def test_input_that_does_not_fit_is_refused_in_one_sentence(self, change, message):
        with pytest.raises(DataError, match=message):
            describe(uniform(GRID), **change)
