import numpy as np
import pytest

from tools.validate.two_sample import left_out, people


def group(n_people, seed, apart=0.0):
    random = np.random.default_rng(seed)
    return [random.normal(apart, 1.0, (1, 3)) for _ in range(n_people)]


def test_labels_and_scores_turned_round_give_the_rest_of_the_auc():
    both = people(group(6, 1, apart=0.5), group(8, 2))
    order = left_out(both.table, both, both.is_case)
    np.testing.assert_allclose(left_out(both.table, both, ~both.is_case), order.T)


def test_groups_far_apart_are_told_apart_completely():
    both = people(group(6, 1, apart=20.0), group(8, 2))
    assert left_out(both.table, both, both.is_case).mean() == 1.0


def test_equal_groups_give_one_half_in_the_mean_also_if_small_and_unequal():
    found = []
    for seed in range(60):
        both = people(group(5, seed), group(12, 1000 + seed))
        found.append(left_out(both.table, both, both.is_case).mean())
    assert np.mean(found) == pytest.approx(0.5, abs=3 * np.std(found) / np.sqrt(len(found)))
