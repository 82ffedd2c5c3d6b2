"""How results are shown: tables on a terminal, JSON lines for machines, progress on stderr."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text


def plain(value: Any) -> Any:
    """Return ``value`` as JSON knows it; what is not a number becomes null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def show_json(row: dict[str, Any]) -> None:
    """Print one line of JSON."""
    print(json.dumps(plain(row), ensure_ascii=False, default=str))


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def show_table(table: pd.DataFrame, *, as_json: bool, title: str = "") -> None:
    """Print ``table``: as lines of JSON, or for the eye."""
    if as_json:
        for row in table.to_dict("records"):
            show_json({str(key): value for key, value in row.items()})
        return
    out = Table(title=title or None, title_justify="left")
    for name in table.columns:
        is_number = pd.api.types.is_numeric_dtype(table[name])
        out.add_column(str(name), justify="right" if is_number else "left", overflow="fold")
    for row in table.itertuples(index=False):
        out.add_row(*(Text(_cell(value)) for value in row))
    console().print(out)


def console() -> Console:
    """Return the console for data; as wide as needed when it is not a terminal."""
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def say(text: str) -> None:
    """Tell the person at the terminal something (stderr)."""
    print(text, file=sys.stderr)


def progress(*, quiet: bool) -> Progress:
    """Return a progress display on stderr; silent without a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[live]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=quiet or not sys.stderr.isatty(),
        transient=True,
    )


def variables_table(variables: pd.DataFrame) -> pd.DataFrame:
    """Return the variables as people read them: value and error, or the reason why not."""
    table = variables.copy()
    table["note"] = [
        reason or label for reason, label in zip(table["reason"], table["label"], strict=True)
    ]
    return table.loc[:, ["name", "side", "value", "error", "unit", "sd", "n", "note"]]
