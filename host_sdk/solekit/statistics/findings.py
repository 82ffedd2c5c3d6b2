"""What is doubtful in a table: one sentence per finding, and what the checks share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from solekit.errors import DataError

STATISTICS = ("mean", "median", "sd", "range", "min", "max")
KEYS = ("group", "variable", "n")
FALSE_ALARM = 0.001  # chance that a clean table shows so many coincidences
_MOST_DECIMALS = 7
Row = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """One doubt: the ``check`` that raised it, in which ``group`` ('' for both), on what."""

    check: str
    group: str
    variables: tuple[str, ...]
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def checked_summary(summary: pd.DataFrame) -> pd.DataFrame:
    """Return ``summary`` with numbers as numbers; DataError if a column or a key is wrong.

    One row per group and variable: group, variable, n, mean, median, sd, range, min, max, and p
    where one is printed ('< 0.001' is understood).
    """
    absent = [name for name in (*KEYS, *STATISTICS) if name not in summary]
    if absent:
        raise DataError(f"the summary has no column {absent[0]!r}; it needs {KEYS + STATISTICS}")
    out = summary.reset_index(drop=True).copy()
    for name in ("n", *STATISTICS):
        numbers: Any = pd.to_numeric(out[name], errors="coerce")
        out[name] = numbers.astype(float)
    out["group"], out["variable"] = out["group"].astype(str), out["variable"].astype(str)
    twice = out.loc[out.duplicated(["group", "variable"])]
    if len(twice):
        row = twice.iloc[0]
        raise DataError(f"{row['variable']!r} of group {row['group']!r} is there twice")
    limits = [p_limits(text) for text in (out["p"] if "p" in out else [None] * len(out))]
    out["p_low"], out["p_high"] = (np.array([pair[i] for pair in limits], float) for i in (0, 1))
    return out


def p_limits(text: object) -> tuple[float, float]:
    """Return between which values a printed p lies; NaN if there is none."""
    shown = str(text).replace("*", "").strip()
    is_below = shown.startswith("<")
    try:
        value = float(shown.lstrip("<= "))
    except ValueError:
        return float("nan"), float("nan")
    return (0.0, value) if is_below else (value, value)


def resolution(numbers: object) -> float:
    """Return the step (1, 0.1, ...) to which ``numbers`` are all rounded; 0 if to none."""
    values = np.asarray(numbers, dtype=float).reshape(-1)
    values = values[np.isfinite(values)]
    for decimals in range(_MOST_DECIMALS):
        if np.all(np.abs(values - np.round(values, decimals)) <= 1e-9 * (1 + np.abs(values))):
            return 10.0**-decimals
    return 0.0


def rows_by(table: pd.DataFrame, column: str) -> dict[str, list[Row]]:
    """Return the rows of ``table`` by what stands in ``column``, in the order of the table."""
    found: dict[str, list[Row]] = {}
    for row in table.to_dict("records"):
        found.setdefault(str(row[column]), []).append({str(k): v for k, v in row.items()})
    return found


def printed_step(summary: pd.DataFrame) -> float:
    """Return the step to which the statistics of a whole table are rounded."""
    return resolution(summary[list(STATISTICS)].to_numpy())


def families(names: list[str]) -> dict[str, dict[str, str]]:
    """Return {base: {statistic: name}} of variables named base_mean, _max, _min, _range.

    A side may follow: base_mean_left.
    """
    found: dict[str, dict[str, str]] = {}
    for name in names:
        base, _, kind = name.casefold().rpartition("_")
        side = ""
        if kind in ("left", "right"):
            side = f"_{kind}"
            base, _, kind = base.rpartition("_")
        if base and kind in ("mean", "max", "min", "range"):
            found.setdefault(base + side, {})[kind] = name
    return found


def shown(value: float) -> str:
    """Return ``value`` for a sentence."""
    return f"{value:.6g}"
