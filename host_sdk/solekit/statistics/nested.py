"""Nested cross-validation by person: what a classifier says of people it never saw.

The outer folds leave people out; inner folds among the others choose model and penalty by log
loss, so that no choice has seen who is judged. Of a fold only pairs within it are compared: both
were scored by one classifier that knows neither, which gives an AUC of 0.5 for labels that mean
nothing, where scores pooled over folds come out below (Airola et al. 2011, Comput Stat Data Anal
55:1828; Forman and Scholz 2010, SIGKDD Explor 12:49).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from solekit.errors import DataError, MissingExtraError
from solekit.layouts import BoolArray, FloatArray
from solekit.statistics.bootstrap import in_order
from solekit.statistics.logistic import chances, ridge_logistic
from solekit.statistics.ranges import beyond

PENALTIES = (100.0, 10.0, 1.0, 0.1)  # on half the squared weights of standardised variables
MODELS = ("logistic", "forest")
_N_TREES = 60
_MIN_LEAF = 3
_N_PERMUTATIONS = 3  # of a variable in a fold
IntArray = np.ndarray


@dataclass(frozen=True, eq=False)
class Units:
    """Who is judged: rows of variables (n, p), the unit of each row, case and person of each unit.

    A unit is a person; one with both labels is two units, which are always left out together.
    """

    rows: FloatArray
    unit: IntArray
    is_case: BoolArray
    person: IntArray

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.is_case)

    def weights(self) -> FloatArray:
        """Return the weight of each row: one for a whole unit, however many rows it has."""
        return 1.0 / np.bincount(self.unit, minlength=self.n)[self.unit]

    def mean(self, of_rows: FloatArray) -> FloatArray:
        """Return the mean of values of rows (n_rows,) for each unit; NaN without rows."""
        counts = np.bincount(self.unit, minlength=self.n)
        sums = np.bincount(self.unit, weights=of_rows, minlength=self.n)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    def with_labels(self, is_case: BoolArray) -> Units:
        """Return the same with other labels of the units."""
        return Units(self.rows, self.unit, is_case, self.person)

    def with_columns(self, columns: IntArray) -> Units:
        """Return the same with some of the variables."""
        return Units(self.rows[:, columns], self.unit, self.is_case, self.person)


@dataclass(frozen=True, eq=False)
class Fold:
    """What one outer fold gave: the units ``out``, their scores and what they rest on.

    ``known`` and ``known_scores`` are the other units and their scores in the inner folds;
    ``change`` (p,) is by how many pairs in order fewer there are when a variable is permuted.
    ``far`` says of each unit whether it is out of range of what was learned from, ``outside`` in
    which variables alone (``ranges``).
    """

    out: IntArray
    scores: FloatArray
    known: IntArray
    known_scores: FloatArray
    model: str
    change: FloatArray
    outside: BoolArray
    far: BoolArray


def cross_validate(
    units: Units,
    *,
    models: tuple[str, ...] = ("logistic",),
    n_outer: int = 5,
    n_inner: int = 4,
    seed: int = 1,
    explain: bool = True,
) -> list[Fold]:
    """Return the outer folds; ``explain`` adds importance and ranges."""
    from threadpoolctl import threadpool_limits

    random = np.random.default_rng(seed)
    with threadpool_limits(1):  # fits this small lose more by threads than they win
        return [
            _fold(units, out, models, n_inner, random, explain, explain)
            for out in left_out(units, n_outer, random)
        ]


def learn_all(
    units: Units,
    asked: IntArray,
    *,
    models: tuple[str, ...] = ("logistic",),
    n_inner: int = 4,
    seed: int = 1,
) -> Fold:
    """Return what all units but ``asked`` say of those, as a fold that leaves them out.

    Inner folds choose model and penalty; the label of who is asked is not looked at.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return _fold(units, asked, models, n_inner, np.random.default_rng(seed), False, True)


