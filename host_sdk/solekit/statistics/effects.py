"""How large a difference between two groups is, with intervals; cases minus controls.

Sizes by rank: Cliff's delta (Cliff 1993, Psychol Bull 114:494) = rank-biserial correlation, the
A of Vargha and Delaney (2000, J Educ Behav Stat 25:101) = AUC, r = z / sqrt(N), and the shift of
Hodges and Lehmann (1963, Ann Math Stat 34:598). By mean: Hedges g (1981, J Educ Stat 6:107).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm, rankdata

from solekit.layouts import FloatArray
from solekit.statistics.bootstrap import COVERAGE, N_DRAWS, Interval, of_two_groups


def u_of(cases: FloatArray, controls: FloatArray) -> float:
    """Return U of the cases: the pairs in which the case is higher, ties half."""
    n = len(cases)
    ranks = rankdata(np.concatenate([cases, controls]))
    return float(ranks[:n].sum() - n * (n + 1) / 2)


def vargha_delaney(
    cases: FloatArray, controls: FloatArray, *, coverage: float = COVERAGE
) -> Interval:
    """Return A, the chance that a case is higher than a control, ties half; also the AUC.

    The interval is the score interval of Newcombe (2006, Stat Med 25:559, method 5): it has a
    width also where no pair is out of order.
    """
    n, m = len(cases), len(controls)
    value = u_of(cases, controls) / (n * m)
    z = float(norm.ppf((1 + coverage) / 2))

    def off(theta: float) -> float:
        return (value - theta) ** 2 - z**2 * _variance_of_a(theta, n, m)

    # At 0 and 1 the value itself is a root, and not the one that is asked for.
    low: Any = brentq(off, 0.0, min(value, 1 - 1e-9)) if value > 0 else 0.0
    high: Any = brentq(off, max(value, 1e-9), 1.0) if value < 1 else 1.0
    return Interval(value, float(low), float(high), n + m)


def _variance_of_a(theta: float, n: int, m: int) -> float:
    middle = (n + m) / 2 - 1
    inside = 1 + middle * ((1 - theta) / (2 - theta) + theta / (1 + theta))
    return theta * (1 - theta) * inside / (n * m)


def cliffs_delta(
    cases: FloatArray, controls: FloatArray, *, coverage: float = COVERAGE
) -> Interval:
    """Return Cliff's delta = 2 A - 1, -1 to 1, with the interval of A."""
    a = vargha_delaney(cases, controls, coverage=coverage)
    return Interval(2 * a.value - 1, 2 * a.low - 1, 2 * a.high - 1, a.n_people)


def rank_r(cases: FloatArray, controls: FloatArray, *, coverage: float = COVERAGE) -> Interval:
    """Return r = z / sqrt(N) with z corrected for ties, not for continuity; interval from A."""
    n, m = len(cases), len(controls)
    a = vargha_delaney(cases, controls, coverage=coverage)
    sd = np.sqrt(variance_of_u(np.concatenate([cases, controls]), n))
    if sd == 0:
        return Interval(0.0, float("nan"), float("nan"), n + m)
    low, value, high = (
        float((each - 0.5) * n * m / sd / np.sqrt(n + m)) for each in (a.low, a.value, a.high)
    )
    return Interval(value, low, high, n + m)


def variance_of_u(values: FloatArray, n_cases: int) -> float:
    """Return the variance of U over all labellings of ``values`` (n,), ties corrected."""
    total, n, m = len(values), n_cases, len(values) - n_cases
    _, ties = np.unique(values, return_counts=True)
    lost = float((ties.astype(float) ** 3 - ties).sum()) / (total * (total - 1))
    return n * m / 12 * (total + 1 - lost)


def hodges_lehmann(
    cases: FloatArray, controls: FloatArray, *, coverage: float = COVERAGE
) -> Interval:
    """Return the median of all differences case - control; interval from the quantiles of U."""
    n, m = len(cases), len(controls)
    apart = np.sort((cases[:, None] - controls[None, :]).reshape(-1))
    z = float(norm.ppf((1 + coverage) / 2))
    cut = int(np.floor(n * m / 2 - z * np.sqrt(n * m * (n + m + 1) / 12)))
    value = float(np.median(apart))
    if cut < 1:  # so few people that no interval has this coverage
        return Interval(value, float("-inf"), float("inf"), n + m)
    return Interval(value, float(apart[cut - 1]), float(apart[-cut]), n + m)


def correction(n_people: int) -> float:
    """Return what makes Cohen's d an unbiased g: 1 - 3 / (4 (N - 2) - 1)."""
    return 1 - 3 / (4 * (n_people - 2) - 1)


def hedges_g(
    cases: FloatArray, controls: FloatArray, *, n_draws: int = N_DRAWS, seed: int = 1
) -> Interval:
    """Return Hedges g, difference of the means in pooled SD, with its BCa bootstrap interval."""
    return of_two_groups(cases, controls, _g, n_draws=n_draws, seed=seed)


def pooled_sd(cases: FloatArray, controls: FloatArray) -> float:
    """Return the SD within the groups, weighted by their degrees of freedom."""
    return float(np.sqrt(_pooled_variance(cases, controls)))


def _g(cases: FloatArray, controls: FloatArray) -> FloatArray:
    pooled = _pooled_variance(cases, controls)
    apart = cases.mean(axis=-1) - controls.mean(axis=-1)
    flat = pooled <= 0
    n_people = cases.shape[-1] + controls.shape[-1]
    g = apart / np.sqrt(np.where(flat, 1.0, pooled)) * correction(n_people)
    return np.where(flat, np.nan, g)


def _pooled_variance(cases: FloatArray, controls: FloatArray) -> FloatArray:
    n, m = cases.shape[-1], controls.shape[-1]
    squares = (n - 1) * cases.var(axis=-1, ddof=1) + (m - 1) * controls.var(axis=-1, ddof=1)
    return np.asarray(squares / (n + m - 2))


def hedges_g_of_summary(
    *, mean: tuple[float, float], sd: tuple[float, float], n: tuple[int, int]
) -> float:
    """Return Hedges g from means, SDs and numbers of people of cases and controls."""
    total = sum(n)
    pooled = ((n[0] - 1) * sd[0] ** 2 + (n[1] - 1) * sd[1] ** 2) / (total - 2)
    if pooled <= 0:
        return float("nan")
    return (mean[0] - mean[1]) / pooled**0.5 * correction(total)
