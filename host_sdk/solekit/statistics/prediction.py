"""How well people of two groups are told apart by their variables, on people never seen before.

For research into variables. Not a diagnosis: people without a label are given a chance that rests
on the others of the table, with a reason to doubt it, and no model is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.layouts import FloatArray
from solekit.statistics.auc_interval import Met, of_repeats
from solekit.statistics.bootstrap import N_DRAWS, Interval, over_people
from solekit.statistics.columns import chosen, need
from solekit.statistics.names import tool_of
from solekit.statistics.nested import Fold, Units, cross_validate, need_sklearn, order_of
from solekit.statistics.ranges import FALSE_ALARMS
from solekit.statistics.reliability import (
    answers,
    brier,
    calibration_curve,
    calibration_error,
    never_excluded,
)
from solekit.statistics.unlabelled import has_label, judged, label_text, nobody

NOTICE = "Not a diagnosis: research use, not a medical device"
MIN_PEOPLE = 10


class PersonPrediction(Algorithm):
    """Predict a label of people by nested cross-validation, and say how far to believe it.

    Parameters
    ----------
    case
        Level of the label that is the case; '' for the last in the alphabet.
    variables
        Columns to predict from; empty for those of the dictionary, or all numbers.
    models
        Of 'logistic' (with an L2 penalty) and 'forest'; the inner folds choose.
    n_outer, n_inner, n_repeats
        Folds, and how often all is repeated with other folds.
    n_shuffles
        Runs with shuffled labels.
    error
        Share of wrong exclusions that the abstaining predictor may make in each class.
    min_people
        Fewest people of each class.
    both_labels
        Why a person may have both labels (before and after, say); '' refuses such a table.
    block
        Column of how people were recorded (site, day); a label that it determines is refused.
    n_bootstrap
        Draws of the intervals over people.
    seed
        Of folds, shuffles and bootstrap.

    Attributes
    ----------
    labels_
        Levels of case and control.
    auc_
        AUC with its 95 % interval for other people, judged and learned from (``auc_interval``).
    people_
        One row per person: label, chance, answer, and whether it is out of range of the others.
    unlabelled_
        The same of people without a label, judged by all that have one; which variables are out.
    calibration_
        Calibration curve.
    scores_
        Brier score, that of always saying the share of cases, and expected calibration error.
    abstention_
        Shares of people answered and covered, and accuracy of the answers with its interval.
    importance_
        Fall of the AUC when a variable is shuffled in the held-out folds, and SD over repeats.
    tools_
        AUC of the variables of each tool alone and of all.
    shuffled_
        AUC with shuffled labels: mean with interval, spread, share as high as the real one.
    chosen_
        How often each model was chosen.
    warnings_
        What to doubt, as sentences; the first says that this is no diagnosis.
    """

    labels_: tuple[str, str]
    auc_: Interval
    people_: pd.DataFrame
    unlabelled_: pd.DataFrame
    calibration_: pd.DataFrame
    scores_: dict[str, float]
    abstention_: dict[str, Any]
    importance_: pd.DataFrame
    tools_: pd.DataFrame
    shuffled_: dict[str, Any]
    chosen_: dict[str, int]
    warnings_: list[str]

    def __init__(
        self,
        *,
        case: str = "",
        variables: Sequence[str] = (),
        models: Sequence[str] = ("logistic",),
        n_outer: int = 5,
        n_inner: int = 4,
        n_repeats: int = 5,
        n_shuffles: int = 20,
        error: float = 0.1,
        min_people: int = MIN_PEOPLE,
        both_labels: str = "",
        block: str = "",
        n_bootstrap: int = N_DRAWS,
        seed: int = 1,
    ) -> None:
        self.case = case
        self.variables = variables
        self.models = models
        self.n_outer = n_outer
        self.n_inner = n_inner
        self.n_repeats = n_repeats
        self.n_shuffles = n_shuffles
        self.error = error
        self.min_people = min_people
        self.both_labels = both_labels
        self.block = block
        self.n_bootstrap = n_bootstrap
        self.seed = seed

    def evaluate(self, table: pd.DataFrame, *, label: str, person: str) -> Self:
        """Predict ``label`` of the people in column ``person`` of ``table``. Returns self.

        Rows of one person stay together and count as one. People whose label is empty are judged
        by all others. DataError if the label has not two levels, people are too few, or one has
        both labels.
        """
        need_sklearn()
        units, keys, names, self.warnings_ = self._units(table, label, person)
        runs = [self._run(units, k) for k in range(self.n_repeats)]
        met = [order_of(folds, units.is_case) for folds in runs]
        self.auc_ = self._interval(met)
        self._judge(runs, units, keys)
        self._explain(runs, units, names)
        self.tools_ = self._tools(units, names, met)
        self.shuffled_ = self._shuffled(units)
        self.unlabelled_ = self._unlabelled(table, label, person, units, names)
        return self

    def _units(
        self, table: pd.DataFrame, label: str, person: str
    ) -> tuple[Units, list[Any], list[str], list[str]]:
        """Return who is judged, their codes, the variables, and notes; sets ``labels_``."""
        need(table, [label, person, *([self.block] if self.block else [])])
        notes = [NOTICE]
        named = table[person].notna().to_numpy(dtype=bool)
        if n := int(np.sum(~named)):
            notes.append(f"{n} rows without a person are left out")
        rows = table.loc[named & has_label(table, label)]
        labels = np.array([label_text(value) for value in rows[label]], dtype=object)
        levels = sorted(set(labels))
        if len(levels) != 2:
            raise DataError(
                f"label {label!r} has {len(levels)} levels ({', '.join(levels[:6])}); give two"
            )
        case = self.case or levels[-1]
        if case not in levels:
            raise DataError(f"no level {case!r} of {label!r}; it has {' and '.join(levels)}")
        self.labels_ = (case, next(level for level in levels if level != case))
        if not self.case:
            notes.append(f"cases are {case}; --case names the other")
        self._check_block(rows, labels, notes)
        codes, who = np.unique(rows[person].astype(str).to_numpy(), return_inverse=True)
        is_case_row = labels == case
        key, unit = np.unique(2 * who + is_case_row, return_inverse=True)
        if len(key) > len(codes):
            n = len(key) - len(codes)
            if not self.both_labels:
                raise DataError(
                    f"{n} people have both labels; a label must belong to a person, or say with "
                    "--both-labels why it does not"
                )
            notes.append(f"{n} people have both labels ({self.both_labels}); left out together")
        is_case = key % 2 == 1
        fewest = min(int(is_case.sum()), int((~is_case).sum()))
        if fewest < max(self.min_people, self.n_outer):
            raise DataError(
                f"{fewest} people in the smaller class; prediction needs at least "
                f"{max(self.min_people, self.n_outer)} in each"
            )
        out = [label, person, *([self.block] if self.block else [])]
        names, note = chosen(rows, self.variables, but=out)
        notes += [note] if note else []
        values = rows[names].to_numpy(dtype=float)
        values = np.where(np.isfinite(values), values, np.nan)
        if fewest < 10 * len(names):
            notes.append(
                f"{fewest} people in the smaller class for {len(names)} variables: other people "
                "would teach another classifier"
            )
        notes += never_excluded(fewest, self.n_outer, error=self.error)
        if self.n_repeats == 1:
            notes.append("one repeat does not show what relearning changes: intervals too narrow")
        units = Units(values, unit, is_case, key // 2)
        return units, [codes[k] for k in units.person], names, notes

    def _check_block(self, rows: pd.DataFrame, labels: np.ndarray, notes: list[str]) -> None:
        if not self.block:
            return
        blocks = rows[self.block].astype(str).to_numpy()
        pure = [name for name in np.unique(blocks) if len(set(labels[blocks == name])) == 1]
        if len(pure) == len(np.unique(blocks)):
            raise DataError(
                f"every level of {self.block!r} has one label only: a difference between the "
                "labels cannot be told from one between the recordings"
            )
        if pure:
            notes.append(f"{self.block} {', '.join(pure)} has one label only")

    def _run(self, units: Units, k: int, *, explain: bool = True) -> list[Fold]:
        return cross_validate(
            units,
            models=tuple(self.models),
            n_outer=self.n_outer,
            n_inner=self.n_inner,
            seed=self.seed + 1000 * k,
            explain=explain,
        )

    def _interval(self, met: list[Met], *, difference: bool = False) -> Interval:
        return of_repeats(met, difference=difference, n_draws=self.n_bootstrap, seed=self.seed)

    def _unlabelled(
        self, table: pd.DataFrame, label: str, person: str, units: Units, names: list[str]
    ) -> pd.DataFrame:
        """Return what is said of people without a label, and warn of it."""
        asked = table.loc[~has_label(table, label) & table[person].notna().to_numpy(dtype=bool)]
        with_label = set(table.loc[has_label(table, label), person].dropna().astype(str))
        new = asked.loc[~asked[person].astype(str).isin(with_label).to_numpy(dtype=bool)]
        if n := len(asked) - len(new):
            self.warnings_.append(f"{n} rows without a label are of people with one; left out")
        if new.empty:
            return nobody()
        found = judged(
            units,
            new,
            names,
            person=person,
            labels=self.labels_,
            models=tuple(self.models),
            n_inner=self.n_inner,
            error=self.error,
            seed=self.seed,
        )
        n_out = int(np.sum(found["out_of_range"].to_numpy()))
        self.warnings_.append(
            f"{len(found)} people without a label are given a chance by all with one; out of "
            f"range of these: {n_out}. {NOTICE}"
        )
        return found

    def _judge(self, runs: list[list[Fold]], units: Units, keys: list[Any]) -> None:
        """Set what is said of the chances."""
        scores = np.zeros((len(runs), units.n))
        outside = np.zeros((len(runs), units.n))
        far = np.zeros((len(runs), units.n))
        for k, folds in enumerate(runs):
            for fold in folds:
                scores[k, fold.out] = fold.scores
                outside[k, fold.out] = fold.outside.sum(axis=1)
                far[k, fold.out] = fold.far
        mean, truth = scores.mean(axis=0), units.is_case
        self.calibration_ = calibration_curve(mean, truth)
        share = float(truth.mean())
        self.scores_ = {
            "brier": float(np.mean([brier(each, truth) for each in scores])),
            "brier_of_share": share * (1 - share),
            "calibration_error": calibration_error(self.calibration_),
        }
        said = [answers(folds, truth, error=self.error) for folds in runs]
        answered, right, covered = (
            np.mean([each[name].to_numpy(dtype=float) for each in said], axis=0)
            for name in ("answered", "right", "covered")
        )
        self.abstention_ = {
            "error": self.error,
            "answered": float(answered.mean()),
            "covered": float(covered.mean()),
            "accuracy": _share(answered, right, self.n_bootstrap, self.seed),
        }
        case, control = self.labels_
        is_far = far.mean(axis=0) > 0.5
        self.people_ = pd.DataFrame(
            {
                "person": keys,
                "label": np.where(truth, case, control),
                "chance": mean,
                "answered": answered,
                "n_outside": np.round(outside.mean(axis=0), 1),
                "out_of_range": is_far,
            }
        )
        if n := int(is_far.sum()):
            self.warnings_.append(
                f"{n} of {units.n} people are out of range of the others, in a variable or in all "
                f"together (about {FALSE_ALARMS * units.n:.1f} by chance); what is said of them "
                "is a guess"
            )

    def _explain(self, runs: list[list[Fold]], units: Units, names: list[str]) -> None:
        """Set importance and how often each model was chosen."""
        pairs = [
            sum(int(units.is_case[f.out].sum() * (~units.is_case[f.out]).sum()) for f in folds)
            for folds in runs
        ]
        falls = np.array(
            [sum(fold.change for fold in folds) / n for folds, n in zip(runs, pairs, strict=True)]
        )
        self.importance_ = (
            pd.DataFrame(
                {
                    "variable": names,
                    "tool": [tool_of(name) for name in names],
                    "auc_fall": falls.mean(axis=0),
                    "sd_of_repeats": falls.std(axis=0, ddof=1) if len(runs) > 1 else np.nan,
                }
            )
            .sort_values("auc_fall", ascending=False, kind="stable")
            .reset_index(drop=True)
        )
        models = [fold.model for folds in runs for fold in folds]
        self.chosen_ = {name: models.count(name) for name in sorted(set(models))}

    def _tools(self, units: Units, names: list[str], met: list[Met]) -> pd.DataFrame:
        """Return the AUC of each tool alone, with how much all variables add to it."""
        tools = [tool_of(name) for name in names]
        rows = [_tool_row("all", len(names), self.auc_, None)]
        for tool in dict.fromkeys(tools) if len(set(tools)) > 1 else ():
            columns = np.flatnonzero([each == tool for each in tools])
            part = units.with_columns(columns)
            runs = [self._run(part, k, explain=False) for k in range(self.n_repeats)]
            own = [order_of(folds, units.is_case) for folds in runs]
            more = [
                (all_ - alone, seen & also)
                for (all_, seen), (alone, also) in zip(met, own, strict=True)
            ]
            added = self._interval(more, difference=True)
            rows.append(_tool_row(tool, len(columns), self._interval(own), added))
        return pd.DataFrame(rows)

    def _shuffled(self, units: Units) -> dict[str, Any]:
        """Return what chance gives: labels shuffled over people, one run of folds each."""
        random = np.random.default_rng(self.seed)
        found = []
        for k in range(self.n_shuffles):
            mixed = units.with_labels(random.permutation(units.is_case))
            order, seen = order_of(self._run(mixed, k, explain=False), mixed.is_case)
            found.append(float(order[seen].mean()))
        if not found:
            return {"n": 0}
        auc = np.array(found)
        half = 1.96 * auc.std(ddof=1) / np.sqrt(len(auc)) if len(auc) > 1 else np.nan
        return {
            "n": len(auc),
            "mean": float(auc.mean()),
            "interval": [float(auc.mean() - half), float(auc.mean() + half)],
            "spread": [float(value) for value in np.percentile(auc, (2.5, 97.5))],
            "share_as_high": float((1 + (auc >= self.auc_.value).sum()) / (1 + len(auc))),
        }


def _share(answered: FloatArray, right: FloatArray, n_draws: int, seed: int) -> dict[str, Any]:
    """Return the share of answers that are right, with its interval over people."""
    people = list(zip(right.tolist(), answered.tolist(), strict=True))

    def share(parts: list[tuple[float, float]]) -> float:
        n = sum(part[1] for part in parts)
        return sum(part[0] for part in parts) / n if n else float("nan")

    if not answered.any():
        return {"value": float("nan"), "low": float("nan"), "high": float("nan")}
    found = over_people(people, share, n_draws=n_draws, seed=seed)
    return {"value": found.value, "low": found.low, "high": found.high}


def _tool_row(tool: str, n: int, auc: Interval, added: Interval | None) -> dict[str, Any]:
    row = {"tool": tool, "n_variables": n, "auc": auc.value, "low": auc.low, "high": auc.high}
    nan = float("nan")
    extra = (added.value, added.low, added.high) if added else (nan, nan, nan)
    return row | dict(zip(("all_adds", "adds_low", "adds_high"), extra, strict=True))
