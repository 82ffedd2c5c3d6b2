"""Everything that is said of one variable of two groups, as columns of a table of results."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from solekit.layouts import FloatArray
from solekit.statistics import effects, two_groups
from solekit.statistics.bootstrap import Interval
from solekit.statistics.equivalence import tost

SIZES = ("cliffs_delta", "vargha_delaney_a", "r", "hodges_lehmann", "hedges_g")
_NAN = float("nan")
_NUMBERS = (
    *("p", "u", "z", "p_asymptotic", "p_exact", "p_permutation"),
    *("t_welch", "df_welch", "p_welch"),
    *(f"{size}{end}" for size in SIZES for end in ("", "_low", "_high")),
    *("margin", "p_equivalence", "difference_low", "difference_high"),
)
# The columns in their order, and what stands there where nothing can be said.
NOTHING = MappingProxyType({**dict.fromkeys(_NUMBERS, _NAN), "method": ""})


def tests(
    cases: FloatArray, controls: FloatArray, *, n_permutations: int, seed: int
) -> dict[str, Any]:
    """Return Mann-Whitney and Welch."""
    test = two_groups.mann_whitney(cases, controls, n_permutations=n_permutations, seed=seed)
    t, freedom, p = two_groups.welch(cases, controls)
    return {**vars(test), "t_welch": t, "df_welch": freedom, "p_welch": p}


def sizes(cases: FloatArray, controls: FloatArray, *, n_draws: int, seed: int) -> dict[str, float]:
    """Return the sizes of the difference with their intervals."""
    found: dict[str, Interval] = {
        "cliffs_delta": effects.cliffs_delta(cases, controls),
        "vargha_delaney_a": effects.vargha_delaney(cases, controls),
        "r": effects.rank_r(cases, controls),
        "hodges_lehmann": effects.hodges_lehmann(cases, controls),
        "hedges_g": effects.hedges_g(cases, controls, n_draws=n_draws, seed=seed),
    }
    out: dict[str, float] = {}
    for name, size in found.items():
        out |= {name: size.value, f"{name}_low": size.low, f"{name}_high": size.high}
    return out


def equivalence(
    cases: FloatArray, controls: FloatArray, *, margin: float, alpha: float
) -> dict[str, float]:
    """Return the two one-sided tests and the 90 % interval of the difference of the means.

    NaN where neither group varies.
    """
    if effects.pooled_sd(cases, controls) == 0:
        return {}
    equal = tost(cases, controls, margin=margin, alpha=alpha)
    return {
        "margin": margin,
        "p_equivalence": equal.p,
        "difference_low": equal.low,
        "difference_high": equal.high,
    }
