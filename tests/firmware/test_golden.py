"""The committed vectors hold on CPython and on MicroPython in both widths."""

import json
import runpy
from pathlib import Path

import pytest

from solecore.wire import messages as m

GOLDEN = Path(__file__).parents[1] / "golden"
FILE = GOLDEN / "frames.json"
BITS = pytest.mark.parametrize("bits", [64, pytest.param(32, marks=pytest.mark.mpy32)])
PASSED = "golden 2 events 113\n"


@pytest.mark.parametrize("kernels", ["plain", "numpy"])
def test_the_golden_vectors_hold_on_cpython(kernels, run_here):
    assert run_here("golden.py", [FILE, kernels]) == PASSED


@pytest.mark.mpy
@BITS
@pytest.mark.parametrize("kernels", ["plain", "viper"])
def test_the_golden_vectors_hold_on_micropython(bits, kernels, run_mpy, script):
    args = [FILE] + (["plain"] if kernels == "plain" else [])
    assert run_mpy(script("golden.py"), bits=bits, heap="2m", args=args) == PASSED


def test_the_committed_file_is_what_its_script_makes():
    made = runpy.run_path(str(GOLDEN / "make.py"))["text"]()
    assert made == FILE.read_text(encoding="utf-8"), "a change needs a new PROTOCOL_VERSION"


def test_the_file_is_small_and_names_the_protocol():
    assert FILE.stat().st_size < 60_000
    golden = json.loads(FILE.read_text(encoding="utf-8"))
    assert golden["protocol"] == m.PROTOCOL_VERSION == 2
    assert "PROTOCOL_VERSION" in golden["about"]


def test_a_changed_vector_is_noticed(run_here, tmp_path):
    golden = json.loads(FILE.read_text(encoding="utf-8"))
    golden["walks"][0]["events"][3][2] += 1
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(golden))
    with pytest.raises(AssertionError, match="the golden value is"):
        run_here("golden.py", [changed, "plain"])


def test_a_session_of_every_profile_is_the_same_bytes_on_either_kernels(run_here):
    assert run_here("session.py", ["numpy"]) == run_here("session.py", ["best"])


@pytest.mark.mpy
@BITS
def test_a_session_of_every_profile_is_the_same_bytes_on_micropython(
    bits, run_here, run_mpy, script
):
    there = run_mpy(script("session.py"), bits=bits, heap="1m", args=["best"])
    assert there == run_here("session.py", ["numpy"])
