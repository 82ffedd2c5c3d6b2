import json

import pandas as pd
import pytest

from solekit.cli import main

DEVICE = "sim:walk?layout=cells-16&seed=3"


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """A recorded minute, made once."""
    path = tmp_path_factory.mktemp("cli") / "walk.mcap"
    with pytest.raises(SystemExit) as end:
        main(["record", "--device", DEVICE, "--protocol", "walk-1min", "--out", str(path)])
    assert not end.value.code
    return path


def test_a_protocol_marks_start_and_stop_around_its_minute(walk):
    from solekit import Recording

    marks = Recording(walk).marks.set_index("name")["t_s"]
    assert marks["stop"] - marks["start"] == pytest.approx(60.0, abs=0.1)
    assert Recording(walk).protocol == "walk-1min"


def test_verify_accepts_a_whole_recording(solekit, walk):
    code, out, _ = solekit("verify", walk, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    last = rows[-1]
    assert (last["recording"], last["complete"], last["problems"]) == (str(walk), True, [])
    for row in rows[:-1]:
        assert row["sampled"] == row["received"] + row["back_filled"] + row["missing"]


def test_verify_names_a_cut_recording_with_exit_code_1(solekit, walk, tmp_path):
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(walk.read_bytes()[:-5000])
    code, _, err = solekit("verify", cut)
    assert code == 1
    assert "problem:" in err
    assert "Traceback" not in err


def test_info_of_an_insole_and_of_a_recording_agree(solekit, walk):
    _, live, _ = solekit("info", DEVICE, "--json")
    _, stored, _ = solekit("info", walk, "--json")
    keys = ("side", "serial", "layout", "cells", "rate_hz", "form")
    first, second = (
        [{key: json.loads(line)[key] for key in keys} for line in text.splitlines()]
        for text in (live, stored)
    )
    assert first == second
    assert {row["side"] for row in first} == {"left", "right"}


def test_replay_prints_the_events_of_the_recording(solekit, walk):
    from solekit import Recording

    code, out, _ = solekit("replay", walk, "--json")
    kinds = pd.Series([json.loads(line)["kind"] for line in out.splitlines()]).value_counts()
    expected = Recording(walk).events["kind"].value_counts()
    assert code == 0
    assert kinds.to_dict() == expected.to_dict()


def test_report_prints_the_variables_and_writes_a_page(solekit, walk, tmp_path):
    page = tmp_path / "walk.html"
    code, out, _ = solekit("report", walk, "--out", page, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert rows[0]["report"] == str(page)
    assert page.read_text(encoding="utf-8").startswith("<!")
    cadence = next(row for row in rows if row.get("name") == "cadence")
    assert 60 < cadence["value"] < 140
    assert cadence["error"] > 0


def test_export_writes_csv_that_reads_back(solekit, walk, tmp_path):
    code, out, _ = solekit("export", walk, "--out", tmp_path / "tables", "--json")
    tables = {row["table"]: row for row in map(json.loads, out.splitlines())}
    assert code == 0
    frames = pd.read_csv(tables["left_frames"]["path"])
    assert list(frames.columns[:3]) == ["t_s", "seq", "cell_1_n"]
    assert len(frames) == tables["left_frames"]["rows"] > 6000
    again, _, err = solekit("export", walk, "--out", tmp_path / "tables")
    assert again == 1
    assert "exists" in err


def test_export_writes_parquet(solekit, walk, tmp_path):
    code, _, _ = solekit("export", walk, "--out", tmp_path, "--format", "parquet")
    assert code == 0
    assert len(pd.read_parquet(tmp_path / "variables.parquet")) > 20


def test_variables_lists_the_dictionary_with_source_and_needs(solekit):
    code, out, _ = solekit("variables", "--json")
    rows = {row["name"]: row for row in map(json.loads, out.splitlines())}
    assert code == 0
    six = {"total_steps", "cadence", "double_support_mean", "double_support_sum", "single_support"}
    assert six <= set(rows)
    assert all(
        row["unit"] is not None and row["definition"] and row["source"] for row in rows.values()
    )


def test_scan_tells_what_to_do_when_nothing_is_plugged_in(solekit, monkeypatch):
    monkeypatch.setattr("serial.tools.list_ports.comports", list)
    code, _, err = solekit("scan")
    assert code == 0
    assert "sim:walk" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["info", "nonsense"], 2, ["nonsense", "sim:walk", "serial:"]),
        (["info", "sim:fly"], 2, ["fly", "walk"]),
        (["info", "sim:walk?speed=3"], 2, ["speed", "seed"]),
        (["info", "sim:walk?loss=2"], 2, ["loss", "0 to 1"]),
        (["info", "ble:AA:BB"], 2, ["ble:AA:BB", "is no address"]),
        (["info", "serial:/dev/no-such-port"], 1, ["/dev/no-such-port", "no such port"]),
        (["info", "tcp:127.0.0.1:1"], 1, ["127.0.0.1:1", "nothing listens"]),
        (["info", "sim:file:/no/such/file.txt"], 2, ["no file"]),
        (["info", "missing.mcap"], 1, ["missing.mcap", "No such file"]),
        (["record", "--protocol", "dance"], 2, ["dance", "walk-1min"]),
        (["record", "--form", "zip"], 2, ["zip", "raw12"]),
        (["export", "missing.mcap", "--format", "xls"], 2, ["xls", "csv"]),
        (["frobnicate"], 2, ["frobnicate"]),
    ],
)
def test_a_mistake_gets_one_clear_line_and_its_exit_code(
    solekit, tmp_path, monkeypatch, arguments, code, words
):
    monkeypatch.chdir(tmp_path)
    got, _, err = solekit(*arguments)
    assert got == code
    assert "Traceback" not in err
    for word in words:
        assert word in err


