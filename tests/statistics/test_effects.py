import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from solekit.errors import DataError
from solekit.statistics import effects
from solekit.statistics.bootstrap import in_order, mean_over_people, of_pairs, over_people
from solekit.statistics.equivalence import tost
from solekit.statistics.multiplicity import adjusted, by_family
from solekit.statistics.power import detectable_d, people_needed, people_needed_for_a, power
from solekit.statistics.two_groups import mann_whitney, shapiro, welch


def groups(seed, n=23, m=60, apart=0.5):
    random = np.random.default_rng(seed)
    return random.normal(apart, 1, n), random.normal(0, 1, m)


@pytest.mark.parametrize("decimals", [None, 0])
def test_mann_whitney_has_the_p_of_scipy_with_and_without_ties(decimals):
    for seed in range(5):
        x, y = groups(seed)
        if decimals is not None:
            x, y = x.round(decimals), y.round(decimals)
        found = mann_whitney(x, y, n_permutations=200)
        due = stats.mannwhitneyu(x, y, method="asymptotic")
        assert found.u == due.statistic
        assert found.p_asymptotic == pytest.approx(due.pvalue)
        assert np.isnan(found.p_exact) == (decimals == 0)
        assert ("exact" in found.method) == (decimals is None)


def test_the_permutation_p_of_a_small_table_is_that_of_all_its_labellings():
    x, y = np.array([1.0, 2.0, 2.0]), np.array([2.0, 3.0, 4.0, 5.0])
    found = mann_whitney(x, y, n_permutations=20_000)
    both = np.concatenate([x, y])
    apart = [
        abs(effects.u_of(both[list(chosen)], np.delete(both, chosen)) - 6.0)
        for chosen in combinations(range(7), 3)
    ]
    due = np.mean(np.array(apart) >= abs(found.u - 6.0))
    assert found.p_permutation == pytest.approx(due, abs=0.01)


def test_equal_values_have_no_difference_and_no_normality():
    same = np.full(5, 3.0)
    found = mann_whitney(same, same, n_permutations=50)
    assert (found.z, found.p, found.p_permutation) == (0.0, 1.0, 1.0)
    assert np.isnan(shapiro(same)).all()
    assert effects.cliffs_delta(same, same).value == 0.0


def test_welch_is_that_of_scipy():
    x, y = groups(1)
    due = stats.ttest_ind(x, 3 * y, equal_var=False)
    assert welch(x, 3 * y) == pytest.approx((due.statistic, due.df, due.pvalue))


def test_sizes_by_rank_agree_with_each_other_and_with_counting():
    x, y = np.array([1.0, 4.0, 4.0]), np.array([2.0, 4.0, 0.0, 3.0])
    a = np.mean(np.sign(x[:, None] - y[None, :]) / 2 + 0.5)
    assert effects.vargha_delaney(x, y).value == pytest.approx(a)
    assert effects.cliffs_delta(x, y).value == pytest.approx(2 * a - 1)
    assert effects.hodges_lehmann(x, y).value == np.median(x[:, None] - y[None, :])


def test_groups_without_overlap_still_have_an_interval():
    found = effects.vargha_delaney(np.arange(10.0) + 100, np.arange(12.0))
    assert found.value == found.high == 1.0
    assert 0.6 < found.low < 0.95


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    apart, held, n = 0.8, np.zeros(3), 150
    true_a = stats.norm.cdf(apart / math.sqrt(2))
    for seed in range(n):
        x, y = groups(seed, apart=apart)
        truths = (
            (effects.vargha_delaney(x, y), true_a),
            (effects.hodges_lehmann(x, y), apart),
            (effects.hedges_g(x, y, n_draws=400), apart),
        )
        held += [found.low <= truth <= found.high for found, truth in truths]
    assert (held / n > 0.89).all()
    assert (held / n < 0.995).all()


def test_the_bca_interval_is_close_to_that_of_scipy():
    x, y = groups(3)
    found = effects.hedges_g(x, np.exp(y))
    due = stats.bootstrap(
        (x, np.exp(y)), effects._g, method="BCa", n_resamples=2000, random_state=1
    ).confidence_interval
    assert found.low == pytest.approx(due.low, abs=0.06)
    assert found.high == pytest.approx(due.high, abs=0.06)


