"""``solekit calibrate`` without a step, on modelled electronics, through the real command line."""

import asyncio
import io
import json

import numpy as np
import pytest

import solekit
from solefoot.app.store import Store
from solekit import calibration as cal
from solekit.cli import main
from solekit.recording import Recording
from solekit_hil import stances, wired
from solekit_hil.walker import Person

QUERY = "seed=3&layout=cells-16&electronics=1&rate_hz=12"
MASS_KG = Person.from_seed(3).mass_kg
WEIGHT_N = MASS_KG * 9.80665
made = wired.calibrate


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return end.value.code or 0, told.out, told.err


def with_flash(folder, take_up):
    """Return what makes an insole whose tables are kept in ``folder``, or come from there."""

    def calibrate(layout, settings, side, *, peak_kpa):
        own = folder / settings.serial
        own.mkdir(parents=True, exist_ok=True)
        made(layout, settings, side, peak_kpa=peak_kpa)
        settings.store = Store(str(own))
        if take_up:
            settings.recall()

    return calibrate


async def record(path, seconds):
    async with solekit.connect_pair(f"sim:walk?{QUERY}") as pair:
        pair.record_to(path)
        await pair.start("raw12")
        await pair.clock.sleep(seconds)
        await pair.stop()


def test_who_stands_and_shifts_without_a_press_has_newtons_here_and_on_the_insole(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr(stances, "SLOW_S", 3.0)
    monkeypatch.setattr(wired, "calibrate", with_flash(tmp_path / "flash", take_up=False))
    asked = ("--device", f"sim:stances?{QUERY}", "--body-mass-kg", MASS_KG, "--shift-s", 34)
    code, out, err = run(capsys, "calibrate", *asked, "--yes", "--json")
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["serial"] for row in rows] == ["VIRTUAL-0003-L", "VIRTUAL-0003-R"]
    assert all(row["is_newtons"] and 0 < row["factor_error_95"] < 0.1 for row in rows)
    assert all(row["creep"]["share"] == pytest.approx(0.08, abs=0.06) for row in rows)
    for told in ("left foot", "right foot", "balls", "heels", "shift your weight slowly"):
        assert told in err
    assert err.count("kept on the insole, ") == 2
    monkeypatch.setattr(wired, "calibrate", with_flash(tmp_path / "flash", take_up=True))
    asyncio.run(record(tmp_path / "walk.mcap", 10.0))
    feet = Recording(tmp_path / "walk.mcap").feet.values()
    own = sum(foot.load.mean() for foot in feet)
    assert own == pytest.approx(WEIGHT_N, rel=0.15)  # straight gains: all that an insole can do
    here = [cal.load(foot.info.serial).of_recording(foot) for foot in feet]
    total = sum(force.mean() for force, _ in here)
    assert abs(total - WEIGHT_N) < np.hypot(*(half.mean() for _, half in here))
    assert total == pytest.approx(WEIGHT_N, rel=0.05)


def test_questions_a_long_standing_and_a_known_weight(capsys, monkeypatch):
    monkeypatch.setattr(stances, "SHIFTS", ((0.5, 0.45), (0.5, 0.45)))
    answers = io.StringIO(f"{MASS_KG}\n\n\n\n")
    monkeypatch.setattr("sys.stdin", answers)
    known_n = 0.5 * WEIGHT_N  # the virtual person goes on to stand: it weighs on the left insole
    asked = ("--stand-s", 61, "--shift-s", 0, "--weight-n", known_n, "--json")
    code, out, err = run(capsys, "calibrate", "--device", f"sim:stances?{QUERY}", *asked)
    assert code == 0, err
    assert answers.read() == ""
    for question in ("Body mass in kg", "take all load off", "step on when", "step off and put"):
        assert question in err
    left, _ = (json.loads(line) for line in out.splitlines())
    assert left["creep"]["standing_s"] > 80
    assert any("s of standing" in line for line in left["log"])
    check = left["weight_check"]
    assert check["weight_n"] == pytest.approx(known_n)
    assert abs(check["found_n"] - known_n) < check["error_95_n"] < 0.3 * WEIGHT_N
    assert err.count("not kept on the insole: this insole has no flash") == 2


def test_somebody_who_never_shifts_is_told_what_was_seen(capsys):
    device = f"sim:stand?{QUERY}"
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
