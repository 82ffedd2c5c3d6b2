"""The tables of a study: mean, median, SD, range, minimum, maximum, n and p of each group."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd

from solekit.report.tables import table as html_table
from solekit.statistics.findings import STATISTICS
from solekit.statistics.names import TITLES, tool_of, unit_of

_HEADS = {
    "n": "n",
    "mean": "Mean",
    "median": "Median",
    "sd": "SD",
    "range": "Range",
    "min": "Min",
    "max": "Max",
}
_LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def summary_of(
    table: pd.DataFrame, groups: pd.Series, *, variables: Sequence[str], order: Sequence[str]
) -> pd.DataFrame:
    """Return one row per variable and group of ``order``: the six statistics and n of who has it.

    ``n_missing`` counts people without the variable; a range is the maximum minus the minimum.
    """
    rows = []
    for name in variables:
        for group in order:
            values = table.loc[(groups == group).to_numpy(), name].to_numpy(dtype=float)
            there = values[np.isfinite(values)]
            found = dict.fromkeys(STATISTICS, float("nan"))
            if len(there):
                found |= {
                    "mean": float(there.mean()),
                    "median": float(np.median(there)),
                    "range": float(np.ptp(there)),
                    "min": float(there.min()),
                    "max": float(there.max()),
                    "sd": float(there.std(ddof=1)) if len(there) > 1 else float("nan"),
                }
            counts = {"n": len(there), "n_missing": len(values) - len(there)}
            rows.append({"variable": name, "group": group, **counts, **found})
    columns = ["variable", "group", "n", "n_missing", *STATISTICS]
    return pd.DataFrame(rows, columns=columns)


def by_tool(summary: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return one table per tool that variables come from, titled, in the order of TITLES."""
    tools = np.array([tool_of(str(name)) for name in summary["variable"]])
    return {
        title: summary.loc[tools == tool].reset_index(drop=True)
        for tool, title in TITLES.items()
        if np.any(tools == tool)
    }


def shown_p(p: float) -> str:
    """Return a p as a journal prints it: three decimals, or '< 0.001'; '' for NaN."""
    if not np.isfinite(p):
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def cells(row: dict) -> list[str]:
    """Return n and the six statistics of a row as text: as many decimals as two digits of SD."""
    sd = row["sd"]
    decimals = 2
    if np.isfinite(sd) and sd > 0:
        decimals = int(np.clip(2 - np.floor(np.log10(sd)), 0, 6))
    numbers = [
        f"{row[name]:.{decimals}f}" if np.isfinite(row[name]) else "" for name in list(_HEADS)[1:]
    ]
    return [str(row["n"]), *numbers]


def as_html(summary: pd.DataFrame) -> str:
    """Return a table with two lines per variable; p and adjusted p stand beside the first."""
    rows = []
    for name, lines in summary.groupby("variable", sort=False):
        unit = f", {unit_of(str(name))}" if unit_of(str(name)) else ""
        for i, row in enumerate(lines.to_dict("records")):
            head = f'<th scope="row" rowspan="{len(lines)}">{escape(f"{name}{unit}")}</th>'
            ends = "".join(
                f'<td class="number" rowspan="{len(lines)}">{escape(shown_p(row[p]))}</td>'
                for p in ("p", "p_adjusted")
            )
            numbers = "".join(f'<td class="number">{text}</td>' for text in cells(row))
            group = f"<td>{escape(str(row['group']))}</td>"
            rows.append(f"<tr>{'' if i else head}{group}{numbers}{'' if i else ends}</tr>")
    heads = [f"#{head}" for head in _HEADS.values()]
    return html_table(("Variable", "Group", *heads, "#p", "#p adjusted"), rows)


def as_latex(summary: pd.DataFrame, *, title: str) -> str:
    """Return the table for LaTeX, with booktabs."""
    lines = [
        r"\begin{table}",
        rf"\caption{{{_tex(title)}}}",
        r"\begin{tabular}{llrrrrrrrrr}",
        r"\toprule",
        " & ".join(["Variable", "Group", *_HEADS.values(), "$p$", "$p$ adjusted"]) + r" \\",
        r"\midrule",
    ]
    for name, rows in summary.groupby("variable", sort=False):
        for i, row in enumerate(rows.to_dict("records")):
            head = _tex(str(name)) if i == 0 else ""
            ends = [_tex(shown_p(row[p])) if i == 0 else "" for p in ("p", "p_adjusted")]
            texts = [head, _tex(str(row["group"])), *cells(row), *ends]
            lines.append(" & ".join(texts) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _tex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)
