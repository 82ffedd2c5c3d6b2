import json

import numpy as np
import pandas as pd
import pytest

from solekit.cli import main
from solekit.errors import DataError
from solekit.statistics.adjust import adjusted_difference
from solekit.statistics.columns import one_row_per_person
from solekit.statistics.comparison_report import as_dict, write_comparison
from solekit.statistics.groups import GroupComparison
from solekit.statistics.matching import PairMatching
from solekit.statistics.names import tool_of
from tests.statistics.people import NAMES, people

QUICK = {"n_permutations": 200, "n_bootstrap": 200}


def compared(table, **options):
    given = {"variables": NAMES, **QUICK, **options}
    return GroupComparison(**given).compare(table, group="group", ignore=("person",))


def test_the_variable_that_differs_is_found_and_the_others_are_not():
    found = compared(people())
    assert list(found.results_["differs"]) == [True, False, False, False]
    assert found.groups_ == ("sarcopenia", "control")
    assert list(found.summary_["n"]) == [40, 60] * 4
    assert (found.results_["p_adjusted"] >= found.results_["p"]).all()


def test_turning_the_reference_turns_the_sign_and_not_the_p():
    one, other = compared(people()), compared(people(), reference="sarcopenia")
    np.testing.assert_allclose(one.results_["cliffs_delta"], -other.results_["cliffs_delta"])
    np.testing.assert_allclose(one.results_["p"], other.results_["p"])


def test_a_family_of_one_is_not_corrected():
    found = compared(people(), families={"main": ["insole_a"]})
    row = found.results_.iloc[0]
    assert row["p_adjusted"] == row["p"]
    assert set(compared(people(), families="tool").results_["family"]) == {"insole", "pose"}


def test_a_margin_that_nobody_gave_is_said():
    assert any("margin" in text for text in compared(people()).warnings_)
    assert not any("margin" in text for text in compared(people(), margin_sd=0.4).warnings_)
    found = compared(people(), margins=dict.fromkeys(NAMES, 2.5))
    assert found.results_["margin"].tolist() == [2.5] * 4
    assert found.results_["equivalent"].all()


def test_few_people_no_correction_and_copies_are_warned_of():
    table = people(n=12)
    table["pose_b"] = table["insole_a"]
    checks = {finding.check for finding in compared(table, correction="none").findings_}
    assert {"small_group", "copied", "no_correction"} <= checks


def test_a_variable_that_nobody_of_a_group_has_is_not_tested():
    table = people()
    table.loc[table["group"] == "control", "pose_b"] = np.nan
    row = compared(table).results_.set_index("variable").loc["pose_b"]
    assert np.isnan(row["p"])
    assert not row["differs"]


def test_a_difference_that_age_explains_goes_with_adjustment_and_with_matching():
    differs = {"plain": 0, "adjusted": 0, "rank": 0, "matched": 0}
    for seed in range(30):
        random = np.random.default_rng(seed)
        table = people(seed, apart=0.0)
        table["insole_a"] = 0.2 * table["age"] + random.normal(size=len(table))
        is_case = (table["group"] == "sarcopenia").to_numpy()
        values = table["insole_a"].to_numpy()
        pairs = PairMatching(columns=("age",), calipers={"age": 2.0}).match(table, is_case).pairs_
        apart = values[pairs[:, 0]] - values[pairs[:, 1]]
        differs["plain"] += adjusted_difference(values, is_case, table[[]]).p < 0.05
        differs["adjusted"] += adjusted_difference(values, is_case, table[["age"]]).p < 0.05
        rank = adjusted_difference(values, is_case, table[["age", "sex"]], method="rank")
        differs["rank"] += rank.p < 0.05
        differs["matched"] += abs(apart.mean()) / apart.std(ddof=1) * len(apart) ** 0.5 > 2
    assert differs["plain"] > 15
    assert max(differs["adjusted"], differs["rank"], differs["matched"]) <= 7


def test_least_squares_finds_the_difference_that_was_put_in():
    held = 0
    for seed in range(100):
        table = people(seed, apart=0.0)
        is_case = (table["group"] == "sarcopenia").to_numpy()
        random = np.random.default_rng(seed)
        noise = random.normal(size=len(table)) * np.where(is_case, 2.0, 0.5)
        y = 0.1 * table["age"].to_numpy() + 0.7 * is_case + noise
        found = adjusted_difference(y, is_case, table[["age", "sex"]])
        held += found.low <= 0.7 <= found.high
    assert 89 <= held <= 99


