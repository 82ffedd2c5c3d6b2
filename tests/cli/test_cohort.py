"""``solekit cohort``: one data set of many recordings, which goes on where it stopped."""

import json
import os
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from solekit.analysis import analyse
from solekit.cohort import dataset
from solekit.cohort.dataset import Dataset
from solekit.cohort.outcome import SUMMARY, TABLES, Outcome, Source, tables_of
from solekit.cohort.people import people_of, rows_of
from solekit.errors import DataError
from solekit.formats.mediapipe_landmarks import save_landmarks
from solekit.recording import Recording
from solekit.video import VideoVariables
from tests.video.camera import film, walk

GOOD = ["a-walk.mcap", "sub/b-walk.mcap"]
CUT = "cut.mcap"
BROKEN = ["empty.mcap", "text.mcap"]
SETTINGS = {"solekit": "1", "contacts": "foot", "allow_low_rate": False}


@pytest.fixture(scope="module")
def written(cohort_folder, tmp_path_factory):
    """The data set of the folder, made by one process."""
    from solekit.cli import main

    out = tmp_path_factory.mktemp("out") / "data"
    with pytest.raises(SystemExit) as end:
        main(["cohort", str(cohort_folder), "--out", str(out)])
    assert end.value.code == 1
    return out


def parts(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.parquet")}


def test_a_row_per_recording_and_a_broken_one_stops_nothing(cohort_folder, written):
    summary = pd.read_parquet(written / "summary").set_index("recording")
    assert sorted(summary.index) == sorted([*GOOD, CUT, *BROKEN])
    assert (summary.loc[[*GOOD, CUT], "failure"] == "").all()
    assert summary.loc["empty.mcap", "failure"].startswith("empty.mcap is empty: it was cut off")
    assert summary.loc["text.mcap", "failure"].startswith("text.mcap is not a recording (MCAP)")
    assert summary.loc[BROKEN, "strides"].isna().all()
    rows = pd.read_csv(written / "recordings.csv").set_index("recording")
    assert list(rows.index) == sorted([*GOOD, CUT])
    for name, person in zip(GOOD, ("P3", "P4"), strict=True):
        analysis = analyse(Recording(cohort_folder / name))
        found = rows.loc[name]
        assert found["person"] == person
        assert found["strides_valid"] == analysis.strides["is_valid"].sum() > 0
        assert found["duration_s"] == pytest.approx(12.0, abs=0.2)
        for row in analysis.variables.itertuples():
            column = f"{row.name}_{row.side}" if row.side else row.name
            assert found[column] == pytest.approx(row.value, rel=1e-8, nan_ok=True)


@pytest.mark.parametrize("table", TABLES)
def test_a_folder_of_parts_reads_as_one_table(cohort_folder, written, table):
    expected = {
        name: tables_of(analyse(Recording(cohort_folder / name))).get(table, ())
        for name in [*GOOD, CUT]
    }
    if not any(map(len, expected.values())):
        assert not (written / table).exists()
        return
    found = pd.read_parquet(written / table)
    for name, own in expected.items():
        rows = found.loc[found["recording"] == name]
        assert len(rows) == len(own)
        assert list(rows.columns) == ["recording", *own.columns]
    assert not set(BROKEN) & set(found["recording"])


def test_nothing_written_names_a_folder_above_the_given_one(written):
    for path in written.rglob("*.*"):
        assert b"jane-doe" not in path.read_bytes()


def test_two_processes_write_the_same_data_set_as_one(solekit, cohort_folder, written, tmp_path):
    code, _, err = solekit("cohort", cohort_folder, "--out", tmp_path / "two", "--jobs", 2)
    assert code == 1
    assert "2 of 5 recordings failed" in err
    assert "Traceback" not in err
    assert parts(tmp_path / "two") == parts(written)


def test_a_second_run_does_only_what_is_new_changed_or_failed(
    solekit, cohort_folder, written, tmp_path
):
    out, folder = tmp_path / "out", tmp_path / "in"
    shutil.copytree(written, out)
    shutil.copytree(cohort_folder, folder)  # keeps the times of the files
    os.utime(folder / CUT)
    shutil.copy(folder / GOOD[0], folder / "new.mcap")
    (folder / "text.mcap").unlink()
    before = parts(out)
    code, text, err = solekit("cohort", folder, "--out", out, "--json")
    rows = [json.loads(line) for line in text.splitlines()]
    assert code == 1
    assert "2 of 5 recordings are in" in err
    assert [row["recording"] for row in rows[:-2]] == [CUT, "empty.mcap", "new.mcap"]
    after = parts(out)
    new = [path for path in after if path not in before and path.parent.name == "strides"]
    assert len(new) == 1
    table = pd.read_csv(out / "recordings.csv")
    assert list(table["recording"]) == sorted([*GOOD, CUT, "new.mcap"])


def test_work_cut_off_within_a_recording_is_done_again(tmp_path, monkeypatch):
    (tmp_path / "a.mcap").write_bytes(b"a")
    source = Source(tmp_path / "a.mcap", "a.mcap")
    whole = _outcome("a.mcap", strides=2)
    data = Dataset(tmp_path / "out", SETTINGS)
    assert data.outstanding([source]) == [source]
    put = dataset._put_parquet

    def cut(path, table):
        if path.parent.name == "summary":
            raise KeyboardInterrupt
        put(path, table)

    monkeypatch.setattr(dataset, "_put_parquet", cut)
    with pytest.raises(KeyboardInterrupt):
        data.add(source, whole)
    monkeypatch.undo()
    data = Dataset(tmp_path / "out", SETTINGS)
    assert data.outstanding([source]) == [source]
    data.add(source, whole)
    assert data.outstanding([source]) == []
    assert len(data.table("strides")) == 2
    data.add(source, _outcome("a.mcap", strides=0))  # a later state without strides
    assert "strides" not in {path.parent.name for path in (tmp_path / "out").rglob("*.parquet")}


def test_ctrl_c_leaves_what_was_done(solekit, cohort_folder, tmp_path, monkeypatch):
    add = Dataset.add

    def add_one(self, source, outcome):
        if source.name != GOOD[0]:
            raise KeyboardInterrupt
        return add(self, source, outcome)

    monkeypatch.setattr(Dataset, "add", add_one)
    arguments = [
        "cohort",
        cohort_folder / GOOD[0],
        cohort_folder / GOOD[1],
        "--out",
        tmp_path / "o",
    ]
    code, _, err = solekit(*arguments)
    assert code != 0
    assert "interrupted: 1 of 2 were analysed" in err
    assert "Traceback" not in err
    monkeypatch.undo()
    code, _, err = solekit(*arguments)
    assert code == 0, err
    assert "1 of 2 recordings are in" in err


def test_one_data_set_has_one_setting(solekit, cohort_folder, written, tmp_path):
    shutil.copytree(written, tmp_path / "out")
    code, out, err = solekit(
        "cohort", cohort_folder, "--out", tmp_path / "out", "--contacts", "host"
    )
    assert (code, out) == (1, "")
    assert "was made with contacts foot, not host" in err
    assert parts(tmp_path / "out") == parts(written)


def test_what_is_known_of_people_joins_their_recordings(solekit, cohort_folder, tmp_path):
    known = tmp_path / "people.csv"
    known.write_text("person,age,group\nP3,71,a\n007,60,b\n", encoding="utf-8")
    names = [cohort_folder / name for name in GOOD]
    code, _, err = solekit("cohort", *names, "--out", tmp_path / "out", "--people", known)
    assert code == 0
    assert "1 person codes are not in the table of people: P4" in err
    assert "1 people of the table have no recording: 007" in err
    people = pd.read_parquet(tmp_path / "out" / "people.parquet").set_index("person")
    assert list(people.columns[:3]) == ["age", "group", "n_recordings"]
    assert people.loc["P3", "age"] == 71
    assert pd.isna(people.loc["P4", "age"])
    assert list(people.index) == ["P3", "P4"]
    rows = pd.read_csv(tmp_path / "out" / "recordings.csv").set_index("person")
    assert people.loc["P3", "cadence"] == pytest.approx(rows.loc["P3", "cadence"])


def test_a_video_of_a_person_joins_the_insoles(solekit, cohort_folder, tmp_path):
    t_s, points_m, _ = walk(seconds=6.0, start_s=3.0)
    film_of = film(t_s, points_m)
    (tmp_path / "P3").mkdir()
    path = tmp_path / "P3" / "landmarks.jsonl"
    save_landmarks(replace(film_of, about={"person": "P3"}), path)
    shutil.copy(cohort_folder / GOOD[0], tmp_path / "P3")
    code, _, err = solekit("cohort", tmp_path / "P3", "--out", tmp_path / "out")
    assert code == 0, err
    rows = pd.read_csv(tmp_path / "out" / "recordings.csv").set_index("recording")
    assert rows.loc["landmarks.jsonl", "protocol"] == "video"
    people = pd.read_csv(tmp_path / "out" / "people.csv").set_index("person")
    assert people.loc["P3", "n_recordings"] == 2
    assert people.loc["P3", "cadence"] == pytest.approx(rows.loc["a-walk.mcap", "cadence"])
    near = VideoVariables().measure(film_of).variables_.set_index(["name", "side"])["value"]
    expected = near["pose_knee_angle_mean", "right"]  # to the right of the picture: near
    assert people.loc["P3", "pose_knee_angle_mean"] == pytest.approx(expected, abs=0.02)


def test_a_task_gives_its_own_results_and_no_gait(tmp_path):
    summary = pd.DataFrame(
        [
            dict.fromkeys(SUMMARY) | {"recording": r, "person": "P1", "failure": ""}
            for r in ("a", "b", "c")
        ]
    )
    gait = pd.DataFrame({"recording": ["a", "b", "c"], "value": [100.0, 110.0, 50.0]})
    gait = gait.assign(name="cadence", side="")
    task = pd.DataFrame({"recording": ["c"], "name": ["tug_time"], "side": [""], "value": [9.0]})
    none = pd.DataFrame({"recording": []})
    rows, values = rows_of({"summary": summary, "variables": gait, "task": task, "pose": none})
    assert list(rows["cadence"]) == [100.0, 110.0, 50.0]
    person = people_of(rows, values).iloc[0]
    assert person["n_recordings"] == 3
    assert person["cadence"] == 105.0
    assert person["tug_time"] == 9.0


def test_people_may_not_bring_columns_of_recordings(tmp_path):
    data = Dataset(tmp_path / "out", SETTINGS)
    source = Source(tmp_path / "a.mcap", "a.mcap")
    data.add(source, _outcome("a.mcap", strides=1))
    with pytest.raises(DataError, match="n_recordings"):
        data.finish(pd.DataFrame({"person": ["P1"], "n_recordings": [3]}))


def test_a_failed_recording_alone_leaves_an_empty_table(tmp_path):
    data = Dataset(tmp_path / "out", SETTINGS)
    source = Source(tmp_path / "a.mcap", "a.mcap")
    data.add(source, Outcome("a.mcap", dict.fromkeys(SUMMARY) | {"failure": "no"}))
    assert data.outstanding([source]) == [source]
    assert [len(table) for table in data.finish()] == [0, 0]
    assert len(pd.read_csv(tmp_path / "out" / "people.csv")) == 0


def _outcome(name, *, strides):
    summary = dict.fromkeys(SUMMARY) | {"recording": name, "failure": ""}
    table = pd.DataFrame({"recording": [name] * strides, "stride_s": [1.0] * strides})
    return Outcome(name, summary, {"strides": table})
