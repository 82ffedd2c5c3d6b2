"""``solekit calibrate``: zero, gain and force of the cells, found on the foot itself."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from solekit import service
from solekit.cli import options
from solekit.cli.output import say, show_json, show_table

_TOLD = {
    "zero": "keep all load off the insole for 3 s",
    "gain": "hold the press steady",
    "equalise": "walk at an easy pace",
}


def run(
    step: Annotated[
        str,
        typer.Argument(
            help=f"One of {', '.join(service.STEPS)}; without one you are guided.",
            show_default=False,
        ),
    ] = "",
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
    body_mass_kg: Annotated[
        float,
        typer.Option("--body-mass-kg", help="Guided: what a scale says, with shoes.", min=0),
    ] = 0.0,
    stand_s: Annotated[
        float,
        typer.Option("--stand-s", help="Guided: stand so long for the creep (best 300).", min=0),
    ] = 0.0,
    shift_s: Annotated[
        float,
        typer.Option(
            "--shift-s", help="Guided, without a press: shift your weight so long.", min=0
        ),
    ] = 60.0,
    weight_n: Annotated[
        float, typer.Option("--weight-n", help="Guided: a known weight to check with.", min=0)
    ] = 0.0,
    press: Annotated[
        Path | None,
        typer.Option(
            "--press",
            help="CSV of a bench press: t_s from the first frame of --recording, and kpa.",
        ),
    ] = None,
    recording: Annotated[
        Path | None, typer.Option("--recording", help="What the insole read under --press.")
    ] = None,
    side: Annotated[
        str, typer.Option("--side", help="With --press: the insole that was pressed.")
    ] = "",
    closure: Annotated[
        Path | None,
        typer.Option("--closure", help="Recording of a walk: newtons close on the body weight."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Guided: ask nothing, go on.")] = False,
    json: options.Json = False,
) -> None:
    """Calibrate: guided to newtons with an interval, or one step of what the insole itself does.

    ``--press`` and ``--closure`` work on recordings and add to what is kept of the insoles.

    ``keep`` writes the insole's own result to flash, ``reset`` forgets it.
    """
    if (press is None) != (recording is None):
        raise typer.BadParameter("--press and --recording belong together")
    if (step != "") + (press is not None) + (closure is not None) > 1:
        raise typer.BadParameter("a step, --press and --closure are one thing at a time")
    if press is not None and recording is not None:
        from solekit.cli.calibrate_recorded import pressed

        _show([pressed(recording, press, side)], json=json)
        return
    if closure is not None:
        from solekit.cli.calibrate_recorded import walked

        _show(walked(closure, body_mass_kg), json=json)
        return
    if not step:
        wish = (stand_s, shift_s, weight_n)
        _guide(device, body_mass_kg, wish, yes=yes, json=json)
        return
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


def _guide(
    device: str | None, mass_kg: float, wish: tuple[float, float, float], *, yes: bool, json: bool
) -> None:
    from solekit.calibration.body_weight import check_mass
    from solekit.cli.calibrate_guided import Wish, guided

    if not mass_kg and not yes:
        mass_kg = typer.prompt("Body mass in kg, with shoes", type=float, err=True)
    if not mass_kg:
        raise typer.BadParameter("--body-mass-kg is needed: newtons come from the body weight")
    check_mass(mass_kg)

    async def ask(text: str) -> None:
        if yes:
            say(text)
            return
        # In a thread: the link goes on while somebody thinks.
        prompt = f"{text}; then press Enter"
        await asyncio.to_thread(typer.prompt, prompt, default="", show_default=False, err=True)

    async def work() -> list[dict[str, Any]]:
        async with options.pair_of(device or options.DEFAULT_DEVICE, None, None) as pair:
            return await guided(pair, Wish(mass_kg, *wish), ask=ask, tell=say)

    _show(asyncio.run(work()), json=json)


def _show(rows: list[dict[str, Any]], *, json: bool) -> None:
    if json:
        for row in rows:
            show_json(row)
        return
    columns = ("side", "serial", "factor", "factor_error_95", "kept_as")
    show_table(
        pd.DataFrame([{name: row[name] for name in columns} for row in rows]), as_json=False
    )


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
