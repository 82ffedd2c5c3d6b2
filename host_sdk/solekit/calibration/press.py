"""Curves, creep and hysteresis of one insole from a bench press: counts under a known pressure.

The press puts the same pressure on all cells: nothing for a second, then rising steps that are
held, one of them long (creep), then down again (hysteresis). What the film has crept under the
steps before is in every step: curves and creep are found in turns until both agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solekit.calibration.creep import Creep, check_times, fit_followers
from solekit.calibration.curves import Curves, fit_curves
from solekit.calibration.hysteresis import MIN_FALL, Hysteresis, fit_hysteresis
from solekit.errors import DataError
from solekit.layouts import FloatArray

COLUMNS = ("t_s", "kpa")
REST_S = 1.0  # without pressure, at first
HOLD_S = 1.0  # a step is held at least so long
SETTLING_S = 0.4  # of a step: the clocks of press and insole are joined by hand
STEP_S = 2.0  # of a step that go into its point
CREEP_HOLD_S = 30.0
MIN_STEPS = 3
SAME = 0.005  # of the pressure: so much a held one may move
MAX_KPA = 3000.0  # more is no sole, but another unit
MIN_CORRELATION = 0.9
TURNS = 6
MAX_LAG_S = 5.0  # of the clock of the press against the first frame
LAG_STEPS_S = (0.2, 0.02)
RISE_S = 0.4
TYPICAL_EXPONENT = 0.85  # of the counts, to compare them with pressures


@dataclass(frozen=True, eq=False)
class Press:
    """What a press has shown: ``base`` (n_cells,) without load, ``curves``, and the memory.

    ``creep`` and ``hysteresis`` are None where the press did not hold long enough or did not come
    down; ``said`` are sentences about what was done.
    """

    base: FloatArray
    curves: Curves
    creep: Creep | None
    hysteresis: Hysteresis | None
    said: tuple[str, ...]


def read_applied(path: Path) -> tuple[FloatArray, FloatArray]:
    """Return the times (n,) and pressures (n,) of a CSV with the columns ``t_s`` and ``kpa``.

    ``t_s`` are seconds from the first frame of the recording, ``kpa`` is what the press applied;
    between two rows it is straight. DataError says in one sentence what is wrong.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path)
    except FileNotFoundError:
        raise DataError(f"there is no file {path}; give a CSV with t_s and kpa") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path.name} is no CSV with t_s and kpa ({error})") from None
    if absent := [name for name in COLUMNS if name not in table]:
        raise DataError(
            f"{path.name} has no column {' and '.join(absent)}; it needs {' and '.join(COLUMNS)}"
        )
    try:
        t_s, kpa = (table[name].to_numpy(dtype=float) for name in COLUMNS)
    except ValueError as error:
        raise DataError(f"{path.name} holds what is no number ({error})") from None
    if len(t_s) < 2 or not (np.isfinite(t_s).all() and np.isfinite(kpa).all()):
        raise DataError(f"{path.name} needs two rows or more, without empty or infinite values")
    if (np.diff(t_s) <= 0).any():
        row = int(np.argmax(np.diff(t_s) <= 0)) + 3  # the head is line 1
        raise DataError(f"{path.name} line {row}: t_s must rise from row to row")
    if kpa.min() < 0 or not 0 < kpa.max() <= MAX_KPA:
        raise DataError(
            f"{path.name} has pressures from {kpa.min():g} to {kpa.max():g} kPa; they must lie "
            f"between 0 and {MAX_KPA:g}"
        )
    return t_s, kpa


def join(
    counts: ArrayLike, t_s: ArrayLike, applied: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, float]:
    """Return the pressure at ``t_s`` (n,), and by how much the clock of the press was late.

    ``applied`` are times and pressures of the press, times counted from the first frame. Someone
    starts two devices by hand: the shift by at most five seconds with which the counts rise as the
    pressure does is taken off (on the way down they are late, that is the hysteresis). DataError
    where they never follow.
    """
    t, (press_s, press_kpa) = np.asarray(t_s, dtype=float), applied
    since = t - t[0]
    total = np.asarray(counts, dtype=float).mean(axis=1)
    falls_s = float(press_s[np.argmax(np.diff(press_kpa, append=-1.0) < 0)])
    rising = since < falls_s - MAX_LAG_S
    grid_s = np.arange(0.0, max(since[rising].max(initial=0.0), 1.0), LAG_STEPS_S[-1])
    rises = _rises(np.interp(grid_s, since, total))

    def follows(lag_s: float) -> float:
        kpa = np.interp(grid_s - lag_s, press_s, press_kpa)
        expected = _rises(kpa**TYPICAL_EXPONENT)
        return float(np.corrcoef(rises, expected)[0, 1]) if rises.std() and kpa.std() else -1.0

    best, span_s = 0.0, MAX_LAG_S
    for step_s in LAG_STEPS_S:
        n = round(span_s / step_s)
        best = max((best + step_s * k for k in range(-n, n + 1)), key=follows)
        span_s = step_s
    if follows(best) < MIN_CORRELATION:
        raise DataError(
            f"the counts do not follow the pressure (correlation {follows(best):.2f}, at least "
            f"{MIN_CORRELATION:g}); t_s must count from the first frame, within {MAX_LAG_S:g} s"
        )
    return np.interp(since - best, press_s, press_kpa), best


