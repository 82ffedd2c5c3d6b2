"""``solekit report``: a recording as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from solekit.cli import options
from solekit.cli.output import say, show_json, show_table, variables_table
from solekit.recording import Recording


def run(
    recording: options.RecordingPath,
    out: Annotated[
        Path | None, typer.Option("--out", help="HTML file (default: beside the recording).")
    ] = None,
    allow_low_rate: options.LowRate = False,
    json: options.Json = False,
) -> None:
    """Analyse a recording: table on the terminal, page with pictures on disk."""
    from solekit.analysis import analyse
    from solekit.report import write_report

    analysis = analyse(Recording(recording), allow_low_rate=allow_low_rate)
    path = write_report(analysis, out or recording.with_suffix(".html"))
    if json:
        show_json({"recording": str(recording), "report": str(path)})
    show_table(variables_table(analysis.variables), as_json=json)
    for warning in analysis.warnings:
        say(f"note: {warning}")
    say(f"report: {path}")
