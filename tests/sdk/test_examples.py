"""The numbered examples, run as programs, each on a small simulated pair."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "host_sdk" / "examples"
WALK = "sim:walk?layout=cells-16&seed=3"


def run(name, *arguments):
    done = subprocess.run(
        [sys.executable, "-W", "error", FOLDER / name, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_they_are_numbered_without_a_gap():
    names = sorted(path.name for path in FOLDER.glob("*.py"))
    assert [name[:3] for name in names] == [f"{i + 1:02}_" for i in range(len(names))]
    assert len(names) == 5


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_without_a_device_they_take_a_simulated_walk(path):
    assert re.search(r'else "sim:walk(\?cut=4-7)?"', path.read_text(encoding="utf-8"))


def test_stream():
    out = run("01_stream.py", WALK)
    assert out.count("counts") >= 2 * 2 * 9
    assert re.search(r"left: 10\d\d frames, 0 lost", out)


def test_record(tmp_path):
    out = run("02_record.py", WALK, tmp_path / "walk.mcap")
    assert "complete: True" in out
    assert "frames of 16 cells" in out
    assert len(re.findall(r"stride_time (left|right): 1\.\d+ \+- 0\.\d+ s", out)) == 2


def test_back_fill(tmp_path):
    out = run("03_back_fill.py", WALK + "&cut=4-7", tmp_path / "walk.mcap")
    filled = re.findall(
        r"pressure: \d+ sampled = \d+ received \+ (\d+) back-filled \+ 0 miss", out
    )
    assert len(filled) == 2
    assert all(int(n) > 200 for n in filled)
    assert "the file agrees: True" in out


def test_live_biomarkers():
    out = run("04_live_biomarkers.py", WALK)
    assert len(re.findall(r"double support \d\d\.\d %", out)) >= 10


def test_own_transport():
    out = run("05_own_transport.py", WALK)
    assert len(re.findall(r"(left|right): 5\d\d frames, \d{5,} bytes in, \d+ out", out)) == 2
