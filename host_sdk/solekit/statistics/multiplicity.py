"""Many tests at once: p adjusted within a family, so that chance alone does not find something.

Holm (1979, Scand J Stat 6:65) keeps the chance of one false finding below alpha; Benjamini and
Hochberg (1995, J R Stat Soc B 57:289) the expected share of false findings, and Benjamini and
Yekutieli (2001, Ann Stat 29:1165) that share whatever the variables depend on each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from solekit.errors import DataError
from solekit.layouts import FloatArray

METHODS = ("holm", "benjamini-hochberg", "benjamini-yekutieli", "none")


def adjusted(p: ArrayLike, *, method: str = "holm") -> FloatArray:
    """Return adjusted ``p`` (n,) of one family; NaN, a test that was not made, counts for none."""
    if method not in METHODS:
        raise DataError(f"no correction {method!r}; there are {', '.join(METHODS)}")
    p = np.asarray(p, dtype=float)
    out = np.full(p.shape, np.nan)
    there = np.flatnonzero(np.isfinite(p))
    if not len(there):
        return out
    if method == "none":
        out[there] = p[there]
        return out
    order = there[np.argsort(p[there], kind="stable")]
    sorted_p, n = p[order], len(order)
    rank = np.arange(1, n + 1)
    if method == "holm":
        steps = np.maximum.accumulate(sorted_p * (n - rank + 1))
    else:
        more = float((1 / rank).sum()) if method == "benjamini-yekutieli" else 1.0
        steps = np.minimum.accumulate((sorted_p * n * more / rank)[::-1])[::-1]
    out[order] = np.minimum(steps, 1.0)
    return out


def by_family(p: ArrayLike, families: Sequence[str], *, method: str = "holm") -> FloatArray:
    """Return ``p`` (n,) adjusted within each of ``families`` (n,)."""
    p, names = np.asarray(p, dtype=float), np.asarray(families)
    out = np.full(p.shape, np.nan)
    for name in np.unique(names):
        out[names == name] = adjusted(p[names == name], method=method)
    return out
