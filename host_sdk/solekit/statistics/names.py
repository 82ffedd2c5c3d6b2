"""What a column of a table of people is: its variable, its unit, and the tool it comes from."""

from __future__ import annotations

from solekit.biomarkers.dictionary import Variable, variable
from solekit.layouts import SIDES

TOOLS = {"timing": "insole", "spatial": "insole", "video": "pose"}  # kind of a variable -> tool
TITLES = {"insole": "Insole", "pose": "Pose", "other": "Other variables"}


def of_dictionary(column: str) -> Variable | None:
    """Return what the dictionary says of ``column`` (a side may end it), or None."""
    for name in (column, *(column.removesuffix(f"_{side}") for side in SIDES)):
        try:
            return variable(name)
        except KeyError:
            continue
    return None


def tool_of(column: str) -> str:
    """Return which tool a column comes from: 'insole', 'pose' or 'other'."""
    known = of_dictionary(column)
    if known is not None:
        return TOOLS.get(known.kind, "other")
    prefix = column.partition("_")[0].casefold()
    return prefix if prefix in TOOLS.values() else "other"


def unit_of(column: str) -> str:
    """Return the unit of a column of the dictionary, '' of another."""
    known = of_dictionary(column)
    return known.unit if known else ""
