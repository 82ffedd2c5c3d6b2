"""``solekit selftest``: what an insole finds wrong with itself."""

from __future__ import annotations

import asyncio
from typing import Annotated

import pandas as pd
import typer

from solekit import service
from solekit.cli import options
from solekit.cli.output import say, show_table


def run(
    device: options.Device = None,
    walk: Annotated[
        bool, typer.Option("--walk", help="Walk for half a minute while the cells are judged.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Let every insole test itself, unloaded at rest or while walking; exit code 1 on a fault."""
    if walk:
        say("walk at an easy pace; the test ends by itself")
    found = asyncio.run(_test(device or options.DEFAULT_DEVICE, walk=walk))
    rows = [
        {
            "side": side,
            "fault": fault.kind,
            "first": fault.first,
            "second": fault.second,
            "words": str(fault),
        }
        for side, result in found.items()
        for fault in result.faults
    ]
    if rows or json:
        show_table(pd.DataFrame(rows), as_json=json)
    for side, result in found.items():
        verdict = "failed: " + ", ".join(result.failed) if result.failed else "passed"
        after = f" after {result.n_frames} frames with load" if walk else ""
        unjudged = f"; {result.n_unjudged} cells had no load to judge by" if walk else ""
        say(f"{side}: {verdict}{after}{unjudged}")
    if rows:
        raise typer.Exit(1)


async def _test(uri: str, *, walk: bool) -> dict[str, service.SelfTest]:
    async with options.pair_of(uri, None, None) as pair:
        tests = (service.self_test(insole, walk=walk) for insole in pair.feet.values())
        return dict(zip(pair.feet, await asyncio.gather(*tests), strict=True))
