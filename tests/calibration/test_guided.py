"""``solekit calibrate`` without a step, on modelled electronics, through the SDK."""

import asyncio
import json

import numpy as np
import pytest

import solekit
from solekit import calibration as cal
from solekit.cli import main
from solekit.recording import Recording
from solekit_hil.walker import Person

QUERY = "seed=3&layout=cells-16&electronics=1"


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return end.value.code or 0, told.out, told.err


def test_five_stances_are_recognised_and_the_walk_that_follows_is_in_newtons(capsys, tmp_path):
    mass_kg = Person.from_seed(3).mass_kg
    device = f"sim:stances?{QUERY}"
    code, out, err = run(
        capsys, "calibrate", "--device", device, "--body-mass-kg", mass_kg, "--yes", "--json"
    )
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["serial"] for row in rows] == ["VIRTUAL-0003-L", "VIRTUAL-0003-R"]
    assert all(row["is_newtons"] and 0 < row["factor_error_95"] < 0.2 for row in rows)
    for told in ("left foot", "right foot", "balls", "heels", "missing: creep"):
        assert told in err

    async def walk():
        async with solekit.connect_pair(f"sim:walk?{QUERY}") as pair:
            pair.record_to(tmp_path / "walk.mcap")
            await pair.start("raw12")
            await pair.clock.sleep(12.0)
            await pair.stop()

    asyncio.run(walk())
    recording = Recording(tmp_path / "walk.mcap")
    weight_n = mass_kg * 9.80665
    means, errors = [], []
    for foot in recording.feet.values():
        force, half = cal.load(foot.info.serial).of_recording(foot)
        means.append(force.mean())
        errors.append(half.mean())
    # Both feet together carry the body weight; a press was never asked for, so the error is wide.
    assert abs(sum(means) - weight_n) < sum(errors)
    assert sum(means) == pytest.approx(weight_n, rel=0.15)
    assert np.hypot(*errors) < 0.25 * weight_n


def test_somebody_who_never_shifts_is_told_what_was_seen(capsys):
    device = "sim:stand?seed=3&layout=cells-16&electronics=1"
    code, _, err = run(capsys, "calibrate", "--device", device, "--body-mass-kg", 70, "--yes")
    assert code == 1
    assert "take the load off" in err


def test_one_insole_or_no_mass_is_refused_with_what_to_do(capsys):
    code, _, err = run(
        capsys, "calibrate", "--device", "sim:stances?side=left", "--body-mass-kg", 70, "--yes"
    )
    assert (code, "needs both insoles" in err) == (1, True)
    code, _, err = run(capsys, "calibrate", "--device", "sim:stances", "--yes")
    assert (code, "--body-mass-kg is needed" in " ".join(err.split())) == (2, True)


def test_somebody_who_steps_on_too_early_does_not_become_the_zero(capsys, monkeypatch):
    monkeypatch.setattr("solekit_hil.stances.UNLOADED_S", 4.0)
    monkeypatch.setattr("solekit.calibration.guide.WAIT_S", 4.0)
    device = f"sim:stances?{QUERY}"
    code, _, err = run(capsys, "calibrate", "--device", device, "--body-mass-kg", 70, "--yes")
    assert code == 1
    assert "take" in err.splitlines()[-1]
    assert "load off" in err.splitlines()[-1]
    assert cal.load("VIRTUAL-0003-L") is None
