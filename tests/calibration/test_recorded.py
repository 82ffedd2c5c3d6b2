"""Press, stances, walk and closure through the real command line, on modelled film.

The insoles know nothing of newtons: whatever force is told is by the calibration kept here.
"""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from solefoot.app.settings import flat_calibration
from solekit import calibration as cal
from solekit import layouts
from solekit.analysis import analyse
from solekit.calibration.press import fit_press, join, read_applied
from solekit.calibration.recorded import misfit
from solekit.cli import main
from solekit.errors import DataError
from solekit.layouts import SIDES
from solekit.recording import Recording
from solekit_hil import press, walker, wired
from tools.bench import soles as made

FILM = "".join(
    f"&film={name}:{value}"
    for name, value in {**made.HARD, "creep": 0.08, "creep_tau_s": 20.0}.items()
)
QUERY = f"seed=3&layout=cells-16&rate_hz=15{FILM}"
WALK_S = 22.0
MASS_KG = walker.Person.from_seed(3).mass_kg
calibrated = wired.calibrate
WEIGHT_N = MASS_KG * 9.80665


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code or 0


def unknown(layout, settings, side, *, peak_kpa):
    """Leave an insole with its zero, but without gains: it knows nothing of newtons."""
    calibrated(layout, settings, side, peak_kpa=peak_kpa)
    own, n = settings.calibration, layout.n_cells
    own.table[n : 2 * n] = flat_calibration(n).table[n : 2 * n]
    own.force_lsb_un, own.steps = 0, own.ZEROED
    own.identify()


