"""Insoles near this computer: on USB and in the air, each asked who it is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from serial.tools import list_ports

from solecore.wire import names
from solekit.errors import SolekitError
from solekit.identity import InsoleInfo
from solekit.pair import connect

USB_VENDORS = {
    0x303A: "ESP32-S3",
    0x2E8A: "RP2",
    0x239A: "nRF52840",
}  # boards that Solekit runs on
BY_ID = Path("/dev/serial/by-id")  # Linux: names of ports that stay when cables change places
_UNKNOWN_PCT = 255
NOT_PAIRED = "not asked: not paired with this computer; 'solekit pair NAME' does that"


@dataclass(frozen=True)
class Found:
    """One port or advertisement, and what its insole told; '' or None is not known.

    ``name`` is what it advertises, or the board on USB. ``may_ask`` says whether asking it changes
    nothing: asking over Bluetooth pairs with what is not paired yet.
    """

    uri: str
    name: str = ""
    side: str = ""
    serial: str = ""
    battery_pct: int | None = None
    signal_dbm: int | None = None
    firmware: str = ""
    layout: str = ""
    self_test: str = ""
    note: str = ""
    may_ask: bool = True


def plugged_in(*, every: bool = False) -> list[Found]:
    """Return the serial ports of boards that Solekit runs on, or ``every`` serial port."""
    ports = [port for port in list_ports.comports() if every or port.vid in USB_VENDORS]
    return [
        Found(
            f"serial:{port.device}",
            name=USB_VENDORS.get(port.vid or 0, ""),
            serial=port.serial_number or "",
        )
        for port in sorted(ports, key=lambda port: port.device)
    ]


async def heard(duration_s: float = 4.0) -> list[Found]:
    """Return the insoles that advertise within ``duration_s``; TransportError without radio."""
    from solekit.transports.ble import discover  # bleak is slow to import

    rows = []
    for one in await discover(duration_s):
        notes = ["pairing window open"] if one.is_pairing else []
        if one.is_battery_low:
            notes.append("battery low")
        rows.append(
            Found(
                f"ble:{one.address}",
                name=one.name,
                side=one.side,
                serial=one.serial,
                signal_dbm=one.rssi_dbm,
                note=", ".join(notes),
                may_ask=one.is_paired is True,
            )
        )
    return rows


async def identified(found: Sequence[Found]) -> list[Found]:
    """Return ``found`` with what each insole says of itself, or why it says nothing in its note.

    What ``may_ask`` forbids is not asked.
    """
    return list(await asyncio.gather(*(_identified(one) for one in found)))


async def _identified(one: Found) -> Found:
    if not one.may_ask:
        return _noted(one, NOT_PAIRED)
    try:
        async with connect(one.uri) as insole:
            info = insole.known
            battery_pct = (await insole.stats())["battery_pct"]
    except SolekitError as error:
        return _noted(one, str(error))
    return replace(
        one,
        side=info.side,
        serial=info.serial,
        battery_pct=None if battery_pct == _UNKNOWN_PCT else battery_pct,
        firmware=info.firmware,
        layout=info.layout_name,
        self_test=self_test_words(info),
    )


def _noted(one: Found, note: str) -> Found:
    return replace(one, note=", ".join(text for text in (one.note, note) if text))


def self_test_words(info: InsoleInfo) -> str:
    """Return what the insole's self-test at its start said: passed, or what failed."""
    bits = info.hello["self_test"]
    failed = [name for i, name in enumerate(names.FAILED) if bits >> i & 1]
    return f"failed: {', '.join(failed)}" if failed else "passed"


def lasting_uri(uri: str) -> str:
    """Return ``uri`` by the name of its port that stays when others are plugged in (Linux)."""
    scheme, _, rest = uri.partition(":")
    if scheme != "serial" or not BY_ID.is_dir():
        return uri
    device, *after = re.split(r"(?=[@?])", rest, maxsplit=1)
    for link in sorted(BY_ID.iterdir()):
        if link.resolve() == Path(device).resolve():
            return f"serial:{link}{''.join(after)}"
    return uri
