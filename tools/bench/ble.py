"""Two insoles over the firmware's radio link, on modelled stacks, with connections that end.

Simulated: the walk, the air, both stacks. The firmware, the wire and the host are the real ones.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import solekit
from solecore.wire import messages as m

LENGTH_S = 600.0
RATES_HZ = (30, 50)
STACKS = ("nimble", "btstack")
INTERVAL_MS = 30
# From the start of streaming: when the link of both feet breaks, and for how long nothing passes.
CUTS_S = ((60.0, 8.0), (150.0, 5.0), (240.0, 20.0), (330.0, 6.0), (420.0, 12.0), (510.0, 30.0))


def measure() -> list[dict[str, Any]]:
    """Return one row per stack, rate and foot."""
    rows = []
    for stack in STACKS:
        for rate_hz in RATES_HZ:
            rows += asyncio.run(run(stack, rate_hz, CUTS_S, LENGTH_S))
    return rows


async def run(
    stack: str, rate_hz: int, cuts_s: tuple[tuple[float, float], ...], length_s: float
) -> list[dict[str, Any]]:
    """Return what ``length_s`` with ``cuts_s`` has left of every foot's streams."""
    uri = f"sim:walk?air=ble&form=coded8&rate_hz={rate_hz}&stack={stack}&interval_ms={INTERVAL_MS}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "walk.mcap"
        async with solekit.connect_pair(uri) as pair:
            pair.record_to(path)
            transport: Any = next(iter(pair.feet.values())).transport
            feet = {name: side.foot for name, side in transport.world.sides.items()}
            await pair.start()
            started_s = pair.clock.now_s()
            for foot in feet.values():
                foot.cuts += [
                    ((started_s + at_s) * 1e6, (started_s + at_s + for_s) * 1e6)
                    for at_s, for_s in cuts_s
                ]
            began_s = time.perf_counter()
            await pair.clock.sleep(length_s)
            stopped_s = pair.clock.now_s()
            losses = await pair.stop()
            after_stop_s = pair.clock.now_s() - stopped_s
            spent_s = time.perf_counter() - began_s
        recording = solekit.Recording(path)
        held = {name: _held(foot) for name, foot in recording.feet.items()}
        agrees = {name: foot.loss == losses[name] for name, foot in recording.feet.items()}
    rows = []
    for name, foot in feet.items():
        of_foot = losses[name].values()
        frames = losses[name]["pressure"]
        rows.append(
            {
                "simulated": f"{stack}, {INTERVAL_MS} ms, MTU {foot.link.mtu}",
                "side": name,
                "rate_hz": rate_hz,
                "minutes": round(length_s / 60, 1),
                "n_reconnects": foot.n_reconnects,
                "sampled": frames.sampled,
                "received": frames.received,
                "back_filled": frames.back_filled,
                "missing": frames.missing,
                "missing_of_other_streams": sum(loss.missing for loss in of_foot) - frames.missing,
                "silently_lost": sum(
                    abs(loss.sampled - loss.missing - held[name][stream])
                    for stream, loss in losses[name].items()
                ),
                "equation_holds": all(loss.holds for loss in of_foot),
                "file_agrees": agrees[name],
                "n_without_buffer": foot.radio.n_refused,
                "max_queue_bytes": foot.radio.max_queue_bytes,
                "after_stop_s": round(after_stop_s, 1),
                "times_real_time": round(length_s / spent_s, 1),
            }
        )
    return rows


def _held(foot: Any) -> dict[str, int]:
    """Return how many samples of each stream can be read from the file."""
    return {
        "pressure": np.unique(foot.seq[: len(foot.counts)]).size,
        "imu": len(foot.imu),
        "events": len(foot.events),
        "strides": len(foot.strides),
        "minutes": len({item.seq for item in foot.messages(m.MINUTES)}),
    }
