"""What the pages of statistics share: one HTML file that needs nothing but itself."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from solekit.errors import DataError
from solekit.report.page import NOTICE, document
from solekit.report.tables import table


def page(title: str, facts: Sequence[str], body: str, *, badge: str = NOTICE) -> str:
    """Return a whole page; ``facts`` are text, ``body`` has its tags."""
    head = (
        f"<header><h1>{escape(title)}</h1><p>{escape(' · '.join(facts))}</p>"
        f'<p><span class="badge">{escape(badge)}</span></p></header>'
    )
    return document(title, head + body, notice=badge)


def rows_table(rows: pd.DataFrame, heads: dict[str, str]) -> str:
    """Return the columns ``heads`` (column -> head, '#' before that of numbers) as a table."""
    lines = [
        "<tr>"
        + "".join(
            f'<td class="number">{escape(number(row[name]))}</td>'
            if head.startswith("#")
            else f"<td>{escape(str(row[name]))}</td>"
            for name, head in heads.items()
        )
        + "</tr>"
        for row in rows.to_dict("records")
    ]
    return table(tuple(heads.values()), lines)


def number(value: Any) -> str:
    """Return a number with three digits, a text as it is, '' for NaN."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return f"{value:.3g}" if math.isfinite(value) else ""
    return str(value)


def tidy(value: Any) -> Any:
    """Return ``value`` as JSON knows it; what is no finite number becomes None."""
    if isinstance(value, dict):
        return {str(key): tidy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [tidy(item) for item in value]
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def warning_list(sentences: Iterable[str]) -> str:
    """Return sentences as the box of warnings of a report."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    if not items:
        return '<p id="warnings" class="good">✓ None.</p>'
    return f'<div id="warnings" class="warnings"><ul>{items}</ul></div>'


def figure(png: bytes, text: str) -> str:
    """Return a picture with ``text`` under it and in its place."""
    return (
        f'<figure><img src="data:image/png;base64,{b64encode(png).decode()}" '
        f'alt="{escape(text)}"><figcaption>{escape(text)}</figcaption></figure>'
    )


def write(path: Path, text: str | bytes) -> Path:
    """Write a file, over what is there; DataError if it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error
    return path
