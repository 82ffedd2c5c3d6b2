import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import norm

from solekit.cli import main
from solekit.errors import DataError
from solekit.statistics.auc_interval import of_repeats
from solekit.statistics.logistic import ridge_logistic
from solekit.statistics.nested import Units, cross_validate, order_of
from solekit.statistics.prediction import PersonPrediction
from solekit.statistics.prediction_report import as_dict, write_prediction
from solekit.statistics.reliability import calibration_curve, calibration_error, never_excluded
from tests.statistics.people import NAMES, people

QUICK = {"n_repeats": 1, "n_shuffles": 0, "n_bootstrap": 200, "variables": NAMES}


def predicted(table, **options):
    given = {**QUICK, **options}
    return PersonPrediction(**given).evaluate(table, label="group", person="person")


def units(seed, n, m, apart, n_variables=4):
    table = people(seed, n, m, apart, n_variables)
    index = np.arange(n + m)
    return Units(table.iloc[:, :n_variables].to_numpy(), index, index < n, index)


def auc_of(apart):
    """Return the AUC of two normal groups ``apart`` SD from each other."""
    return float(norm.cdf(apart / np.sqrt(2)))


def test_the_auc_of_normal_groups_is_recovered_within_its_interval():
    held, found = 0, []
    for seed in range(24):
        of = units(seed, 80, 100, 1.2)
        met = [order_of(cross_validate(of, seed=seed, explain=False), of.is_case)]
        auc = of_repeats(met, n_draws=300)
        held += auc.low <= auc_of(1.2) <= auc.high
        found.append(auc.value)
    assert np.mean(found) == pytest.approx(auc_of(1.2), abs=0.025)
    assert held >= 20


def test_labels_without_meaning_give_one_half_also_in_small_unequal_groups():
    found = []
    for seed in range(30):
        of = units(seed, 10, 22, 0.0)
        order, seen = order_of(cross_validate(of, seed=seed, explain=False), of.is_case)
        found.append(order[seen].mean())
    assert abs(np.mean(found) - 0.5) < 3 * np.std(found) / np.sqrt(len(found))


def test_shuffled_labels_give_one_half_where_real_ones_do_not():
    found = predicted(people(apart=2.0), n_shuffles=20)
    low, high = found.shuffled_["interval"]
    assert low - 0.02 <= 0.5 <= high + 0.02
    assert found.auc_.low > found.shuffled_["spread"][1] - 0.15
    assert found.shuffled_["share_as_high"] == pytest.approx(1 / 21)


def test_rows_of_one_person_never_tell_of_each_other():
    # Many rows per person, each person at its own place: rows in both folds would give it away.
    random = np.random.default_rng(1)
    own = np.repeat(random.normal(size=(40, 4)), 4, axis=0)
    rows = own + 0.01 * random.normal(size=own.shape)
    of = Units(rows, np.repeat(np.arange(40), 4), np.arange(40) % 2 == 0, np.arange(40))
    folds = cross_validate(of, models=("forest",), n_outer=4, n_inner=2, explain=False)
    order, seen = order_of(folds, of.is_case)
    assert order.shape == (20, 20)
    assert order[seen].mean() < 0.72


def test_a_person_counts_once_however_many_rows_there_are():
    table = people(n=20, m=24)
    many = pd.concat([table] + [table.iloc[:3]] * 9)
    assert len(predicted(many).people_) == 44
    one, other = predicted(table), predicted(pd.concat([table] * 2))
    assert one.auc_.value == pytest.approx(other.auc_.value)


def test_the_variable_and_the_tool_that_tell_are_named():
    found = predicted(people(n=60, apart=1.5))
    assert found.importance_.loc[0, "variable"] == "insole_a"
    assert found.importance_.loc[0, "auc_fall"] > 0.2
    tools = found.tools_.set_index("tool")
    assert tools.loc["insole", "low"] > tools.loc["pose", "high"]
    assert tools.loc["pose", "adds_low"] > 0.1


def test_chances_are_those_of_the_groups_and_bent_ones_are_seen():
    random = np.random.default_rng(2)
    chance = random.uniform(0.02, 0.98, 4000)
    truth = random.uniform(size=4000) < chance
    assert calibration_error(calibration_curve(chance, truth)) < 0.03
    bent = expit(4 * np.log(chance / (1 - chance)))
    assert calibration_error(calibration_curve(bent, truth)) > 0.1
    found = predicted(people(n=100, m=100, apart=1.5))
    assert found.scores_["brier"] < 0.8 * found.scores_["brier_of_share"]


