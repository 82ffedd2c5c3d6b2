"""Options that several subcommands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from solekit.pair import Pair, connect_pair

if TYPE_CHECKING:
    from solekit.feet import ContactSource

DEFAULT_DEVICE = "sim:walk"

Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        help=f"URI or remembered name of a pair, or URI of one insole (default {DEFAULT_DEVICE}).",
    ),
]
Left = Annotated[str | None, typer.Option("--left", help="URI of the left insole.")]
Right = Annotated[str | None, typer.Option("--right", help="URI of the right insole.")]
Json = Annotated[bool, typer.Option("--json", help="Lines of JSON instead of tables.")]
RecordingPath = Annotated[Path, typer.Argument(help="A recording (.mcap).")]
LowRate = Annotated[
    bool,
    typer.Option(
        "--allow-low-rate", help="Report double and single support below 25 Hz all the same."
    ),
]
Calibration = Annotated[
    list[str] | None,
    typer.Option(
        "--calibration",
        help="A calibration (.json) of 'solekit calibrate' for newtons, once per insole; 'none': "
        "the insole's own (default: what this computer keeps of the insole).",
    ),
]
Contacts = Annotated[
    str,
    typer.Option(
        "--contacts",
        help="Gait events: 'foot' as the insole found them, 'host' found again in all frames.",
    ),
]


def contact_source(name: str) -> ContactSource:
    """Return where gait events come from; a usage error names the choices."""
    from solekit.feet import CONTACT_SOURCES

    for known in CONTACT_SOURCES:
        if name == known:
            return known
    raise typer.BadParameter(
        f"{name!r} is not one of {', '.join(CONTACT_SOURCES)}", param_hint="--contacts"
    )


def calibrations(given: list[str] | None) -> list[Path] | None:
    """Return the files of ``--calibration``: None for what is kept, none of them for 'none'."""
    if not given:
        return None
    return [Path(name) for name in given if name != "none"]


def pair_of(device: str | None, left: str | None, right: str | None) -> Pair:
    """Return the pair that the options name, not yet connected."""
    if left is None and right is None:
        return connect_pair(device or DEFAULT_DEVICE)
    return connect_pair(device, left=left, right=right)
