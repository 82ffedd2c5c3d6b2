"""``solekit recover``: a whole recording from one that was cut off or damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from solekit.cli import options
from solekit.cli.output import say, show_json, show_table


def run(
    recording: options.RecordingPath,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File to write; must not exist (default NAME-recovered.mcap)."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Write what can be read to a new file that is whole; the old one is not touched."""
    from solekit.recording.recover import recover

    target = out or recording.with_name(f"{recording.stem}-recovered{recording.suffix}")
    account = recover(recording, target)
    if json:
        show_json({"recovered": str(target), **account})
        return
    rows = [
        {
            "side": side,
            "stream": name,
            "there": stream["there"],
            "gone": stream["gone"],
            "end": "told by the insole" if stream["end_known"] else "unknown: more may be gone",
        }
        for side, streams in account["streams"].items()
        for name, stream in streams.items()
        if stream["there"] or stream["gone"]
    ]
    show_table(pd.DataFrame(rows), as_json=False)
    print(f"recovered in {target}")
    for problem in account["problems"]:
        say(f"the old file: {problem}")
