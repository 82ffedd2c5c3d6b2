import json

import numpy as np
import pytest

from solekit.inference import runtime, zoo
from tools.bench import latency, poses, sync, viper, virtual, wire
from tools.bench.__main__ import main


def test_coded_frames_of_the_virtual_person_are_no_larger_than_zlib_by_a_tenth(monkeypatch):
    monkeypatch.setattr(wire, "SECONDS", 10)
    rows = {row["frames"]: row for row in wire.measure()}
    walked = [row for name, row in rows.items() if name.startswith("walker")]
    assert len(walked) == 2
    for row in walked:
        assert row["coded_to_zlib6"] <= 1.1
        assert row["coded_to_raw8"] < 0.5


@pytest.mark.data
def test_coded_frames_of_real_people_are_no_larger_than_zlib_by_a_tenth(data_dir, monkeypatch):
    monkeypatch.setattr(wire, "data_dir", lambda _: data_dir)
    monkeypatch.setattr(wire, "SECONDS", 2)
    for row in wire.measure():
        assert row["n"] > 0
        assert row["coded_to_zlib6"] <= 1.1, row


def test_an_event_leaves_the_foot_within_its_bound(monkeypatch):
    monkeypatch.setattr(latency, "SECONDS", 12)
    for row in latency.measure():
        assert row["events"] > 15
        assert row["largest_frames"] <= row["bound_frames"], row


def test_a_virtual_pair_walks_faster_than_time(monkeypatch):
    monkeypatch.setattr(virtual, "SECONDS", 2)
    monkeypatch.setattr(virtual, "best_rung", lambda: "sim")
    assert [row["layout"] for row in virtual.measure()] == list(virtual.LAYOUTS)


@pytest.mark.mpy
@pytest.mark.mpy32
def test_the_viper_benchmark_prints_every_kernel(mpy_path, mpy32_path, monkeypatch, capsys):
    monkeypatch.setattr(viper, "SCRIPT", viper.SCRIPT.replace("range(5)", "range(1)"))
    monkeypatch.setattr("sys.argv", ["bench", "viper", "--json"])
    assert main() == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert len(rows) == 14
    assert all(row["ratio"] > 1 for row in rows)


def test_the_stated_interval_covers_the_truth_on_simulated_links(monkeypatch):
    monkeypatch.setattr(sync, "N_RUNS", 4)
    monkeypatch.setattr(sync, "INTERVALS_MS", (7.5, 30.0, 200.0))
    monkeypatch.setattr(sync, "RATES_HZ", (50,))
    rows = {(row["link"], row["line"]): row for row in sync.measure()}
    assert len(rows) == 4 * (2 + len(sync.LOG_S))
    # A row has too few cases to tell 95 from 94 %; together they can.
    n_cases = [row["n"] for row in rows.values()]
    for of in ("left_right_covered", "foot_covered"):
        assert np.average([row[of] for row in rows.values()], weights=n_cases) >= 0.95
    for (link, line), row in rows.items():
        if link != "BLE 200 ms" and not line.startswith("log"):
            assert row["left_right_ms"] <= 2.0, row
            assert row["left_right_p95_ms"] <= 4.0, row
            assert row["refused"] == 0, row
    # What the link cannot give is said: wide intervals and long logs are refused.
    assert rows["BLE 200 ms", "live"]["refused"] > 0.5
    assert rows["BLE 200 ms", "recording"]["refused"] > 0.5
    assert rows["USB", "log of 8 h"]["refused"] == 1.0
    assert rows["USB", "log of 2 min"]["refused"] == 0.0


@pytest.mark.skipif(not runtime.backends(), reason="no interpreter of .tflite")
def test_live_poses_come_at_their_rate(monkeypatch):
    monkeypatch.setattr(poses, "SECONDS", 6.0)
    monkeypatch.setattr(poses, "WARM_UP_S", 4.0)
    rows = poses.measure()
    assert [row["model"] for row in rows] == zoo.names()
    for row in rows:
        assert row["poses_per_s"] == pytest.approx(30.0, abs=0.5)
        assert 0 < row["network_pct"] < row["core_pct"]
