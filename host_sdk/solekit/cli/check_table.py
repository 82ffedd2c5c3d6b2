"""``solekit check-table``: what to doubt in a printed table of two groups; people to plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from solekit.cli import options
from solekit.cli.output import say, show_json, show_table
from solekit.errors import DataError


def run(
    table: Annotated[
        Path,
        typer.Argument(
            help="CSV typed from a paper: group, variable, n, mean, median, sd, range, min, max, "
            "perhaps p and table."
        ),
    ],
    reference: Annotated[
        str, typer.Option("--reference", help="Group of the controls (default: the last one).")
    ] = "",
    alpha: Annotated[float, typer.Option("--alpha", help="Chance of a false finding.")] = 0.05,
    power: Annotated[
        float, typer.Option("--power", help="Chance to see the effect, for the plan.")
    ] = 0.8,
    json: options.Json = False,
) -> None:
    """Check the arithmetic of a printed table; effect sizes; people to plan for such effects.

    Each value of a column ``table`` is checked on its own. A doubt is a question to the authors,
    no verdict.
    """
    from solekit.statistics.columns import read_table
    from solekit.statistics.findings import checked_summary
    from solekit.statistics.plausibility import doubts, hedges
    from solekit.statistics.power import plan

    printed = read_table(table)
    printed = printed if "table" in printed else printed.assign(table="")
    rows, found = [], []
    for name in dict.fromkeys(printed["table"]):
        part = checked_summary(printed.loc[printed["table"] == name])
        cases, controls = _groups(part, reference)
        n = {group: part.loc[part["group"] == group, "n"].max() for group in (cases, controls)}
        for variable, g in hedges(part, cases=cases, controls=controls).items():
            needed = plan(g, int(n[cases]), int(n[controls]), chance=power, alpha=alpha)
            rows.append({"table": name, "variable": variable, "g": g, **needed})
        found += [{"table": name, "check": one.check, "doubt": str(one)} for one in doubts(part)]
    if json:
        for row in rows:
            show_json({"kind": "effect", **row})
        for row in found:
            show_json({"kind": "doubt", **row})
        return
    show_table(pd.DataFrame(rows), as_json=False, title="Hedges g, and people to plan for it")
    show_table(pd.DataFrame(found, columns=["table", "check", "doubt"]), as_json=False)
    say(f"{len(found)} doubts; each is a question to the authors, no verdict")


def _groups(part: pd.DataFrame, reference: str) -> tuple[str, str]:
    """Return the names of cases and controls."""
    names = list(dict.fromkeys(part["group"]))
    if len(names) != 2:
        raise DataError(f"the table has the groups {', '.join(names)}; two are needed")
    if reference and reference not in names:
        raise DataError(f"no group {reference!r}; there are {' and '.join(names)}")
    controls = reference or names[-1]
    return names[1 - names.index(controls)], controls
