"""Creep of the film, taken off again: a leaky part, and one that is straight in log time.

Both are relaxing elements (Kelvin-Voigt): each follows what the film feels with its time and adds
its share. A leaky compensator has one; elements whose times are evenly spaced on a logarithmic
scale add up to a creep of so many percent per decade.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from solekit.errors import DataError
from solekit.layouts import FloatArray

LOG_TAUS_S = 10.0 ** np.arange(0.0, 5.25, 0.5)  # from a second to a day
_PER_DECADE = 0.5  # decades from one element to the next
MIN_STANDING_S = 60.0
SETTLING_S = 2.0  # after stepping on
BLOCK_S = 1.0
MAX_STANDING_SD = 0.05  # of the load, about the fitted line: more was no quiet standing
_TAU_GRID_S = np.geomspace(3.0, 150.0, 60)
# Nothing measured: long-term drift of a force-sensing resistor is below 5 % a decade (Interlink
# FSR 400 data sheet).
ASSUMED_SHARE_PER_DECADE = 0.05


@dataclass(frozen=True, eq=False)
class Creep:
    """What a steady pressure adds in the long run.

    ``share`` with time ``tau_s``, and ``per_decade`` of each decade of time from a second on;
    ``covariance`` (2, 2) of the two; ``standing_s`` is how long they were fitted over.
    """

    tau_s: float
    share: float
    per_decade: float
    covariance: FloatArray
    standing_s: float

    def compensate(
        self, pressure_kpa: ArrayLike, t_s: ArrayLike, *, weight: ArrayLike, crept: float = 0.0
    ) -> tuple[FloatArray, FloatArray]:
        """Return the pressure without what creep adds, and how much a share of one would add.

        ``pressure_kpa`` (n, n_cells) at ``t_s`` (n,), rising. The second result is (n, 2): the sum
        over cells, times ``weight`` (n_cells,), of what the leaky and the logarithmic elements
        follow. ``crept`` is the part of the mean pressure that the film followed before.
        """
        p, t, w = (np.asarray(v, dtype=float) for v in (pressure_kpa, t_s, weight))
        check_times(p, t)
        taus = np.concatenate(([self.tau_s], LOG_TAUS_S))
        shares = np.concatenate(([self.share], np.full(len(LOG_TAUS_S), self._each)))
        is_used = shares > 0
        z = np.where(is_used[:, None], crept * np.maximum(p.mean(axis=0), 0.0), 0.0)
        out, followed = np.empty(p.shape), np.zeros((len(p), 2))
        # How far each element comes from one frame to the next.
        step = -np.expm1(-np.diff(t, prepend=t[:1])[:, None] / taus)
        for k in range(len(p)):
            moved = step[k][:, None]
            known = (shares[:, None] * (1 - moved) * z).sum(axis=0)
            felt = (p[k] - known) / (1 + (shares * step[k]).sum())
            z += moved * (felt - z)
            out[k] = felt
            sums = z @ w
            followed[k] = sums[0], _PER_DECADE * sums[1:].sum()
        return out, followed

    @property
    def _each(self) -> float:
        return self.per_decade * _PER_DECADE

    def adds(self, felt_kpa: ArrayLike, t_s: ArrayLike) -> FloatArray:
        """Return what creep adds, (n,), to a ``felt_kpa`` (n,) of a film rested before."""
        leaky, slow = followers(felt_kpa, t_s, self.tau_s).T
        return self.share * leaky + self.per_decade * slow

    def share_sd(self, followed: FloatArray) -> FloatArray:
        """Return the standard error, (n,), of a sum with ``followed`` (n, 2)."""
        variance = np.einsum("ni,ij,nj->n", followed, self.covariance, followed)
        return np.sqrt(np.maximum(variance, 0.0))

    def forgotten(self, since_s: FloatArray) -> FloatArray:
        """Return the share of a former load that is still there ``since_s`` (n,) later."""
        since = np.asarray(since_s, dtype=float)[:, None]
        slow = self._each * np.exp(-since / LOG_TAUS_S).sum(axis=1)
        return self.share * np.exp(-since[:, 0] / self.tau_s) + slow


NO_CREEP = Creep(20.0, 0.0, 0.0, np.diag([0.0, (ASSUMED_SHARE_PER_DECADE / 2) ** 2]), 0.0)


def fit_creep(load: ArrayLike, t_s: ArrayLike) -> Creep:
    """Return the creep of ``load`` (n,) while somebody stands quietly for minutes.

    ``load`` is the sum over all cells of both feet (or of one that carries everything), linear in
    pressure, from before the first step on: time counts from there. DataError without a rest
    before, for less than a minute, or where the load did not hold.
    """
    y, t = np.asarray(load, dtype=float), np.asarray(t_s, dtype=float)
    check_times(y[:, None], t)
    full = float(np.median(y[len(y) // 2 :]))
    above = y > 0.5 * full
    start = int(np.argmax(above))
    if full <= 0 or start == 0 or np.median(y[:start]) > 0.1 * full:
        raise DataError("creep counts from the first load: begin with the insoles unloaded")
    onset_s = t[start]
    kept = t >= onset_s + SETTLING_S
    standing_s = float(t[-1] - onset_s)
    if standing_s < MIN_STANDING_S:
        raise DataError(
            f"{standing_s:.0f} s of standing are too few for creep; stand for "
            f"{MIN_STANDING_S:.0f} s or more, best five minutes"
        )
    block = ((t[kept] - onset_s) // BLOCK_S).astype(int)
    n = np.bincount(block)
    used = n > 0
    mean = np.bincount(block, y[kept])[used] / n[used]
    since = np.bincount(block, t[kept] - onset_s)[used] / n[used]
    slow = _PER_DECADE * -np.expm1(-since[:, None] / LOG_TAUS_S).sum(axis=1)

    def columns(tau_s: float) -> FloatArray:
        return np.column_stack([np.ones(len(since)), -np.expm1(-since / tau_s), slow])

    solved = [nnls(columns(tau_s), mean) for tau_s in _TAU_GRID_S]
    best = int(np.argmin([residual for _, residual in solved]))
    tau_s, (a, b, c) = float(_TAU_GRID_S[best]), solved[best][0]
    residual = mean - columns(tau_s) @ solved[best][0]
    sd = float(np.std(residual))
    if a <= 0 or sd > MAX_STANDING_SD * full:
        raise DataError(
            f"the load moved by {100 * sd / full:.0f} % while standing; stand quietly, both feet "
            "on the insoles"
        )
    # Sway is slow, so neighbouring blocks say the same: fewer independent ones than there are.
    rho = float(np.corrcoef(residual[:-1], residual[1:])[0, 1]) if sd > 1e-9 * full else 0.0
    rho = min(max(rho, 0.0), 0.95) if math.isfinite(rho) else 0.0
    x = columns(tau_s)
    cov = np.linalg.pinv(x.T @ x) * sd**2 * (1 + rho) / (1 - rho) / a**2
    # Leaving a part out is right only if it is absent: what it could be remains in the error.
    return Creep(tau_s, float(b / a), float(c / a), cov[1:, 1:], standing_s)


def followers(felt_kpa: ArrayLike, t_s: ArrayLike, tau_s: float) -> FloatArray:
    """Return what follows ``felt_kpa`` (n,) from rest, (n, 2): leaky, and a decade's share."""
    felt, t = np.asarray(felt_kpa, dtype=float), np.asarray(t_s, dtype=float)
    check_times(felt, t)
    moved = -np.expm1(-np.diff(t, prepend=t[:1])[:, None] / np.concatenate(([tau_s], LOG_TAUS_S)))
    z, out = np.zeros(moved.shape[1]), np.empty(moved.shape)
    for k, now in enumerate(felt):
        z = z + moved[k] * (now - z)
        out[k] = z
    return np.column_stack([out[:, 0], _PER_DECADE * out[:, 1:].sum(axis=1)])


