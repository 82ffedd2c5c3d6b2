"""The core with the network off, and which wheels it needs on other machines."""

from __future__ import annotations

import sys

import pytest

from tools import offline

CAN = offline.why_not()


@pytest.mark.skipif(bool(CAN), reason=CAN)
def test_a_handful_of_core_tests_pass_without_a_network():
    tests = ["tests/sdk/test_import.py", "tests/sdk/test_loss.py", "tests/sdk/test_pair.py"]
    assert offline.main(["-q", "-p", "no:cacheprovider", *tests]) == 0


@pytest.mark.skipif(bool(CAN), reason=CAN)
def test_inside_there_is_loopback_and_no_route():
    script = (
        "import socket; from tools import offline; assert not offline.has_route();"
        "s = socket.create_server(('127.0.0.1', 0));"
        "socket.create_connection(s.getsockname(), 5).close()"
    )
    assert offline.run_offline([sys.executable, "-c", script]) == 0


@pytest.mark.skipif(bool(CAN), reason=CAN)
def test_a_test_that_fails_offline_fails_the_run():
    assert offline.run_offline([sys.executable, "-c", "raise SystemExit(3)"]) == 3


def test_where_it_cannot_be_switched_off_nothing_runs_and_the_reason_is_told(monkeypatch, capsys):
    monkeypatch.setattr(offline.shutil, "which", lambda name: None)
    assert offline.main([]) == 1
    assert "nothing was run" in capsys.readouterr().err


def test_what_runs_models_is_no_requirement_of_32_bit_arm():
    names = {machine: " ".join(offline.requirements(machine)) for machine in offline.MACHINES}
    assert "ai-edge-litert" in names["aarch64"]
    assert "ai-edge-litert" not in names["armv7l"]
    for machine in offline.MACHINES:
        assert {"numpy", "scipy", "pandas", "mcap"} <= {
            word.partition(">")[0] for word in names[machine].split()
        }


def test_extras_add_what_they_need_with_its_own_extras_and_a_wrong_one_is_told(capsys):
    core = offline.requirements("aarch64")
    more = offline.requirements("aarch64", ["predict", "cohort", "parquet"])
    added = [word.partition(">")[0] for word in more[len(core) :]]
    assert added == ["scikit-learn", "dask[distributed]", "pyarrow"]
    with pytest.raises(SystemExit):
        offline.main(["wheels", "--extra", "nonsense"])
    assert "there is no extra 'nonsense'; use one of report" in capsys.readouterr().err
