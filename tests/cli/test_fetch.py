"""``solekit fetch``: what the insoles logged alone, listed or as a recording."""

import json

import pytest

from solekit.pair import Pair
from solekit.recording import Recording
from solekit.recording.sealed import PASSPHRASE, is_sealed

DEVICE = "sim:walk?layout=cells-16&seed=3&latency_ms=200"  # connecting takes a while: they log


def test_the_list_tells_boot_stream_and_samples(solekit):
    code, out, _ = solekit("fetch", "--device", DEVICE, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert {row["side"] for row in rows} == {"left", "right"}
    frames = [row for row in rows if row["stream"] == "pressure"]
    assert all(row["stop"] > row["start"] + 100 for row in frames)


def test_what_was_fetched_is_a_recording_that_verifies(solekit, tmp_path):
    path = tmp_path / "alone.mcap"
    code, out, _ = solekit("fetch", "--device", DEVICE, "--out", path, "--erase", "--json")
    assert code == 0
    for streams in json.loads(out)["loss"].values():
        assert streams["pressure"]["back_filled"] == streams["pressure"]["sampled"] > 100
    code, _, err = solekit("verify", path)
    assert code == 0, err


def test_a_sealed_log_is_never_readable_on_the_disk_and_opens_with_its_words(
    solekit, tmp_path, monkeypatch
):
    path = tmp_path / "alone.mcap"
    monkeypatch.delenv(PASSPHRASE, raising=False)
    code, _, err = solekit("fetch", "--device", DEVICE, "--out", path, "--seal", "--json")
    assert (code, path.exists()) == (1, False)
    assert PASSPHRASE in err
    assert solekit("fetch", "--device", DEVICE, "--seal")[0] == 2

    monkeypatch.setenv(PASSPHRASE, "correct horse battery")
    code, out, err = solekit("fetch", "--device", DEVICE, "--out", path, "--seal", "--json")
    assert code == 0, err
    assert is_sealed(path)
    assert b"MCAP" not in path.read_bytes()  # with which an open file begins
    recording = Recording(path)
    fetched = {side: foot.loss["pressure"].back_filled for side, foot in recording.feet.items()}
    told = json.loads(out)["loss"]
    assert fetched == {side: told[side]["pressure"]["back_filled"] for side in ("left", "right")}
    monkeypatch.setenv(PASSPHRASE, "another horse battery")
    assert solekit("verify", path)[0] == 1


def test_an_insole_without_a_log_is_a_problem_in_one_line(solekit, tmp_path):
    code, _, err = solekit("fetch", "--device", f"{DEVICE}&log=0", "--out", tmp_path / "x.mcap")
    assert code == 1
    assert "has no log" in err
    assert "Traceback" not in err


def test_minutes_come_as_a_table_with_host_times(solekit, tmp_path, monkeypatch):
    connect = Pair.__aenter__

    async def connect_and_wait(pair):
        await connect(pair)
        await pair.clock.sleep(125.0)
        return pair

    monkeypatch.setattr(Pair, "__aenter__", connect_and_wait)
    device = "sim:walk?layout=cells-4&seed=3&rate_hz=10"
    code, out, err = solekit("fetch", "--minutes", "--device", device, "--json")
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["side"] for row in rows] == ["left", "right"] * 2
    assert all(row["n_frames"] in (600, 601) for row in rows)
    assert rows[2]["t_s"] - rows[0]["t_s"] == pytest.approx(60.0, abs=0.2)
    assert err.count("2 minutes, times known within") == 2
    assert "had no room" not in err

    monkeypatch.setenv(PASSPHRASE, "correct horse battery")
    path = tmp_path / "minutes.mcap"
    asked = ("fetch", "--minutes", "--device", device, "--out", path, "--seal", "--json")
    code, out, err = solekit(*asked)
    assert code == 0, err
    assert [json.loads(line)["n_frames"] for line in out.splitlines()] == [
        row["n_frames"] for row in rows
    ]
    assert is_sealed(path)
