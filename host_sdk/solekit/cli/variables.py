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
    rows = [{"name": v.name, "unit": v.unit, "definition": v.definition} for v in variables()]
    show_table(pd.DataFrame(rows), as_json=False)
