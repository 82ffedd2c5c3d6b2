"""``solekit seal``: a copy of a recording behind a pass-phrase."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from solekit.cli import options
from solekit.cli.output import say, show_json
from solekit.cli.passphrase import new_passphrase


def run(
    recording: options.RecordingPath,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File to write; must not exist (default NAME-sealed.mcap)."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Write a sealed copy; the open recording stays until it is erased."""
    from solekit.recording import sealed
    from solekit.recording.reader import require_ours

    require_ours(recording)
    target = out or recording.with_name(f"{recording.stem}-sealed{recording.suffix}")
    sealed.seal(recording, target, new_passphrase())
    if json:
        show_json({"sealed": str(target), "open": str(recording)})
    else:
        print(f"sealed in {target}")
    say(f"{recording} is still there, open; 'solekit erase {recording}' removes it")
