"""``solekit pair``: a left and a right insole, remembered under a name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import pandas as pd
import typer

from solecore.wire import codes
from solecore.wire import messages as m
from solekit import known_pairs
from solekit.cli import options
from solekit.cli.output import say, show_table
from solekit.cli.scan import search
from solekit.errors import DeviceError, TransportError
from solekit.finding import NOT_PAIRED, Found, lasting_uri, self_test_words
from solekit.known_pairs import KnownPair
from solekit.layouts import SIDES
from solekit.pair import connect, connect_pair

LISTED = ("name", "side", "uri", "serial")


def run(
    name: Annotated[
        str | None, typer.Argument(help="A short word for the pair.", show_default=False)
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="URI of a pair, or of one insole.")
    ] = None,
    left: options.Left = None,
    right: options.Right = None,
    forget: Annotated[bool, typer.Option("--forget", help="Drop the pair NAME.")] = False,
    swap: Annotated[
        bool, typer.Option("--swap", help="Exchange what is remembered as left and right.")
    ] = False,
    write: Annotated[
        bool,
        typer.Option("--write", help="With --swap: also tell each insole its new side for good."),
    ] = False,
    duration_s: Annotated[
        float, typer.Option(min=0.1, max=60.0, help="How long to listen on Bluetooth.")
    ] = 4.0,
    json: options.Json = False,
) -> None:
    """Find a left and a right insole, pair with them and remember both under NAME.

    Without NAME it lists what is remembered. Every --device takes such a name. --swap mends a pair
    named the wrong way round; with --write also insoles that were flashed as the other foot.
    """
    named = any((device, left, right))
    if forget + swap + named > 1 or (device and (left or right)):
        raise typer.BadParameter("use one of --device, --left and --right, --forget, --swap")
    if write and not swap:
        raise typer.BadParameter("--write goes with --swap")
    if name is None:
        if forget or swap or named:
            raise typer.BadParameter("which pair? 'solekit pair NAME ...'", param_hint="NAME")
        show_table(_listed(list(known_pairs.known_pairs().values())), as_json=json)
        return
    known_pairs.check_name(name)
    if forget:
        known_pairs.forget(name)
        say(f"{name} is forgotten; the insoles keep their bond until this computer removes it")
        return
    if swap:
        pair = known_pairs.find(name).swapped()
        if write:
            asyncio.run(_write(pair))
        known_pairs.remember(pair)
        show_table(_listed([pair]), as_json=json)
        return
    rows = asyncio.run(_pair(name, device, left, right, duration_s))
    show_table(pd.DataFrame(rows), as_json=json)
    say(f"remembered as {name}; use it as --device {name}")


async def _write(pair: KnownPair) -> None:
    """Tell each insole of ``pair`` the side under which it is remembered, and restart it."""
    for side, uri in pair.feet.items():
        async with connect(uri) as insole:
            await insole.settings("side", SIDES.index(side))
            serial = insole.known.serial
            try:
                await insole.request(m.POWER, codes.RESTART, 0)
                say(f"{serial} is the {side} one from now on; it restarts")
            except DeviceError as error:
                say(f"{serial} is the {side} one from its next start on ({error})")


def _listed(pairs: Sequence[KnownPair]) -> pd.DataFrame:
    rows = []
    for pair in pairs:
        for side in SIDES:
            if side in pair.feet or (pair.uri and side in pair.serials):
                uri = pair.feet.get(side, pair.uri)
                rows.append((pair.name, side, uri, pair.serials.get(side, "")))
    return pd.DataFrame(rows, columns=list(LISTED))


async def _pair(
    name: str, device: str | None, left: str | None, right: str | None, duration_s: float
) -> list[dict[str, Any]]:
    """Connect what is named, or else found; remember and return who answered."""
    if not any((device, left, right)):
        left, right = chosen(await search(duration_s=duration_s))
    rows = []
    async with connect_pair(device, left=left, right=right) as pair:
        for side, insole in pair.feet.items():
            info = insole.known
            rows.append(
                {
                    "side": side,
                    "serial": info.serial,
                    "firmware": info.firmware,
                    "layout": info.layout_name,
                    "self_test": self_test_words(info),
                    "uri": insole.uri,
                }
            )
    serials = {row["side"]: row["serial"] for row in rows}
    if device is not None and len(rows) == len(SIDES):
        known = KnownPair(name, uri=device, serials=serials)
    else:
        named = {"left": left, "right": right}
        feet = {row["side"]: lasting_uri(named[row["side"]] or device or "") for row in rows}
        known = KnownPair(name, feet=feet, serials=serials)
    known_pairs.remember(known)
    return rows


def chosen(found: Sequence[Found]) -> tuple[str, str]:
    """Return the URIs of the one left and the one right insole among ``found``.

    TransportError where a side has none, or more than one: nothing is guessed. An insole that is
    both plugged in and heard is taken over Bluetooth, as it is worn.
    """
    uris = []
    for side in SIDES:
        mine = [one for one in found if one.side == side]
        by_serial = {one.serial or one.uri: one for one in sorted(mine, key=_is_heard)}
        if len(by_serial) != 1:
            uris_heard = ", ".join(f"{one.uri} ({one.serial})" for one in by_serial.values())
            what = (
                f"more than one {side} insole: {uris_heard}" if by_serial else _none(side, found)
            )
            raise TransportError(f"{what}; name them: --left URI --right URI")
        uris.append(next(iter(by_serial.values())).uri)
    return uris[0], uris[1]


def _is_heard(one: Found) -> bool:
    return one.uri.startswith("ble:")


def _none(side: str, found: Sequence[Found]) -> str:
    silent = [
        f"{one.uri} ({one.note})" for one in found if not one.side and one.note != NOT_PAIRED
    ]
    others = f"; no side known of {', '.join(silent)}" if silent else ""
    return f"no {side} insole was found{others}"
