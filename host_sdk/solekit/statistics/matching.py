"""A subset of two groups that are alike in what is not asked for, such as age and sex.

Pairs of a case and a control, each person at most once: as many pairs as can be, and of those the
closest (optimal matching, Rosenbaum 1989, J Am Stat Assoc 84:1024). Text columns must be equal;
numbers may differ by at most their caliper. Balance is told by standardised mean differences
before and after (Austin 2009, Stat Med 28:3083): below 0.1 is called balanced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.layouts import BoolArray, FloatArray
from solekit.statistics.columns import is_number, need

CALIPER_SD = 0.2  # where none is given; Cochran and Rubin 1973, Sankhya A 35:417
_FAR = 1e6  # what a pair that must not be costs: more than any that may


class PairMatching(Algorithm):
    """Match cases to controls in pairs.

    Parameters
    ----------
    columns
        What pairs must have in common: text exactly, numbers within a caliper.
    calipers
        Largest difference of a number in its unit, by column; without one 0.2 SD.

    Attributes
    ----------
    pairs_
        Rows of case and control of each pair, shape (n_pairs, 2).
    balance_
        Per column (and level of a text) the standardised mean difference before and after.
    warnings_
        What to doubt, as sentences.
    """

    pairs_: np.ndarray
    balance_: pd.DataFrame
    warnings_: list[str]

    def __init__(
        self, *, columns: Sequence[str] = (), calipers: Mapping[str, float] | None = None
    ) -> None:
        self.columns = columns
        self.calipers = calipers

    def match(self, table: pd.DataFrame, is_case: BoolArray) -> Self:
        """Match the people of ``table``, one row each; ``is_case`` (n,). Returns self.

        DataError if a column is absent, or a caliper is not above zero or of no column.
        """
        need(table, self.columns)
        calipers = dict(self.calipers or {})
        for name, width in calipers.items():
            if name not in self.columns or not is_number(table, name) or not width > 0:
                raise DataError(
                    f"caliper {width:g} of {name!r}: give a column of numbers, and > 0"
                )
        known = np.all(table[list(self.columns)].notna().to_numpy(), axis=1)
        cases, controls = np.flatnonzero(is_case & known), np.flatnonzero(~is_case & known)
        cost = np.zeros((len(cases), len(controls)))
        self.warnings_ = []
        for name in self.columns:
            values = table[name].to_numpy()
            one, other = values[cases][:, None], values[controls][None, :]
            if not is_number(table, name):
                cost += np.where(one == other, 0.0, _FAR)
                continue
            sd = _pooled_sd(values[is_case & known], values[~is_case & known])
            if name not in calipers:
                calipers[name] = CALIPER_SD * sd
                self.warnings_.append(
                    f"no caliper is given for {name}: {CALIPER_SD:g} SD = {calipers[name]:.3g} is "
                    "taken"
                )
            apart = np.abs(one.astype(float) - other.astype(float))
            cost += np.where(apart <= calipers[name], apart / (sd or 1.0), _FAR)
        row, column = linear_sum_assignment(cost)
        kept = cost[row, column] < _FAR
        self.pairs_ = np.stack([cases[row[kept]], controls[column[kept]]], axis=1)
        self.balance_ = _balance(table, self.columns, is_case, self.pairs_)
        if n_unknown := int((~known).sum()):
            self.warnings_.append(f"{n_unknown} people lack {', '.join(self.columns)}")
        n_cases = int(is_case.sum())
        if len(self.pairs_) < n_cases:
            self.warnings_.append(
                f"{len(self.pairs_)} of {n_cases} cases have a pair; the result is of those only"
            )
        return self


def _pooled_sd(cases: FloatArray, controls: FloatArray) -> float:
    """Return the root of the mean of the two variances."""
    both = [np.asarray(group, dtype=float) for group in (cases, controls)]
    return float(np.sqrt(np.mean([v.var(ddof=1) if len(v) > 1 else 0.0 for v in both])))


def _balance(
    table: pd.DataFrame, columns: Sequence[str], is_case: BoolArray, pairs: np.ndarray
) -> pd.DataFrame:
    rows = []
    for name in columns:
        if is_number(table, name):
            parts = {"": table[name].to_numpy(dtype=float)}
        else:
            there = table[name].notna().to_numpy()
            levels = sorted(table.loc[there, name].unique(), key=str)
            parts = {
                f" = {level}": np.where(there, (table[name] == level).to_numpy(float), np.nan)
                for level in levels
            }
        for level, values in parts.items():
            there = np.isfinite(values)
            before = values[is_case & there], values[~is_case & there]
            after = values[pairs[:, 0]], values[pairs[:, 1]]
            sd = _pooled_sd(*before)  # the same SD before and after: only the means may change
            rows.append(
                {
                    "variable": f"{name}{level}",
                    "smd_before": _smd(*before, sd),
                    "smd_after": _smd(*after, sd),
                }
            )
    return pd.DataFrame(rows, columns=["variable", "smd_before", "smd_after"])


def _smd(cases: FloatArray, controls: FloatArray, sd: float) -> float:
    if not len(cases) or not len(controls):
        return float("nan")
    apart = float(cases.mean() - controls.mean())
    return apart / sd if sd > 0 else (0.0 if apart == 0 else float("nan"))
