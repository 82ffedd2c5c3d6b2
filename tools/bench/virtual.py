"""How much faster than real time a virtual pair walks and is recorded."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from solekit import connect_pair
from tools.validate.way import best_rung

SECONDS = 30
LAYOUTS = ("grid-30x22", "cells-16", "cells-4")


def measure() -> list[dict[str, Any]]:
    """Return one row per rung and layout; the MicroPython rung only where it is at hand."""
    rungs = ("sim", "mpy") if best_rung() == "mpy" else ("sim",)
    return [asyncio.run(_case(rung, layout)) for rung in rungs for layout in LAYOUTS]


async def _case(rung: str, layout: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        async with connect_pair(f"{rung}:walk?layout={layout}") as pair:
            pair.record_to(Path(folder) / "walk.mcap")
            await pair.start()
            began_s = time.perf_counter()
            await pair.clock.sleep(SECONDS)
            spent_s = time.perf_counter() - began_s
            await pair.stop()
    return {"rung": rung, "layout": layout, "times_real_time": round(SECONDS / spent_s, 1)}
