"""Two groups of people compared, variable by variable, with everything that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import stats

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.layouts import BoolArray, FloatArray
from solekit.statistics import effects, one_variable, two_groups
from solekit.statistics.adjust import adjusted_difference, check_covariates
from solekit.statistics.columns import chosen, need
from solekit.statistics.equivalence import DEFAULT_MARGIN_SD
from solekit.statistics.findings import Finding, rows_by
from solekit.statistics.matching import PairMatching
from solekit.statistics.multiplicity import METHODS, by_family
from solekit.statistics.names import tool_of
from solekit.statistics.people_checks import doubts_of_people
from solekit.statistics.plausibility import doubts
from solekit.statistics.study_tables import summary_of

MIN_PEOPLE = 3  # of a group, or nothing is tested
ALPHA = 0.05


class GroupComparison(Algorithm):
    """Compare two groups of people: tests, sizes, intervals, confounders, and what to doubt.

    Mann-Whitney is the main test, Welch stands beside it, Shapiro-Wilk chooses neither.
    Differences are cases minus controls.

    Parameters
    ----------
    reference
        Level of the group column that is the controls; '' for the first in the alphabet.
    variables
        Columns to test; empty for those of the dictionary, or all numbers.
    covariates
        Columns to adjust for.
    adjustment
        'ancova' (least squares with HC3) or 'rank'.
    match
        Columns in which a matched subset must be alike.
    calipers
        Largest difference of a pair in a matched number, by column.
    margin_sd
        Largest difference that means nothing, in pooled SD; None for 0.5 and a warning.
    margins
        The same in the unit of the variable, by column; goes before ``margin_sd``.
    families
        'all' for one family of tests, 'tool' for one per tool, or columns by name of the family.
    correction
        'holm', 'benjamini-hochberg', 'benjamini-yekutieli' or 'none'.
    alpha
        Chance of a false finding.
    n_permutations, n_bootstrap
        Draws of the permutation test and of the bootstrap of Hedges g.
    seed
        Of both.

    Attributes
    ----------
    groups_
        Levels of cases and controls.
    results_
        One row per variable: tests, sizes with intervals, equivalence, adjusted difference.
    summary_
        One row per variable and group: the table of a study, with p and adjusted p.
    normality_
        Shapiro-Wilk of both groups.
    matched_
        ``results_`` of the matched subset, with Wilcoxon's test of the pairs; empty without.
    balance_
        Standardised mean differences before and after matching; empty without.
    findings_
        What the checks doubt.
    warnings_
        All of it as sentences, notes on what was done included.
    """

    groups_: tuple[str, str]
    results_: pd.DataFrame
    summary_: pd.DataFrame
    normality_: pd.DataFrame
    matched_: pd.DataFrame
    balance_: pd.DataFrame
    findings_: list[Finding]
    warnings_: list[str]

    def __init__(
        self,
        *,
        reference: str = "",
        variables: Sequence[str] = (),
        covariates: Sequence[str] = (),
        adjustment: str = "ancova",
        match: Sequence[str] = (),
        calipers: Mapping[str, float] | None = None,
        margin_sd: float | None = None,
        margins: Mapping[str, float] | None = None,
        families: str | Mapping[str, Sequence[str]] = "all",
        correction: str = "holm",
        alpha: float = ALPHA,
        n_permutations: int = two_groups.N_PERMUTATIONS,
        n_bootstrap: int = effects.N_DRAWS,
        seed: int = 1,
    ) -> None:
        self.reference = reference
        self.variables = variables
        self.covariates = covariates
        self.adjustment = adjustment
        self.match = match
        self.calipers = calipers
        self.margin_sd = margin_sd
        self.margins = margins
        self.families = families
        self.correction = correction
        self.alpha = alpha
        self.n_permutations = n_permutations
        self.n_bootstrap = n_bootstrap
        self.seed = seed

    def compare(self, table: pd.DataFrame, *, group: str, ignore: Sequence[str] = ()) -> Self:
        """Compare the people of ``table``, one row each, by its column ``group``. Returns self.

        ``ignore`` are columns that are no variables (a person's code). DataError unless there are
        two groups of at least three people, and the options fit the table.
        """
        self._check(table)
        labels, notes = self._labels(table, group)
        there = labels.notna()
        table, labels = (
            table.loc[there].reset_index(drop=True),
            labels[there].reset_index(drop=True),
        )
        cases, controls = self.groups_
        is_case = (labels == cases).to_numpy(dtype=bool)
        names, note = chosen(
            table, self.variables, but=[group, *self.covariates, *self.match, *ignore]
        )
        notes += [note] if note else []
        if self.margin_sd is None and not set(names) <= set(self.margins or {}):
            notes.append(
                f"no margin of equivalence is given: {DEFAULT_MARGIN_SD:g} SD is taken, which is "
                "nobody's clinical judgement; name what difference means nothing"
            )
        family = self._family_of(names)
        self.results_ = self._results(table, names, is_case, family)
        self.normality_ = _normality(table, names, {cases: is_case, controls: ~is_case})
        self.summary_ = summary_of(table, labels, variables=names, order=self.groups_).merge(
            self.results_[["variable", "p", "p_adjusted"]], on="variable", how="left"
        )
        notes += self._matched(table, names, is_case, family)
        printed = self.summary_.drop(columns="p_adjusted" if self.correction == "none" else [])
        self.findings_ = [*doubts(printed), *doubts_of_people(table, names)]
        for who, rows in rows_by(self.summary_, "group").items():
            if n := max(row["n_missing"] for row in rows):
                notes.append(f"a variable is absent in {n} people of {who}")
        self.warnings_ = [*notes, *(str(finding) for finding in self.findings_)]
        return self

    def _check(self, table: pd.DataFrame) -> None:
        need(table, [*self.match])
        check_covariates(table, self.covariates)
        if self.correction not in METHODS:
            raise DataError(f"no correction {self.correction!r}; there are {', '.join(METHODS)}")
        if not 0 < self.alpha < 0.5:
            raise DataError(f"alpha {self.alpha:g}: give a chance above 0 and below 0.5")

    def _labels(self, table: pd.DataFrame, group: str) -> tuple[Any, list[str]]:
        """Return the group of each row as text, and notes; sets ``groups_``."""
        need(table, [group])
        labels: Any = table[group].astype(object).map(str, na_action="ignore")
        levels = sorted(str(level) for level in labels.dropna().unique())
        if len(levels) != 2:
            raise DataError(
                f"column {group!r} has {len(levels)} groups ({', '.join(levels[:6])}); "
                "keep the rows of two"
            )
        if self.reference and self.reference not in levels:
            raise DataError(
                f"no group {self.reference!r} in column {group!r}; it has {' and '.join(levels)}"
            )
        controls = self.reference or levels[0]
        self.groups_ = (next(level for level in levels if level != controls), controls)
        notes = [] if self.reference else [f"controls are {controls}; --reference names others"]
        if n := int(labels.isna().sum()):
            notes.append(f"{n} people without a group are left out")
        fewest = int(labels.value_counts().min())
        if fewest < MIN_PEOPLE:
            raise DataError(f"{fewest} people in the smaller group; at least {MIN_PEOPLE} in each")
        return labels, notes

    def _family_of(self, names: list[str]) -> list[str]:
        if isinstance(self.families, str):
            if self.families not in ("all", "tool"):
                raise DataError(f"no families {self.families!r}: 'all', 'tool', or name=columns")
            return [tool_of(name) if self.families == "tool" else "all" for name in names]
        family = dict.fromkeys(names, "rest")
        for title, members in self.families.items():
            for name in members:
                if name not in family or family[name] != "rest":
                    raise DataError(
                        f"{name!r} of family {title!r} is not tested, or in two families"
                    )
                family[name] = title
        return list(family.values())

    def _results(
        self, table: pd.DataFrame, names: list[str], is_case: BoolArray, family: list[str]
    ) -> pd.DataFrame:
        covariates = table.loc[:, list(self.covariates)]
        rows = [
            self._one(name, table[name].to_numpy(dtype=float), is_case, covariates)
            for name in names
        ]
        out = pd.DataFrame(rows)
        out.insert(1, "family", family)
        adjusted = by_family(out["p"].to_numpy(), family, method=self.correction)
        out.insert(list(out.columns).index("p") + 1, "p_adjusted", adjusted)
        out["differs"] = adjusted < self.alpha
        out["equivalent"] = out["p_equivalence"] < self.alpha
        return out

    def _one(
        self, name: str, values: FloatArray, is_case: BoolArray, covariates: pd.DataFrame
    ) -> dict[str, Any]:
        """Return the row of one variable; what cannot be said is NaN."""
        there = np.isfinite(values)
        cases, controls = values[there & is_case], values[there & ~is_case]
        can_tell = min(len(cases), len(controls)) >= MIN_PEOPLE and np.ptp(values[there]) > 0
        row: dict[str, Any] = {
            "variable": name,
            "n_cases": len(cases),
            "n_controls": len(controls),
            **one_variable.NOTHING,
        }
        if can_tell:
            row |= one_variable.tests(
                cases, controls, n_permutations=self.n_permutations, seed=self.seed
            )
            row |= one_variable.sizes(cases, controls, n_draws=self.n_bootstrap, seed=self.seed)
            margin = self._margin(name, cases, controls)
            row |= one_variable.equivalence(cases, controls, margin=margin, alpha=self.alpha)
        if self.covariates:
            method = self.adjustment
            found = adjusted_difference(values, is_case, covariates, method=method)
            row |= {f"adjusted_{key}": value for key, value in vars(found).items()}
        return row

    def _margin(self, name: str, cases: FloatArray, controls: FloatArray) -> float:
        """Return the margin of equivalence in the unit of the variable."""
        if name in (self.margins or {}):
            return float((self.margins or {})[name])
        share = DEFAULT_MARGIN_SD if self.margin_sd is None else self.margin_sd
        return share * effects.pooled_sd(cases, controls)

    def _matched(
        self, table: pd.DataFrame, names: list[str], is_case: BoolArray, family: list[str]
    ) -> list[str]:
        """Set ``matched_`` and ``balance_``; return notes."""
        self.matched_, self.balance_ = pd.DataFrame(), pd.DataFrame()
        if not self.match:
            return []
        matching = PairMatching(columns=self.match, calipers=self.calipers).match(table, is_case)
        self.balance_ = matching.balance_
        pairs = matching.pairs_
        if len(pairs) < MIN_PEOPLE:
            return [*matching.warnings_, f"{len(pairs)} pairs are too few to compare"]
        rows = pairs.T.reshape(-1)
        subset = table.loc[rows].reset_index(drop=True)
        self.matched_ = self._results(subset, names, np.arange(len(rows)) < len(pairs), family)
        apart = [
            table[name].to_numpy(dtype=float)[pairs[:, 0]]
            - table[name].to_numpy(dtype=float)[pairs[:, 1]]
            for name in names
        ]
        self.matched_["p_wilcoxon"] = [_wilcoxon(each[np.isfinite(each)]) for each in apart]
        return matching.warnings_


def _wilcoxon(apart: FloatArray) -> float:
    """Return p of the signed ranks of differences within pairs; NaN if there are none."""
    if len(apart) < MIN_PEOPLE or not np.any(apart):
        return float("nan")
    found: Any = stats.wilcoxon(apart, method="auto" if np.all(apart) else "asymptotic")
    return float(found.pvalue)


def _normality(
    table: pd.DataFrame, names: list[str], groups: Mapping[str, BoolArray]
) -> pd.DataFrame:
    rows = []
    for name in names:
        values = table[name].to_numpy(dtype=float)
        for group, members in groups.items():
            mine = values[members & np.isfinite(values)]
            w, p = two_groups.shapiro(mine)
            rows.append({"variable": name, "group": group, "n": len(mine), "w": w, "p": p})
    return pd.DataFrame(rows)
