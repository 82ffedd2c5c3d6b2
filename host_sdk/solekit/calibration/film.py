"""Without a press: what the film does, from a person who stands and shifts the weight slowly.

At every quiet moment both feet together carry the body weight, whichever foot loads while the
other unloads, and for however long. The exponent of the curves, one loop of hysteresis, creep of
both kinds and the factors of both feet are those with which that holds best, starting from what
such films are known for (a prior: a session that tells nothing leaves it as it is).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import least_squares

from solekit.calibration.body_weight import G_M_S2
from solekit.calibration.creep import Creep
from solekit.calibration.curves import ASSUMED_CELL_SHARE_SD, assumed_curves
from solekit.calibration.hysteresis import MIN_DIRECT, Hysteresis
from solekit.errors import DataError
from solekit.layouts import FloatArray

if TYPE_CHECKING:
    from solekit.calibration.pair import Session

BLOCK_S = 0.25
SETTLING_S = 2.0  # after stepping on
LOADED_SHARE = 0.7  # of the median load: less, and somebody has stepped off
SCATTER = 0.01  # of the body weight that a quiet moment may miss: sway, and cells that differ
ALIKE = 8  # blocks in a row that say the same: two seconds of sway
TAU_S = 20.0  # of the leaky part: minutes tell its share, not its time
# Exponent; loop as a share; leaky creep; creep per decade: what is known of such films, and how
# well (exponents of 0.7 to 1; loops of 10 %, drift below 5 % a decade: Interlink FSR 400).
PRIOR = np.array([0.85, 0.06, 0.05, 0.025])
PRIOR_SD = np.array([0.08, 0.04, 0.05, 0.02])
LOWEST = np.array([0.5, 0.0, 0.0, 0.0])
HIGHEST = np.array([1.3, 0.25, 0.3, 0.12])
SCALE_SD = 0.3  # of a foot as a whole, after the first guess
STRETCH = float(np.log(3.0))  # of the pressure of a stance to that of a walk


@dataclass(frozen=True, eq=False)
class FilmFit:
    """What a session has told of the film: ``exponent``, creep, hysteresis, each with its error.

    ``kpa_per_count`` are those of the cells, per side (n_cells,), at 100 kPa, and
    ``cell_share_sd`` their errors as shares. ``shape_share_sd`` is the error of a pressure three
    times that of the stances, as a share.
    """

    exponent: float
    kpa_per_count: tuple[FloatArray, FloatArray]
    cell_share_sd: tuple[FloatArray, FloatArray]
    shape_share_sd: float
    creep: Creep
    hysteresis: Hysteresis


def fit_film(left: Session, right: Session, *, body_mass_kg: float) -> FilmFit:
    """Return the film under which both ``sessions`` carry the body weight at all times.

    DataError where nobody stood on both.
    """
    t_s, sides = _blocks(left, right)
    weight_n = body_mass_kg * G_M_S2
    total = np.sum([above.mean(axis=1) for above, *_ in sides], axis=0)
    full = float(np.median(total[len(total) // 2 :]))
    onset = int(np.argmax(total > LOADED_SHARE * full))
    used = (total > LOADED_SHARE * full) & (t_s > t_s[onset] + SETTLING_S)
    if full <= 0 or onset == 0 or used.sum() < 4 * ALIKE:
        raise DataError("nobody stood on both insoles after a rest without load; start again")

    # Loops are shares above a kilopascal: pressures must be about right from the start.
    loads = np.column_stack([_cells(*side, PRIOR, t_s)[used].sum(axis=1) for side in sides])
    first, *_ = np.linalg.lstsq(loads, np.full(len(loads), weight_n), rcond=None)
    if (first <= 0).any():
        raise DataError("the feet did not carry the body weight together; stand freely, repeat")
    sides = [
        (above, per_count * scale ** PRIOR[0], mm2)
        for (above, per_count, mm2), scale in zip(sides, first, strict=True)
    ]
    noise_n = weight_n * SCATTER * np.sqrt(ALIKE)

    def missed(theta: FloatArray) -> FloatArray:
        loads = np.column_stack([_cells(*side, theta, t_s)[used].sum(axis=1) for side in sides])
        factors, *_ = np.linalg.lstsq(loads, np.full(len(loads), weight_n), rcond=None)
        return (loads @ factors - weight_n) / noise_n

    def both(theta: FloatArray) -> FloatArray:
        # A moment that was not quiet counts less; what is known before counts in full.
        far = missed(theta)
        bent = np.sign(far) * np.sqrt(2 * (np.sqrt(1 + far**2) - 1))
        return np.concatenate([bent, (theta - PRIOR) / PRIOR_SD])

    found = least_squares(both, PRIOR, bounds=(LOWEST, HIGHEST), x_scale=PRIOR_SD, max_nfev=15)
    covariance = np.linalg.inv(found.jac.T @ found.jac)
    sd = np.sqrt(np.diag(covariance))
    lasted_s = float(t_s[used][-1] - t_s[onset])
    exponent, loop, share, per_decade = (float(v) for v in found.x)
    newtons = [_cells(*side, found.x, t_s)[used] for side in sides]
    gains, gain_sd = _gains(newtons, weight_n, noise_n)
    return FilmFit(
        exponent,
        (sides[0][1] * gains[0] ** exponent, sides[1][1] * gains[1] ** exponent),
        (gain_sd[0], gain_sd[1]),
        float(sd[0]) / exponent * STRETCH,
        Creep(TAU_S, share, per_decade, covariance[2:, 2:], lasted_s),
        _one_loop(loop, float(sd[1]) / np.sqrt(3)),  # a share of the loop, evenly spread
    )


def _one_loop(loop: float, share_sd: float) -> Hysteresis:
    loops = np.log1p(np.array([0.0, loop / (1 - MIN_DIRECT)]))
    return Hysteresis(loops, np.array([MIN_DIRECT, 1 - MIN_DIRECT]), share_sd)


def _gains(
    newtons: list[FloatArray], weight_n: float, noise_n: float
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return what each cell's newtons are to be taken times, per side, and its error.

    Cells of a sheet are alike to a share that is known; ways to stand tell them apart where they
    load them differently. Solved for the moments, not for the cells: a grid has more of these.
    """
    sums = np.column_stack([side.sum(axis=1) for side in newtons])
    both = np.concatenate(newtons, axis=1)
    apart = ASSUMED_CELL_SHARE_SD**2
    # The scale of a foot is hardly known before, that of a cell within it is.
    sides = len(newtons)
    prior = apart * both @ both.T + SCALE_SD**2 * sums @ sums.T
    whole = prior + noise_n**2 * np.eye(len(both))
    missed = np.linalg.solve(whole, weight_n - both.sum(axis=1))
    scale = SCALE_SD**2 * sums.T @ missed
    told = np.linalg.solve(whole, both)
    gains, sds, start = [], [], 0
    for k in range(sides):
        cells = slice(start, start + newtons[k].shape[1])
        own = apart * both[:, cells].T @ missed
        gains.append(np.maximum(1 + own + scale[k], 0.2))
        left = apart - apart**2 * np.einsum("tc,tc->c", both[:, cells], told[:, cells])
        sds.append(np.sqrt(np.maximum(left, 0.0)))
        start = cells.stop
    return gains, sds


