"""Bootstrap intervals over people: who was measured varies more than how often.

Percentile intervals for any statistic of people, BCa intervals (Efron 1987, J Am Stat Assoc
82:171) for a statistic of two groups, and intervals for shares of pairs, as an AUC is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from solekit.layouts import BoolArray, FloatArray

N_DRAWS = 2000
COVERAGE = 0.95
Part = TypeVar("Part")


@dataclass(frozen=True)
class Interval:
    """A value with its interval over people; the interval is NaN with fewer than two people."""

    value: float
    low: float
    high: float
    n_people: int

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def over_people(
    parts: Sequence[Part],
    statistic: Callable[[list[Part]], float],
    *,
    n_draws: int = N_DRAWS,
    coverage: float = COVERAGE,
    seed: int = 1,
) -> Interval:
    """Return ``statistic`` of all ``parts``, one per person, with its percentile interval."""
    value, n = float(statistic(list(parts))), len(parts)
    if n < 2:
        return Interval(value, float("nan"), float("nan"), n)
    random = np.random.default_rng(seed)
    draws = [
        statistic([parts[i] for i in random.integers(0, n, n).tolist()]) for _ in range(n_draws)
    ]
    low, high = np.nanpercentile(draws, _percentiles(coverage))
    return Interval(value, float(low), float(high), n)


def mean_over_people(
    values: ArrayLike, people: ArrayLike, *, n_draws: int = N_DRAWS, seed: int = 1
) -> Interval:
    """Return the mean of the people's means of ``values`` (n,), and what other people may give.

    People, not rows, are drawn again: rows of one person are alike. A row that is NaN counts for
    nothing; a person with nothing else makes the mean NaN.
    """
    _, who = np.unique(np.asarray(people), return_inverse=True)
    values = np.asarray(values, dtype=float)
    there = ~np.isnan(values)
    n_rows = np.bincount(who, weights=there)
    means = np.bincount(who, weights=np.where(there, values, 0.0))
    means = np.where(n_rows > 0, means / np.maximum(n_rows, 1), np.nan)
    value, n = float(means.mean()), len(means)
    if n < 2:
        return Interval(value, float("nan"), float("nan"), n)
    drawn = np.random.default_rng(seed).integers(0, n, (n_draws, n))
    low, high = np.percentile(means[drawn].mean(axis=1), _percentiles(COVERAGE))
    return Interval(value, float(low), float(high), n)


def of_two_groups(
    cases: FloatArray,
    controls: FloatArray,
    statistic: Callable[[FloatArray, FloatArray], Any],
    *,
    n_draws: int = N_DRAWS,
    coverage: float = COVERAGE,
    seed: int = 1,
) -> Interval:
    """Return ``statistic(cases, controls)`` with its BCa interval; both groups are drawn again.

    ``statistic`` works on the last axis. The acceleration comes from leaving out one person at a
    time, of both groups (Efron and Tibshirani 1993, section 14.3, extended to two samples).
    """
    value = float(statistic(cases, controls))
    n, m = len(cases), len(controls)
    if min(n, m) < 2:
        return Interval(value, float("nan"), float("nan"), n + m)
    random = np.random.default_rng(seed)
    draws = np.asarray(
        statistic(
            cases[random.integers(0, n, (n_draws, n))],
            controls[random.integers(0, m, (n_draws, m))],
        )
    )
    draws = np.sort(draws[np.isfinite(draws)])
    if not len(draws) or draws[0] == draws[-1] or min(n, m) < 3:
        return Interval(value, float("nan"), float("nan"), n + m)
    below = (np.mean(draws < value) + np.mean(draws <= value)) / 2
    bias = norm.ppf(np.clip(below, 1 / (n_draws + 1), n_draws / (n_draws + 1)))
    bent = _acceleration(cases, controls, statistic)
    z = bias + norm.ppf(np.array([(1 - coverage) / 2, (1 + coverage) / 2]))
    share = norm.cdf(bias + z / (1 - bent * z))
    low, high = np.quantile(draws, share)
    return Interval(value, float(low), float(high), n + m)


def of_pairs(
    order: FloatArray,
    seen: BoolArray | None = None,
    *,
    n_draws: int = N_DRAWS,
    coverage: float = COVERAGE,
    seed: int = 1,
) -> Interval:
    """Return the mean of ``order`` (cases, controls) over the pairs ``seen``, with its interval.

    ``order`` is 1 where the case is higher, 0.5 for a tie, 0 else, so that the mean is an AUC.
    Cases and controls are drawn again; whatever scored them is not: what other people would have
    taught a classifier is not in the interval (``auc_interval`` adds it).
    """
    value, draws = draws_of_pairs(order, seen, n_draws=n_draws, seed=seed)
    if not len(draws):
        return Interval(value, float("nan"), float("nan"), sum(order.shape))
    low, high = np.percentile(draws, _percentiles(coverage))
    return Interval(value, float(low), float(high), sum(order.shape))


def draws_of_pairs(
    order: FloatArray,
    seen: BoolArray | None = None,
    *,
    n_draws: int = N_DRAWS,
    seed: int = 1,
) -> tuple[float, FloatArray]:
    """Return the mean of ``of_pairs`` and that of each draw; no draws of fewer than two people."""
    seen = np.ones(order.shape, dtype=bool) if seen is None else seen
    there, total = seen.astype(float), np.where(seen, order, 0.0)
    value = float(total.sum() / there.sum()) if there.sum() else float("nan")
    if min(order.shape) < 2:
        return value, np.zeros(0)
    random = np.random.default_rng(seed)
    case, control = (
        random.multinomial(n, np.full(n, 1 / n), size=n_draws).astype(float) for n in order.shape
    )
    n_pairs = np.einsum("dk,dk->d", case @ there, control)
    return value, np.einsum("dk,dk->d", case @ total, control)[n_pairs > 0] / n_pairs[n_pairs > 0]


def in_order(difference: FloatArray) -> FloatArray:
    """Return 1 where ``difference`` is positive, 0.5 where it is (all but) zero, else 0."""
    return np.where(np.abs(difference) < 1e-12, 0.5, (difference > 0).astype(float))


def _percentiles(coverage: float) -> list[float]:
    return [50 * (1 - coverage), 50 * (1 + coverage)]


def _acceleration(
    cases: FloatArray, controls: FloatArray, statistic: Callable[[FloatArray, FloatArray], Any]
) -> float:
    top = bottom = 0.0
    for which, group in enumerate((cases, controls)):
        n = len(group)
        rest = np.array([np.delete(group, i) for i in range(n)])
        other = (controls, cases)[which]
        fixed = np.broadcast_to(other, (n, len(other)))
        left = np.asarray(statistic(*((rest, fixed) if which == 0 else (fixed, rest))))
        pull = (n - 1) * (left.mean() - left)
        top += float((pull**3).sum()) / n**3
        bottom += float((pull**2).sum()) / n**2
    return top / (6 * bottom**1.5) if bottom > 0 else 0.0
