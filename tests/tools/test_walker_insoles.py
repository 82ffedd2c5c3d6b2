import json

import numpy as np
import pytest

from solekit.errors import DataError
from solekit.formats.source import FootSamples, SourceRecording
from solekit.layouts import grid
from tools.validate.__main__ import show
from tools.validate.two_sample import giveaways, people, two_sample
from tools.validate.walker_insoles import PATTERNS, humps, mean_stance, validate
from tools.validate.walks import cut, gait_lines, peaks_kpa, read_pedar, stance_curves, timing

STRIDE_S, STANCE_S, WEIGHT_N = 1.1, 0.66, 700.0


def two_humps(share):
    """Return humps of one height at 25 and 75 % of the stance and a valley at 50 %."""
    return np.sin(np.pi * share) - 0.5 * np.sin(3 * np.pi * share + np.pi)


def recording(*, sides=("left", "right"), gain=1.0, duration_s=15.0):
    """Return a walk of two humps whose centre of pressure runs evenly from heel to toes."""
    t_s = np.arange(0, duration_s, 0.01)
    layout = grid("grid-20x3", 20, 3, length_mm=260.0, width_mm=90.0)
    feet = {}
    for side in sides:
        share = ((t_s - 0.3 - (side == "right") * STRIDE_S / 2) % STRIDE_S) / STANCE_S
        force_n = np.where(share < 1, WEIGHT_N * two_humps(np.minimum(share, 1)), 0.0)
        row = np.minimum(share, 1) * 19
        cells_n = np.zeros((len(t_s), 20, 3))
        part = np.clip(1 - np.abs(row[:, None] - np.arange(20)), 0, None)
        cells_n[:, :, 0 if side == "left" else 2] = gain * force_n[:, None] * part
        feet[side] = FootSamples(t_s, cells_n.reshape(len(t_s), -1), layout)
    return SourceRecording(
        "made", "made", 100.0, feet.get("left"), feet.get("right"), None, "somebody"
    )


def test_timing_of_a_made_walk_is_that_it_was_made_with():
    found = timing(cut(recording(), is_real=True))
    # 5 % of the weight is crossed a little inside the stance, at both ends.
    weight = cut(recording(), is_real=True).weight_n
    fine = np.linspace(0, 0.1, 100_001)
    late = fine[np.argmax(WEIGHT_N * two_humps(fine) > 0.05 * weight)] * STANCE_S
    assert found["cadence_per_min"] == pytest.approx(120 / STRIDE_S, abs=0.05)
    assert found["stance_pct"] == pytest.approx(100 * (STANCE_S - 2 * late) / STRIDE_S, abs=0.2)
    double = 2 * (STANCE_S - 2 * late - STRIDE_S / 2)
    assert found["double_support_pct"] == pytest.approx(100 * double / STRIDE_S, abs=0.4)


def test_the_weight_is_the_mean_force_of_both_feet_whatever_the_sole_reads():
    mean_n = WEIGHT_N * two_humps(np.linspace(0, 1, 10_001)).mean() * 2 * STANCE_S / STRIDE_S
    plain, loud = (cut(recording(gain=gain), is_real=True) for gain in (1.0, 1.3))
    one = cut(recording(sides=("left",)), is_real=True)
    assert plain.weight_n == pytest.approx(mean_n, rel=0.005)
    assert one.weight_n == pytest.approx(mean_n, rel=0.005)
    np.testing.assert_allclose(stance_curves(loud, "left"), stance_curves(plain, "left"))


def test_the_humps_of_a_known_curve_are_found():
    walk = cut(recording(), is_real=True)
    share = np.linspace(0, 1, 100_001)
    known = humps(two_humps(share) * WEIGHT_N / walk.weight_n)
    found = humps(mean_stance(walk))
    for name in ("first_hump", "valley", "second_hump"):
        assert found[name] == pytest.approx(known[name], abs=0.01)
        assert found[f"{name}_pct"] == pytest.approx(known[f"{name}_pct"], abs=1.5)


