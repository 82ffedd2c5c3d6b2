"""``solekit unseal``: an open copy of a sealed recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from solekit.cli import options
from solekit.cli.output import say, show_json


def run(
    recording: options.RecordingPath,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File to write; must not exist (default NAME-open.mcap)."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Write an open copy, for programs that know nothing of seals; exit code 1 if damaged."""
    from solekit.recording import sealed

    target = out or recording.with_name(f"{recording.stem}-open{recording.suffix}")
    problem = sealed.unseal(recording, target)
    if json:
        show_json({"open": str(target), "sealed": str(recording), "problem": problem})
    else:
        print(f"open in {target}")
    if problem:
        say(f"problem: {problem}; what was before it is in {target}")
        raise typer.Exit(1)