def left_out(units: Units, n: int, random: np.random.Generator) -> list[IntArray]:
    """Return which units each of ``n`` folds leaves out: whole people, classes in proportion."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    index, seed = np.arange(units.n), int(random.integers(2**31))
    if len(np.unique(units.person)) == units.n:  # units are people: the same, and much faster
        plain = StratifiedKFold(n, shuffle=True, random_state=seed)
        return [out for _, out in plain.split(index, units.is_case)]
    folds = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
    return [out for _, out in folds.split(index, units.is_case, units.person)]


def order_of(folds: list[Fold], is_case: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Return per case (row) and control (column) the order, and which pairs were compared."""
    n = len(is_case)
    order, seen = np.zeros((n, n)), np.zeros((n, n), dtype=bool)
    for fold in folds:
        block = np.ix_(fold.out, fold.out)
        order[block] = in_order(fold.scores[:, None] - fold.scores[None, :])
        seen[block] = True
    case, control = np.flatnonzero(is_case), np.flatnonzero(~is_case)
    return order[np.ix_(case, control)], seen[np.ix_(case, control)]


def _fold(
    units: Units,
    out: IntArray,
    models: tuple[str, ...],
    n_inner: int,
    random: np.random.Generator,
    explain: bool,
    judge_range: bool,
) -> Fold:
    is_out = np.zeros(units.n, dtype=bool)
    is_out[out] = True
    known = np.flatnonzero(~is_out)
    candidates = _candidates(models)
    inner = _subset(units, known)
    scores = _inner_scores(inner, left_out(inner, n_inner, random), candidates)
    chosen = int(np.argmin([_log_loss(each, inner.is_case) for each in scores]))
    x = _standardised(units, ~is_out)
    model = _fitted(units, x, ~is_out, candidates[chosen])
    found = units.mean(model(x))[out]
    p = x.shape[1]
    change = _changes(units, x, out, found, model, random) if explain else np.zeros(p)
    outside, far = np.zeros((len(out), p), dtype=bool), np.zeros(len(out), dtype=bool)
    if judge_range:
        means = np.column_stack([units.mean(column) for column in x.T])
        outside, far = beyond(means[~is_out], means[out])
    kind, penalty = candidates[chosen]
    name = f"{kind}, penalty {penalty:g}" if kind == "logistic" else kind
    return Fold(out, found, known, scores[chosen], name, change, outside, far)


def _candidates(models: tuple[str, ...]) -> list[tuple[str, float]]:
    unknown = [name for name in models if name not in MODELS]
    if unknown or not models:
        raise DataError(f"no model {(unknown or [''])[0]!r}; there are {', '.join(MODELS)}")
    logistic = [("logistic", penalty) for penalty in PENALTIES]
    return (logistic if "logistic" in models else []) + (
        [("forest", 0.0)] if "forest" in models else []
    )


def _subset(units: Units, kept: IntArray) -> Units:
    place = np.full(units.n, -1)
    place[kept] = np.arange(len(kept))
    rows = place[units.unit] >= 0
    unit = place[units.unit[rows]]
    return Units(units.rows[rows], unit, units.is_case[kept], units.person[kept])


def _standardised(units: Units, learns: BoolArray) -> FloatArray:
    """Return the rows with median for what is absent, mean 0 and SD 1, of who is learned from.

    A variable that does not vary there says nothing: zeros.
    """
    rows = learns[units.unit]
    seen = units.rows[rows]
    nobody = ~np.isfinite(seen).any(axis=0)
    filled = units.rows
    if not np.isfinite(filled).all():  # a median takes longer than a fit
        median = np.nanmedian(np.where(nobody, 0.0, seen), axis=0)
        filled = np.where(np.isfinite(filled), filled, median)
    weights = units.weights()[rows][:, None]
    mean = (weights * filled[rows]).sum(axis=0) / weights.sum()
    sd = np.sqrt((weights * (filled[rows] - mean) ** 2).sum(axis=0) / weights.sum())
    flat = (sd <= 1e-9 * np.abs(mean) + 1e-300) | nobody
    return np.where(flat, 0.0, (filled - mean) / np.where(flat, 1.0, sd))


