"""What cannot be: numbers of one table that contradict each other, whatever was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from solekit.statistics.findings import (
    STATISTICS,
    Finding,
    Row,
    families,
    printed_step,
    rows_by,
    shown,
)

# Names of shares that fill a stride, of both feet together; each set with what it must sum to.
_DOUBLE = ("double_support", "double_support_mean")
_SHARES_OFF_PCT = 2.0  # strides that lack an event count in one share and not in the other


def row_contradictions(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield what one row says against itself (order, range, SD and mean that no values have)."""
    step = printed_step(table)
    for row in table.to_dict("records"):
        n, low, high = row["n"], row["min"], row["max"]
        off = 0.5 * step + 1e-9 * (1 + abs(low) + abs(high))
        span, sd = high - low, row["sd"]
        says = []
        for name in ("mean", "median"):
            if not low - 2 * off <= row[name] <= high + 2 * off:
                says.append(f"its {name} {shown(row[name])} lies outside min to max")
        if abs(row["range"] - span) > 3 * off:
            says.append(f"its range {shown(row['range'])} is not max - min = {shown(span)}")
        # Bounds of an SD by the range (Popoviciu 1935; Thomson 1955) and of mean by median.
        if n > 1 and sd > (span / 2 + off) * math.sqrt(n / (n - 1)) + off:
            says.append(f"its SD {shown(sd)} is more than a range of {shown(span)} allows")
        if n > 1 and sd + off < (span - 2 * off) / math.sqrt(2 * (n - 1)):
            says.append(f"its SD {shown(sd)} is less than a range of {shown(span)} needs")
        if n > 1 and abs(row["mean"] - row["median"]) > sd * math.sqrt((n - 1) / n) + 3 * off:
            says.append("mean and median differ by more than one SD")
        for text in says:
            where = f"{row['variable']} of {row['group']}"
            yield Finding("row", row["group"], (row["variable"],), f"{where}: {text}")


def range_contradictions(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield where per-person ranges are not the maxima minus the minima of the same people."""
    step = printed_step(table)
    for group, rows in rows_by(table, "group").items():
        of = {str(row["variable"]): row for row in rows}
        for parts in families(list(of)).values():
            if not {"max", "min", "range"} <= parts.keys():
                continue
            top, bottom, range_ = (of[parts[k]] for k in ("max", "min", "range"))
            if not top["n"] == bottom["n"] == range_["n"]:
                continue  # not the same people: nothing must add up
            off = 1.5 * step + 1e-9 * (1 + abs(top["max"]) + abs(bottom["min"]))
            names = tuple(parts[k] for k in ("range", "max", "min"))
            due = top["mean"] - bottom["mean"]
            if abs(range_["mean"] - due) > off:
                yield Finding(
                    "range_mean",
                    str(group),
                    names,
                    f"{names[0]} of {group}: its mean {shown(range_['mean'])} must be mean "
                    f"{names[1]} - mean {names[2]} = {shown(due)}; are these the same people?",
                )
            least, most = top["min"] - bottom["max"], top["max"] - bottom["min"]
            for end, is_wrong, side, limit in (
                ("minimum", range_["min"] < least - off, "below", least),
                ("maximum", range_["max"] > most + off, "above", most),
            ):
                if is_wrong:
                    yield Finding(
                        "range_extreme",
                        str(group),
                        names,
                        f"{names[0]} of {group}: its {end} {shown(range_[end[:3]])} is {side} "
                        f"{shown(limit)}, which {names[1]} and {names[2]} of these people allow",
                    )


def share_contradictions(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield where double and single supports of both feet do not fill the stride."""
    for group, rows in rows_by(table, "group").items():
        mean = {str(row["variable"]).casefold(): float(row["mean"]) for row in rows}
        for double in _DOUBLE:
            names = [
                name for kind in (double, "single_support") for name in _both_sides(mean, kind)
            ]
            total = sum(mean[name] for name in names)
            if len(names) == 4 and abs(total - 100) > _SHARES_OFF_PCT:
                yield Finding(
                    "shares",
                    str(group),
                    tuple(row["variable"] for row in rows if row["variable"].casefold() in names),
                    f"double and single supports of both feet of {group} sum to "
                    f"{total:.1f} %, not 100 %",
                )
        for stance, swing in zip(
            _both_sides(mean, "stance_share"), _both_sides(mean, "swing_share"), strict=False
        ):
            total = mean[stance] + mean[swing]
            if abs(total - 100) > _SHARES_OFF_PCT:
                yield Finding(
                    "shares",
                    str(group),
                    (stance, swing),
                    f"{stance} and {swing} of {group} sum to {total:.1f} %, not 100 %",
                )


def _both_sides(mean: dict[str, float], kind: str) -> list[str]:
    """Return the names of ``kind`` for left and right, however the side is written."""
    for left, right in (("l_{}", "r_{}"), ("left_{}", "right_{}"), ("{}_left", "{}_right")):
        pair = [left.format(kind), right.format(kind)]
        if all(name in mean for name in pair):
            return pair
    return []


def whole_number_contradictions(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield means that n whole numbers cannot have (Brown and Heathers 2017, GRIM)."""
    step = printed_step(table)
    if not step:
        return
    counted = [name for name, rows in rows_by(table, "variable").items() if _counts(rows)]
    for group, every in rows_by(table, "group").items():
        rows = [row for row in every if row["variable"] in counted]
        n = int(max((row["n"] for row in rows), default=0))
        means = {str(row["variable"]): float(row["mean"]) for row in rows}
        wrong = [name for name, mean in means.items() if not _can_be(mean, n, step)]
        if not wrong or n * step >= 1 or any(row["n"] != n for row in rows):
            continue
        fits = [k for k in range(n, 1, -1) if all(_can_be(m, k, step) for m in means.values())]
        listed = ", ".join(f"{name} ({shown(means[name])})" for name in wrong)
        hint = f"; of {fits[0]:d} they could be" if fits else ""
        yield Finding(
            "whole_numbers",
            str(group),
            tuple(wrong),
            f"means of {group} that {n} whole numbers cannot have: {listed}{hint}",
        )


def _counts(rows: list[Row]) -> bool:
    """Return whether a variable seems to be counted in whole numbers."""
    numbers = [row[name] for row in rows for name in ("min", "max", "range")]
    return all(float(value).is_integer() for value in numbers + [2 * r["median"] for r in rows])


def _can_be(mean: float, n: float, step: float) -> bool:
    return abs(round(mean * n) / n - mean) <= 0.5 * step + 1e-9


def incomplete(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield rows with a number that is missing: no check sees them."""
    lacks = table[["n", *STATISTICS]].isna().any(axis=1)
    for row in table.loc[lacks, ["group", "variable"]].to_dict("records"):
        where = f"{row['variable']} of {row['group']}"
        yield Finding("incomplete", row["group"], (row["variable"],), f"{where} lacks a number")
