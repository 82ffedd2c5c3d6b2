"""How many microseconds each stage of a frame takes on the insole behind ``--device``.

On a real board these are its own; ``sim:`` and ``mpy:`` have a virtual clock that stands still
while a frame is worked on, and say so.
"""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from solecore.wire import messages as m
from solecore.wire import names
from solekit import connect_pair
from solekit.errors import DataError

N_FRAMES = 50
STAGE_FRAMES = 10  # in one request: an answer must come within a second, also at 30 ms a scan


def measure(device: str) -> list[dict[str, Any]]:
    """Return one row per foot and stage; DataError where no time passes."""
    return asyncio.run(_measure(device))


async def _measure(device: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    async with connect_pair(device) as pair:
        for side, insole in pair.feet.items():
            total = np.zeros(len(names.STAGES))
            for _ in range(N_FRAMES // STAGE_FRAMES):
                reply = await insole.request(m.TIMING, STAGE_FRAMES)
                total += np.frombuffer(reply.fields["stages"], "<u4")
            if not total.any():
                raise DataError(f"{insole.uri} has a virtual clock: no time passes within a frame")
            info = insole.known
            about = {"side": side, "layout": info.layout_name, "kernels": info.kernels}
            readout = dict(zip(names.READOUT_WORDS, map(int, info.readout), strict=True))
            about["back_end"] = names.BACK_ENDS[readout["back_end"]]
            for stage, us in zip(names.STAGES, total / N_FRAMES, strict=True):
                rows.append({**about, "stage": stage, "us_per_frame": round(float(us), 1)})
            busy = float(total[:-1].sum()) / N_FRAMES
            share = round(100 * busy / info.period_us, 1)
            rows.append({**about, "stage": "all", "us_per_frame": round(busy, 1), "pct": share})
    return rows
