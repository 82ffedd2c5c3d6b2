"""Whether a predicted chance can be believed, and when a prediction should be withheld."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.stats import norm

from solekit.layouts import BoolArray, FloatArray
from solekit.statistics.nested import Fold

N_BINS = 10
_MIN_IN_BIN = 10


def brier(scores: FloatArray, is_case: BoolArray) -> float:
    """Return the mean squared error of the chances (Brier 1950); 0.25 for always one half."""
    return float(np.mean((scores - is_case) ** 2))


def calibration_curve(scores: FloatArray, is_case: BoolArray) -> pd.DataFrame:
    """Return bins of equally many people: predicted chance, share of cases, 95 % interval, n.

    Intervals by Wilson (1927, J Am Stat Assoc 22:209). As few bins as hold ten people each.
    """
    n_bins = int(np.clip(len(scores) // _MIN_IN_BIN, 1, N_BINS))
    rows = []
    for part in np.array_split(np.argsort(scores, kind="stable"), n_bins):
        n, share = len(part), float(is_case[part].mean())
        z = float(norm.ppf(0.975))
        middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        predicted = float(scores[part].mean())
        rows.append((predicted, share, middle - half, middle + half, n))
    return pd.DataFrame(rows, columns=["predicted", "observed", "low", "high", "n"])


def calibration_error(curve: pd.DataFrame) -> float:
    """Return the expected calibration error: the mean gap of the bins, weighted by people."""
    gap = np.abs(curve["predicted"].to_numpy() - curve["observed"].to_numpy())
    return float(np.average(gap, weights=curve["n"].to_numpy()))


def answers(folds: list[Fold], is_case: BoolArray, *, error: float) -> pd.DataFrame:
    """Return per unit which classes cannot be excluded (``possible_classes``), and if right.

    One class left is an answer; both or none is to abstain. Columns ``case`` and ``control``
    (possible), ``answered``, ``covered`` and ``right``, in the order of the units.
    """
    possible = np.zeros((len(is_case), 2), dtype=bool)
    for fold in folds:
        possible[fold.out] = possible_classes(fold, is_case, error=error)
    answered = possible.sum(axis=1) == 1
    holds_truth = np.where(is_case, possible[:, 0], possible[:, 1])
    return pd.DataFrame(
        {
            "case": possible[:, 0],
            "control": possible[:, 1],
            "answered": answered,
            "covered": holds_truth,
            "right": answered & holds_truth,
        }
    )


def possible_classes(fold: Fold, is_case: BoolArray, *, error: float) -> BoolArray:
    """Return whether each unit that ``fold`` left out (row) may be a case, and a control.

    A class is excluded if, of the known people of that class, at most a share ``error`` were as
    unlike it in the inner folds (cross-conformal prediction by class: Vovk 2015, Ann Math Artif
    Intell 74:9).
    """
    possible = np.zeros((len(fold.out), 2), dtype=bool)
    for column, is_class in enumerate((is_case, ~is_case)):
        unlike = (lambda s: 1 - s) if column == 0 else (lambda s: s)
        known = np.sort(unlike(fold.known_scores[is_class[fold.known]]))
        as_odd = len(known) - np.searchsorted(known, unlike(fold.scores), side="left")
        possible[:, column] = (as_odd + 1) / (len(known) + 1) > error
    return possible


def never_excluded(n_people: int, n_outer: int, *, error: float) -> list[str]:
    """Return a sentence if a class of ``n_people`` is too small to be excluded with ``error``."""
    known, least = n_people - math.ceil(n_people / n_outer), math.ceil(1 / error - 1)
    if known >= least:
        return []
    return [
        f"the smaller class is never excluded: an error of {error:.0%} takes {least} of its people"
        f" to learn from, {known} are there; few or none get an answer"
    ]
