"""``solekit analyse``: what one or a few recordings tell, on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import typer

from solekit.cli import options
from solekit.cli.output import progress, say, show_json, show_table, variables_table
from solekit.cli.passphrase import unlock

if TYPE_CHECKING:
    from solekit.cohort.outcome import Outcome


def run(
    recordings: Annotated[
        list[Path], typer.Argument(help="Recordings (.mcap) or folders that hold them.")
    ],
    calibration: options.Calibration = None,
    contacts: options.Contacts = "foot",
    allow_low_rate: options.LowRate = False,
    json: options.Json = False,
) -> None:
    """Show the variables of every recording; for files of many see ``solekit cohort``."""
    from solekit.cohort.outcome import SUMMARY, analyse_source, find_sources

    chosen = options.contact_source(contacts)
    sources = find_sources(recordings)
    unlock(source.path for source in sources)
    summaries: list[dict[str, Any]] = []
    shown: list[pd.DataFrame] = []
    with progress(quiet=json) as bar:
        task = bar.add_task("analysing", total=len(sources), live="")
        for source in sources:
            outcome = analyse_source(
                source,
                allow_low_rate=allow_low_rate,
                contacts=chosen,
                calibrations=options.calibrations(calibration),
            )
            if json:
                _show_rows("variables", outcome.tables.get("variables"))
                show_json({"table": "summary", **outcome.summary})
            elif outcome.tables:
                shown.append(_readable(outcome))
            summaries.append(outcome.summary)
            for warning in outcome.warnings:
                say(f"note: {outcome.name}: {warning}")
            bar.update(task, advance=1, live=outcome.name)
    if not json:
        if shown:
            show_table(pd.concat(shown, ignore_index=True), as_json=False)
        # Python's own numbers: the terminal shows a missing one as an empty cell.
        show_table(pd.DataFrame(summaries, columns=list(SUMMARY), dtype=object), as_json=False)
    if n_failed := sum(bool(row["failure"]) for row in summaries):
        say(f"solekit: {n_failed} of {len(sources)} recordings failed; the summary tells why")
        raise typer.Exit(1)


def _show_rows(name: str, table: pd.DataFrame | None) -> None:
    for row in [] if table is None else table.to_dict("records"):
        show_json({"table": name, **{str(key): value for key, value in row.items()}})


def _readable(outcome: Outcome) -> pd.DataFrame:
    table = variables_table(outcome.tables["variables"])
    table.insert(0, "recording", outcome.name)
    return table
