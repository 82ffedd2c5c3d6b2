"""The reference library's environment: when it is made, what a job may be, what comes back."""

import subprocess
import sys

import numpy as np
import pytest

from solekit.errors import DataError
from tools.bench import gaitmap_env
from tools.environment import Unavailable

# In gaitmap's place: gives back what it was given, as the real script does with what it found.
ECHO = """
import sys
import numpy as np
job = dict(np.load(sys.argv[1]))
sides = sorted({key.partition(".")[0] for key in job if "." in key})
result = {side + ".ic": job[side + ".acc_m_s2"][:, 2] for side in sides}
result |= {side + ".reason": "nothing found" for side in sides}
np.savez(sys.argv[2], seconds=np.ones(int(job["repeats"])), **result)
"""


def foot(n=5, **more):
    return {"acc_m_s2": np.ones((n, 3)), "gyro_deg_s": np.zeros((n, 3)), **more}


@pytest.fixture
def echo(tmp_path, monkeypatch):
    script = tmp_path / "echo.py"
    script.write_text(ECHO)
    monkeypatch.setattr(gaitmap_env, "SCRIPT", script)
    monkeypatch.setattr(gaitmap_env, "python_of_gaitmap", lambda: sys.executable)
    return script


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("SOLEKIT_GAITMAP", str(tmp_path / "gaitmap"))
    return tmp_path / "gaitmap"


@pytest.fixture
def commands(place, monkeypatch):
    """Note what would be run; making the environment leaves a program in its place."""
    ran = []

    def run(command, **_):
        ran.append(command)
        if str(place / ".venv") == command[-1]:
            python = gaitmap_env.program(place, "python")
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(gaitmap_env.subprocess, "run", run)
    return ran


def test_it_is_made_once_and_then_found(place, commands):
    assert gaitmap_env.find() is None
    python = gaitmap_env.python_of_gaitmap(say=lambda _: None)
    assert python == gaitmap_env.find() == gaitmap_env.program(place, "python")
    made, installed, checked = commands
    assert made[-1] == str(place / ".venv")
    assert set(gaitmap_env.PINS) <= set(installed)
    assert checked[-1] == "--versions"
    said = []
    assert gaitmap_env.python_of_gaitmap(say=said.append) == python
    assert len(commands) == 3
    assert said == []


def test_other_pins_mean_making_it_anew(commands, monkeypatch):
    gaitmap_env.python_of_gaitmap(say=lambda _: None)
    monkeypatch.setattr(gaitmap_env, "PINS", ("gaitmap==0.0.1",))
    assert gaitmap_env.find() is None
    gaitmap_env.python_of_gaitmap(say=lambda _: None)
    assert "gaitmap==0.0.1" in commands[4]


def test_every_pin_is_one_version_of_one_package():
    names = [pin.split("==")[0] for pin in gaitmap_env.PINS]
    assert all(pin.count("==") == 1 for pin in gaitmap_env.PINS)
    assert len(set(names)) == len(names)
    assert {"gaitmap", "gaitmap_mad"} <= set(names)


@pytest.mark.usefixtures("place")
def test_without_a_network_it_says_so_and_leaves_nothing_that_looks_complete(monkeypatch):
    def run(command, **_):
        offline = "ERROR: Could not find a version of gaitmap (from versions: none)"
        fails = "pip" in command
        return subprocess.CompletedProcess(command, int(fails), "", offline if fails else "")

    monkeypatch.setattr(gaitmap_env.subprocess, "run", run)
    with pytest.raises(Unavailable, match=r"gaitmap was not installed: no package index"):
        gaitmap_env.python_of_gaitmap(say=lambda _: None)
    assert gaitmap_env.find() is None


def test_the_command_says_what_is_missing_in_one_line(monkeypatch, capsys):
    def versions():
        raise Unavailable("gaitmap was not installed", "connect to a network once")

    monkeypatch.setattr(gaitmap_env, "versions", versions)
    assert gaitmap_env.main() == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.usefixtures("echo")
def test_what_goes_in_by_foot_comes_out_by_foot():
    left, right = foot(4), foot(6)
    right["acc_m_s2"][:, 2] = np.arange(6)
    result = gaitmap_env.run_reference(
        {"rate_hz": 100.0, "left": left, "right": right, "repeats": 3}
    )
    assert result["left"]["ic"].tolist() == [1.0] * 4
    assert result["right"]["ic"].tolist() == list(range(6))
    assert result["left"]["reason"] == "nothing found"
    assert result["seconds"].shape == (3,)


@pytest.mark.usefixtures("echo")
def test_one_foot_alone_is_a_job():
    result = gaitmap_env.run_reference({"rate_hz": 100.0, "right": foot()})
    assert set(result) == {"right", "seconds"}


def test_a_script_that_fails_says_its_last_line(echo):
    echo.write_text("raise SystemExit('no memory')")
    with pytest.raises(Unavailable, match="gaitmap's run failed: no memory"):
        gaitmap_env.run_reference({"rate_hz": 100.0, "left": foot()})


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rate_hz": 0.0}, "rate_hz is 0.0"),
        ({"rate_hz": float("nan")}, "rate_hz is nan"),
        ({"mounting": "sideways"}, "mounting is 'sideways'"),
        ({"segmentation": "guess"}, "segmentation is 'guess'"),
        ({"repeats": 0}, "repeats is 0"),
        ({"left": foot(acc_m_s2=np.ones((4, 3)))}, r"left: acc_m_s2 is \(4, 3\)"),
        ({"left": foot(gyro_deg_s=np.full((5, 3), np.nan))}, "left: a sample is not finite"),
        ({"left": foot(borders=[1, 2, 3])}, r"left: borders is \(3,\)"),
    ],
)
def test_a_job_of_another_form_is_refused(change, words):
    with pytest.raises(DataError, match=words):
        gaitmap_env.run_reference({"rate_hz": 100.0, "left": foot(), **change})


@pytest.mark.usefixtures("echo")
def test_a_job_without_a_foot_is_refused():
    with pytest.raises(DataError, match="names no foot"):
        gaitmap_env.run_reference({"rate_hz": 100.0})


@pytest.mark.data
@pytest.mark.skipif(gaitmap_env.find() is None, reason="no gaitmap; tools.bench.gaitmap_env")
def test_gaitmap_finds_nearly_all_hand_labelled_strides_of_its_own_example(data_dir):
    example = data_dir / "gaitmap_example"
    with np.load(example / "imu_sample.npz") as imu:
        left = imu["left_sensor"]
    with np.load(example / "stride_borders_sample.npz") as strides:
        starts = strides["start"][strides["foot"] == "left"]
    job = {"rate_hz": 204.8, "left": {"acc_m_s2": left[:, :3], "gyro_deg_s": left[:, 3:]}}
    found = gaitmap_env.run_reference(job)["left"]
    assert found["reason"] == ""
    nearest = np.abs(found["borders"][:, 0][:, None] - starts).min(axis=0)
    assert (nearest <= 20).mean() > 0.9  # samples, 0.1 s
    assert np.nanmedian(found["stride_length_m"]) == pytest.approx(1.36, abs=0.05)
