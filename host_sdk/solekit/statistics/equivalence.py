"""Two one-sided tests (Schuirmann 1987, J Pharmacokinet Biopharm 15:657): no difference, shown.

A large p of a test of difference is no proof of equality; that the difference lies within a
margin named beforehand can be shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats

from solekit.errors import DataError
from solekit.layouts import FloatArray
from solekit.statistics.two_groups import welch_of_summary

DEFAULT_MARGIN_SD = 0.5  # a medium effect; nobody's clinical judgement


@dataclass(frozen=True)
class Equivalence:
    """``p`` that the difference of the means lies outside +-``margin``; 90 % interval of it.

    The interval of 1 - 2 alpha lies within the margin exactly when p < alpha.
    """

    margin: float
    p: float
    low: float
    high: float


def tost(
    cases: FloatArray, controls: FloatArray, *, margin: float, alpha: float = 0.05
) -> Equivalence:
    """Return the test of equivalence of the means, by Welch; ``margin`` in units of the values."""
    if not margin > 0:
        raise DataError(f"margin {margin:g}: give the largest difference that means nothing, > 0")
    mean = float(cases.mean()), float(controls.mean())
    sd = float(cases.std(ddof=1)), float(controls.std(ddof=1))
    n = len(cases), len(controls)
    upper, freedom, _ = welch_of_summary(mean=mean, sd=sd, n=n, shift=margin)
    lower, _, _ = welch_of_summary(mean=mean, sd=sd, n=n, shift=-margin)
    p = max(float(stats.t.cdf(upper, freedom)), float(stats.t.sf(lower, freedom)))
    error = sum(s**2 / k for s, k in zip(sd, n, strict=True)) ** 0.5
    reach = float(stats.t.ppf(1 - alpha, freedom)) * error
    apart = mean[0] - mean[1]
    return Equivalence(margin, p, apart - reach, apart + reach)
