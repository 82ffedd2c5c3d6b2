"""The tables of variables: values beside their errors, or the reason in their place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from solekit.biomarkers import Variable, variables

if TYPE_CHECKING:
    import pandas as pd

MAX_DECIMALS = 4
_SHORT = {"sd": "SD", "cv": "CV"}  # words of a variable's name that are written otherwise
GROUPS = {  # title: how the names of its variables end or begin
    "Phases of the gait cycle": ("double_support_", "stance_share", "swing_share"),
    "Times": ("_time",),
    "Variability of the stride time": ("stride_time_",),
    "Symmetry of the feet": ("_index", "_angle", "_asymmetry"),
}
WAY = "Way of the foot"
OTHER = "Further variables"


def table(head: Sequence[str], rows: Iterable[str], css: str = "") -> str:
    """Return a table of ``rows``, each with its tags; ``head`` is text, '#' before a number."""
    cells = "".join(
        f'<th scope="col" class="number">{escape(text[1:])}</th>'
        if text.startswith("#")
        else f'<th scope="col">{escape(text)}</th>'
        for text in head
    )
    return (
        f'<div class="scroll"><table class="{css}"><thead><tr>{cells}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def label(name: str) -> str:
    """Return the name of a variable as words."""
    words = [_SHORT.get(word, word) for word in name.split("_")]
    return f"{words[0].capitalize()} {' '.join(words[1:])}".strip()


def is_one_of_six(variable: Variable) -> bool:
    """Return whether ``variable`` is among the six that Kim et al. 2023 took from insoles."""
    return bool(variable.kim2023)


def group_of(variable: Variable) -> str:
    """Return the title of the group that ``variable`` belongs to."""
    if variable.kind == "spatial":
        return WAY
    for title, parts in GROUPS.items():
        if any(variable.name.startswith(p) or variable.name.endswith(p) for p in parts):
            return title
    return OTHER


def six_variables(values: pd.DataFrame) -> str:
    """Return the table of the six insole variables."""
    return _values([v for v in variables() if is_one_of_six(v)], values)


def further_variables(values: pd.DataFrame) -> str:
    """Return the tables of all other variables, by group."""
    rest = [variable for variable in variables() if not is_one_of_six(variable)]
    parts = []
    for title in (*GROUPS, WAY, OTHER):
        members = [variable for variable in rest if group_of(variable) == title]
        if members:
            parts.append(f"<h3>{escape(title)}</h3>{_values(members, values)}")
    return "".join(parts)


def definitions() -> str:
    """Return the table of what every variable is."""
    rows = (
        f'<tr><th scope="row">{escape(label(v.name))}, {escape(v.unit)}</th>'
        f"<td>{escape(v.definition)}</td><td><code>{escape(v.formula)}</code></td>"
        f"<td>{escape(v.source)}{_kim_names(v)}</td></tr>"
        for v in variables()
    )
    return table(("Variable", "Definition", "Formula", "Source"), rows, "definitions")


def _kim_names(variable: Variable) -> str:
    names = ", ".join(variable.kim2023.values())
    return f"; there: {escape(names)}" if names else ""


def _values(members: list[Variable], values: pd.DataFrame) -> str:
    rows = []
    for variable in members:
        found = values.loc[values["name"] == variable.name].to_dict("records")
        for i, row in enumerate(found):
            name = f'<th scope="row" rowspan="{len(found)}">{escape(label(variable.name))}</th>'
            rows.append(f"<tr>{'' if i else name}{_cells(row)}</tr>")
    return table(("Variable", "Side", "#Mean ± error", "", "#SD", "#n", "Remark"), rows)


def _cells(row: dict[str, Any]) -> str:
    side = f'<td class="{row["side"]}">{row["side"] or "both"}</td>'
    if row["reason"]:
        return f'{side}<td colspan="5" class="refused">not reported: {escape(row["reason"])}</td>'
    value, error, sd = rounded(row["value"], row["error"], row["sd"])
    shown = f'<span class="value">{value}</span>'
    if error:
        shown += f' <span class="error">± {error}</span>'
    return (
        f'{side}<td class="number">{shown}</td><td class="unit">{escape(row["unit"])}</td>'
        f'<td class="number">{sd}</td>'
        f'<td class="number">{row["n"]}</td><td class="remark">{escape(row["label"])}</td>'
    )


def rounded(value: float, error: float, sd: float) -> tuple[str, str, str]:
    """Return value, error and SD as text with as many decimals as two digits of the error need.

    Without an error the value is a count, and the error ''; an SD that is NaN is ''.
    """
    if not error > 0:
        return f"{value:.0f}" if error == 0 else f"{value:.3g}", "", ""
    decimals = min(max(1 - math.floor(math.log10(error)), 0), MAX_DECIMALS)
    shown_sd = "" if math.isnan(sd) else f"{sd:.{decimals}f}"
    return f"{value:.{decimals}f}", f"{error:.{decimals}f}", shown_sd