def _inner_scores(
    inner: Units, parts: list[IntArray], candidates: list[tuple[str, float]]
) -> FloatArray:
    """Return the scores (candidates, units) that the inner folds give."""
    learns = np.ones((len(parts), inner.n), dtype=bool)
    for k, part in enumerate(parts):
        learns[k, part] = False
    x = np.stack([_standardised(inner, each) for each in learns])
    scores = np.zeros((len(candidates), inner.n))
    penalties = [penalty for kind, penalty in candidates if kind == "logistic"]
    weights = learns[:, inner.unit] * inner.weights()
    is_case = inner.is_case[inner.unit]
    for i, (kind, penalty) in enumerate(candidates):
        if kind == "logistic":
            continue
        for k, part in enumerate(parts):
            model = _fitted(inner, x[k], learns[k], (kind, penalty))
            scores[i, part] = inner.mean(model(x[k]))[part]
    if penalties:  # all folds and penalties in one go
        n_each = len(parts)
        fits = ridge_logistic(
            np.tile(x, (len(penalties), 1, 1)),
            is_case,
            np.tile(weights, (len(penalties), 1)),
            penalty=np.repeat(penalties, n_each),
        )
        for i in range(len(penalties)):  # the logistic ones come first
            for k, part in enumerate(parts):
                found = chances(x[k : k + 1], fits[i * n_each + k][None])[0]
                scores[i, part] = inner.mean(found)[part]
    return scores


def _fitted(
    units: Units, x: FloatArray, learns: BoolArray, candidate: tuple[str, float]
) -> Callable[[FloatArray], FloatArray]:
    """Return what gives the chance (n,) of a case for standardised rows (n, p)."""
    kind, penalty = candidate
    weights = learns[units.unit] * units.weights()
    is_case = units.is_case[units.unit]
    if kind == "logistic":
        fit = ridge_logistic(x[None], is_case, weights[None], penalty=penalty)
        return lambda rows: chances(rows[None], fit)[0]
    from sklearn.ensemble import RandomForestClassifier

    forest: Any = RandomForestClassifier(
        _N_TREES, min_samples_leaf=_MIN_LEAF, n_jobs=1, random_state=1
    )
    kept = weights > 0
    forest.fit(x[kept], is_case[kept], weights[kept])
    return lambda rows: np.asarray(forest.predict_proba(rows))[:, 1]


def _log_loss(scores: FloatArray, is_case: BoolArray) -> float:
    right = np.clip(np.where(is_case, scores, 1 - scores), 1e-12, 1.0)
    return float(-np.log(right).mean())


def _n_in_order(scores: FloatArray, is_case: BoolArray) -> float:
    return float(in_order(scores[is_case][:, None] - scores[~is_case][None, :]).sum())


def _changes(
    units: Units,
    x: FloatArray,
    out: IntArray,
    scores: FloatArray,
    model: Callable[[FloatArray], FloatArray],
    random: np.random.Generator,
) -> FloatArray:
    """Return how many pairs fewer are in order when a variable of the left out is shuffled."""
    place = np.full(units.n, -1)
    place[out] = np.arange(len(out))
    rows = np.flatnonzero(place[units.unit] >= 0)
    left = _subset(units, out)
    held, n, p = x[rows], len(rows), x.shape[1]
    mixed = np.tile(held, (p * _N_PERMUTATIONS, 1, 1))
    for k in range(len(mixed)):
        mixed[k, :, k % p] = held[random.permutation(n), k % p]
    chance = model(mixed.reshape(-1, p)).reshape(-1, n)
    base = _n_in_order(scores, left.is_case)
    lost = [base - _n_in_order(left.mean(each), left.is_case) for each in chance]
    return np.mean(np.reshape(lost, (_N_PERMUTATIONS, p)), axis=0)


def need_sklearn() -> None:
    """Raise MissingExtraError without scikit-learn."""
    try:
        import sklearn  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError("prediction", "predict") from error
