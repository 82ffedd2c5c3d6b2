"""``solekit demo``: the whole way once, from a virtual person to the report."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from solekit.cli import options
from solekit.cli.output import say
from solekit.cli.record import record
from solekit.cli.report import show_analysis
from solekit.protocols import PROTOCOLS
from solekit.recording import Recording


def run(
    device: options.Device = None,
    duration_s: Annotated[
        float, typer.Option("--duration-s", min=5.0, help="Length of the walk.")
    ] = 60.0,
    out: Annotated[Path, typer.Option("--out", help="Folder for recording and report.")] = Path(
        "out/demo"
    ),
    json: options.Json = False,
) -> None:
    """Walk, record, analyse, report; needs no hardware."""
    from solekit.analysis import analyse

    path = _free_name(out)
    say(f"recording {duration_s:g} s from {device or options.DEFAULT_DEVICE} into {path}")
    pair = options.pair_of(device, None, None)
    walk = replace(PROTOCOLS["free"], duration_s=duration_s)
    asyncio.run(record(pair, path, walk, quiet=json))
    show_analysis(analyse(Recording(path)), path, path.with_suffix(".html"), as_json=json)


def _free_name(folder: Path) -> Path:
    """Return the first ``walk-001.mcap`` that does not exist: nothing recorded is overwritten."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (path := folder / f"walk-{number:03d}.mcap").exists():
        number += 1
    return path