def write_applied(path, t_s, kpa):
    pd.DataFrame({"t_s": t_s, "kpa": kpa}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def bench(tmp_path_factory, quick):
    """Return a folder with a press, its table, a walk, and the home after all of it."""
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOLEKIT_HOME", str(folder / "home"))
        patch.setattr(wired, "calibrate", unknown)
        patch.setattr(press, "HOLD_S", 32.0)
        pair = {side: layouts.named("cells-16", side) for side in SIDES}
        t_s, kpa = press.PressWalker(seed=3, layouts=pair).schedule()
        write_applied(folder / "press.csv", t_s, kpa)
        for motion, seconds in (("press", t_s[-1] + 1), ("walk", WALK_S)):
            record = ("record", "--device", f"sim:{motion}?{QUERY}", "--form", "raw12", "--json")
            path = folder / f"{motion}.mcap"
            assert run(*record, "--duration-s", seconds, "--out", path) == 0
        for side in SIDES:
            pressed = ("--press", folder / "press.csv", "--recording", folder / "press.mcap")
            assert run("calibrate", *pressed, "--side", side) == 0
        weighed = ("--device", f"sim:stances?{QUERY}", "--body-mass-kg", MASS_KG, "--yes")
        assert run("calibrate", *weighed) == 0
    return folder


@pytest.fixture
def kept(bench, monkeypatch):
    monkeypatch.setenv("SOLEKIT_HOME", str(bench / "home"))
    return bench


def calibrated_walk(bench):
    walk = Recording(bench / "walk.mcap")
    cal.use(walk)
    return walk


def test_a_press_finds_the_film_and_the_stances_keep_it(kept):
    for side in SIDES:
        found = cal.load(f"VIRTUAL-0003-{side[0].upper()}")
        assert found.is_newtons
        assert found.curves.is_measured
        assert found.creep.share == pytest.approx(0.08, rel=0.3)
        assert found.creep.per_decade == pytest.approx(0.03, rel=0.3)
        assert found.hysteresis.share_sd < 0.01
        assert found.factor == pytest.approx(1.0, abs=0.05)
        assert any("steps up to" in line for line in found.log)
        assert any("stances" in line for line in found.log)


def test_a_walk_is_right_to_5_percent_of_body_weight_and_its_interval_covers(kept):
    walk = calibrated_walk(kept)
    pair = {side: layouts.named("cells-16", side) for side in SIDES}
    truth = walker.build("walk", seed=3, layouts=pair)
    for side, foot in walk.feet.items():
        cells, _, _ = truth.sample(foot.t_s)
        error = np.abs(foot.load - cells[side].sum(axis=1))
        assert np.percentile(error, 95) < 0.05 * WEIGHT_N
        assert (error <= foot.force_error_n).mean() > 0.95
        assert np.median(foot.force_error_n[foot.load > 0.5 * WEIGHT_N]) < 0.12 * WEIGHT_N


def test_every_table_and_page_tells_newtons_their_interval_and_whose_they_are(
    kept, tmp_path, capsys
):
    assert run("export", kept / "walk.mcap", "--out", tmp_path / "tables") == 0
    frames = pd.read_csv(tmp_path / "tables" / "left_frames.csv")
    assert {"cell_1_n", "force_n", "force_error_95_n"} <= set(frames)
    assert frames["calibration"].str.startswith("of VIRTUAL-0003-L, ").all()
    pressure = pd.read_csv(tmp_path / "tables" / "pressure.csv")
    forces = pressure.loc[pressure["quantity"].isin(["peak_kpa", "max_force_n"])]
    assert len(forces) > 4
    assert (forces["error_95"] > 0.01 * forces["mean"]).all()
    assert run("report", kept / "walk.mcap", "--out", tmp_path / "page.html") == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for words in ("kPa", "of VIRTUAL-0003-L, ", "newtons ± "):
        assert words in page
    capsys.readouterr()
    assert run("analyse", kept / "walk.mcap") == 0
    assert "Newtons of the left insole are by the calibration" in capsys.readouterr().err


def test_a_file_does_what_the_kept_one_does_and_none_does_without(kept, tmp_path, capsys):
    left, right = (kept / "home" / "calibrations" / f"VIRTUAL-0003-{s}.json" for s in "LR")
    walk = Recording(kept / "walk.mcap")
    assert cal.use(walk, [left, right]) == []
    assert np.array_equal(walk.feet["left"].load, calibrated_walk(kept).feet["left"].load)
    walk = ("export", kept / "walk.mcap", "--calibration")
    assert run(*walk, "none", "--out", tmp_path / "none") == 0
    assert "cell_1_counts" in pd.read_csv(tmp_path / "none" / "left_frames.csv")
    assert run(*walk, tmp_path / "absent.json", "--out", tmp_path / "a") == 1
    assert "there is no calibration" in capsys.readouterr().err
    other = json.loads(left.read_text(encoding="utf-8")) | {"serial": "S-9"}
    (tmp_path / "other.json").write_text(json.dumps(other))
    assert run(*walk, tmp_path / "other.json", "--out", tmp_path / "b") == 1
    assert "it is of insole S-9" in capsys.readouterr().err


def test_a_calibration_of_another_readout_or_zero_is_not_used(kept):
    found = cal.load("VIRTUAL-0003-L")
    foot = Recording(kept / "walk.mcap").feet["left"]
    assert misfit(found, foot) == ""
    other = replace(found, readout=(*found.readout[:-2], 16, found.readout[-1]))
    assert "another circuit" in misfit(other, foot)
    assert "cells lie otherwise" in misfit(replace(found, area_mm2=found.area_mm2 + 1), foot)
    moved = replace(found, base=found.base + 500.0)
    foot.info = replace(foot.info, calibration=np.full_like(foot.info.calibration, 200))
    assert "have moved" in misfit(moved, foot)


def test_a_walk_closes_on_the_body_weight_however_often_it_is_done(kept, tmp_path, monkeypatch):
    home = tmp_path / "home" / "calibrations"
    home.mkdir(parents=True)
    for path in (kept / "home" / "calibrations").iterdir():
        (home / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv("SOLEKIT_HOME", str(home.parent))
    before = cal.load("VIRTUAL-0003-L")
    assert run("calibrate", "--closure", kept / "walk.mcap", "--json") == 0
    once = cal.load("VIRTUAL-0003-L")
    assert once.closed_by == pytest.approx(once.factor / before.factor)
    assert once.closed_by == pytest.approx(1.0, abs=0.05)
    walk = calibrated_walk(kept)
    total = sum(foot.load.mean() for foot in walk.feet.values())
    assert total == pytest.approx(WEIGHT_N, rel=0.02)
    assert run("calibrate", "--closure", kept / "walk.mcap") == 0
    twice = cal.load("VIRTUAL-0003-L")
    assert twice.factor == pytest.approx(once.factor, rel=0.005)
    # Telling another mass again and again drives the factor to its limit, not beyond.
    codes = [
        run("calibrate", "--closure", kept / "walk.mcap", "--body-mass-kg", MASS_KG * 1.1**k)
        for k in (1, 2, 3)
    ]
    assert codes[0] == 0
    assert codes[-1] == 1
    last = [cal.load(f"VIRTUAL-0003-{side}") for side in "LR"]
    assert all(abs(one.closed_by - 1) <= 0.2 for one in last)


def test_closure_wants_both_calibrations(bench, capsys):
    assert run("calibrate", "--closure", bench / "walk.mcap", "--body-mass-kg", 70) == 1
    assert "kept calibration of both insoles" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("t_s,bar\n0,0\n1,1\n", "no column kpa"),
        ("t_s,kpa\n0,0\n0,10\n", "line 3: t_s must rise"),
        ("t_s,kpa\n0,0\n1,90000\n", "they must lie between 0 and 3000"),
        ("t_s,kpa\n0,0\n1,-5\n", "they must lie between 0 and 3000"),
        ("t_s,kpa\n0,0\n1,\n", "without empty"),
        ("t_s,kpa\n0,0\n1,much\n", "holds what is no number"),
        ("t_s,kpa\n0,100\n9,0\n99,200\n", "do not follow the pressure"),
    ],
)
def test_a_table_that_is_no_press_is_refused_in_one_sentence(bench, tmp_path, capsys, text, words):
    table = tmp_path / "press.csv"
    table.write_text(text)
    pressed = ("--press", table, "--recording", bench / "press.mcap", "--side", "left")
    assert run("calibrate", *pressed) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_options_that_do_not_belong_together_are_refused(bench, tmp_path, capsys):
    assert run("calibrate", "--press", tmp_path / "p.csv") == 2
    assert run("calibrate", "zero", "--closure", bench / "walk.mcap") == 2
    pressed = ("--press", bench / "press.csv", "--recording", bench / "press.mcap")
    capsys.readouterr()
    assert run("calibrate", *pressed) == 1
    assert "--side" in capsys.readouterr().err


