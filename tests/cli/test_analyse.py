"""``solekit analyse``: many recordings, of which some are broken."""

import json
import shutil

import pandas as pd
import pytest

from solekit.analysis import analyse
from solekit.analysis_batch import (
    SUMMARY,
    TABLES,
    Source,
    analyse_all,
    analyse_source,
    find_sources,
    tables_of,
)
from solekit.cli import main
from solekit.cli.analyse import TableFiles
from solekit.errors import DataError
from solekit.recording import Recording

GOOD = ["a-walk.mcap", "sub/b-walk.mcap"]
BROKEN = ["empty.mcap", "text.mcap"]
CUT = "cut.mcap"
ALL = sorted([*GOOD, *BROKEN, CUT])  # no name needs more than the order of its letters

# A worker that dies on one recording, fails on another and does the rest.
DYING = """
import os
from solekit.analysis_batch import Outcome, SUMMARY

def work(source, *, allow_low_rate, contacts="foot"):
    if "kills" in source.name:
        os._exit(9)
    if "memory" in source.name:
        raise MemoryError
    if "exits" in source.name:
        raise SystemExit(3)
    summary = dict.fromkeys(SUMMARY) | {"recording": source.name, "failure": ""}
    return Outcome(source.name, summary)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two good recordings, one cut off in the middle, one empty, one that is text."""
    folder = tmp_path_factory.mktemp("jane-doe")
    (folder / "sub").mkdir()
    for name, seed in zip(GOOD, (3, 4), strict=True):
        device = f"sim:walk?layout=cells-16&seed={seed}"
        path = str(folder / name)
        with pytest.raises(SystemExit) as end:
            main(["record", "--device", device, "--duration-s", "12", "--out", path])
        assert not end.value.code
    whole = (folder / GOOD[0]).read_bytes()
    (folder / CUT).write_bytes(whole[: len(whole) // 2])
    (folder / "empty.mcap").write_bytes(b"")
    (folder / "text.mcap").write_text("time;force\n1;2\n", encoding="utf-8")
    (folder / "notes.txt").write_text("no recording", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def written(folder, tmp_path_factory):
    """The tables of the folder, written by one process."""
    out = tmp_path_factory.mktemp("out") / "tables"
    with pytest.raises(SystemExit) as end:
        main(["analyse", str(folder), "--out", str(out)])
    assert end.value.code == 1
    return out


def test_every_recording_of_a_folder_has_its_row_in_the_summary(folder, written):
    summary = pd.read_csv(written / "summary.csv", keep_default_na=False)
    assert list(summary.columns) == list(SUMMARY)
    assert list(summary["recording"]) == ALL
    rows = summary.set_index("recording")
    assert (rows.loc[[*GOOD, CUT], "failure"] == "").all()
    assert (rows.loc[BROKEN, "strides"] == "").all()
    assert rows.loc["empty.mcap", "failure"].startswith("empty.mcap is empty: it was cut off")
    assert rows.loc["text.mcap", "failure"].startswith("text.mcap is not a recording (MCAP)")
    assert int(rows.loc[CUT, "warnings"]) >= 1
    for name in GOOD:
        analysis = analyse(Recording(folder / name))
        assert int(rows.loc[name, "strides"]) == len(analysis.strides)
        assert int(rows.loc[name, "strides_valid"]) == analysis.strides["is_valid"].sum() > 0
        assert int(rows.loc[name, "bouts"]) == len(analysis.bouts)
        assert float(rows.loc[name, "duration_s"]) == pytest.approx(12.0, abs=0.2)


@pytest.mark.parametrize("table", TABLES)
def test_a_written_table_holds_that_of_every_recording(folder, written, table):
    found = pd.read_csv(written / f"{table}.csv", keep_default_na=False)
    assert found.columns[0] == "recording"
    for name in [*GOOD, CUT]:
        expected = tables_of(analyse(Recording(folder / name)))[table]
        own = found.loc[found["recording"] == name]
        assert len(own) == len(expected)
        assert list(own.columns[1:]) == list(expected.columns)
    assert not set(BROKEN) & set(found["recording"])


def test_nothing_written_names_a_folder_above_the_given_one(written):
    for path in written.iterdir():
        assert "jane-doe" not in path.read_text(encoding="utf-8")


def test_two_processes_write_the_same_bytes_as_one(solekit, folder, written, tmp_path):
    code, _, err = solekit("analyse", folder, "--out", tmp_path / "two", "--jobs", 2)
    assert code == 1
    assert "2 of 5 recordings failed" in err
    assert "Traceback" not in err
    names = sorted(path.name for path in written.iterdir())
    assert names == sorted(f"{name}.csv" for name in (*TABLES, "summary"))
    for name in names:
        assert (tmp_path / "two" / name).read_bytes() == (written / name).read_bytes()


def test_parquet_holds_the_same_tables(solekit, folder, written, tmp_path):
    code, out, _ = solekit("analyse", folder, "--out", tmp_path, "--format", "parquet", "--json")
    assert code == 1
    rows = {row["file"]: row["rows"] for row in map(json.loads, out.splitlines()) if "file" in row}
    for name in (*TABLES, "summary"):
        path = tmp_path / f"{name}.parquet"
        table, expected = pd.read_parquet(path), pd.read_csv(written / f"{name}.csv")
        assert list(table.columns) == list(expected.columns)
        assert rows[str(path)] == len(table) == len(expected)


def test_existing_output_is_refused_before_any_work(solekit, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("solekit.analysis_batch.analyse_all", None)
    (tmp_path / "bouts.csv").write_text("mine", encoding="utf-8")
    code, out, err = solekit("analyse", folder, "--out", tmp_path)
    assert (code, out) == (1, "")
    assert "bouts.csv exists" in err
    assert "--out" in err
    assert [path.name for path in tmp_path.iterdir()] == ["bouts.csv"]
    assert (tmp_path / "bouts.csv").read_text(encoding="utf-8") == "mine"


def test_json_lines_hold_variables_and_summary_of_every_recording(solekit, folder):
    code, out, _ = solekit("analyse", folder, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [row["recording"] for row in rows if row["table"] == "summary"] == ALL
    cadence = {row["recording"]: row["value"] for row in rows if row.get("name") == "cadence"}
    assert set(cadence) == {*GOOD, CUT}
    assert all(90 < cadence[name] < 130 for name in GOOD)


def test_good_recordings_end_with_code_0_and_a_table(solekit, folder):
    code, out, err = solekit("analyse", folder / GOOD[0], folder / GOOD[1])
    assert code == 0
    assert "failed" not in err
    assert "a-walk.mcap" in out
    assert "cadence" in out
    assert "strides_valid" in out


def test_a_missing_file_costs_only_its_own_row(solekit, folder, tmp_path):
    code, out, err = solekit("analyse", tmp_path / "none.mcap", folder / GOOD[0], "--json")
    rows = {row["recording"]: row for row in map(json.loads, out.splitlines())}
    assert code == 1
    assert rows["none.mcap"]["failure"] == "none.mcap cannot be read: No such file or directory"
    assert rows["a-walk.mcap"]["failure"] == ""
    assert "1 of 2 recordings failed" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["analyse", "."], 1, ["holds no recording"]),
        (["analyse", "x.mcap", "--format", "xls"], 2, ["xls", "csv"]),
        (["analyse", "x.mcap", "--jobs", "-1"], 2, ["--jobs"]),
        (["analyse", "x.mcap", "--out", "file"], 1, ["file", "cannot be made a folder"]),
    ],
)
def test_a_mistake_is_told_before_any_work(solekit, tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("", encoding="utf-8")
    got, out, err = solekit(*arguments)
    assert (got, out) == (code, "")
    assert "Traceback" not in err
    for word in words:
        assert word in err


def test_a_recording_given_twice_is_analysed_once_and_names_stay_apart(folder, tmp_path):
    shutil.copy(folder / GOOD[0], tmp_path / GOOD[0])
    sources = find_sources([folder / GOOD[0], folder, tmp_path])
    assert len({source.path for source in sources}) == len(sources) == len(ALL) + 1
    assert sources[0].name == "a-walk.mcap"
    assert sources[-1].name == "a-walk.mcap#2"


def test_a_worker_that_dies_leaves_the_other_recordings(tmp_path, monkeypatch):
    (tmp_path / "dying_worker.py").write_text(DYING, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import dying_worker  # pyright: ignore[reportMissingImports]

    names = ["one", "kills", "two", "memory", "exits", "three", "four"]
    sources = [Source(tmp_path / name, name) for name in names]
    outcomes = list(analyse_all(sources, jobs=2, work=dying_worker.work))
    assert [outcome.name for outcome in outcomes] == names
    failures = {outcome.name: outcome.failure for outcome in outcomes if outcome.failure}
    assert failures == {
        "kills": "failed: its process ended, perhaps for want of memory",
        "memory": "failed: MemoryError()",
        "exits": "failed: SystemExit: 3",
    }


def test_a_bug_in_the_analysis_is_a_row_too(folder, monkeypatch):
    def broken(recording, *, allow_low_rate, contacts="foot"):
        raise KeyError(f"no column in {recording.path}")

    monkeypatch.setattr("solekit.analysis_batch.analyse", broken)
    outcome = analyse_source(Source(folder / GOOD[0], GOOD[0]))
    assert outcome.failure == "failed: KeyError: 'no column in a-walk.mcap'"
    assert not outcome.tables


def test_no_more_than_two_recordings_per_process_are_pending(tmp_path, monkeypatch):
    from concurrent.futures import Future

    submitted = []

    class Pool:
        def begin(self, task, source):
            future = Future()
            future.set_result(source.name)
            submitted.append(source.name)
            return future

        def end(self):
            submitted.append("shut")

    monkeypatch.setattr("solekit.analysis_batch._Pool", lambda processes: Pool())
    sources = [Source(tmp_path / str(i), str(i)) for i in range(20)]
    outcomes = analyse_all(sources, jobs=3)
    for i in range(5):
        assert next(outcomes) == str(i)
        assert len(submitted) == 6 + i
    outcomes.close()
    assert submitted[-1] == "shut"


def test_ctrl_c_leaves_whole_recordings_in_every_file(solekit, folder, tmp_path, monkeypatch):
    from solekit.cli.analyse import _CsvFile

    append = _CsvFile.append
    sizes = tmp_path / "one"
    solekit("analyse", folder / GOOD[0], "--out", sizes)
    whole = (sizes / "bouts.csv").stat().st_size

    def append_until(self, table):
        append(self, table)
        if self._path.name == "bouts.csv" and self.size > whole:
            raise KeyboardInterrupt

    monkeypatch.setattr(_CsvFile, "append", append_until)
    out = tmp_path / "out"
    code, _, err = solekit("analyse", folder / GOOD[0], folder / GOOD[1], "--out", out)
    assert code != 0
    assert "interrupted: 1 of 2 recordings were analysed" in err
    assert "Traceback" not in err
    for path in out.iterdir():
        assert path.read_bytes() == (sizes / path.name).read_bytes()


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_table_unlike_those_before_is_refused(tmp_path, format):
    files = TableFiles(tmp_path, format, ("bouts",))
    files.write({"bouts": pd.DataFrame({"recording": ["a"], "n": [1]})})
    with pytest.raises(DataError, match="bouts"):
        files.check({"bouts": pd.DataFrame({"recording": ["b"], "m": [1]})})
    files.close()


def test_a_table_without_rows_still_becomes_a_parquet_file(tmp_path):
    files = TableFiles(tmp_path, "parquet", ("bouts",))
    files.write({"bouts": pd.DataFrame({"recording": [], "n": []})})
    files.close()
    assert list(pd.read_parquet(tmp_path / "bouts.parquet").columns) == ["recording", "n"]
