"""How far newtons are off after ten minutes, with and without a press; simulated film, six seeds.

A film that creeps, lags and differs from cell to cell is calibrated as the guided session does it:
rest, five stances, slow shifts of the weight, a minute of standing; then a minute of another walk
closes on the body weight; with a press before or without. The film then rests, is stood on for two
minutes and walked on for eight. The error is that of one foot's force in the last minute, as a
share of the body weight; ``covered`` is the share of loaded frames of all ten minutes that lie
within the 95 % interval.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from solekit import calibration as cal
from solekit.calibration.pair import Session, calibrate_pair, with_film
from solekit.calibration.press import fit_press
from solekit.layouts import SIDES
from solekit_hil import press, stances, walker
from tools.bench import soles as made

SEEDS = (1, 2, 3, 4, 5, 6)
FULL_KPA = 600.0
STAND_S, WALK_S = 60.0, 60.0


def measure() -> list[dict[str, Any]]:
    """Return a row per way of calibrating, and one per seed of it."""
    rows = []
    for name, has_press in (("press", True), ("no press", False)):
        found = []
        for seed in SEEDS:
            soles = {side: made.Sole(side, seed) for side in SIDES}
            known = calibrated(soles, seed, has_press=has_press)
            found.append(ten_minutes(soles, known, seed))
        for seed, one in zip(SEEDS, found, strict=True):
            rows.append({"way": name, "seed": seed, **{k: round(v, 4) for k, v in one.items()}})
        worst = {
            "largest_error": max(one["largest_error"] for one in found),
            "p95_error": max(one["p95_error"] for one in found),
            "covered": min(one["covered"] for one in found),
            "half_width": max(one["half_width"] for one in found),
        }
        rows.append({"way": name, "seed": "all", **{k: round(v, 4) for k, v in worst.items()}})
    return rows


def ten_minutes(
    soles: dict[str, made.Sole], found: dict[str, cal.Calibration], seed: int
) -> dict[str, float]:
    """Return errors and coverage of one pair as shares, the worse foot of each."""
    weight_n = mass_kg(seed) * 9.80665
    stood, _ = made.standing(seed + 100, 120, mass_kg=mass_kg(seed))
    walked, _, _ = made.walking(seed, 60, person=walker.Person.from_seed(seed))
    out = []
    for side, sole in soles.items():
        force = np.concatenate([stood[side], np.tile(walked[side], (8, 1))])
        t_s = np.arange(len(force)) / made.RATE_HZ
        sole.renew()
        newtons, half = found[side].force_n(sole.read(force, t_s), t_s)
        truth = force.sum(axis=1)
        error = np.abs(newtons - truth)
        end = error[t_s > t_s[-1] - 60] / weight_n
        loaded = truth > 50
        out.append((end.max(), np.percentile(end, 95), (error <= half)[loaded].mean()))
        out[-1] += (np.median(half[truth > 0.5 * weight_n]) / weight_n,)
    largest, p95, covered, wide = zip(*out, strict=True)
    return {
        "largest_error": float(max(largest)),
        "p95_error": float(max(p95)),
        "covered": float(min(covered)),
        "half_width": float(max(wide)),
    }


def mass_kg(seed: int) -> float:
    """Return what the person of ``seed`` weighs."""
    return walker.Person.from_seed(seed).mass_kg


def calibrated(
    soles: dict[str, made.Sole], seed: int, *, has_press: bool
) -> dict[str, cal.Calibration]:
    """Return the calibrations of a pair after all that the procedure asks for."""
    person = stances.StanceWalker(seed=seed, layouts={s: soles[s].layout for s in SIDES})
    shifts_s = stances.UNLOADED_S + stances.STANCE_S * len(stances.STANCES)
    stand_s = shifts_s + stances.SLOW_S * (len(stances.SHIFTS) - 1)
    t_s = np.arange(round((stand_s + STAND_S) * made.RATE_HZ)) / made.RATE_HZ
    forces, _, _ = person.sample(t_s)
    starts = [stances.UNLOADED_S + stances.STANCE_S * k for k in range(5)]
    sessions = []
    for side, sole in soles.items():
        pressed = under_the_press(sole) if has_press else None
        sole.renew()
        session = Session(
            f"S-{side}",
            side,
            sole.layout.area_mm2,
            sole.read(forces[side], t_s),
            t_s,
            (0.0, stances.UNLOADED_S - 1.0),
            [(start + 2.0, start + 5.0) for start in starts],
            # A larger cell conducts more: what the guide makes of an insole without gains.
            kpa_per_count=10.0 / sole.layout.area_mm2,
        )
        if pressed is not None:
            session = replace(
                session,
                curves=pressed.curves,
                creep=pressed.creep,
                hysteresis=pressed.hysteresis,
            )
        sessions.append(session)
    if not has_press:
        sessions = with_film(*sessions, body_mass_kg=mass_kg(seed))
    found, _ = calibrate_pair(*sessions, body_mass_kg=mass_kg(seed))
    return closed(soles, found, seed)


def closed(
    soles: dict[str, made.Sole], found: dict[str, cal.Calibration], seed: int
) -> dict[str, cal.Calibration]:
    """Return the calibrations closed on a minute of walking."""
    walked, ic_s, t_s = made.walking(seed + 200, WALK_S, person=walker.Person.from_seed(seed))
    forces = {}
    for side, sole in soles.items():
        sole.renew()
        forces[side], _ = found[side].force_n(sole.read(walked[side], t_s), t_s)
    closure = cal.walking_closure(
        forces["left"], forces["right"], t_s, ic_s, body_mass_kg=mass_kg(seed)
    )
    return {side: found[side].closed(closure) for side in SIDES}


def under_the_press(sole: made.Sole) -> cal.Press:
    """Return what a bench press shows of a sole."""
    sole.renew()
    points = press.schedule(FULL_KPA)
    t_s = np.arange(0.0, points[0][-1], 1 / made.RATE_HZ)
    kpa = np.interp(t_s, *points)
    counts = sole.read(kpa[:, None] * sole.layout.area_mm2 * 1e-3, t_s)
    return fit_press(counts, t_s, kpa, max_counts=made.FULL - 1)
