"""The figures of link, file and import, on runs far shorter than those they are taken from."""

from __future__ import annotations

import asyncio

import pytest

from solekit.recording import Recording
from tools.bench import crowd, file, imports, link


def test_a_host_that_keeps_up_loses_nothing():
    row = asyncio.run(link.run("a pair", 2, 3.0))
    assert row["frames"] > 2 * 3 * link.RATE_HZ
    assert (row["missing"], row["missing_of_other_streams"]) == (0, 0)
    assert row["equation_holds"]
    assert row["file_agrees"]
    assert row["host_pct"] > 0


def test_a_host_too_slow_loses_frames_and_every_one_is_declared():
    row = asyncio.run(link.run("slow", 2, 6.0, credit_s=link.SLOW_CREDIT_S, more="&log=0"))
    assert row["missing"] > 100
    assert row["equation_holds"]
    assert row["file_agrees"]


@pytest.mark.parametrize(("slow", "is_lost"), [(0.0, False), (2.0, True)])
def test_insoles_beyond_what_one_core_follows_lose_frames_and_declare_them(slow, is_lost):
    row = asyncio.run(crowd.run(4, 3.0, slow=slow))
    assert row["frames"] > 4 * 3 * crowd.RATE_HZ
    assert (row["missing"] > 100) == is_lost
    assert (row["missing"] > 0) == (row["most_behind_s"] > 1) == is_lost
    assert row["equation_holds"]
    assert row["file_agrees"]


def test_a_lengthened_recording_is_whole_and_walks_on(tmp_path):
    short, path = tmp_path / "short.mcap", tmp_path / "long.mcap"
    asyncio.run(file.walk(short, 7.0))
    file.lengthen(Recording(short), path, seconds=6, repeats=3)
    recording = Recording(path)
    assert recording.is_complete
    assert recording.duration_s == pytest.approx(18.0, abs=0.1)
    for foot in recording.feet.values():
        assert all(loss.missing == 0 and loss.holds for loss in foot.loss.values())
        assert len(foot.counts) == 18 * 50
        assert foot.events["confirmed_s"].between(foot.events["t_s"], foot.events["t_s"] + 1).all()
    size, events, pressure = file.figures(path)
    assert size["missing"] == 0
    assert events["strides"] > 20
    assert pressure["pressure_rows"] > 0


def test_importing_is_measured_beside_a_process_that_imports_nothing():
    rows = {row["what"]: row for row in imports.measure(n_runs=1)}
    assert set(rows) == set(imports.WHAT)
    assert rows["analysis"]["median_s"] > rows["nothing"]["median_s"] > 0
