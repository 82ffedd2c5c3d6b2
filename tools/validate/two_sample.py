"""Whether a classifier can tell two populations of people apart, and by what.

The classifier two-sample test (Lopez-Paz and Oquab 2017, Revisiting classifier two-sample tests,
ICLR): if a classifier cannot tell left-out members of two samples apart, the samples may be of one
population. The members are people, not strides: strides of one person are alike, so a person is
left out whole, every person counts the same however many strides there are, and labels are
shuffled by person. Every pair of a case and a control is left out in turn (Airola et al. 2011,
Comput Stat Data Anal 55:1828), which gives 0.5 for labels that mean nothing, in small and unequal
groups too.

The strides of all people are standardised and turned to their principal axes without a look at
the labels; a ridge penalty is the same after a rotation, and the fits become small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from solekit.errors import DataError
from solekit.layouts import BoolArray, FloatArray
from solekit.statistics.bootstrap import in_order, of_pairs
from solekit.statistics.logistic import ridge_logistic

PENALTY = 1.0  # on half the squared weights of standardised variables; fixed, never tuned
MIN_PEOPLE = 2  # of each group: one is left out, one is learned from
MAX_ROWS = 20  # of one person, evenly taken
KEPT_VARIANCE = 0.999
N_SHUFFLES = 40
BATCH = 16  # fits at a time


@dataclass(frozen=True, eq=False)
class People:
    """Rows of features (n, p), the person of each row (n,) from 0, and who is a case (people,)."""

    table: FloatArray
    person: np.ndarray
    is_case: BoolArray

    @property
    def weights(self) -> FloatArray:
        """Weight of each row, (n,): one for a whole person."""
        return 1.0 / np.bincount(self.person)[self.person]

    def means(self) -> FloatArray:
        """Return the mean row of each person, (people, p)."""
        sums = np.zeros((len(self.is_case), self.table.shape[1]))
        np.add.at(sums, self.person, self.table * self.weights[:, None])
        return sums


def people(cases: Sequence[FloatArray], controls: Sequence[FloatArray]) -> People:
    """Return two groups as one table; each array holds the rows (n, p) of one person."""
    arrays = [np.asarray(rows, dtype=float) for rows in (*cases, *controls)]
    if min(len(cases), len(controls)) < MIN_PEOPLE:
        raise DataError(
            f"{len(cases)} and {len(controls)} people: a two-sample test that leaves one of each "
            f"out needs at least {MIN_PEOPLE} in each group"
        )
    widths = {rows.shape[1] if rows.ndim == 2 and len(rows) else 0 for rows in arrays}
    if len(widths) != 1 or 0 in widths or not all(np.isfinite(rows).all() for rows in arrays):
        raise DataError(
            "the rows of the people differ in their number of features, are none or not finite; "
            "give (n, p) finite numbers per person"
        )
    arrays = [_thinned(rows) for rows in arrays]
    owner = np.repeat(np.arange(len(arrays)), [len(rows) for rows in arrays])
    is_case = np.arange(len(arrays)) < len(cases)
    return People(np.concatenate(arrays), owner, is_case)


def two_sample(
    group: People,
    *,
    penalty: float = PENALTY,
    n_shuffles: int = N_SHUFFLES,
    seed: int = 1,
) -> dict[str, Any]:
    """Return the AUC of left-out people, ``interval`` over people, and the shuffled control.

    ``shuffled_auc`` is the mean over labels shuffled by person, ``shuffled_spread`` the central
    95 % of the single shuffles and ``shuffled_at_least`` the share of them as high as the AUC:
    with few people chance reaches far.
    """
    axes = _principal(group)[0]
    order = left_out(axes, group, group.is_case, penalty=penalty)
    random = np.random.default_rng(seed)
    chance = np.array(
        [
            left_out(axes, group, random.permutation(group.is_case), penalty=penalty).mean()
            for _ in range(n_shuffles)
        ]
    )
    auc = of_pairs(order, seed=seed)
    return {
        "n_cases": int(group.is_case.sum()),
        "n_controls": int((~group.is_case).sum()),
        "auc": auc.value,
        "interval": [auc.low, auc.high],
        "shuffled_auc": float(chance.mean()) if n_shuffles else None,
        "shuffled_spread": np.percentile(chance, (2.5, 97.5)).tolist() if n_shuffles else None,
        "shuffled_at_least": float((chance >= auc.value).mean()) if n_shuffles else None,
    }


def left_out(
    axes: FloatArray, group: People, is_case: BoolArray, *, penalty: float = PENALTY
) -> FloatArray:
    """Return, per left-out case (row) and control (column), the share of row pairs in order."""
    case, control = np.flatnonzero(is_case), np.flatnonzero(~is_case)
    pairs = np.array([(i, j) for i in case for j in control])
    found = []
    for start in range(0, len(pairs), BATCH):
        part = pairs[start : start + BATCH]
        learns = np.where((group.person == part[:, :, None]).any(axis=1), 0.0, group.weights)
        x = np.broadcast_to(axes, (len(part), *axes.shape))
        fits = ridge_logistic(x, is_case[group.person], learns, penalty=penalty)
        for (i, j), weights in zip(part, fits, strict=True):
            score = axes @ weights[:-1]  # the intercept changes no order
            apart = score[group.person == i][:, None] - score[group.person == j][None, :]
            found.append(float(in_order(apart).mean()))
    return np.array(found).reshape(len(case), len(control))


def giveaways(
    group: People,
    *,
    block: int,
    n: int = 5,
    apart: int = 3,
    penalty: float = PENALTY,
) -> list[dict[str, Any]]:
    """Return the features with the largest standardised weights of one fit to all people.

    Each with ``feature``, ``weight`` (per SD), ``difference`` (mean of the cases' means minus the
    controls', in the unit of the feature) and ``effect`` (that over the SD of all rows). Features
    are curves of ``block`` points one after the other; a point closer than ``apart`` to one
    already taken of the same curve says the same and is passed over.
    """
    axes, turn, sd = _principal(group)
    case_rows = group.is_case[group.person]
    fit = ridge_logistic(axes[None], case_rows, group.weights[None], penalty=penalty)[0]
    weights = turn @ fit[:-1]
    means = group.means()
    difference = means[group.is_case].mean(axis=0) - means[~group.is_case].mean(axis=0)
    taken: list[int] = []
    for feature in np.argsort(-np.abs(weights)):
        near = [abs(feature - k) < apart and feature // block == k // block for k in taken]
        if len(taken) < n and not any(near):
            taken.append(int(feature))
    return [
        {
            "feature": k,
            "weight": float(weights[k]),
            "difference": float(difference[k]),
            "effect": float(difference[k] / sd[k]) if sd[k] > 0 else 0.0,
        }
        for k in taken
    ]


def _principal(group: People) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return rows on principal axes (n, k), the turn back to the features (p, k), and SD (p,)."""
    share = (group.weights / group.weights.sum())[:, None]
    mean = (share * group.table).sum(axis=0)
    sd = np.sqrt((share * (group.table - mean) ** 2).sum(axis=0))
    flat = sd <= 1e-9 * np.abs(mean) + 1e-12
    x = np.where(flat, 0.0, (group.table - mean) / np.where(flat, 1.0, sd))
    _, size, turn = np.linalg.svd(np.sqrt(share) * x, full_matrices=False)
    kept = np.cumsum(size**2) / max(float((size**2).sum()), 1e-300)
    n_kept = int(np.searchsorted(kept, KEPT_VARIANCE)) + 1
    turn = turn[:n_kept].T
    return x @ turn, turn, np.where(flat, 0.0, sd)


def _thinned(rows: FloatArray) -> FloatArray:
    if len(rows) <= MAX_ROWS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MAX_ROWS).round().astype(int)]
