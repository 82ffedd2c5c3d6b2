"""What a reader should doubt in a table of two groups, from its printed numbers alone.

The limits of the checks were chosen while looking at the tables of Kim et al. 2023, so that what
is found there is no independent test of them. How often a table without an error is doubted is
measured on simulated ones (``python -m tools.bench prediction``): columns that are called clipped
though they are not, in 6 of 100 tables, and in 3 of the same 100 rounded to two digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from solekit.statistics import arithmetic, coincidences
from solekit.statistics.effects import hedges_g_of_summary
from solekit.statistics.findings import Finding, Row, checked_summary, rows_by, shown
from solekit.statistics.two_groups import welch_of_summary

SMALL_GROUP = 30  # fewer people show only large effects
# Mann-Whitney and Welch see the same difference: for normal values their z differ by 0.2 (1 SD).
_MAX_Z_APART = 2.0
_LARGE_G = 0.8  # Cohen's word for a large effect


def doubts(summary: pd.DataFrame) -> list[Finding]:
    """Return every finding of ``summary``: one row per group and variable.

    Columns group, variable, n, mean, median, sd, range, min, max, and p where one is printed. Of a
    table of several studies or visits give one at a time.
    """
    table = checked_summary(summary)
    found = list(arithmetic.incomplete(table))
    whole = table.dropna(subset=["n", "mean", "median", "sd", "range", "min", "max"])
    for check in (
        arithmetic.row_contradictions,
        arithmetic.range_contradictions,
        arithmetic.share_contradictions,
        arithmetic.whole_number_contradictions,
        coincidences.shared_extremes,
        coincidences.copied_columns,
        coincidences.clipped_columns,
        p_contradictions,
        untested,
        small_groups,
    ):
        found += check(whole)
    return found


def hedges(summary: pd.DataFrame, *, cases: str, controls: str) -> pd.Series:
    """Return Hedges g, cases minus controls, of every variable of a summary."""
    rows = checked_summary(summary).to_dict("records")
    by_key = {(row["variable"], row["group"]): row for row in rows}
    names = dict.fromkeys(row["variable"] for row in rows)
    out = {
        name: hedges_g_of_summary(**_pairs(by_key[name, cases], by_key[name, controls]))
        for name in names
    }
    return pd.Series(out, name="hedges_g")


def p_contradictions(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield printed p that fit neither the means nor the SDs beside them."""
    for name, one, other in _both(table):
        low, high = one["p_low"], one["p_high"]
        if np.isnan(high):
            continue
        p = welch_of_summary(**_pairs(one, other))[2]
        z = _z_of(p)
        least, most = _z_of(high), (_z_of(low) if low > 0 else np.inf)
        if z < least - _MAX_Z_APART or z > most + _MAX_Z_APART:
            g = hedges_g_of_summary(**_pairs(one, other))
            printed = f"< {shown(high)}" if low == 0 else shown(high)
            yield Finding(
                "p_value",
                "",
                (name,),
                f"{name}: p {printed} is printed, but means and SDs give p = {p:.2g} by Welch "
                f"(g = {g:+.2f}); very skewed values, or a wrong number",
            )


def untested(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield variables without a p beside others that have one, and a lack of any correction."""
    n_tests = len({row["variable"] for row in _tested(table)})
    if not n_tests:
        return
    for name, one, other in _both(table):
        if np.isnan(one["p_high"]):
            pairs = _pairs(one, other)
            g, p = hedges_g_of_summary(**pairs), welch_of_summary(**pairs)[2]
            large = " although the difference is large" if abs(g) >= _LARGE_G else ""
            yield Finding(
                "not_tested",
                "",
                (name,),
                f"{name} is not tested{large} (g = {g:+.2f}, p = {p:.2g} by Welch)",
            )
    if n_tests > 1 and "p_adjusted" not in table:
        yield Finding(
            "no_correction",
            "",
            (),
            f"{n_tests} tests without a correction for their number; use Holm or false discovery",
        )


def small_groups(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield groups of few people."""
    for group, rows in rows_by(table, "group").items():
        n = max(row["n"] for row in rows)
        if n < SMALL_GROUP:
            yield Finding(
                "small_group",
                str(group),
                (),
                f"{n:.0f} people in {group}: only large effects show, and intervals are wide",
            )


def _tested(table: pd.DataFrame) -> list[Row]:
    rows = rows_by(table, "variable").values()
    return [row for each in rows for row in each if not np.isnan(row["p_high"])]


def _both(table: pd.DataFrame) -> Iterator[tuple[str, Row, Row]]:
    for name, rows in rows_by(table, "variable").items():
        if len(rows) == 2 and all(row["n"] > 1 for row in rows) and any(r["sd"] > 0 for r in rows):
            yield name, rows[0], rows[1]


def _pairs(one: Row, other: Row) -> dict[str, Any]:
    return {
        "mean": (float(one["mean"]), float(other["mean"])),
        "sd": (float(one["sd"]), float(other["sd"])),
        "n": (int(one["n"]), int(other["n"])),
    }


def _z_of(p: float) -> float:
    return float(stats.norm.isf(max(p, 1e-300) / 2))