def test_holm_and_false_discovery_give_the_worked_example():
    p = [0.01, 0.04, 0.03, np.nan, 0.005]
    np.testing.assert_allclose(adjusted(p)[[0, 1, 2, 4]], [0.03, 0.06, 0.06, 0.02])
    assert np.isnan(adjusted(p)[3])
    found = adjusted([0.01, 0.04, 0.03, 0.005], method="benjamini-hochberg")
    np.testing.assert_allclose(
        found, stats.false_discovery_control([0.01, 0.04, 0.03, 0.005], method="bh")
    )
    found = adjusted([0.01, 0.04, 0.03, 0.005], method="benjamini-yekutieli")
    np.testing.assert_allclose(
        found, stats.false_discovery_control([0.01, 0.04, 0.03, 0.005], method="by")
    )
    np.testing.assert_allclose(by_family([0.01, 0.02, 0.04], ["a", "b", "a"]), [0.02, 0.02, 0.04])


def test_holm_over_the_papers_tests_keeps_two_that_bonferroni_loses_one_of():
    p = [0.0005] * 11 + [0.002, 0.003] + [0.3] * 8
    kept = adjusted(p)[11:13] < 0.05
    assert kept.all()
    assert 0.003 * 21 > 0.05


def test_equal_groups_are_equivalent_and_the_interval_says_the_same():
    for seed in range(20):
        x, y = groups(seed, apart=0.1)
        found = tost(x, y, margin=0.5)
        assert (found.p < 0.05) == (found.low > -0.5 and found.high < 0.5)
    assert tost(*groups(1, n=200, m=200, apart=0.0), margin=0.5).p < 0.01
    assert tost(*groups(1, n=200, m=200, apart=1.0), margin=0.5).p > 0.9
    with pytest.raises(DataError, match="margin -1"):
        tost(*groups(1), margin=-1)


def test_23_and_60_people_see_seven_tenths_of_an_sd():
    assert detectable_d(23, 60) == pytest.approx(0.695, abs=0.005)
    assert detectable_d(23, 60, test="mann-whitney") == pytest.approx(0.71, abs=0.005)
    # 64 in each for d = 0.5 stands in every table (Cohen 1988).
    assert people_needed(0.5) == (64, 64)
    assert power(0.5, 64, 64) == pytest.approx(0.80, abs=0.005)
    assert people_needed(-0.5) == (64, 64)


def test_power_is_how_often_simulated_studies_find_the_difference():
    found = np.mean([welch(*groups(s, apart=0.7))[2] < 0.05 for s in range(600)])
    assert found == pytest.approx(power(0.7, 23, 60), abs=0.05)


def test_noether_and_the_efficiency_ask_for_similar_numbers():
    a = float(stats.norm.cdf(0.5 / math.sqrt(2)))
    assert people_needed_for_a(a) == pytest.approx(
        sum(people_needed(0.5, test="mann-whitney")), rel=0.05
    )


@pytest.mark.parametrize("d", [0.0, 1e-9, math.nan])
def test_no_number_of_people_shows_no_effect(d):
    with pytest.raises(DataError, match="too small"):
        people_needed(d)


def test_the_interval_of_one_auc_holds_the_truth_about_as_often_as_it_says():
    held = 0
    for seed in range(200):
        x, y = groups(seed, 12, 15, apart=1.0)
        found = of_pairs(in_order(x[:, None] - y[None, :]))
        held += found.low <= stats.norm.cdf(1 / math.sqrt(2)) <= found.high
    assert 0.89 <= held / 200 <= 0.99


def test_both_ways_to_draw_people_draw_the_same():
    values = np.random.default_rng(1).normal(size=40)
    people = np.repeat(np.arange(20), 2)
    parts = [values[people == k] for k in range(20)]
    one = mean_over_people(values, people)
    other = over_people(parts, lambda p: float(np.mean([each.mean() for each in p])))
    assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


def test_rows_that_are_absent_count_for_nothing_and_one_person_has_no_interval():
    found = mean_over_people([1.0, np.nan, 3.0], ["a", "a", "b"])
    assert found.value == 2.0
    alone = mean_over_people([1.0, 3.0], ["a", "a"])
    assert alone.value == 2.0
    assert np.isnan(alone.low)


def test_equal_scores_are_half_in_order():
    assert in_order(np.array([0.1, 0.0, -0.1])).tolist() == [1.0, 0.5, 0.0]
