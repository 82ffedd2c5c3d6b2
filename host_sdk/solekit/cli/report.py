"""``solekit report``: a recording as one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from solekit.cli import options
from solekit.cli.output import say, show_json, show_table, variables_table
from solekit.recording import Recording

if TYPE_CHECKING:
    from solekit.analysis import Analysis


def run(
    recording: options.RecordingPath,
    out: Annotated[
        Path | None, typer.Option("--out", help="HTML file (default: beside the recording).")
    ] = None,
    calibration: options.Calibration = None,
    contacts: options.Contacts = "foot",
    allow_low_rate: options.LowRate = False,
    json: options.Json = False,
) -> None:
    """Analyse a recording: table on the terminal, page with pictures on disk."""
    from solekit.analysis import analyse
    from solekit.calibration import use

    opened = Recording(recording)
    notes = use(opened, options.calibrations(calibration))
    analysis = analyse(
        opened,
        allow_low_rate=allow_low_rate,
        contacts=options.contact_source(contacts),
    )
    for note in notes:
        say(f"note: {note}")
    show_analysis(analysis, recording, out or recording.with_suffix(".html"), as_json=json)


def show_analysis(analysis: Analysis, recording: Path, page: Path, *, as_json: bool) -> None:
    """Print the variables, then write the page (which needs the extra ``report``)."""
    from solekit.report import write_report

    if as_json:
        show_json({"recording": str(recording), "report": str(page)})
    show_table(variables_table(analysis.variables), as_json=as_json)
    for warning in (*analysis.warnings, *analysis.pressure.warnings):
        say(f"note: {warning}")
    say(f"report: {write_report(analysis, page)}")
