"""``solekit update``: a new application for an insole."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from solekit.cli import options
from solekit.cli.output import progress, say, show_json
from solekit.pair import Pair, connect_pair
from solekit.update import update


def run(
    bundle: Annotated[Path, typer.Argument(help="From python -m tools.bundle build.")],
    device: Annotated[
        str | None,
        typer.Option(help="URI of an insole, or URI or remembered name of a pair: both get it."),
    ] = None,
    left: options.Left = None,
    right: options.Right = None,
    json: options.Json = False,
) -> None:
    """Send a signed bundle; the insole tries it at its next start and falls back by itself."""
    pair = connect_pair(device, left=left, right=right)
    asyncio.run(_update(pair, bundle, as_json=json))


async def _update(pair: Pair, bundle: Path, *, as_json: bool) -> None:
    async with pair:
        for side, insole in pair.feet.items():
            with progress(quiet=as_json) as shown:
                task = shown.add_task(side, total=None, live="")

                def show(at: int, total: int, shown=shown, task=task) -> None:
                    live = f"{at / 1024:.0f} of {total / 1024:.0f} kB"
                    shown.update(task, completed=at, total=total, live=live)

                n_sent = await update(insole, bundle, show)
            if as_json:
                show_json({"side": side, "bytes_sent": n_sent})
            else:
                say(f"{side}: {n_sent} bytes sent; it starts the new application now")
