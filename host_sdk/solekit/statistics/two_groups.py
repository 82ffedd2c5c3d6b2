"""Whether two groups differ: Mann-Whitney, Welch, and Shapiro-Wilk beside them.

Shapiro-Wilk (Royston 1995, Appl Stat 44:547) is reported and chooses nothing: with few people it
sees little, and a test chosen by another test has no known error.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import stats

from solekit.layouts import FloatArray
from solekit.statistics.effects import u_of, variance_of_u

N_PERMUTATIONS = 10_000
MAX_EXACT = 5000  # n1 * n2 for which the exact distribution of U is counted
_CHUNK = 1000  # permutations at a time


@dataclass(frozen=True)
class MannWhitney:
    """U of the cases, z with ties and continuity corrected, and three two-sided p.

    ``p`` is exact without ties, else asymptotic; ``p_exact`` is NaN with ties.
    """

    u: float
    z: float
    p: float
    p_asymptotic: float
    p_exact: float
    p_permutation: float
    method: str


def mann_whitney(
    cases: FloatArray,
    controls: FloatArray,
    *,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 1,
) -> MannWhitney:
    """Return the test of ``cases`` (n,) against ``controls`` (m,), all finite."""
    n, m = len(cases), len(controls)
    both = np.concatenate([cases, controls])
    u = u_of(cases, controls)
    sd = np.sqrt(variance_of_u(both, n))
    apart = u - n * m / 2
    z = float(np.sign(apart) * max(abs(apart) - 0.5, 0.0) / sd) if sd > 0 else 0.0
    p_asymptotic = float(2 * stats.norm.sf(abs(z)))
    p_exact = float("nan")
    if len(np.unique(both)) == n + m and n * m <= MAX_EXACT:
        p_exact = float(stats.mannwhitneyu(cases, controls, method="exact").pvalue)
    by_chance = _permutation_p(both, n, n_permutations=n_permutations, seed=seed)
    is_exact = np.isfinite(p_exact)
    return MannWhitney(
        u=u,
        z=z,
        p=p_exact if is_exact else min(p_asymptotic, 1.0),
        p_asymptotic=min(p_asymptotic, 1.0),
        p_exact=p_exact,
        p_permutation=by_chance,
        method="exact" if is_exact else "asymptotic, ties and continuity corrected",
    )


def _permutation_p(values: FloatArray, n: int, *, n_permutations: int, seed: int) -> float:
    """Return how often shuffled labels give a U as far from its mean, counting the data itself."""
    random = np.random.default_rng(seed)
    ranks = stats.rankdata(values)
    middle = n * (len(values) + 1) / 2
    far = abs(ranks[:n].sum() - middle) - 1e-9
    n_as_far, left = 0, n_permutations
    while left > 0:
        now = min(left, _CHUNK)
        drawn = random.permuted(np.broadcast_to(ranks, (now, len(ranks))), axis=1)[:, :n]
        n_as_far += int((np.abs(drawn.sum(axis=1) - middle) >= far).sum())
        left -= now
    return (n_as_far + 1) / (n_permutations + 1)


def welch(cases: FloatArray, controls: FloatArray) -> tuple[float, float, float]:
    """Return t, degrees of freedom and two-sided p of Welch's test (1947, Biometrika 34:28)."""
    return welch_of_summary(
        mean=(float(cases.mean()), float(controls.mean())),
        sd=(float(cases.std(ddof=1)), float(controls.std(ddof=1))),
        n=(len(cases), len(controls)),
    )


def welch_of_summary(
    *, mean: tuple[float, float], sd: tuple[float, float], n: tuple[int, int], shift: float = 0.0
) -> tuple[float, float, float]:
    """Return t, degrees of freedom and p from means, SDs and numbers of cases and controls.

    ``shift`` is the difference under the null hypothesis. NaN where nothing varies.
    """
    parts = [s**2 / k for s, k in zip(sd, n, strict=True)]
    error = sum(parts) ** 0.5
    if not error > 0:
        return float("nan"), float("nan"), float("nan")
    t = (mean[0] - mean[1] - shift) / error
    freedom = error**4 / sum(part**2 / (k - 1) for part, k in zip(parts, n, strict=True))
    return t, freedom, float(2 * stats.t.sf(abs(t), freedom))


def shapiro(values: FloatArray) -> tuple[float, float]:
    """Return W and p; NaN for fewer than 3 or more than 5000 people, or without variation."""
    if not 3 <= len(values) <= 5000 or np.ptp(values) == 0:
        return float("nan"), float("nan")
    with warnings.catch_warnings():  # a tiny range: W is what it is
        warnings.simplefilter("ignore")
        w, p = stats.shapiro(values)
    return float(w), float(p)
