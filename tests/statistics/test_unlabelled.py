import json

import numpy as np
import pandas as pd
import pytest

from solekit.cli import main
from solekit.statistics.prediction_report import write_prediction
from tests.statistics.people import people
from tests.statistics.test_prediction import predicted

ASKED = ("p003", "p060", "p070", "p099")  # a case, far off, without values, a control


@pytest.fixture(scope="module")
def table():
    table = people(apart=3.0)
    rows = table["person"].isin(ASKED)
    table.loc[rows, "group"] = [np.nan, "", " ", None]
    table.loc[table["person"] == "p060", "pose_b"] = 40.0
    table.loc[table["person"] == "p070", ["insole_a", "pose_b", "insole_c", "pose_d"]] = np.nan
    return table


@pytest.fixture(scope="module")
def found(table):
    return predicted(table)


def test_people_without_a_label_are_judged_and_not_learned_from(found, table):
    assert tuple(found.unlabelled_["person"]) == ASKED
    assert len(found.people_) == len(table) - len(ASKED)
    chance = found.unlabelled_.set_index("person")["chance"]
    truth = people(apart=3.0).set_index("person")
    assert chance["p003"] > 0.5 > chance["p099"]
    assert truth.loc["p003", "group"] == "sarcopenia"
    without = predicted(table[~table["person"].isin(ASKED)])
    assert without.auc_.value == found.auc_.value
    assert without.unlabelled_.empty


def test_who_is_out_of_range_or_has_no_values_is_said(found):
    rows = found.unlabelled_.set_index("person")
    assert rows["out_of_range"].tolist() == [False, True, False, False]
    assert rows.loc["p060", "outside"] == "pose_b"
    assert np.isnan(rows.loc["p070", "chance"])
    assert rows.loc["p070", "answer"] == "no answer"
    assert any("4 people without a label" in text for text in found.warnings_)


def test_new_people_get_wrong_answers_as_seldom_as_asked():
    excluded = []
    for seed in range(6):
        table = people(seed, 100, 100, 1.0)
        new = np.arange(200) % 2 == 0
        truth = table.loc[new].set_index("person")["group"]
        asked = table.assign(group=table["group"].where(~new))
        rows = predicted(asked, error=0.2).unlabelled_.set_index("person")
        answered = rows["answer"] != "no answer"
        excluded.append((answered & (rows["answer"] != truth)).mean())
        assert answered.mean() > 0.2
    assert np.mean(excluded) <= 0.23


def test_a_row_without_a_label_of_somebody_with_one_is_left_out(table):
    more = pd.concat([table, table.iloc[[0]].assign(group=np.nan)])
    found = predicted(more)
    assert tuple(found.unlabelled_["person"]) == ASKED
    assert any("1 rows without a label are of people with one" in w for w in found.warnings_)


def test_labels_that_are_numbers_keep_their_names_beside_absent_ones(table):
    numbers = table.assign(group=table["group"].map({"sarcopenia": 1, "control": 0}))
    assert predicted(numbers, case="1").labels_ == ("1", "0")


def test_every_output_about_them_says_that_it_is_no_diagnosis(found, table, tmp_path, capsys):
    for path in write_prediction(found, tmp_path):
        text = path.read_text(encoding="utf-8")
        assert "Not a diagnosis" in text, path.name
        if path.name in ("prediction.html", "prediction_unlabelled.csv", "prediction.json"):
            assert "p060" in text
    rows = pd.read_csv(tmp_path / "prediction_unlabelled.csv")
    assert rows["notice"].str.startswith("Not a diagnosis").all()
    path = tmp_path / "people.csv"
    table.to_csv(path, index=False)
    options = ["--label", "group", "--person", "person", "--repeats", "1", "--shuffles", "0"]
    for more, shown in (([], "p060"), (["--format", "json"], '"unlabelled"')):
        with pytest.raises(SystemExit) as end:
            main(["predict", str(path), *options, *more])
        assert not end.value.code
        told = capsys.readouterr()
        assert "Not a diagnosis" in told.out
        assert "Not a diagnosis" in told.err
        assert shown in told.out
    assert len(json.loads(told.out)["unlabelled"]) == len(ASKED)