def fit_followers(
    apparent: FloatArray, felt: FloatArray, t_s: FloatArray, is_used: NDArray[np.bool_]
) -> tuple[Creep, float]:
    """Return the creep of ``apparent`` (n,) under a known ``felt`` (n,), and its scale.

    All from a rest on; the frames ``is_used`` (n,) are fitted. The scale is what one of ``felt``
    is in ``apparent`` before anything creeps.
    """
    y, p = apparent[is_used], felt[is_used]
    found = []
    for tau_s in _TAU_GRID_S[::4]:
        x = np.column_stack([p, followers(felt, t_s, float(tau_s))[is_used]])
        weights, residual = nnls(x, y)
        found.append((residual, float(tau_s), x, weights))
    _, tau_s, x, (a, b, c) = min(found, key=lambda one: one[0])
    if a <= 0:
        raise DataError("the counts do not grow with the pressure that was applied")
    left = y - x @ [a, b, c]
    rho = float(np.corrcoef(left[:-1], left[1:])[0, 1]) if left.std() > 1e-9 * a else 0.0
    rho = min(max(rho, 0.0), 0.95) if math.isfinite(rho) else 0.0
    cov = np.linalg.pinv(x.T @ x) * left.var() * (1 + rho) / (1 - rho) / a**2
    lasted_s = float(np.ptp(t_s[is_used]))
    return Creep(tau_s, float(b / a), float(c / a), cov[1:, 1:], lasted_s), float(a)


def check_times(values: FloatArray, t_s: FloatArray) -> None:
    """Raise DataError unless ``t_s`` (n,) rises and belongs to ``values`` (n, ...)."""
    if t_s.ndim != 1 or len(values) != len(t_s) or len(t_s) == 0:
        raise DataError(f"times of {t_s.shape} do not belong to values of {values.shape}")
    if (np.diff(t_s) <= 0).any():
        raise DataError("times must rise: the film has a memory")
