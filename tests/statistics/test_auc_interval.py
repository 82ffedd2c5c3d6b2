import numpy as np
import pytest
from scipy.stats import norm

from solekit.statistics.auc_interval import hanley_mcneil, joined, of_repeats
from solekit.statistics.bootstrap import in_order, of_pairs


def repeats(seed, *, n=12, m=15, apart=1.2, relearned=0.0, n_repeats=5):
    """Return orders of people whose scores change by ``relearned`` SD from repeat to repeat."""
    random = np.random.default_rng(seed)
    cases, controls = random.normal(apart, 1, n), random.normal(0, 1, m)
    for _ in range(n_repeats):
        a = cases + relearned * random.normal(size=n)
        b = controls + relearned * random.normal(size=m)
        yield in_order(a[:, None] - b[None, :]), np.ones((n, m), dtype=bool)


def test_the_interval_holds_the_true_auc_of_fixed_scores_as_often_as_it_says():
    truth = norm.cdf(1.2 / np.sqrt(2))
    held = [
        found.low <= truth <= found.high
        for found in (of_repeats(list(repeats(seed)), n_draws=200) for seed in range(200))
    ]
    assert 0.91 <= np.mean(held) <= 0.99


def test_what_relearning_changes_widens_the_interval():
    same = of_repeats(list(repeats(1)))
    relearned = list(repeats(1, relearned=1.0))
    people = of_pairs(*joined(relearned))
    both = of_repeats(relearned)
    assert both.value == pytest.approx(people.value)
    assert both.high - both.low > 1.1 * (people.high - people.low)
    assert both.high - both.low > 1.1 * (same.high - same.low)


def test_groups_that_never_overlap_have_an_interval_all_the_same():
    found = of_repeats(list(repeats(1, apart=30.0)))
    assert found.value == found.high == 1.0
    assert 0.7 < found.low < 0.98
    turned = of_repeats(list(repeats(1, apart=-30.0)))
    assert turned.low == turned.value == 0.0
    assert turned.high == pytest.approx(1 - found.low, abs=0.05)


def test_the_interval_of_a_difference_lies_around_it():
    met = list(repeats(1, relearned=0.5))
    one = [(order - 0.5, seen) for order, seen in met]
    found = of_repeats(one, difference=True)
    assert found.value - found.low == pytest.approx(found.high - found.value)


def test_the_variance_of_hanley_and_mcneil_is_that_of_simulated_exponential_scores():
    random, ratio = np.random.default_rng(1), 4.0  # an AUC of ratio / (1 + ratio)
    cases = ratio * random.exponential(size=(4000, 9))
    controls = random.exponential(size=(4000, 14))
    auc = (cases[:, :, None] > controls[:, None, :]).mean(axis=(1, 2))
    assert auc.var() == pytest.approx(hanley_mcneil(0.8, 9, 14), rel=0.08)
