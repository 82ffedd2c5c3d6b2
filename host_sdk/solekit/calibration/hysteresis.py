"""Hysteresis of the film and its inverse: a modified Prandtl-Ishlinskii operator.

A sum of play operators with fixed thresholds; the weights are fitted with the sign held (Kuhnen,
"Modeling, identification and compensation of complex hysteretic nonlinearities: a modified
Prandtl-Ishlinskii approach", European Journal of Control 9, 2003). The inverse is an operator of
the same kind in closed form (Krejci and Kuhnen, IEE Proc. Control Theory Appl. 148, 2001). The
memoryless part is a logarithm, because a film's loop widens with its load. Plays lag on the way
down only: curves are measured on the way up, where this is the identity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls

from solekit.errors import DataError
from solekit.layouts import FloatArray

LOOPS = (0.0, 0.02, 0.05, 0.1, 0.2)  # widths of the plays, as shares of the pressure
CORNER_KPA = 1.0  # below it the loop narrows no more
MIN_DIRECT = 0.1  # weight without memory: 1 / this is what the inverse may amplify
MIN_SAMPLES = 20
MIN_FALL = 0.3  # of the largest pressure: a loop needs a way down
# Not measured: force-sensing resistors have 10 % on average (Interlink FSR 400 data sheet).
ASSUMED_LOOP = 0.10


@dataclass(frozen=True, eq=False)
class Hysteresis:
    """Plays of ``loops`` (m,) with ``weights`` (m,); ``share_sd`` is what they leave, as a share.

    The first loop is 0: the part without memory.
    """

    loops: FloatArray
    weights: FloatArray
    share_sd: float

    def apply(self, pressure_kpa: ArrayLike) -> FloatArray:
        """Return what a rested film feels, (n, n_cells), under ``pressure_kpa`` of that shape."""
        u = _bend(np.asarray(pressure_kpa, dtype=float))
        return _unbend(_plays(u, self.loops) @ self.weights)

    def invert(self, felt_kpa: ArrayLike) -> FloatArray:
        """Return the pressure, (n, n_cells), that a rested film feels as ``felt_kpa``."""
        r, w = self.loops / 2, self.weights
        sums = np.cumsum(w)
        r_inv = np.array([(w[: j + 1] * (r[j] - r[: j + 1])).sum() for j in range(len(w))])
        w_inv = np.concatenate(([1 / w[0]], -w[1:] / (sums[1:] * sums[:-1])))
        # A play that lags on one side only is a symmetric one, shifted by half its width.
        target = _bend(np.asarray(felt_kpa, dtype=float)) - (w * r).sum()
        later = np.array([(w[j + 1 :] * r[j + 1 :]).sum() for j in range(len(w))])
        state0 = -(r * sums + later)
        y = np.repeat(state0[:, None], target.shape[1], axis=1)
        out = np.empty(target.shape)
        low, high = r_inv[:, None], -r_inv[:, None]
        for k, v in enumerate(target):
            y = np.minimum(np.maximum(y, v - low), v - high)
            out[k] = w_inv @ y
        return _unbend(out)


def fit_hysteresis(pressure_kpa: ArrayLike, felt_kpa: ArrayLike) -> Hysteresis:
    """Return the weights from one series of a film that was rested before.

    ``pressure_kpa`` (n,) or (n, n_cells) is what was applied, ``felt_kpa`` what the curves make of
    the counts, creep taken off. DataError where the pressure never comes down.
    """
    p = np.atleast_2d(np.asarray(pressure_kpa, dtype=float).T).T
    felt = np.atleast_2d(np.asarray(felt_kpa, dtype=float).T).T
    if p.shape != felt.shape or len(p) < MIN_SAMPLES or not np.isfinite(felt).all():
        raise DataError(
            f"{p.shape} pressures and {felt.shape} readings are no loop; give at least "
            f"{MIN_SAMPLES} of each, without holes"
        )
    top = float(p.max())
    if top <= 0 or (np.maximum.accumulate(p, axis=0) - p).max() < MIN_FALL * top:
        raise DataError("hysteresis shows on the way down: load the press, then unload it")
    loops = np.log1p(np.array(LOOPS))
    counted = (p > 0.05 * top).ravel()
    rows = _plays(_bend(p), loops).reshape(-1, len(loops))[counted]
    goal = _bend(felt).ravel()[counted]
    direct = rows[:, 0] * MIN_DIRECT
    weights, _ = nnls(rows, goal - direct)
    weights[0] += MIN_DIRECT
    left = goal - rows @ weights
    return Hysteresis(loops, weights, float(np.sqrt(np.mean(left**2))))


def _bend(kpa: FloatArray) -> FloatArray:
    return np.sign(kpa) * np.log1p(np.abs(kpa) / CORNER_KPA)


def _unbend(u: FloatArray) -> FloatArray:
    return np.sign(u) * CORNER_KPA * np.expm1(np.abs(u))


def _plays(u: FloatArray, loops: FloatArray) -> FloatArray:
    """Return the plays of ``u`` (n, n_cells), (n, n_cells, m): up with it, down late by a loop."""
    out = np.empty((*u.shape, len(loops)))
    y = np.zeros((u.shape[1], len(loops)))
    for k, v in enumerate(u):
        y = np.minimum(np.maximum(y, v[:, None]), v[:, None] + loops)
        out[k] = y
    return out
