"""``solekit variables``: the dictionary of everything that Solekit reports."""

from __future__ import annotations

import pandas as pd

from solekit.biomarkers.dictionary import variables
from solekit.cli import options
from solekit.cli.output import show_json, show_table


def run(json: options.Json = False) -> None:
    """List every variable: name, unit, definition, source, needs."""
    if json:
        for variable in variables():
            show_json(variable.as_dict())
        return
    columns = ["name", "unit", "definition"]
    show_table(pd.DataFrame([v.as_dict() for v in variables()])[columns], as_json=False)
