"""``solekit scan``: which insoles are plugged in."""

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


def run(
    every: Annotated[
        bool, typer.Option("--all", help="Every serial port, not only known boards.")
    ] = False,
    identify: Annotated[bool, typer.Option("--identify", help="Ask each port who it is.")] = False,
    json: options.Json = False,
) -> None:
    """List USB ports with a board that can be an insole."""
    ports = [port for port in list_ports.comports() if every or port.vid in USB_VENDORS]
    rows: list[dict[str, Any]] = []
    for port in sorted(ports, key=lambda port: port.device):
        board = USB_VENDORS.get(port.vid or 0, "")
        row = {"uri": f"serial:{port.device}", "board": board, "serial": port.serial_number or ""}
        if identify:
            row |= asyncio.run(_ask(row["uri"]))
        rows.append(row)
    show_table(
        pd.DataFrame(rows, columns=None if rows else ["uri", "board", "serial"]), as_json=json
    )
    if not rows:
        say("no insole is plugged in; try --all, or a virtual one: --device sim:walk")


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
