"""The difference between two groups at equal age, sex or whatever else: covariate adjustment.

Least squares on group and covariates with errors that hold for unequal variances (HC3, MacKinnon
and White 1985, J Econom 29:305; Long and Ervin 2000, Am Stat 54:217), or the same on ranks
(Conover and Iman 1982, Biometrics 38:715).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from solekit.errors import DataError
from solekit.layouts import BoolArray, FloatArray
from solekit.statistics.columns import is_number, need

METHODS = ("ancova", "rank")


@dataclass(frozen=True)
class Adjusted:
    """Cases minus controls at equal covariates, with its 95 % interval; of ranks, in ranks."""

    difference: float
    low: float
    high: float
    p: float
    n_people: int


def adjusted_difference(
    values: FloatArray,
    is_case: BoolArray,
    covariates: pd.DataFrame,
    *,
    method: str = "ancova",
    coverage: float = 0.95,
) -> Adjusted:
    """Return the difference of ``values`` (n,) between the groups, adjusted for ``covariates``.

    People who lack one of them are left out. ``covariates`` (n rows): numbers, or text as levels.
    NaN where too few people are left or the covariates tell the groups apart completely.
    """
    if method not in METHODS:
        raise DataError(f"no adjustment {method!r}; there are {', '.join(METHODS)}")
    there = np.isfinite(values) & np.all(covariates.notna().to_numpy(), axis=1)
    y, case = values[there], is_case[there].astype(float)
    columns = design(covariates.loc[there], ranks=method == "rank")
    y = stats.rankdata(y) if method == "rank" else y
    x = np.column_stack([np.ones(len(y)), case, columns])
    none = Adjusted(float("nan"), float("nan"), float("nan"), float("nan"), len(y))
    n, k = x.shape
    if n <= k + 1 or np.linalg.matrix_rank(x) < k:
        return none
    inverse = np.linalg.inv(x.T @ x)
    weights = inverse @ x.T @ y
    leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
    if leverage.max() > 1 - 1e-9:  # somebody alone decides a level: his residual tells nothing
        return none
    bread = x * ((y - x @ weights) / (1 - leverage))[:, None]
    error = float(np.sqrt((inverse @ (bread.T @ bread) @ inverse)[1, 1]))
    if not error > 0:
        return none
    difference = float(weights[1])
    reach = float(stats.t.ppf((1 + coverage) / 2, n - k)) * error
    p = float(2 * stats.t.sf(abs(difference) / error, n - k))
    return Adjusted(difference, difference - reach, difference + reach, p, n)


def design(covariates: pd.DataFrame, *, ranks: bool = False) -> FloatArray:
    """Return covariates as centred columns (n, k); a text of L levels becomes L - 1 columns."""
    columns: list[FloatArray] = []
    for name in covariates.columns:
        if is_number(covariates, str(name)):
            values = covariates[name].to_numpy(dtype=float)
            values = stats.rankdata(values) if ranks else values
            sd = values.std()
            columns.append((values - values.mean()) / (sd if sd > 0 else 1.0))
            continue
        levels = sorted(covariates[name].astype(str).unique())
        columns += [
            (covariates[name].astype(str) == level).to_numpy(float) for level in levels[1:]
        ]
    # A constant column says nothing and would make the fit impossible.
    columns = [column for column in columns if np.ptp(column) > 0] if len(covariates) else []
    return np.column_stack(columns) if columns else np.zeros((len(covariates), 0))


def check_covariates(table: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise DataError if a covariate is absent, or text with so many levels that it is a name."""
    need(table, names)
    for name in names:
        n_levels = len(table[name].dropna().unique())
        if not is_number(table, name) and n_levels > max(2, len(table) // 5):
            raise DataError(f"covariate {name!r} has {n_levels} levels for {len(table)} people")
