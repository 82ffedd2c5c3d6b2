from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from solekit import layouts
from solekit.errors import DataError
from solekit.pressure import Butterfly
from solekit.pressure.butterfly import FootLoad

LAYOUT = layouts.named("grid-30x22", "left")  # 240 x 88 mm
N_STRIDES = 6


def foot(first_s: float, *, range_mm: float = 200.0, rate_hz: float = 100.0, start_s: float = 0.0):
    """Stances of 0.6 s every 1.0 s: the load changes feet linearly in 0.1 s of double support.

    The centre of pressure waits at heel (20 mm) and toe in double support, so that both diagonals
    are straight lines and each wing is a triangle.
    """
    t_s = np.arange(start_s, N_STRIDES + 1, 1 / rate_hz)
    since_s = (t_s - first_s) % 1.0
    force = np.interp(since_s, [0, 0.1, 0.5, 0.6], [0, 700, 700, 0])
    y_mm = np.interp(since_s, [0.1, 0.5], [20.0, 20.0 + range_mm])
    unloaded = force < 1e-6
    ic_s = first_s + np.arange(N_STRIDES)
    to_s = ic_s - 0.4  # with the end of the stance in which the recording begins
    return FootLoad(
        t_s,
        force,
        np.where(unloaded, np.nan, LAYOUT.width_mm / 2),
        np.where(unloaded, np.nan, y_mm),
        ic_s,
        to_s[to_s > 0],
    )


def compute(left: FootLoad, right: FootLoad, **options) -> Butterfly:
    return Butterfly().compute(left, right, layout=LAYOUT, **options)


def mean(found: Butterfly, quantity: str) -> float:
    return found.summary_.set_index("quantity").loc[quantity, "mean"]


class TestTriangles:
    def test_equal_feet_cross_in_the_middle_and_have_equal_wings(self):
        found = compute(foot(0.3), foot(0.8))
        assert mean(found, "crossing_ml_mm") == pytest.approx(0, abs=0.01)
        assert mean(found, "crossing_ap_mm") == pytest.approx(0, abs=0.01)
        assert mean(found, "left_area_mm2") == pytest.approx(5000, rel=1e-3)
        assert mean(found, "area_mm2") == pytest.approx(10000, rel=1e-3)
        perimeter_mm = 2 * (200 + 2 * np.hypot(50, 100))
        assert mean(found, "perimeter_mm") == pytest.approx(perimeter_mm, rel=1e-3)
        compactness = 4 * np.pi * 10000 / perimeter_mm**2
        assert mean(found, "compactness") == pytest.approx(compactness, rel=2e-3)
        assert mean(found, "asymmetry_pct") == pytest.approx(0, abs=0.1)
        sd = found.summary_.set_index("quantity")["sd"]
        assert sd["crossing_ml_mm"] == pytest.approx(0, abs=0.01)
        assert (found.strides_["reason"] == "").all()
        assert len(found.strides_) == N_STRIDES - 1

    def test_a_short_right_gait_line_moves_the_crossing_as_geometry_says(self):
        found = compute(foot(0.3), foot(0.8, range_mm=100.0))
        assert mean(found, "crossing_ml_mm") == pytest.approx(50 / 3, abs=0.05)
        assert mean(found, "crossing_ap_mm") == pytest.approx(120 - 2 * 50 / 3 - 120, abs=0.1)
        assert mean(found, "left_area_mm2") == pytest.approx(20000 / 3, rel=2e-3)
        assert mean(found, "right_area_mm2") == pytest.approx(5000 / 3, rel=2e-3)
        assert mean(found, "asymmetry_pct") == pytest.approx(120, rel=2e-3)

    def test_swapped_feet_mirror_the_result(self):
        one = compute(foot(0.3), foot(0.8, range_mm=100.0))
        other = compute(foot(0.3, range_mm=100.0), foot(0.8))
        for name, sign in (("crossing_ml_mm", -1), ("crossing_ap_mm", 1), ("asymmetry_pct", -1)):
            assert mean(other, name) == pytest.approx(sign * mean(one, name), abs=0.1)

    def test_feet_sampled_at_other_moments_and_rates_give_the_same(self):
        found = compute(foot(0.3), foot(0.8, range_mm=100.0, rate_hz=73.0, start_s=0.004))
        assert mean(found, "crossing_ml_mm") == pytest.approx(50 / 3, abs=1.0)
        assert mean(found, "asymmetry_pct") == pytest.approx(120, abs=6)

    def test_the_stance_width_scales_across_only(self):
        wide = Butterfly(stance_width_mm=200.0).compute(
            foot(0.3), foot(0.8, range_mm=100.0), layout=LAYOUT
        )
        assert mean(wide, "crossing_ml_mm") == pytest.approx(100 / 3, abs=0.1)
        assert mean(wide, "crossing_ap_mm") == pytest.approx(-100 / 3, abs=0.1)

    def test_the_joint_cop_is_the_weighted_mean_of_both(self):
        left, right = foot(0.3), foot(0.8)
        found = compute(left, right)
        at = np.searchsorted(found.t_s_, 0.825 - 1e-9)  # left 3/4 less, the right has 1/4
        share = np.interp(found.t_s_[at], [0.8, 0.9], [0, 1])
        assert found.x_mm_[at] == pytest.approx(-50 + 100 * share, abs=0.01)
        assert found.y_mm_[at] == pytest.approx(220 - 200 * share, abs=0.01)


class TestRefusals:
    def test_an_uncertain_clock_gives_nothing_but_a_reason(self):
        found = compute(foot(0.3), foot(0.8), clock_interval_s=0.012)
        assert "agree to 12 ms only; the crossing needs 10 ms" in found.reason_
        assert found.strides_.empty
        assert np.isnan(found.x_mm_).all()

    def test_a_gap_costs_the_strides_that_hold_it(self):
        left = foot(0.3)
        keep = (left.t_s < 2.45) | (left.t_s > 2.6)
        arrays = {
            name: getattr(left, name)[keep] for name in ("t_s", "force_n", "cop_x_mm", "cop_y_mm")
        }
        found = compute(dataclasses.replace(left, **arrays), foot(0.8))
        assert found.strides_["reason"].tolist() == [
            "", "", "a gap in the frames, or no load", "", "",
        ]  # fmt: skip

    def test_strides_without_double_support_or_second_foot_say_so(self):
        left, right = foot(0.3), foot(0.8)
        running = dataclasses.replace(left, to_s=left.ic_s + 0.45)
        found = compute(running, right)
        assert set(found.strides_["reason"]) == {"no double support"}
        assert found.reason_ == "no stride has both crossings in double support"
        hopping = dataclasses.replace(right, ic_s=right.ic_s[:0], to_s=right.to_s[:0])
        reasons = compute(left, hopping).strides_["reason"]
        assert set(reasons) == {"0 contacts of the right foot in the stride"}

    def test_recordings_that_do_not_overlap_have_no_butterfly(self):
        later = dataclasses.replace(foot(0.8), t_s=foot(0.8).t_s + 100)
        assert "not recorded at the same time" in compute(foot(0.3), later).reason_

    def test_arrays_that_do_not_fit_are_refused(self):
        left, right = foot(0.3), foot(0.8)
        with pytest.raises(DataError, match="right foot: t_s, force_n"):
            compute(left, dataclasses.replace(right, force_n=right.force_n[:-1]))
        with pytest.raises(DataError, match="left foot: ic_s and to_s must rise"):
            compute(dataclasses.replace(left, ic_s=left.ic_s[::-1]), right)
