"""A day alone: a foot that nobody listens to sums up its minutes and is asked for them at night.

Simulated, on a virtual clock and with the crystals that virtual insoles have. The insole is told
the time, left alone, and only its minutes are fetched: its flash holds a small part of the frames.
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

HOURS = 24.0
RATE_HZ = 10
SIDE = "left"
LOG = "1M"
TOLD_S = 2.0  # a host is there so long before it leaves


def measure(
    hours: float = HOURS, *, rate_hz: int = RATE_HZ, log: str = LOG
) -> list[dict[str, Any]]:
    """Return what came of ``hours`` of walking at ``rate_hz``: a row of minutes, clock and cost.

    ``log`` is the size of the flash log.
    """
    began_s = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "day.mcap"
        uri = f"sim:walk?layout=cells-4&side={SIDE}&rate_hz={rate_hz}&log={log}"
        kept, missing, clock = asyncio.run(_alone(uri, 3600 * hours, path))
        foot = solekit.Recording(path).feet[SIDE]
        file_kb = path.stat().st_size / 1e3
    table = foot.minutes
    items = [item for item in foot.messages(m.MINUTES) if item.message[0] == m.MINUTE.msg_id]
    begins_us = np.array([item.foot_us for item in items], dtype=float)
    true_s = (begins_us - clock.offset_us) / clock.rate * 1e-6
    error_s = np.abs(table["t_s"].to_numpy(dtype=float) - true_s).max()
    return [
        {
            "hours": hours,
            "rate_hz": rate_hz,
            "minutes": len(table),
            "minutes_missing": missing,
            "frames_summed_up": int(table["n_frames"].to_numpy().sum()),
            "frames_kept": kept["pressure"],
            "strides_kept": kept["strides"],
            "file_kb": round(file_kb),
            "largest_clock_error_ms": round(1e3 * float(error_s), 2),
            "stated_ms": round(1e3 * foot.timeline.interval_s, 2),
            "stride_s": round(float(np.median(table["stride_s"].to_numpy())), 3),
            "cpu_s": round(time.process_time() - began_s, 1),
        }
    ]


async def _alone(uri: str, alone_s: float, path: Path) -> tuple[dict[str, int], int, Any]:
    """Tell the time, leave, fetch; return samples kept, minutes missing and the foot's clock."""
    async with solekit.connect_pair(uri) as pair:
        (insole,) = pair.feet.values()
        await pair.start()
        await pair.clock.sleep(TOLD_S)
        await pair.stop()
        await pair.clock.sleep(alone_s)
        kept = {span.stream: span.stop - span.start for span in await insole.log_ranges()}
        pair.record_to(path, protocol="logged")
        assert pair.writer is not None
        losses = await insole.fetch_log(pair.writer, streams=("minutes",))
        virtual: Any = insole.transport
    return kept, losses["minutes"].missing, virtual.world.sides[SIDE]
