"""``solekit replay``: play a recording as if the insoles were there, and watch its events."""

from __future__ import annotations

import asyncio

from solekit.cli import options
from solekit.cli.output import say, show_json
from solekit.pair import connect_pair


def run(recording: options.RecordingPath, json: options.Json = False) -> None:
    """Replay a recording through the SDK: gait events as they come, the account at the end."""
    asyncio.run(_replay(str(recording), as_json=json))


async def _replay(path: str, *, as_json: bool) -> None:
    async with connect_pair(f"replay:{path}") as pair:
        watching = asyncio.create_task(_watch(pair, as_json=as_json))
        await asyncio.sleep(0)  # the watcher subscribes before the first event
        await pair.start()
        await pair.clock.sleep(pair.duration_s)
        losses = await pair.stop()
        await watching
    for side, streams in losses.items():
        frames = streams["pressure"]
        say(
            f"{side}: {frames.sampled} frames sampled, {frames.received} received, "
            f"{frames.missing} missing"
        )


async def _watch(pair, *, as_json: bool) -> None:
    async for event in pair.events():
        row = {
            "t_s": event.t_s,
            "side": event.side,
            "kind": event.kind,
            "interval_s": event.interval_s,
        }
        if as_json:
            show_json(row)
        else:
            print(f"{event.t_s:10.3f} s  {event.side:<5}  {event.kind}")
