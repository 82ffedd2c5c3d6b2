"""``solekit fetch``: what the insoles logged alone, listed or as a recording."""

import json

import pytest

from solekit.pair import Pair

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
