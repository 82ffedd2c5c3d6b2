import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from solekit.errors import DataError
from tools.validate.separation import (
    in_order,
    interval,
    left_out_order,
    ridge_logistic,
    separate,
    separate_by_one,
    shuffled,
    standardised,
)

IS_CASE = np.arange(27) < 12


def people(apart, seed, n_variables=6, is_case=IS_CASE):
    """Return normal variables of which the first differs by ``apart`` SD between the groups."""
    table = np.random.default_rng(seed).normal(size=(len(is_case), n_variables))
    table[is_case, 0] += apart
    return table


def auc_of(apart):
    """Return the AUC of two normal groups ``apart`` SD from each other."""
    return float(norm.cdf(apart / np.sqrt(2)))


def test_one_variable_gives_the_share_of_pairs_in_order():
    values = np.array([3.0, 1.0, 2.0, 1.0, np.nan])
    found = separate_by_one(values, np.array([True, True, False, False, True]))
    assert found["value"] == pytest.approx((2 + 0.5) / 4)


def test_a_variable_that_nobody_of_a_group_has_gives_no_number():
    found = separate_by_one(np.array([1.0, np.nan]), np.array([True, False]))
    assert np.isnan(found["value"])
    assert found["interval"] is None


def test_the_interval_of_one_variable_holds_the_true_auc_about_as_often_as_it_says():
    held = 0
    for seed in range(200):
        low, high = separate_by_one(people(1.0, seed)[:, 0], IS_CASE)["interval"]
        held += low <= auc_of(1.0) <= high
    assert 0.89 <= held / 200 <= 0.99


def test_many_people_and_few_variables_give_the_auc_that_theory_gives():
    is_case = np.arange(90) < 40
    found = [
        left_out_order(people(1.5, seed, 2, is_case), is_case, penalty=1.0).mean()
        for seed in range(10)
    ]
    assert np.mean(found) == pytest.approx(auc_of(1.5), abs=0.03)


def test_few_people_and_variables_without_meaning_cost_auc_within_the_interval():
    found = [separate(people(1.5, seed), IS_CASE) for seed in range(40)]
    values = [each["value"] for each in found]
    assert 0.7 < np.mean(values) < auc_of(1.5)
    held = [each["interval"][0] <= np.mean(values) <= each["interval"][1] for each in found]
    assert np.mean(held) > 0.75


def test_groups_far_apart_are_told_apart_completely():
    assert separate(people(20.0, 1), IS_CASE) == {"value": 1.0, "interval": [1.0, 1.0]}


def test_groups_that_do_not_differ_give_one_half_in_the_mean():
    found = [left_out_order(people(0.0, s), IS_CASE, penalty=1.0).mean() for s in range(200)]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - 0.5) < 3 * error


@pytest.mark.parametrize("apart", [0.0, 3.0])
def test_shuffled_labels_give_one_half_also_in_small_unequal_groups(apart):
    is_case = np.arange(20) < 5
    found = shuffled(people(apart, 4, 6, is_case), is_case, n_shuffles=400)
    low, high = found["interval"]
    assert low <= 0.5 <= high
    assert high - low < 0.06
    assert found["spread"][0] < 0.35
    assert found["spread"][1] > 0.65


def test_labels_and_scores_turned_round_give_the_rest_of_the_auc():
    table = people(1.0, 2)
    order = left_out_order(table, IS_CASE, penalty=1.0)
    np.testing.assert_allclose(left_out_order(table, ~IS_CASE, penalty=1.0), order.T)


def test_units_and_offsets_of_the_variables_change_nothing():
    table = people(1.0, 3)
    other = table * np.array([1e-3, 1e3, -1.0, 5.0, 1.0, 1.0]) + 7.0
    np.testing.assert_array_equal(
        left_out_order(table, IS_CASE, penalty=1.0), left_out_order(other, IS_CASE, penalty=1.0)
    )


def test_a_constant_column_changes_nothing():
    table = people(1.0, 5)
    more = np.column_stack([table, np.full(27, 0.1)])
    np.testing.assert_array_equal(
        left_out_order(table, IS_CASE, penalty=1.0), left_out_order(more, IS_CASE, penalty=1.0)
    )


def test_a_table_of_constants_puts_no_pair_in_order():
    assert separate(np.full((27, 3), 0.1), IS_CASE)["value"] == 0.5


def test_absent_values_are_filled_and_an_absent_column_changes_nothing():
    table = people(3.0, 6)
    table[[0, 5, 20], 0] = np.nan
    table[3, 2] = np.inf
    found = separate(table, IS_CASE)
    assert 0.8 < found["value"] < 1.0
    more = np.column_stack([table, np.full(27, np.nan)])
    assert separate(more, IS_CASE) == found


def test_the_left_out_do_not_touch_what_is_learned_from():
    table = people(1.0, 7)
    table[4, 1] = np.nan
    learns = np.ones((1, 27), dtype=bool)
    learns[0, [0, 26]] = False
    other = table.copy()
    other[[0, 26]] = 1e6
    np.testing.assert_array_equal(
        standardised(table, learns)[learns], standardised(other, learns)[learns]
    )
    x = standardised(table, learns)[0, 1:26]
    np.testing.assert_allclose(x.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(x.std(axis=0), 1.0)


def test_the_regression_is_at_the_minimum_of_its_penalised_loss():
    table = people(2.0, 8)
    learns = np.ones((1, 27))
    learns[0, :2] = 0.0
    x = standardised(table, learns > 0)
    weights = ridge_logistic(x, IS_CASE, learns, penalty=0.7)[0]
    score, y = x[0, 2:] @ weights, IS_CASE[2:]
    # The intercept that balances the residuals is the one that was fitted.
    low, high = -20.0, 20.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if (y - expit(score + middle)).sum() > 0 else (low, middle)
    slope = x[0, 2:].T @ (y - expit(score + low)) - 0.7 * weights
    np.testing.assert_allclose(slope, 0.0, atol=1e-6)


def test_inputs_are_not_modified_and_a_seed_gives_the_same_again():
    table = people(1.0, 9)
    table[1, 1] = np.nan
    before = table.copy()
    assert separate(table, IS_CASE) == separate(table, IS_CASE)
    assert shuffled(table, IS_CASE, n_shuffles=5) == shuffled(table, IS_CASE, n_shuffles=5)
    np.testing.assert_array_equal(table, before)


def test_a_group_of_one_has_no_interval():
    assert interval(np.ones((1, 5)), seed=1) is None


def test_equal_scores_are_half_in_order():
    assert in_order(np.array([0.1, 0.0, -0.1])).tolist() == [1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("table", "is_case", "what"),
    [
        (np.zeros(27), IS_CASE, "give"),
        (np.zeros((27, 2)), IS_CASE[:5], "give"),
        (np.zeros((27, 2)), IS_CASE.astype(int), "int64"),
        (np.zeros((27, 2)), np.arange(27) < 2, "2 people in the smaller group"),
    ],
)
def test_tables_that_cannot_be_separated_are_refused(table, is_case, what):
    with pytest.raises(DataError, match=what):
        separate(table, is_case)
