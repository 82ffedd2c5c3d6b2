"""What a table of people shows that its summary hides: copies, bounds, ranges by person.

A finding of here comes beside those of ``plausibility``, which need a summary only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from solekit.layouts import FloatArray
from solekit.statistics.findings import Finding, families, resolution, shown

_MIN_AT_BOUND = 4  # people at one extreme, and ...
_BOUND_SHARE = 0.05  # ... this share of all: more than ties of rounded values make
_COPIED_SHARE = 0.8  # of the people for whom two columns are the same
_MIN_DISTINCT = 5  # columns of fewer values (a count, a grade) are equal by chance


def doubts_of_people(table: pd.DataFrame, variables: Sequence[str]) -> list[Finding]:
    """Return every finding on the columns ``variables`` of ``table``, one row per person."""
    values = {name: table[name].to_numpy(dtype=float) for name in variables}
    return [*_constant(values), *_at_bounds(values), *_copies(values), *_ranges(values)]


def _constant(values: dict[str, FloatArray]) -> Iterator[Finding]:
    for name, column in values.items():
        there = column[np.isfinite(column)]
        if len(there) and np.ptp(there) == 0:
            yield Finding("constant", "", (name,), f"{name} is {shown(there[0])} for everybody")


def _at_bounds(values: dict[str, FloatArray]) -> Iterator[Finding]:
    """Yield columns of which many people have exactly the extreme, and few share other values."""
    for name, column in values.items():
        there = column[np.isfinite(column)]
        kinds, counts = np.unique(there, return_counts=True)
        if len(kinds) < _MIN_DISTINCT:
            continue
        for end, side in ((0, "minimum"), (-1, "maximum")):
            n_inside = int(np.delete(counts, end).max())
            n = int(counts[end])
            if n >= max(_MIN_AT_BOUND, _BOUND_SHARE * len(there)) and n > 2 * n_inside:
                yield Finding(
                    "at_bound",
                    "",
                    (name,),
                    f"{n} of {len(there)} people have the {side} of {name}, {shown(kinds[end])}: "
                    "it is a bound of the measurement, and extremes describe it",
                )


def _copies(values: dict[str, FloatArray]) -> Iterator[Finding]:
    names = [name for name in values if len(np.unique(values[name])) >= _MIN_DISTINCT]
    for one, other in combinations(names, 2):
        there = np.isfinite(values[one]) & np.isfinite(values[other])
        a, b = values[one][there], values[other][there]
        if there.sum() < _MIN_DISTINCT or len(np.unique(a)) < _MIN_DISTINCT:
            continue
        same = float((a == b).mean())
        if same >= _COPIED_SHARE:
            text = f"{other} equals {one} in {same:.0%} of the people: is one a copy?"
            yield Finding("copied", "", (one, other), text)


def _ranges(values: dict[str, FloatArray]) -> Iterator[Finding]:
    for parts in families(list(values)).values():
        if not {"max", "min", "range"} <= parts.keys():
            continue
        top, bottom, range_ = (values[parts[kind]] for kind in ("max", "min", "range"))
        off = 1.5 * resolution(np.concatenate([top, bottom, range_]))
        size = 1e-9 * (1 + np.abs(top) + np.abs(bottom))
        wrong = int((np.abs(range_ - (top - bottom)) > off + size).sum())
        if wrong:
            names = tuple(parts[kind] for kind in ("range", "max", "min"))
            text = f"{names[0]} is not {names[1]} - {names[2]} in {wrong} people"
            yield Finding("range", "", names, text)
