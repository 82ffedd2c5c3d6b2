"""How many people would show a difference of a given size, and which size these people show.

Student's t by the noncentral t distribution; Mann-Whitney by its asymptotic relative efficiency
of 3/pi for normal values, or from the chance A that a case is higher (Noether 1987, J Am Stat
Assoc 82:645). Two-sided. Planning only: power "achieved" by an effect just found tells nothing
that its p does not (Hoenig and Heisey 2001, Am Stat 55:19).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from solekit.errors import DataError

EFFICIENCY = 3 / math.pi  # of Mann-Whitney against t, for normal values (Pitman)
TESTS = ("t", "mann-whitney")
MAX_PEOPLE = 1_000_000  # in the smaller group; an effect that needs more is none


def power(
    d: float, n_cases: float, n_controls: float, *, alpha: float = 0.05, test: str = "t"
) -> float:
    """Return the chance to see ``d`` (difference in SD) with so many people."""
    if test not in TESTS:
        raise DataError(f"no test {test!r}; there are {', '.join(TESTS)}")
    share = EFFICIENCY if test == "mann-whitney" else 1.0
    n, m = n_cases * share, n_controls * share
    freedom = n + m - 2
    if freedom <= 0 or min(n, m) <= 0:
        raise DataError(f"{n_cases:g} and {n_controls:g} people: too few for a test")
    centre = abs(d) * math.sqrt(n * m / (n + m))
    edge = float(stats.t.ppf(1 - alpha / 2, freedom))
    # Far tails come back as NaN: of the side away from the effect nothing is left there, ...
    away = np.nan_to_num(stats.nct.cdf(-edge, freedom, centre))
    toward = stats.nct.sf(edge, freedom, centre)
    if np.isnan(toward):  # ... and the side of the effect is all on one side of the edge.
        toward = float(centre > edge)
    return float(np.clip(toward + away, 0.0, 1.0))


def detectable_d(
    n_cases: int, n_controls: int, *, chance: float = 0.8, alpha: float = 0.05, test: str = "t"
) -> float:
    """Return the smallest d that these people show with ``chance`` (power)."""
    _check_chance(chance, alpha)

    def off(d: float) -> float:
        return power(d, n_cases, n_controls, alpha=alpha, test=test) - chance

    found: Any = brentq(off, 1e-6, 50.0)
    return float(found)


def people_needed(
    d: float,
    *,
    controls_per_case: float = 1.0,
    chance: float = 0.8,
    alpha: float = 0.05,
    test: str = "t",
) -> tuple[int, int]:
    """Return how many cases and controls show ``d`` with ``chance``.

    DataError for an effect of zero, or so small that a million cases do not show it.
    """
    _check_chance(chance, alpha)
    if not controls_per_case > 0:
        raise DataError(f"{controls_per_case:g} controls per case: give a number above 0")

    def enough(n: int) -> bool:
        m = math.ceil(n * controls_per_case)
        return power(d, n, m, alpha=alpha, test=test) >= chance

    low, high = 2, 4
    while not (math.isfinite(d) and d and enough(high)):
        low, high = high, 2 * high
        if high > MAX_PEOPLE or not d or not math.isfinite(d):
            raise DataError(f"an effect of d = {d:g} is too small to be shown by people")
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low, math.ceil(low * controls_per_case)


def people_needed_for_a(
    a: float, *, share_of_cases: float = 0.5, chance: float = 0.8, alpha: float = 0.05
) -> int:
    """Return how many people in all show by Mann-Whitney that A is not 0.5 (Noether 1987).

    ``share_of_cases`` is the share of cases among them.
    """
    _check_chance(chance, alpha)
    if not 0 <= a <= 1 or a == 0.5:
        raise DataError(f"A = {a:g}: give the chance that a case is higher, other than 0.5")
    z = float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(chance))
    return math.ceil(z**2 / (12 * share_of_cases * (1 - share_of_cases) * (a - 0.5) ** 2))


def plan(
    d: float, n_cases: int, n_controls: int, *, chance: float = 0.8, alpha: float = 0.05
) -> dict[str, float]:
    """Return ``detectable_d`` by these people, ``cases_needed`` and ``controls_needed`` for ``d``.

    By Mann-Whitney for normal values, groups in the same proportion; NaN where people cannot show
    it. Without regard to other tests.
    """
    options: dict[str, Any] = {"chance": chance, "alpha": alpha, "test": "mann-whitney"}
    names = ("detectable_d", "cases_needed", "controls_needed")
    found: dict[str, float] = {name: math.nan for name in names}  # noqa: C420 - names of any text
    try:
        found["detectable_d"] = detectable_d(n_cases, n_controls, **options)
        need = people_needed(d, controls_per_case=n_controls / n_cases, **options)
    except (DataError, ZeroDivisionError):  # nobody, or no effect that people could show
        return found
    return found | {"cases_needed": need[0], "controls_needed": need[1]}


def _check_chance(chance: float, alpha: float) -> None:
    if not (0 < alpha < 1 and alpha < chance < 1):
        raise DataError(f"power {chance:g} at alpha {alpha:g}: give 0 < alpha < power < 1")
