"""``solekit scan``: which insoles are plugged in, and which can be heard."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pandas as pd
import typer
from serial.tools import list_ports

from solekit.cli import options
from solekit.cli.output import say, show_table
from solekit.errors import SolekitError
from solekit.pair import connect

USB_VENDORS = {
    0x303A: "ESP32-S3",
    0x2E8A: "RP2",
    0x239A: "nRF52840",
}  # boards that Solekit runs on
COLUMNS = ("uri", "board", "serial", "side", "note")


def run(
    every: Annotated[
        bool, typer.Option("--all", help="Every serial port, not only known boards.")
    ] = False,
    identify: Annotated[bool, typer.Option("--identify", help="Ask each one who it is.")] = False,
    usb_only: Annotated[bool, typer.Option("--usb", help="Do not listen on Bluetooth.")] = False,
    duration_s: Annotated[
        float, typer.Option(min=0.1, max=60.0, help="How long to listen on Bluetooth.")
    ] = 4.0,
    json: options.Json = False,
) -> None:
    """List USB ports with a board that can be an insole, and insoles that advertise."""
    rows = _plugged_in(every)
    if not usb_only:
        try:
            rows += asyncio.run(_heard(duration_s))
        except SolekitError as error:
            say(f"Bluetooth was not searched: {error}")
    if identify:
        for row in rows:
            row |= asyncio.run(_ask(row["uri"]))
    show_table(pd.DataFrame(rows, columns=None if rows else list(COLUMNS)), as_json=json)
    if not rows:
        say("no insole is plugged in or heard; try --all, or a virtual one: --device sim:walk")


def _plugged_in(every: bool) -> list[dict[str, Any]]:
    ports = [port for port in list_ports.comports() if every or port.vid in USB_VENDORS]
    return [
        {
            "uri": f"serial:{port.device}",
            "board": USB_VENDORS.get(port.vid or 0, ""),
            "serial": port.serial_number or "",
            "side": "",
            "note": "",
        }
        for port in sorted(ports, key=lambda port: port.device)
    ]


async def _heard(duration_s: float) -> list[dict[str, Any]]:
    from solekit.transports.ble import discover  # bleak is slow to import

    rows = []
    for one in await discover(duration_s):
        notes = [f"{one.rssi_dbm} dBm"]
        if one.is_pairing:
            notes.append("pairing window open")
        if one.is_battery_low:
            notes.append("battery low")
        rows.append(
            {
                "uri": f"ble:{one.address}",
                "board": one.name,
                "serial": one.serial,
                "side": one.side,
                "note": ", ".join(notes),
            }
        )
    return rows


async def _ask(uri: str) -> dict[str, Any]:
    """Return side and layout of the insole at ``uri``, or why it does not answer."""
    try:
        async with connect(uri) as insole:
            info = insole.known
            return {
                "side": info.side,
                "layout": info.layout_name,
                "firmware": info.firmware,
                "answer": "ok",
            }
    except SolekitError as error:
        return {"side": "", "layout": "", "firmware": "", "answer": str(error)}
