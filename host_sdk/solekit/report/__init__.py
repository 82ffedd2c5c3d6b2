"""The report: one HTML file with a picture, every number with its error, and what to doubt."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from solekit.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from solekit.analysis import Analysis

__all__ = ["write_report"]

PICTURE_DPI = 180  # sharp on paper and on fine screens


def write_report(analysis: Analysis, path: Path) -> Path:
    """Write the report of ``analysis`` to ``path``, over what is there; return the path.

    The file needs nothing but itself. MissingExtraError without matplotlib, DataError if ``path``
    cannot be written.
    """
    try:
        from solekit.report.picture import headline
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise MissingExtraError("a report", "report") from error
    from solekit.report.page import render

    picture = BytesIO()
    headline(analysis).savefig(picture, format="png", dpi=PICTURE_DPI)
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(analysis, picture.getvalue()), encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error
    return path
