"""How often the intervals and alarms of ``solekit.statistics`` are right: simulated studies.

AUC: each study has people with ``n_variables`` independent normal variables, 40 % of them cases,
whose means are apart so that the best linear score has the AUC ``best``. Each study is run through
nested cross-validation (logistic, 5 folds, 5 repeats). The true AUC of the procedure is the mean
over the studies of one kind, which is unbiased as pairs are compared within folds only. Counted is
how often the interval of a study holds it, without (``people_only``) and with what relearning
changes (``auc_interval``). With few studies per kind the mean over kinds is what to look at; its
standard error, in points, is beside it.

Out of range: new people like the known, normal and log-normal (skewed), and people who are 4 SD
off in one variable or 1.5 SD off in all.

Clipped columns: tables of two groups without an error, rounded to two digits or not at all, of
which ``plausibility`` calls a column clipped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from solekit.layouts import FloatArray
from solekit.statistics.auc_interval import joined, of_repeats
from solekit.statistics.bootstrap import Interval, of_pairs
from solekit.statistics.nested import Units, cross_validate, order_of
from solekit.statistics.plausibility import doubts
from solekit.statistics.ranges import FALSE_ALARMS, beyond
from solekit.statistics.study_tables import summary_of

N_PEOPLE, N_VARIABLES, BEST_AUC = (27, 60, 120), (4, 13), (0.65, 0.8, 0.95)
NOMINAL = 95
FRESH = 50_000  # the way the interval is made was chosen on studies with lower numbers
_N_REPEATS = 5
_N_DRAWS = 500
_SHARE = 0.4  # of people who are cases


def measure(n_studies: int = 40, n_groups: int = 400, n_tables: int = 100) -> list[dict[str, Any]]:
    """Return the coverage of each kind of study, their means, and the false alarms."""
    kinds = [
        coverage(n_people, n_variables, best, n_studies)
        for n_people in N_PEOPLE
        for n_variables in N_VARIABLES
        for best in BEST_AUC
    ]
    means = [mean_of(kinds, n, n_studies) for n in (*N_PEOPLE, None)]
    ranges = [alarms(n, p, n_groups) for n in N_PEOPLE for p in N_VARIABLES]
    return [*kinds, *means, *ranges, *(clipped(n_tables, digits) for digits in (None, 2))]


def study(n_people: int, n_variables: int, best: float, seed: int) -> Units:
    """Return one simulated study."""
    random = np.random.default_rng([FRESH + seed, n_people, n_variables, int(100 * best)])
    index = np.arange(n_people)
    is_case = index < round(_SHARE * n_people)
    apart = norm.ppf(best) * np.sqrt(2 / n_variables)
    rows = random.normal(size=(n_people, n_variables)) + apart * is_case[:, None]
    return Units(rows, index, is_case, index)


def coverage(n_people: int, n_variables: int, best: float, n_studies: int) -> dict[str, Any]:
    """Return in how many of 100 studies of a kind each interval holds the true AUC."""
    narrow, wide = [], []
    for seed in range(n_studies):
        units = study(n_people, n_variables, best, seed)
        met = [
            order_of(cross_validate(units, seed=1 + 1000 * k, explain=False), units.is_case)
            for k in range(_N_REPEATS)
        ]
        narrow.append(of_pairs(*joined(met), n_draws=_N_DRAWS))
        wide.append(of_repeats(met, n_draws=_N_DRAWS))
    truth = float(np.mean([each.value for each in wide]))
    return {
        "what": "AUC",
        "people": n_people,
        "variables": n_variables,
        "best": best,
        "true": round(truth, 3),
        "sd": round(float(np.std([each.value for each in wide], ddof=1)), 3),
        "studies": n_studies,
        "nominal": NOMINAL,
        "people_only": _held(narrow, truth),
        "measured": _held(wide, truth),
        "width": round(float(np.mean([each.high - each.low for each in wide])), 2),
    }


def mean_of(kinds: list[dict[str, Any]], n_people: int | None, n_studies: int) -> dict[str, Any]:
    """Return the mean coverage of the kinds of ``n_people`` (None: all)."""
    rows = [row for row in kinds if n_people in (None, row["people"])]
    error = 100 * np.sqrt(0.05 * 0.95 / (n_studies * len(rows)))
    return {
        "what": "AUC, mean of kinds",
        "people": n_people or "all",
        "studies": n_studies * len(rows),
        "nominal": NOMINAL,
        **{
            name: round(float(np.mean([row[name] for row in rows])), 1)
            for name in ("people_only", "measured")
        },
        "standard_error": round(float(error), 1),
    }


def alarms(n_known: int, n_variables: int, n_groups: int) -> dict[str, Any]:
    """Return how many of 100 new people are out of range of ``n_known``, of four kinds."""
    found = dict.fromkeys(("like_them", "skewed_like_them", "one_off", "all_off"), 0)
    for seed in range(n_groups):
        random = np.random.default_rng([seed, n_known, n_variables])
        rows = random.normal(size=(n_known + 1, n_variables))
        known, new = rows[:-1], rows[-1:]
        one = new.copy()
        one[0, 0] = 4.0
        skewed = np.exp(0.5 * rows)
        found["like_them"] += _is_out(known, new)
        found["skewed_like_them"] += _is_out(skewed[:-1], skewed[-1:])
        found["one_off"] += _is_out(known, one)
        found["all_off"] += _is_out(known, new + 1.5)
    return {
        "what": "out of range",
        "known": n_known,
        "variables": n_variables,
        "groups": n_groups,
        "asked": 100 * FALSE_ALARMS,
        **{name: round(100 * n / n_groups, 1) for name, n in found.items()},
    }


def clipped(n_tables: int, digits: int | None) -> dict[str, Any]:
    """Return how many tables without an error have a column that is called clipped."""
    n = 0
    for seed in range(n_tables):
        table, labels = clean(seed)
        summary = summary_of(table, labels, variables=list(table), order=("a", "b"))
        summary = summary if digits is None else summary.round(digits)
        n += any(finding.check == "clipped" for finding in doubts(summary))
    return {
        "what": "clipped, false alarms",
        "digits": "all" if digits is None else digits,
        "tables": n_tables,
        "alarms": n,
        "percent": round(100 * n / n_tables, 1),
    }


def clean(seed: int, n: int = 23, m: int = 60) -> tuple[pd.DataFrame, pd.Series]:
    """Return people with 24 variables: normal, log-normal and beta by turns, of many sizes."""
    random = np.random.default_rng([seed, 24])
    place = random.uniform(5, 180, 24)
    size = place * random.uniform(0.01, 0.25, 24)
    shapes = (
        lambda: random.normal(size=n + m),
        lambda: (np.exp(0.5 * random.normal(size=n + m)) - 1.13) / 0.6,
        lambda: (random.beta(2, 5, n + m) - 0.286) / 0.16,
    )
    columns = {f"v{i}": place[i] + size[i] * shapes[i % 3]() for i in range(24)}
    return pd.DataFrame(columns), pd.Series(np.where(np.arange(n + m) < n, "a", "b"))


def _is_out(known: FloatArray, asked: FloatArray) -> bool:
    return bool(beyond(known, asked)[1].any())


def _held(intervals: list[Interval], truth: float) -> float:
    return round(100 * float(np.mean([each.low <= truth <= each.high for each in intervals])), 1)