def test_pairs_are_alike_and_nobody_is_in_two():
    table = people(3)
    is_case = (table["group"] == "sarcopenia").to_numpy()
    found = PairMatching(columns=("age", "sex"), calipers={"age": 4.0}).match(table, is_case)
    one, other = (table.loc[rows].reset_index(drop=True) for rows in found.pairs_.T)
    assert (one["sex"] == other["sex"]).all()
    assert ((one["age"] - other["age"]).abs() <= 4).all()
    assert len(np.unique(found.pairs_)) == 2 * len(found.pairs_)
    age = found.balance_.set_index("variable").loc["age"]
    assert abs(age["smd_after"]) < abs(age["smd_before"]) / 2


def test_as_many_pairs_are_made_as_can_be_and_not_only_the_nearest():
    table = pd.DataFrame({"age": [50.0, 53.0, 52.0, 54.9]})
    is_case = np.array([True, True, False, False])
    found = PairMatching(columns=("age",), calipers={"age": 2.0}).match(table, is_case)
    assert sorted(found.pairs_.tolist()) == [[0, 2], [1, 3]]


@pytest.mark.parametrize(
    ("change", "options", "what"),
    [
        ({}, {"reference": "nobody"}, "no group 'nobody'"),
        ({"group": "one"}, {}, "1 groups"),
        ({}, {"variables": ("sex",)}, "no numbers"),
        ({}, {"variables": ("weight",)}, "no column 'weight'"),
        ({}, {"correction": "hope"}, "no correction 'hope'"),
        ({}, {"covariates": ("person",)}, "levels"),
        ({}, {"families": {"a": ["nothing"]}}, "'nothing' of family 'a'"),
        ({}, {"match": ("age",), "calipers": {"sex": 1.0}}, "caliper 1 of 'sex'"),
        ({}, {"alpha": 0.9}, "alpha 0.9"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, options, what):
    with pytest.raises(DataError, match=what):
        compared(people().assign(**change), **options)


def test_people_with_several_rows_are_refused_or_averaged():
    table = people()
    twice = pd.concat([table, table.assign(insole_a=table["insole_a"] + 2)])
    with pytest.raises(DataError, match="--person person"):
        one_row_per_person(twice)
    rows, note = one_row_per_person(twice, person="person", same=("group",))
    assert "100 of 100 people" in note
    np.testing.assert_allclose(rows["insole_a"], table["insole_a"] + 1)
    assert list(rows["sex"]) == list(table["sex"])
    with pytest.raises(DataError, match="several values of 'group'"):
        one_row_per_person(
            pd.concat([table, table.assign(group="control")]), person="person", same=("group",)
        )


def test_columns_belong_to_the_tool_of_the_dictionary_or_of_their_prefix():
    assert [tool_of(name) for name in ("cadence", "stance_time_left", "pose_x", "weight")] == [
        *("insole", "insole", "pose", "other")
    ]


def test_the_files_hold_what_was_found_and_nothing_runs_in_the_page(tmp_path):
    table = people()
    table["<b>&_x"] = table["pose_d"]
    table["group"] = table["group"].replace("control", "<script>$1%")
    found = compared(table, variables=(*NAMES, "<b>&_x"), match=("age",), covariates=("sex",))
    files = {
        path.name: path for path in write_comparison(found, table, group="group", folder=tmp_path)
    }
    page = files["comparison.html"].read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<b>" not in page
    assert "medical device" in page
    assert r"\textless{}script\textgreater{}\$1\%" in files["table_insole.tex"].read_text()
    assert json.loads(files["comparison.json"].read_text()) == as_dict(found)
    study = pd.read_csv(files["table_insole.csv"])
    assert {"mean", "median", "sd", "range", "min", "max", "n", "p"} <= set(study.columns)


def test_the_command_compares_a_file_and_its_json_is_data(tmp_path, capsys):
    path = tmp_path / "people.csv"
    people().to_csv(path, index=False)
    arguments = ["compare-groups", str(path), "--group", "group", "--match", "age:5,sex"]
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--covariates", "age,sex", "--format", "json"])
    assert not end.value.code
    found = json.loads(capsys.readouterr().out)
    assert found["cases"] == "sarcopenia"
    assert found["results"][0]["differs"] is True
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--margin", "much"])
    assert end.value.code == 2
