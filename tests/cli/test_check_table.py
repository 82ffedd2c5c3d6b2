"""``solekit check-table`` on the tables that Kim et al. 2023 printed."""

import json
from pathlib import Path

import pytest

PRINTED = Path(__file__).parents[1] / "statistics" / "kim2023.csv"


def test_effects_plans_and_doubts_of_the_papers_tables(solekit):
    code, out, _ = solekit("check-table", PRINTED, "--reference", "control", "--json")
    assert code == 0
    rows = [json.loads(line) for line in out.splitlines()]
    effects = {row["variable"]: row for row in rows if row["kind"] == "effect"}
    assert effects["Ankle_dif"]["g"] == pytest.approx(-2.64, abs=0.01)
    # 23 and 60 people show 0.7 by a rank test; a difference of 0.1 or so takes thousands.
    assert effects["Cadence"]["detectable_d"] == pytest.approx(0.71, abs=0.01)
    assert effects["Cadence"]["cases_needed"] > 1000
    assert effects["Ankle_dif"]["cases_needed"] < 10
    doubts = [row["doubt"] for row in rows if row["kind"] == "doubt"]
    assert any("Hip_dif" in text and "Hip_max" in text for text in doubts)


def test_the_sign_turns_with_the_reference(solekit):
    _, out, _ = solekit("check-table", PRINTED, "--reference", "sarcopenia", "--json")
    first = [row for row in map(json.loads, out.splitlines()) if row["kind"] == "effect"]
    found = {row["variable"]: row["g"] for row in first}
    assert found["Ankle_dif"] == pytest.approx(2.64, abs=0.01)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("group,variable\na,b\n", "no column 'n'"),
        ("group,variable,n,mean,median,sd,range,min,max\na,v,9,1,1,1,1,1,1\n", "two are needed"),
    ],
)
def test_a_table_that_is_none_is_one_sentence(solekit, tmp_path, text, word):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    code, out, err = solekit("check-table", path)
    assert (code, out) == (1, "")
    assert word in err
    assert "Traceback" not in err


def test_a_reference_that_is_not_there_is_said(solekit):
    code, _, err = solekit("check-table", PRINTED, "--reference", "healthy")
    assert code == 1
    assert "healthy" in err