def test_a_press_without_hold_or_way_down_says_what_is_missing():
    sole = made.Sole("left", 4)
    t_s = np.arange(0, 20, 1 / 15)
    kpa = np.interp(t_s, [2, 3, 6, 7, 10, 11, 14, 15], [0, 50, 50, 150, 150, 300, 300, 500])
    counts = sole.read(kpa[:, None] * sole.layout.area_mm2 * 1e-3, t_s)
    found = fit_press(counts, t_s, kpa, max_counts=made.FULL - 1)
    assert (found.creep, found.hysteresis) == (None, None)
    assert "nothing of creep" in " ".join(found.said)
    assert "nothing of hysteresis" in " ".join(found.said)
    with pytest.raises(DataError, match="begins with 1 s without pressure"):
        fit_press(counts[60:], t_s[60:], kpa[60:])
    with pytest.raises(DataError, match="1 steps of rising pressure are held"):
        fit_press(counts[:90], t_s[:90], kpa[:90])


def test_the_clock_of_a_press_started_by_hand_is_found(tmp_path):
    sole = made.Sole("left", 5)
    t_s = np.arange(0, 70, 1 / 15)
    kpa = np.interp(t_s - 1.7, *press.schedule(500.0))
    counts = sole.read(kpa[:, None] * sole.layout.area_mm2 * 1e-3, t_s)
    applied = read_applied(write_applied(tmp_path / "p.csv", *press.schedule(500.0)))
    found, late_s = join(counts, t_s + 1000.0, applied)
    assert late_s == pytest.approx(1.7, abs=0.05)
    assert np.abs(found - kpa).max() < 0.05 * kpa.max()


def test_what_has_no_calibration_anywhere_stays_in_counts(bench):
    walk = Recording(bench / "walk.mcap")
    assert cal.use(walk) == []
    assert not analyse(walk).is_calibrated
    assert math.isnan(walk.feet["left"].force_error_n[0])
    with pytest.raises(DataError, match="uncalibrated: its counts are not newtons"):
        _ = walk.feet["left"].force_n
