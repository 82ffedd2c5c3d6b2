"""``solekit calibrate``: zero, gain and force of the cells, found on the foot itself."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

import pandas as pd
import typer

from solekit import service
from solekit.cli import options
from solekit.cli.output import say, show_table

_TOLD = {
    "zero": "keep all load off the insole for 3 s",
    "gain": "hold the press steady",
    "equalise": "walk at an easy pace",
}


def run(
    step: Annotated[str, typer.Argument(help=f"One of {', '.join(service.STEPS)}.")],
    value: Annotated[
        int,
        typer.Argument(
            min=0,
            max=2**32 - 1,
            help="gain: micronewtons on a cell of mean area; force: micronewtons of one count; "
            "equalise: frames with load.",
        ),
    ] = 0,
    device: options.Device = None,
    json: options.Json = False,
) -> None:
    """Do one step of a calibration; ``keep`` writes the result to flash, ``reset`` forgets it."""
    if step not in service.STEPS:
        raise typer.BadParameter(f"{step!r} is not one of {', '.join(service.STEPS)}")
    if step in ("gain", "force") and not value:
        raise typer.BadParameter(
            f"{step} needs a force in micronewtons, for example {step} 640000"
        )
    if step in _TOLD:
        say(_TOLD[step])
    found = asyncio.run(_calibrate(device or options.DEFAULT_DEVICE, step, value))
    rows = [{"side": side, **asdict(state)} for side, state in found.items()]
    show_table(pd.DataFrame(rows), as_json=json)
    for side, state in found.items():
        say(f"{side}: {_words(state)}")


def _words(state: service.CalibrationState) -> str:
    if state.calibration_id:
        return f"calibrated, {state.force_lsb_n:.4g} N per count"
    missing = []
    if not state.has_zero:
        missing.append("zero")
    if not state.has_gain:
        missing.append("gain")
    return f"uncalibrated, its counts are not newtons; missing: {', '.join(missing) or 'force'}"


async def _calibrate(uri: str, step: str, value: int) -> dict[str, service.CalibrationState]:
    async with options.pair_of(uri, None, None) as pair:
        steps = (service.calibrate(insole, step, value) for insole in pair.feet.values())
        return dict(zip(pair.feet, await asyncio.gather(*steps), strict=True))
