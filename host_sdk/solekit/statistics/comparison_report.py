"""A comparison of two groups as files: a page, tables for a paper, JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from solekit.report.page import NOTICE
from solekit.statistics.box_plots import box_plots
from solekit.statistics.groups import GroupComparison
from solekit.statistics.page import figure, page, rows_table, tidy, warning_list, write
from solekit.statistics.power import plan
from solekit.statistics.study_tables import as_html, as_latex, by_tool

FORMATS = ("html", "csv", "latex", "json")


def power_of(comparison: GroupComparison, *, chance: float = 0.8) -> pd.DataFrame:
    """Return per variable which effect these people show, and how many would show the one found.

    By Mann-Whitney for normal values, two-sided, at alpha of the comparison, without regard to
    other tests. For a plan of the next study: it says nothing about this one.
    """
    rows = []
    for row in comparison.results_.to_dict("records"):
        g, n, m = row["hedges_g"], int(row["n_cases"]), int(row["n_controls"])
        found = plan(g, n, m, chance=chance, alpha=comparison.alpha)
        rows.append({"variable": row["variable"], "g": g, **found})
    return pd.DataFrame(rows)


def as_dict(comparison: GroupComparison) -> dict[str, Any]:
    """Return everything as plain data, for JSON; a number that is not there is None."""
    tables = {
        name: getattr(comparison, f"{name}_").to_dict("records")
        for name in ("results", "summary", "normality", "matched", "balance")
    }
    cases, controls = comparison.groups_
    found = {
        "notice": NOTICE,
        "cases": cases,
        "controls": controls,
        "parameters": json.loads(comparison.to_json())["params"],
        **tables,
        "power": power_of(comparison).to_dict("records"),
        "findings": [vars(finding) for finding in comparison.findings_],
        "warnings": comparison.warnings_,
    }
    return tidy(found)


def write_comparison(
    comparison: GroupComparison,
    table: pd.DataFrame,
    *,
    group: str,
    folder: Path,
    formats: tuple[str, ...] = FORMATS,
) -> list[Path]:
    """Write ``formats`` of ``comparison`` of ``table`` into ``folder``; return the files."""
    out = []
    if "html" in formats:
        out.append(write(folder / "comparison.html", render(comparison, table, group=group)))
    for title, part in by_tool(comparison.summary_).items():
        name = f"table_{title.split()[0].lower()}"
        if "csv" in formats:
            out.append(write(folder / f"{name}.csv", part.to_csv(index=False)))
        if "latex" in formats:
            out.append(write(folder / f"{name}.tex", as_latex(part, title=title)))
    if "csv" in formats:
        for name in ("results", "normality", "matched", "balance"):
            rows = getattr(comparison, f"{name}_")
            if len(rows):
                out.append(write(folder / f"{name}.csv", rows.to_csv(index=False)))
    if "json" in formats:
        text = json.dumps(as_dict(comparison), ensure_ascii=False, indent=1)
        out.append(write(folder / "comparison.json", text + "\n"))
    return out


def render(comparison: GroupComparison, table: pd.DataFrame, *, group: str) -> str:
    """Return the page of ``comparison`` of ``table``; needs the extra 'report' for box plots."""
    cases, controls = comparison.groups_
    results = comparison.results_
    labels: Any = table[group].astype(object).map(str, na_action="ignore")
    n = results[["n_cases", "n_controls"]].max()
    picture = box_plots(
        table,
        labels,
        variables=list(results["variable"]),
        order=comparison.groups_,
        p_adjusted=list(results["p_adjusted"]),
    )
    parts = [f"<h2>Warnings</h2>{warning_list(comparison.warnings_)}"]
    for title, part in by_tool(comparison.summary_).items():
        parts.append(f"<h2>{title}</h2>{as_html(part)}")
    parts.append(
        f'<p class="soft">p of Mann-Whitney; adjusted by {comparison.correction}; '
        f"alpha {comparison.alpha:g}. A range is the maximum minus the minimum of the group.</p>"
    )
    caption = "Boxes hold the middle half of a group, the line is its median, points are people."
    parts.append(f"<h2>Box plots</h2>{figure(picture, caption)}")
    parts.append(f"<h2>Size of the differences</h2>{_sizes(results)}")
    parts.append(f"<h2>Tests</h2>{_tests(comparison)}")
    if comparison.covariates:
        parts.append(f"<h2>At equal {_words(comparison.covariates)}</h2>{_adjusted(results)}")
    if comparison.match:
        parts.append(f"<h2>Matched by {_words(comparison.match)}</h2>{_matched(comparison)}")
    parts.append(f"<h2>How many people</h2>{_power(comparison)}")
    facts = (
        f"{cases} (n = {n.iloc[0]})",
        f"{controls} (n = {n.iloc[1]})",
        f"seed {comparison.seed}",
    )
    return page(f"{cases} against {controls}", facts, "".join(parts))


def _words(names: Sequence[str]) -> str:
    return escape(", ".join(names))


def _between(rows: pd.DataFrame, name: str) -> list[str]:
    return [
        f"{value:.3g} [{low:.3g}, {high:.3g}]" if value == value else ""
        for value, low, high in rows[[name, f"{name}_low", f"{name}_high"]].itertuples(index=False)
    ]


def _sizes(results: pd.DataFrame) -> str:
    heads = {
        "hedges_g": "Hedges g",
        "cliffs_delta": "Cliff's delta",
        "vargha_delaney_a": "A (AUC)",
        "r": "r",
        "hodges_lehmann": "Hodges-Lehmann shift",
    }
    shown = pd.DataFrame({"variable": results["variable"]})
    for name in heads:
        shown[name] = _between(results, name)
    note = '<p class="soft">Cases minus controls, with 95 % intervals, not adjusted.</p>'
    return rows_table(shown, {"variable": "Variable", **heads}) + note


def _tests(comparison: GroupComparison) -> str:
    heads = {
        "variable": "Variable",
        "family": "Family",
        "u": "#U",
        "z": "#z",
        "p": "#p",
        "p_adjusted": "#p adjusted",
        "p_permutation": "#p by permutation",
        "p_welch": "#p of Welch",
        "margin": "#Margin",
        "p_equivalence": "#p of equivalence",
        "verdict": "Verdict",
    }
    rows = comparison.results_.assign(verdict=[_verdict(r) for r in _rows(comparison.results_)])
    shapiro = rows_table(
        comparison.normality_,
        {"variable": "Variable", "group": "Group", "n": "#n", "w": "#W", "p": "#p"},
    )
    return f"{rows_table(rows, heads)}<h3>Shapiro-Wilk (chooses no test)</h3>{shapiro}"


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _verdict(row: dict[str, Any]) -> str:
    if row["differs"]:
        return "differs, but by less than the margin" if row["equivalent"] else "differs"
    return "equivalent within the margin" if row["equivalent"] else "not known"


def _adjusted(results: pd.DataFrame) -> str:
    heads = {"adjusted_difference": "#Difference", "adjusted_low": "#from", "adjusted_high": "#to"}
    ends = {"adjusted_p": "#p", "adjusted_n_people": "#n"}
    return rows_table(results, {"variable": "Variable", **heads, **ends})


def _matched(comparison: GroupComparison) -> str:
    balance = rows_table(
        comparison.balance_,
        {"variable": "", "smd_before": "#SMD before", "smd_after": "#SMD after"},
    )
    if comparison.matched_.empty:
        return balance
    heads = {
        "variable": "Variable",
        "n_cases": "#Pairs",
        "hedges_g": "#Hedges g",
        "p": "#p",
        "p_adjusted": "#p adjusted",
        "p_wilcoxon": "#p of pairs (Wilcoxon)",
    }
    return balance + rows_table(comparison.matched_, heads)


def _power(comparison: GroupComparison) -> str:
    heads = {
        "variable": "Variable",
        "detectable_d": "#Smallest d seen with power 0.8",
        "g": "#g found",
        "cases_needed": "#Cases for g",
        "controls_needed": "#Controls for g",
    }
    note = '<p class="soft">For the plan of another study; not corrected for many tests.</p>'
    return rows_table(power_of(comparison), heads) + note
