import numpy as np
import pytest

from solekit.statistics.ranges import FALSE_ALARMS, beyond, oddness


def share_out(n_known, n_variables, *, shape=lambda x: x, n_new=10, n_groups=150):
    """Return the share of new people like the known who are called out of range."""
    out = []
    for seed in range(n_groups):
        rows = shape(np.random.default_rng(seed).normal(size=(n_known + n_new, n_variables)))
        out.append(beyond(rows[:n_known], rows[n_known:])[1].mean())
    return np.mean(out), np.std(out) / np.sqrt(n_groups)


@pytest.mark.parametrize("n_variables", [4, 13])
@pytest.mark.parametrize("shape", [lambda x: x, lambda x: np.exp(0.5 * x)])
def test_people_like_the_known_are_out_of_range_as_seldom_as_stated(n_variables, shape):
    share, error = share_out(27, n_variables, shape=shape)
    due = int(FALSE_ALARMS * 28) / 28
    assert abs(share - due) < 3.5 * error


def test_somebody_who_is_off_is_out_of_range_and_the_variable_is_named():
    random = np.random.default_rng(1)
    known = random.normal(size=(60, 13))
    asked = np.zeros((3, 13))
    asked[0, 5] = 7.0
    asked[1] = 2.0
    single, out = beyond(known, asked)
    assert out.tolist() == [True, True, False]
    assert np.flatnonzero(single[0]).tolist() == [5]
    assert not single[1].any()


def test_a_direction_in_which_nobody_differs_is_no_distance():
    random = np.random.default_rng(2)
    rows = random.normal(size=(40, 3))
    rows = np.column_stack([rows, rows[:, 0] - rows[:, 1], np.full(40, 3.0)])
    asked = np.array([[0.1, -0.2, 0.3, 0.3, 3.0]])
    assert not beyond(rows, asked)[1].any()


def test_few_people_have_no_range():
    known = np.random.default_rng(3).normal(size=(18, 2))
    assert not beyond(known, np.full((1, 2), 99.0))[1].any()


def test_oddness_of_normal_values_is_a_chance():
    people = np.random.default_rng(4).normal(size=(400, 30, 5))
    of_variables, together = oddness(people)
    assert (together < 0.1).mean() == pytest.approx(0.1, abs=0.01)
    assert (of_variables < 0.1).mean() == pytest.approx(0.02, abs=0.003)
