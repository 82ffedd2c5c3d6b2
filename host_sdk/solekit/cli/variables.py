"""``solekit variables``: the dictionary of everything that Solekit reports."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
import typer

from solekit.biomarkers.dictionary import variables
from solekit.cli import options
from solekit.cli.output import say, show_json, show_table


def run(
    json: options.Json = False,
    study: Annotated[
        str | None,
        typer.Option("--aliases", help="Names of a study (kim2023) beside the nearest of ours."),
    ] = None,
) -> None:
    """List every variable: name, unit, definition, source, needs."""
    if study is not None:
        from solekit.video.aliases import CAUTION, aliases

        show_table(aliases(study), as_json=json, title=f"Names of {study}")
        say(CAUTION)
        return
    every = [*variables(), *variables("video")]
    if json:
        for variable in every:
            show_json(variable.as_dict())
        return
    rows = [{"name": v.name, "unit": v.unit, "definition": v.definition} for v in every]
    show_table(pd.DataFrame(rows), as_json=False)