def test_excluded_classes_are_wrong_as_seldom_as_asked():
    covered = [
        predicted(people(seed, 60, 60, 1.0), error=0.2).abstention_["covered"] for seed in range(5)
    ]
    assert 0.74 <= np.mean(covered) <= 0.9
    sure = predicted(people(1, 60, 60, 1.0), error=0.05).abstention_
    bold = predicted(people(1, 60, 60, 1.0), error=0.3).abstention_
    assert sure["answered"] < bold["answered"]


def test_absent_values_are_filled_from_those_who_are_learned_from():
    table = people(apart=2.0)
    table.loc[::7, "insole_a"] = np.nan
    table["pose_d"] = np.nan
    assert predicted(table).auc_.value > 0.75


def test_the_regression_is_at_the_minimum_of_its_penalised_loss():
    of = units(3, 12, 15, 1.0)
    x, learns = np.stack([of.rows, 2 * of.rows]), np.ones((2, 27))
    learns[0, :3] = 0.0
    weights = ridge_logistic(x, of.is_case, learns, penalty=[0.7, 3.0])
    for k, penalty in enumerate((0.7, 3.0)):
        miss = learns[k] * (of.is_case - expit(x[k] @ weights[k, :-1] + weights[k, -1]))
        np.testing.assert_allclose(x[k].T @ miss - penalty * weights[k, :-1], 0.0, atol=1e-6)
        assert miss.sum() == pytest.approx(0.0, abs=1e-6)


def test_groups_far_apart_are_told_apart_completely():
    assert predicted(people(apart=30.0)).auc_.value == 1.0


@pytest.mark.parametrize(
    ("change", "options", "what"),
    [
        ({"group": "one"}, {}, "has 1 levels"),
        ({"person": "the same"}, {}, "1 people have both labels"),
        ({}, {"min_people": 50}, "40 people in the smaller class"),
        ({}, {"case": "ill"}, "no level 'ill'"),
        ({}, {"models": ("oracle",)}, "no model 'oracle'"),
        ({"day": people()["group"]}, {"block": "day"}, "every level of 'day'"),
    ],
)
def test_what_cannot_be_predicted_is_refused(change, options, what):
    with pytest.raises(DataError, match=what):
        predicted(people().assign(**change), **options)


def test_people_with_both_labels_need_a_reason_and_are_left_out_together():
    table = people()
    table["person"] = [f"p{k % 40}" for k in range(len(table))]
    with pytest.raises(DataError, match="--both-labels"):
        predicted(table)
    found = predicted(table, both_labels="before and after")
    assert any("before and after" in text for text in found.warnings_)
    of = Units(
        table[list(NAMES)].to_numpy(), np.arange(100), np.arange(100) < 40, np.arange(100) % 40
    )
    for fold in cross_validate(of, explain=False):
        assert not set(of.person[fold.out]) & set(of.person[fold.known])


def test_every_output_says_that_it_is_no_diagnosis(tmp_path, capsys):
    found = predicted(people().rename(columns={"pose_b": "<i>x"}), variables=("insole_a", "<i>x"))
    assert "Not a diagnosis" in found.warnings_[0]
    for path in write_prediction(found, tmp_path):
        assert "Not a diagnosis" in path.read_text(encoding="utf-8"), path.name
    assert "<i>" not in (tmp_path / "prediction.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "prediction.json").read_text()) == as_dict(found)
    path = tmp_path / "people.csv"
    people().to_csv(path, index=False)
    options = ["--label", "group", "--person", "person", "--repeats", "1", "--shuffles", "0"]
    with pytest.raises(SystemExit) as end:
        main(["predict", str(path), *options])
    assert not end.value.code
    told = capsys.readouterr()
    assert "Not a diagnosis" in told.out
    assert "Not a diagnosis" in told.err


def test_a_class_too_small_for_an_answer_is_said():
    assert never_excluded(12, 5, error=0.1) == []
    (said,) = never_excluded(10, 5, error=0.1)
    assert "takes 9 of its people" in said
    assert "8 are there" in said
