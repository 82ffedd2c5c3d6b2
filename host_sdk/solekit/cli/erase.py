"""``solekit erase``: free the log of the insoles, or remove a recording."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from solekit.cli import options
from solekit.cli.output import say, show_json
from solekit.insole import Insole
from solekit.pair import Pair

BLOCK_KB = 4


def run(
    recording: Annotated[
        Path | None, typer.Argument(help="A recording (.mcap) to remove instead of a log.")
    ] = None,
    device: options.Device = None,
    left: options.Left = None,
    right: options.Right = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Erase also what no computer has fetched.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Free the insoles' log of what has been fetched, or remove a recording of ours."""
    if recording is not None:
        if device or left or right or force:
            raise typer.BadParameter("name a recording, or insoles, not both")
        _remove(recording, is_asked=not yes, as_json=json)
        return
    if not (device or left or right):
        raise typer.BadParameter("name a recording, or the insoles by --device")
    rows = asyncio.run(_erase(options.pair_of(device, left, right), is_sure=yes, is_forced=force))
    for row in rows:
        if json:
            show_json(row)
        else:
            print(f"{row['side']}: {row['freed_kb']} kB freed, {row['samples_left']} samples left")
    if any(row["samples_left"] for row in rows) and not force:
        say("what is left has not been fetched: 'solekit fetch' it, or erase it with --force")


async def _erase(pair: Pair, *, is_sure: bool, is_forced: bool) -> list[dict[str, Any]]:
    rows = []
    async with pair:
        for side, insole in pair.feet.items():
            n_blocks, left = 0, await _samples(insole)
            text = f"{side}: the log holds {left} samples; erase what has been fetched of them"
            if left and _may(text, is_sure=is_sure):
                n_blocks, left = await insole.erase_log(), await _samples(insole)
                text = f"{side}: {left} samples were not fetched; erase them for good"
                if is_forced and left and _may(text, is_sure=is_sure):
                    n_blocks += await insole.erase_log(is_forced=True)
                    left = await _samples(insole)
            rows.append({"side": side, "freed_kb": n_blocks * BLOCK_KB, "samples_left": left})
    return rows


async def _samples(insole: Insole) -> int:
    return sum(span.stop - span.start for span in await insole.log_ranges())


def _may(text: str, *, is_sure: bool) -> bool:
    if is_sure:
        say(text)
    return is_sure or typer.confirm(f"{text}?", err=True)


def _remove(path: Path, *, is_asked: bool, as_json: bool) -> None:
    from solekit.errors import DataError
    from solekit.recording.reader import require_ours
    from solekit.recording.sealed import is_sealed

    require_ours(path)
    if is_asked and not typer.confirm(f"Remove {path} for good?", err=True):
        raise typer.Exit(1)
    was_sealed = is_sealed(path)
    try:
        path.unlink()
    except OSError as error:
        raise DataError(f"{path} cannot be removed: {error.strerror}") from error
    if as_json:
        show_json({"removed": str(path)})
    else:
        print(f"removed {path}")
    if was_sealed:
        say("it was sealed: copies on flash memory or in backups open with the pass-phrase only")
    else:
        say(
            "flash memory and backups may keep copies that tools can read; only what was sealed "
            "from its first byte ('solekit record --seal') is safe from that"
        )
