"""``solekit fetch``: what the insoles logged while no host was there, as a recording."""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from solecore.wire import messages as m
from solekit.cli import options
from solekit.cli.output import progress, say, show_table
from solekit.cli.passphrase import new_passphrase
from solekit.cli.record import show_losses
from solekit.loss import StreamLoss
from solekit.pair import Pair
from solekit.recording import Recording


def run(
    device: options.Device = None,
    left: options.Left = None,
    right: options.Right = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File to write; must not exist. Without it: only a list."),
    ] = None,
    boot: Annotated[
        int | None,
        typer.Option("--boot", help="Which start of the insole; the newest by default."),
    ] = None,
    minutes: Annotated[
        bool,
        typer.Option(
            "--minutes", help="Only the summaries of the minutes, as a table: a day in moments."
        ),
    ] = False,
    erase: Annotated[
        bool, typer.Option("--erase", help="Then free the flash of what has been fetched.")
    ] = False,
    seal: Annotated[
        bool,
        typer.Option("--seal", help="Encrypt the file behind a pass-phrase as it is written."),
    ] = False,
    json: options.Json = False,
) -> None:
    """Fetch the log of the insoles, or list what it holds."""
    if seal and out is None:
        raise typer.BadParameter("--seal goes with --out: only a file can be sealed")
    secret = new_passphrase() if seal else None
    pair = options.pair_of(device, left, right)
    if minutes:
        table = minute_summaries(pair, out, boot=boot, erase=erase, passphrase=secret, quiet=json)
        show_table(table, as_json=json)
        return
    if out is None:
        show_table(asyncio.run(listed(pair)), as_json=json)
        return
    work = fetch(pair, out, boot=boot, erase=erase, passphrase=secret, quiet=json)
    show_losses(out, asyncio.run(work), as_json=json)


async def listed(pair: Pair) -> pd.DataFrame:
    """Return what the logs hold, one row per range."""
    rows = []
    async with pair:
        for side, insole in pair.feet.items():
            rows += [(side, *vars(span).values()) for span in await insole.log_ranges()]
    return pd.DataFrame(rows, columns=["side", "boot", "stream", "start", "stop"])


def minute_summaries(
    pair: Pair,
    path: Path | None,
    *,
    boot: int | None,
    erase: bool,
    passphrase: str | None,
    quiet: bool,
) -> pd.DataFrame:
    """Return the minutes that every foot summed up, by time; kept as a recording at ``path``."""
    with tempfile.TemporaryDirectory() as folder:
        path = path or Path(folder) / "minutes.mcap"
        work = fetch(
            pair,
            path,
            boot=boot,
            erase=erase,
            passphrase=passphrase,
            quiet=quiet,
            streams=("minutes",),
        )
        asyncio.run(work)
        recording = Recording(path, passphrase=passphrase)
        for side, foot in recording.feet.items():
            good_s = foot.timeline.interval_s
            known = f"within {good_s:.3g} s" if math.isfinite(good_s) else "by their order only"
            say(f"{side}: {len(foot.minutes)} minutes, times known {known}")
            if foot.starts[m.MINUTES]:
                say(f"{side}: older minutes of this start were erased, or had no room")
        return recording.minutes


async def fetch(
    pair: Pair,
    path: Path,
    *,
    boot: int | None = None,
    erase: bool = False,
    passphrase: str | None = None,
    quiet: bool = False,
    streams: Sequence[str] = m.STREAM_NAMES,
) -> dict[str, dict[str, StreamLoss]]:
    """Fetch the log of every foot of ``pair`` into ``path``; return the account by side.

    A ``passphrase`` seals the file.
    """
    losses: dict[str, dict[str, StreamLoss]] = {}
    async with pair:
        pair.record_to(path, protocol="logged", passphrase=passphrase)
        assert pair.writer is not None
        with progress(quiet=quiet) as bar:
            for side, insole in pair.feet.items():
                task = bar.add_task(f"fetching {side}", total=None, live="")

                def show(n: int, n_all: int, task=task) -> None:
                    bar.update(task, completed=n, total=n_all)

                losses[side] = await insole.fetch_log(
                    pair.writer, boot=boot, streams=streams, progress=show
                )
        pair.close_recording()
        if erase:
            for insole in pair.feet.values():
                await insole.erase_log()
    return losses