def _rises(values: FloatArray) -> FloatArray:
    """Return by how much ``values`` change in a fraction of a second: creep hardly does."""
    n = round(RISE_S / LAG_STEPS_S[-1])
    return values[n:] - values[:-n]


def fit_press(
    counts: ArrayLike, t_s: ArrayLike, kpa: ArrayLike, *, max_counts: float = np.inf
) -> Press:
    """Return what ``counts`` (n, n_cells) at ``t_s`` (n,) under ``kpa`` (n,) tell.

    DataError without a second of rest at first and for fewer than three steps.
    """
    raw, t, p = (np.asarray(v, dtype=float) for v in (counts, t_s, kpa))
    check_times(raw, t)
    if raw.ndim != 2 or p.shape != t.shape:
        raise DataError(f"counts of {raw.shape} and pressures of {p.shape} do not belong together")
    rest = int(np.argmax(p > 0))
    if rest < 3 or t[rest - 1] - t[0] < REST_S * (1 - SAME):
        raise DataError(f"a press begins with {REST_S:g} s without pressure: that is the zero")
    base = raw[:rest].mean(axis=0)
    above = raw - base
    falls = np.flatnonzero(np.maximum.accumulate(p) - p > SAME * p.max())
    n_up = int(falls[0]) if len(falls) else len(p)
    steps = _steps(t[:n_up], p[:n_up])
    if len(steps) < MIN_STEPS:
        raise DataError(
            f"{len(steps)} steps of rising pressure are held for {HOLD_S:g} s; curves need "
            f"{MIN_STEPS} or more"
        )
    points = [step[t[step] < t[step[0]] + SETTLING_S + STEP_S] for step in steps]
    points = [step[t[step] >= t[step[0]] + SETTLING_S] for step in points]
    seen = np.array([above[step].mean(axis=0) for step in points])
    # A cell beyond its scale says how it began, but not what it does in the long run.
    whole = np.isfinite(raw).all(axis=0) & (raw < max_counts).all(axis=0)
    if not whole.any():
        raise DataError("every cell is saturated under the largest pressure; press less")
    up = slice(0, n_up)
    held = np.concatenate([step[t[step] >= t[step[0]] + SETTLING_S] for step in steps])
    is_held = np.isin(np.arange(n_up), held)
    lasted_s = max(float(t[step[-1]] - t[step[0]]) for step in steps)
    creep, felt = None, p[up]
    curves = fit_curves([felt[step].mean() for step in points], seen, max_counts=max_counts - base)
    if lasted_s >= CREEP_HOLD_S:
        for _ in range(TURNS):
            apparent = np.median(curves.pressure(above[up])[:, whole], axis=1)
            creep, _ = fit_followers(apparent, p[up], t[up], is_held)
            felt = p[up] + creep.adds(p[up], t[up])
            level = [felt[step].mean() for step in points]
            curves = fit_curves(level, seen, max_counts=max_counts - base)
    said = [f"press: {len(steps)} steps up to {p.max():.0f} kPa, {lasted_s:.0f} s held"]
    if creep is None:
        said.append(f"press: no step was held for {CREEP_HOLD_S:g} s, so it says nothing of creep")
    hysteresis = None
    if len(falls) and (np.maximum.accumulate(p) - p).max() >= MIN_FALL * p.max():
        pressure = curves.pressure(above)[:, whole]
        if creep is not None:
            pressure, _ = creep.compensate(pressure, t, weight=np.ones(pressure.shape[1]))
        hysteresis = fit_hysteresis(p, np.median(pressure, axis=1))
    else:
        said.append("press: it did not come down, so it says nothing of hysteresis")
    return Press(base, curves, creep, hysteresis, tuple(said))


def _steps(t_s: FloatArray, kpa: FloatArray) -> list[NDArray[np.intp]]:
    """Return the frames of each held pressure above zero."""
    found, start = [], 0
    for k in range(1, len(kpa) + 1):
        if k == len(kpa) or abs(kpa[k] - kpa[start]) > SAME * kpa[start]:
            if kpa[start] > 0 and t_s[k - 1] - t_s[start] >= HOLD_S:
                found.append(np.arange(start, k))
            start = k
    return found
