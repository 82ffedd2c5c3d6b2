"""``solekit scan``: which insoles are plugged in or heard, and what each says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import pandas as pd
import typer

from solekit import finding, known_pairs
from solekit.cli import options
from solekit.cli.output import say, show_table
from solekit.errors import DataError, SolekitError
from solekit.finding import Found

COLUMNS = (
    *("name", "uri", "side", "serial", "battery_pct", "signal_dbm"),
    *("firmware", "layout", "self_test", "note"),
)


def run(
    every: Annotated[
        bool, typer.Option("--all", help="Every serial port, not only known boards.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not ask each one who it is, only list.")
    ] = False,
    usb_only: Annotated[bool, typer.Option("--usb", help="Do not listen on Bluetooth.")] = False,
    duration_s: Annotated[
        float, typer.Option(min=0.1, max=60.0, help="How long to listen on Bluetooth.")
    ] = 4.0,
    json: options.Json = False,
) -> None:
    """List insoles on USB and Bluetooth: side, serial, battery, signal, firmware, self-test.

    An insole that does not answer keeps its row, with the reason.
    """
    found = asyncio.run(
        search(every=every, usb_only=usb_only, duration_s=duration_s, ask=not quick)
    )
    rows = [_row(one) for one in found]
    show_table(pd.DataFrame(rows, columns=list(COLUMNS), dtype=object), as_json=json)
    if not rows:
        say("no insole is plugged in or heard; try --all, or a virtual one: --device sim:walk")


async def search(
    *, every: bool = False, usb_only: bool = False, duration_s: float = 4.0, ask: bool = True
) -> list[Found]:
    """Return what is plugged in and heard; Bluetooth that does not work is only said."""
    found = finding.plugged_in(every=every)
    if not usb_only:
        try:
            found += await finding.heard(duration_s)
        except SolekitError as error:
            say(f"Bluetooth was not searched: {error}")
    return await finding.identified(found) if ask else found


def _row(one: Found) -> dict[str, object]:
    row = asdict(one)
    try:
        mine = known_pairs.owners(finding.lasting_uri(one.uri), one.serial)
    except DataError as error:  # what is plugged in can be listed all the same
        mine = []
        say(str(error))
    return {**row, "note": ", ".join(remarks(one.note, mine))}


def remarks(note: str, pairs: Sequence[str]) -> list[str]:
    """Return what stands in the last column."""
    remembered = [f"remembered as {', '.join(pairs)}"] if pairs else []
    return [*remembered, *([note] if note else [])]
