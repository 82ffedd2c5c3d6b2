"""``solekit info``: what an insole or a recording says of itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from solekit.cli import options
from solekit.cli.output import say, show_table
from solekit.identity import InsoleInfo
from solekit.recording import Recording


def run(
    target: Annotated[str, typer.Argument(help="A recording (.mcap) or a device URI.")] = "",
    device: options.Device = None,
    json: options.Json = False,
) -> None:
    """Show identity, layout, rates, calibration; of a recording also time and completeness."""
    where = device or target or options.DEFAULT_DEVICE
    if Path(where).suffix == ".mcap" and not where.startswith("replay:"):
        recording = Recording(Path(where))
        rows = []
        for side, foot in recording.feet.items():
            frames = foot.loss["pressure"]
            span = f"{foot.span_s[0]:.3f} to {foot.span_s[1]:.3f}"
            extra = {
                "seconds": span,
                "sampled": frames.sampled,
                "received": frames.received,
                "missing": frames.missing,
            }
            rows.append({**_row(side, foot.info), **extra})
        show_table(pd.DataFrame(rows), as_json=json, title=str(recording.path))
        for problem in recording.problems:
            say(f"note: {problem}")
        return
    rows = asyncio.run(_ask(where))
    show_table(pd.DataFrame(rows), as_json=json, title=where)


async def _ask(uri: str) -> list[dict[str, Any]]:
    async with options.pair_of(uri, None, None) as pair:
        return [_row(side, insole.known) for side, insole in pair.feet.items()]


def _row(side: str, info: InsoleInfo) -> dict[str, Any]:
    return {
        "side": side,
        "serial": info.serial,
        "layout": info.layout_name,
        "cells": info.n_cells,
        "rate_hz": round(info.rate_hz, 3),
        "imu_hz": round(info.imu_rate_hz, 3),
        "form": info.form,
        "calibration": info.hello["calibration"] or "uncalibrated",
        "firmware": info.firmware,
        "kernels": info.kernels,
        "self_test": "failed: kernels" if info.hello["self_test"] else "passed",
    }
