"""``solekit analyse``: recordings on the terminal, of which some are broken."""

import json

import pytest

GOOD = ["a-walk.mcap", "sub/b-walk.mcap"]
CUT = "cut.mcap"
ALL = sorted([*GOOD, "empty.mcap", "text.mcap", CUT])


def test_json_lines_hold_variables_and_summary_of_every_recording(solekit, cohort_folder):
    code, out, _ = solekit("analyse", cohort_folder, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [row["recording"] for row in rows if row["table"] == "summary"] == ALL
    cadence = {row["recording"]: row["value"] for row in rows if row.get("name") == "cadence"}
    assert set(cadence) == {*GOOD, CUT}
    assert all(90 < cadence[name] < 130 for name in GOOD)


def test_good_recordings_end_with_code_0_and_a_table(solekit, cohort_folder):
    code, out, err = solekit("analyse", cohort_folder / GOOD[0], cohort_folder / GOOD[1])
    assert code == 0
    assert "failed" not in err
    assert "a-walk.mcap" in out
    assert "cadence" in out
    assert "strides_valid" in out


def test_a_missing_file_costs_only_its_own_row(solekit, cohort_folder, tmp_path):
    code, out, err = solekit("analyse", tmp_path / "none.mcap", cohort_folder / GOOD[0], "--json")
    rows = {row["recording"]: row for row in map(json.loads, out.splitlines())}
    assert code == 1
    assert rows["none.mcap"]["failure"] == "none.mcap cannot be read: No such file or directory"
    assert rows["a-walk.mcap"]["failure"] == ""
    assert "1 of 2 recordings failed" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["analyse", "."], 1, ["holds no recording"]),
        (["analyse", "x.mcap", "--contacts", "hand"], 2, ["hand", "foot"]),
        (["cohort", ".", "--out", "new"], 1, ["holds no recording"]),
        (["cohort", "x.mcap", "--out", "new", "--jobs", "-1"], 2, ["--jobs"]),
        (["cohort", "x.mcap", "--out", "file"], 1, ["file", "--out"]),
        (["cohort", "x.mcap", "--out", "full"], 1, ["full", "holds something else"]),
        (
            ["cohort", "x.mcap", "--out", "new", "--jobs", "2", "--scheduler", "tcp://h:1"],
            2,
            ["both"],
        ),
        (["cohort", "x.mcap", "--out", "new", "--people", "file"], 1, ["file", "people"]),
        (["cohort", "x.mcap", "--out", "new", "--people", "twice.csv"], 1, ["P1", "twice"]),
    ],
)
def test_a_mistake_is_told_before_any_work(solekit, tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "twice.csv").write_text("person,age\nP1,3\nP1,4\n", encoding="utf-8")
    got, out, err = solekit(*arguments)
    assert (got, out) == (code, "")
    assert "Traceback" not in err
    for word in words:
        assert word in err