def _cells(
    above: FloatArray,
    kpa_per_count: FloatArray,
    mm2: FloatArray,
    theta: FloatArray,
    t_s: FloatArray,
) -> FloatArray:
    exponent, loop, share, per_decade = (float(v) for v in theta)
    curves = assumed_curves(above.shape[1], kpa_per_count=kpa_per_count, exponent=exponent)
    creep = Creep(TAU_S, share, per_decade, np.zeros((2, 2)), 0.0)
    felt, _ = creep.compensate(curves.pressure(above), t_s, weight=mm2)
    return _one_loop(loop, 0.0).invert(felt) * (mm2 * 1e-3)


def _blocks(
    left: Session, right: Session
) -> tuple[FloatArray, list[tuple[FloatArray, FloatArray, FloatArray]]]:
    """Return common times (m,), and per side what ``_cells`` needs, means over blocks."""
    since = [one.t_s - one.rest[0] for one in (left, right)]
    last_s = min(float(t[-1]) for t in since)
    edges = np.arange(0.0, last_s, BLOCK_S)
    sides = []
    for one, t in zip((left, right), since, strict=True):
        so_far = one.calibration()
        above = so_far.readable(one.counts) - so_far.base
        at = np.searchsorted(t, edges)
        keep = np.concatenate(([True], np.diff(at) > 0))
        sums = np.add.reduceat(above, np.minimum(at[keep], len(t) - 1), axis=0)
        n = np.diff(np.append(at[keep], len(t)))
        middle = edges[keep] + BLOCK_S / 2
        mean = sums / np.maximum(n, 1)[:, None]
        block_s = edges + BLOCK_S / 2
        mean = np.column_stack([np.interp(block_s, middle, cell) for cell in mean.T])
        per_count = np.broadcast_to(np.asarray(one.kpa_per_count, float), (above.shape[1],))
        sides.append((mean, per_count, one.area_mm2))
    return edges + BLOCK_S / 2, sides
