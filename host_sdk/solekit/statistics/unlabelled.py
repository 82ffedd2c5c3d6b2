"""People without a label, judged by all that have one. Not a diagnosis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from solekit.layouts import BoolArray
from solekit.statistics.nested import Units, learn_all
from solekit.statistics.reliability import possible_classes

NO_ANSWER = "no answer"
COLUMNS = ("person", "chance", "answer", "outside", "out_of_range", "model", "n_people")


def has_label(table: pd.DataFrame, column: str) -> BoolArray:
    """Return which rows have a label in ``column``: neither absent nor an empty text."""
    return np.array(
        [
            value is not None and value == value and str(value).strip() != ""
            for value in table[column]
        ],
        dtype=bool,
    )


def label_text(value: object) -> str:
    """Return a label as text: 1 also where absent labels beside it made it 1.0."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole and isinstance(value, float) else str(value)


def nobody() -> pd.DataFrame:
    """Return the table of no people."""
    return pd.DataFrame(columns=list(COLUMNS))


def judged(
    known: Units,
    rows: pd.DataFrame,
    names: Sequence[str],
    *,
    person: str,
    labels: tuple[str, str],
    models: tuple[str, ...],
    n_inner: int,
    error: float,
    seed: int,
) -> pd.DataFrame:
    """Return one row per person of ``rows``, who have no label, as ``known`` units see it.

    ``chance`` is that of ``labels[0]``; ``answer`` the one label that cannot be excluded, or
    'no answer' where both or none are left (``reliability.possible_classes``); ``outside`` names
    the variables in which somebody ``out_of_range`` is odd (``ranges``). A person without any
    value of ``names`` has no chance.
    """
    codes, who = np.unique(rows[person].astype(str).to_numpy(), return_inverse=True)
    values = rows[list(names)].to_numpy(dtype=float)
    values = np.where(np.isfinite(values), values, np.nan)
    n = known.n
    both = Units(
        np.concatenate([known.rows, values]),
        np.concatenate([known.unit, n + who]),
        np.concatenate([known.is_case, np.zeros(len(codes), dtype=bool)]),  # not looked at
        np.concatenate([known.person, known.person.max() + 1 + np.arange(len(codes))]),
    )
    asked = n + np.arange(len(codes))
    fold = learn_all(both, asked, models=models, n_inner=n_inner, seed=seed)
    possible = possible_classes(fold, both.is_case, error=error)
    empty = np.ones(len(codes), dtype=bool)
    empty[who[np.isfinite(values).any(axis=1)]] = False
    answered = (possible.sum(axis=1) == 1) & ~empty
    outside = fold.outside & ~empty[:, None]
    return pd.DataFrame(
        {
            "person": codes,
            "chance": np.where(empty, np.nan, fold.scores),
            "answer": np.where(answered, np.where(possible[:, 0], *labels), NO_ANSWER),
            "outside": [", ".join(np.array(names)[each]) for each in outside],
            "out_of_range": fold.far & ~empty,
            "model": fold.model,
            "n_people": n,
        },
        columns=list(COLUMNS),
    )
