"""What chance hardly does: shared extremes, copied columns, extremes at round bounds.

Each check weighs what it sees against what a clean table of this size and rounding shows by
chance, and speaks only when that is rare; nothing here is fitted to one table.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from solekit.statistics.findings import FALSE_ALARM, Finding, Row, resolution, rows_by, shown

ENDS = ("min", "max")
# Density of the difference of two extremes at zero, times the SD of the values: the extreme of 20
# to 60 normal values has an SD of about 0.45 of theirs, and 1 / (2 sqrt(pi) 0.45) = 0.63.
_DENSITY = 0.63
_PAIR_DENSITY = _DENSITY * 2**0.5  # the same for two variables, times the root of their variances
_LEAST_TAIL = 0.02  # a short tail may be the shape of the values: it weighs no more than this
_MAX_FALSE_SHARE = 0.05  # of clipped columns that are none (Benjamini and Hochberg)
_PER_TEN = 1.2  # round numbers, multiples of 10 and of 25, in an interval of 10


def shared_extremes(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield the variables that have the same extreme in both groups, if they are too many."""
    seen: list[tuple[str, str, float]] = []
    expected = 0.0
    for name, rows in rows_by(table, "variable").items():
        if len(rows) != 2 or not all(row["sd"] > 0 for row in rows):
            continue
        chance = min(1.0, _DENSITY * _grain(rows) / min(row["sd"] for row in rows))
        for end in ENDS:
            one, other = (row[end] for row in rows)
            if chance < 0.01 and one != 0:  # nothing is below zero in many variables
                expected += chance
                if one == other:
                    seen.append((str(name), end, float(one)))
    if seen and stats.poisson.sf(len(seen) - 1, expected) < FALSE_ALARM:
        listed = ", ".join(f"{name} {end} {shown(value)}" for name, end, value in seen)
        yield Finding(
            "shared_extremes",
            "",
            tuple(name for name, _, _ in seen),
            f"the same extremes in both groups: {listed}; is somebody in both, or was moved?",
        )


def copied_columns(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield pairs of variables of one group with the same minimum and maximum."""
    seen: list[tuple[str, str, str]] = []
    expected = 0.0
    for group, rows in rows_by(table, "group").items():
        vary = [{**row, "grain": _grain([row])} for row in rows if row["sd"] > 0]
        for one, other in combinations(vary, 2):
            spread = math.hypot(one["sd"], other["sd"])
            near = math.exp(-0.5 * ((one["mean"] - other["mean"]) / spread) ** 2) / spread
            grain = max(one["grain"], other["grain"])
            chance = min(1.0, _PAIR_DENSITY * grain * near) ** 2
            if chance < 0.01:
                expected += chance
                if all(one[end] == other[end] for end in ENDS):
                    seen.append((group, one["variable"], other["variable"]))
    if seen and stats.poisson.sf(len(seen) - 1, expected) < FALSE_ALARM:
        for group, one, other in seen:
            yield Finding(
                "copied",
                group,
                (one, other),
                f"{other} of {group} has minimum and maximum of {one}: is one a copy?",
            )


def clipped_columns(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield variables whose extremes stop short before a round number.

    For each end: how near the extreme is to the next round number, and how short the tail is for
    normal values (P(all n below it)), joined by Fisher's method for both groups or for one alone.
    """
    tests: list[tuple[float, str, str, float]] = []
    for name, rows in rows_by(table, "variable").items():
        for end in ENDS:
            tried = [_at_bound(row, end) for row in rows if row["sd"] > 0]
            found = [each for each in tried if each is not None]
            options = [(_joined([each]), each[0]) for each in found]
            if len(found) == 2 and found[0][0] == found[1][0]:
                options.append((_joined(found), found[0][0]))
            if options:
                p, bound = min(options)
                tests.append((min(1.0, 3 * p), str(name), end, bound))
    tests.sort()
    passed = [i for i, t in enumerate(tests) if t[0] <= _MAX_FALSE_SHARE * (i + 1) / len(tests)]
    for _, name, end, bound in tests[: passed[-1] + 1 if passed else 0]:
        side, what = ("below", "above") if end == "max" else ("above", "below")
        yield Finding(
            "clipped",
            "",
            (name,),
            f"{name} stops just {side} {shown(bound)}: were values {what} it discarded or capped? "
            "Then its extremes describe the bound, not the person",
        )


def _at_bound(row: Row, end: str) -> tuple[float, float, float] | None:
    """Return the next round number, and the chances of being so near it and of so short a tail."""
    sign = 1.0 if end == "max" else -1.0
    extreme = row[end]
    size = abs(extreme)
    if not np.isfinite(extreme) or size == 0:
        return None
    decade = np.floor(np.log10(size))
    scale = 10.0 ** (decade - 1 if decade > 2 else min(decade, 1))
    steps = scale * np.array([1.0, 2.5])
    bounds = sign * np.ceil(np.round(sign * extreme / steps, 9)) * steps
    bound = float(bounds[np.argmin(np.abs(bounds - extreme))])
    if abs(bound) < 1e-12:
        return None  # many variables cannot be negative
    near = (abs(bound - extreme) + resolution([extreme]) / 2) * _PER_TEN / scale
    tail = stats.norm.cdf(sign * (extreme - row["mean"]) / row["sd"]) ** row["n"]
    return bound, min(1.0, float(near)), max(_LEAST_TAIL, float(tail))


def _joined(found: list[tuple[float, float, float]]) -> float:
    chances = np.clip([p for each in found for p in each[1:]], 1e-300, 1.0)
    return float(stats.chi2.sf(-2 * np.log(chances).sum(), 2 * len(chances)))


def _grain(rows: list[Row]) -> float:
    return resolution([row[end] for row in rows for end in ENDS])
