"""``solekit update``: a new application for an insole."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from solekit.cli.output import say
from solekit.pair import connect_pair
from solekit.update import update


def run(
    bundle: Annotated[Path, typer.Argument(help="From python -m tools.bundle build.")],
    device: Annotated[str, typer.Option(help="The insole, or a pair: both are updated.")],
) -> None:
    """Send a signed bundle; the insole tries it at its next start and falls back by itself."""
    asyncio.run(_update(bundle, device))


async def _update(bundle: Path, device: str) -> None:
    async with connect_pair(device) as pair:
        for side, insole in pair.feet.items():
            columns = (TextColumn(f"{side:>5}"), BarColumn(), DownloadColumn())
            with Progress(*columns) as progress:
                task = progress.add_task(side, total=None)
                sent = await update(
                    insole,
                    bundle,
                    lambda at, total, task=task, progress=progress: progress.update(
                        task, completed=at, total=total
                    ),
                )
            say(f"{side}: {sent} bytes sent; it restarts into the new application now")
