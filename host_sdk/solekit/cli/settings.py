"""``solekit settings``: what an insole keeps for its person, shown and changed."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pandas as pd
import typer

from solecore.wire import messages as m
from solekit.cli import options
from solekit.cli.output import say, show_table
from solekit.errors import DataError, DeviceError
from solekit.insole import Insole
from solekit.pair import Pair

_UNITS = {
    "body_weight": "counts",
    "dead_band": "counts",
    "noise": "counts",
    "fitness": "",
    "rezero": "",
    "period_us": "us",
    "side": "",
}
_WORDS = {"fitness": ("off", "on"), "rezero": ("off", "on"), "side": m.SIDES}
_AT_START = ("fitness", "period_us", "side")
_KEYS = tuple(m.SETTING_NAMES.values())


def run(
    changes: Annotated[
        list[str] | None,
        typer.Argument(help=f"KEY=VALUE; keys are {', '.join(_KEYS)}.", show_default=False),
    ] = None,
    device: options.Device = None,
    left: options.Left = None,
    right: options.Right = None,
    json: options.Json = False,
) -> None:
    """Show all settings of an insole or a pair, or change some (body_weight=700N also goes).

    side=left or side=right changes what one insole says of itself, with its geometry.
    """
    wanted = dict(_split(change) for change in changes or [])
    rows = asyncio.run(_ask(options.pair_of(device, left, right), wanted))
    show_table(pd.DataFrame(rows), as_json=json)
    for key in wanted:
        if key in _AT_START:
            say(f"{key} counts from the next start of the insole on")


def _split(change: str) -> tuple[str, str]:
    key, equals, value = change.partition("=")
    if not equals or key not in _KEYS:
        raise typer.BadParameter(f"{change!r} is not KEY=VALUE with KEY of {', '.join(_KEYS)}")
    if key in _WORDS:
        if value not in _WORDS[key]:
            raise typer.BadParameter(f"{key} is {' or '.join(_WORDS[key])}, not {value!r}")
    elif not (value.isdigit() or (key == "body_weight" and value.endswith("N"))):
        raise typer.BadParameter(f"{key} is a whole number of {_UNITS[key]}, not {value!r}")
    return key, value


def _number(insole: Insole, key: str, value: str) -> int:
    if key in _WORDS:
        return _WORDS[key].index(value)
    if value.isdigit():
        return int(value)
    try:
        newtons = float(value[:-1])
    except ValueError:
        raise typer.BadParameter(f"{key}={value} is not a number of newtons") from None
    if not insole.known.is_calibrated:
        raise DataError(
            f"insole {insole.known.serial} is uncalibrated: it cannot take newtons; give counts"
        )
    return round(newtons / insole.known.force_lsb_n)


async def _ask(pair: Pair, wanted: dict[str, str]) -> list[dict[str, Any]]:
    rows = []
    async with pair:
        if "side" in wanted and len(pair.feet) > 1:
            raise DataError(
                "two insoles cannot both get one side: name one of them, or use "
                "'solekit pair NAME --swap --write'"
            )
        for side, insole in pair.feet.items():
            for key, value in wanted.items():
                await insole.settings(key, _number(insole, key, value))
            for key in _KEYS:
                try:
                    value = await insole.settings(key)
                except DeviceError as error:
                    if error.code != m.BAD_VALUE:
                        raise
                    continue  # an older firmware does not know it
                shown = _WORDS[key][value] if key in _WORDS else value
                rows.append({"side": side, "setting": key, "value": shown, "unit": _UNITS[key]})
    return rows