def test_the_gait_line_counts_from_heel_and_medial_edge_on_both_feet():
    walk = cut(recording(), is_real=True)
    for side in ("left", "right"):
        line = gait_lines(walk, side).mean(axis=0)
        assert (np.diff(line[:, 0]) > 0).all()
        assert line[10, 0] == pytest.approx(0.52, abs=0.02)
        np.testing.assert_allclose(line[:, 1], 5 / 6, atol=1e-9)  # the lateral third


def test_peak_pressures_are_those_of_the_cells_by_region():
    found = peaks_kpa(cut(recording(), is_real=True))
    highest_n = WEIGHT_N * two_humps(np.linspace(0, 1, 10_001)).max()
    area_mm2 = 260.0 * 90.0 / 60
    assert set(found) == {"all", "heel", "midfoot", "forefoot", "toes"}
    assert found["all"] == max(found.values())
    assert found["all"] == pytest.approx(1e3 * highest_n / area_mm2, rel=0.1)


def test_standing_still_has_no_stride():
    walk = recording(duration_s=0.8)
    with pytest.raises(DataError, match="no whole stride"):
        cut(walk, is_real=True)


def test_a_pedar_export_without_its_table_is_refused(tmp_path):
    path = tmp_path / "pedar.asc"
    path.write_text("pressure values in kPa\n\n1 2 3\n", encoding="utf-8")
    with pytest.raises(DataError, match="time"):
        read_pedar(path)


def group(n_people, *, seed, shift=0.0, at=17, n_rows=10, p=40):
    """Return rows of people with their own smooth habits; ``shift`` raises a hump at ``at``."""
    random = np.random.default_rng(seed)
    shapes = np.sin(np.outer(np.arange(1, 5), np.linspace(0, np.pi, p)))
    found = []
    for _ in range(n_people):
        own = random.normal(0, 0.05, 4) @ shapes
        rows = own + random.normal(0, 0.01, (n_rows, p))
        rows += shift * np.exp(-(((np.arange(p) - at) / 2) ** 2))
        found.append(rows)
    return found


def test_two_equal_populations_are_not_told_apart():
    found = [
        two_sample(people(group(10, seed=k), group(8, seed=100 + k)), n_shuffles=0)["auc"]
        for k in range(12)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=0.12)


def test_a_shifted_population_is_told_apart_and_the_feature_is_named():
    both = people(group(8, seed=1, shift=0.6), group(6, seed=2))
    found = two_sample(both, n_shuffles=20)
    assert found["auc"] > 0.95
    assert found["interval"][0] > 0.75  # one person of 14 in the wrong place costs as much
    assert found["shuffled_auc"] == pytest.approx(0.5, abs=0.15)
    first = giveaways(both, block=40)[0]
    assert abs(first["feature"] - 17) <= 1
    assert first["difference"] == pytest.approx(0.6, abs=0.1)


def test_a_person_with_many_strides_counts_no_more_than_one_with_few():
    a, b = group(3, seed=3), group(3, seed=4)
    a[0] = np.concatenate([a[0]] * 2)
    thin = people(a, b)
    np.testing.assert_allclose(np.bincount(thin.person, weights=thin.weights), 1.0)


def test_one_person_is_too_few_to_leave_out():
    with pytest.raises(DataError, match="at least 2"):
        people(group(1, seed=1), group(5, seed=2))


@pytest.mark.data
def test_real_people_beside_two_virtual_ones(data_dir, capsys):
    if not any(path for pattern in PATTERNS for path in data_dir.glob(pattern)):
        pytest.skip(f"no walks on insoles in {data_dir}")
    result = validate(data_dir, "sim", seeds=(1, 2), duration_s=10.0, n_shuffles=5)
    assert result["n_people"] >= 3
    assert result["targets"]["sanity: virtual mean force within 2 % of body weight"]
    assert 0 <= result["by_force_auc"] <= 1
    assert len(result["by_force_gives_away"]) == 5
    assert all("virtual" in text for text in result["by_gait_line_gives_away"])
    json.dumps(result, allow_nan=False)
    show({"name": "walker_insoles", "rung": "sim", **result})
    assert "cadence_per_min" in capsys.readouterr().out