def test_a_form_that_does_not_fit_is_refused_by_the_insole_with_the_reason(solekit, tmp_path):
    source = tmp_path / "many.asf"
    source.write_text(_fscan(50, 19), encoding="latin-1")
    out = tmp_path / "x.mcap"
    code, _, err = solekit(
        "record", "--device", f"sim:file:{source}", "--form", "raw12", "--out", out
    )
    assert code == 1
    assert "raw12 of 950 cells" in err
    assert "1200" in err


def test_a_recording_with_more_cells_than_any_message_holds_is_refused(solekit, tmp_path):
    source = tmp_path / "too-many.asf"
    source.write_text(_fscan(60, 21), encoding="latin-1")
    code, _, err = solekit("info", f"sim:file:{source}")
    assert code == 1
    assert "1260 cells" in err
    assert "layout=grid-30x22" in err
    assert solekit("info", f"sim:file:{source}?layout=grid-30x22")[0] == 0


def test_an_existing_recording_is_never_overwritten(solekit, walk):
    before = walk.read_bytes()
    code, _, err = solekit("record", "--device", DEVICE, "--out", walk, "--duration-s", "1")
    assert code == 1
    assert "exists" in err
    assert walk.read_bytes() == before


def test_swapped_insoles_are_named(solekit, tmp_path):
    left, right = f"{DEVICE}&side=left", f"{DEVICE}&side=right"
    code, _, err = solekit(
        "record", "--left", right, "--right", left, "--out", tmp_path / "x.mcap"
    )
    assert code == 2
    assert "swap --left and --right" in err


def test_a_link_that_breaks_leaves_the_recording_and_says_so(solekit, tmp_path):
    out = tmp_path / "broken.mcap"
    code, _, err = solekit(
        "record", "--device", f"{DEVICE}&cut=6", "--out", out, "--duration-s", "20"
    )
    assert code == 1
    assert "lost sim:" in err
    checked, _, said = solekit("verify", out)
    assert "Traceback" not in said
    assert checked in (0, 1)


def _fscan(rows, cols):
    """An F-Scan export of a few frames in which every cell is inside the insole."""
    frames = []
    for k in range(30):
        value = 50 if k % 10 < 6 else 0
        body = "\n".join(",".join([str(value)] * cols) for _ in range(rows))
        frames.append(f"Frame {k + 1}\n{body}\n")
    head = (
        "DATA_TYPE MOVIE\nVERSION Tekscan Pressure Measurement System 6.33\nSENSOR_TYPE FSCAN\n"
        f"ROWS {rows}\nCOLS {cols}\nROW_SPACING 5.08 mm\nCOL_SPACING 5.08 mm\n"
        "SENSEL_AREA 25.8064 mm2\nSECONDS_PER_FRAME 0.032\nFILENAME C:\\x\\walkL.fsx\n"
        "START_FRAME 1\nEND_FRAME 30\nUNITS KPa\n"
        "ASCII_DATA @@\n\n"
    )
    return head + "\n".join(frames) + "\n@@\n"
