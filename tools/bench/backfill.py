"""How much of a cut link the flash log brings back: 10 of 30 virtual minutes, grid coded at 30 Hz.

The rows are boards by what their flash leaves for the log (a size each, not a run on one).
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import solekit
from solecore.wire import messages as m

BOARDS = (("8 MB ESP32-S3", "6M"), ("4 MB ESP32-S3", "2M"), ("Pico W", "1.2M"))
CUT_S = (600.0, 1200.0)
LENGTH_S = 1800.0


def measure() -> list[dict[str, Any]]:
    """Return one row per board."""
    return [{"board": board, **asyncio.run(run(size, CUT_S, LENGTH_S))} for board, size in BOARDS]


async def run(size: str, cut_s: tuple[float, float], length_s: float) -> dict[str, Any]:
    """Return what a log of ``size`` brought back of the frames, and of everything else."""
    uri = f"sim:walk?side=left&log={size}&cut={cut_s[0]:g}-{cut_s[1]:g}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "walk.mcap"
        async with solekit.connect_pair(uri) as pair:
            pair.record_to(path)
            await pair.start()
            began_s = time.perf_counter()
            await pair.clock.sleep(length_s)
            asked_s = pair.clock.now_s()
            losses = (await pair.stop())["left"]
            stop_s = pair.clock.now_s() - asked_s
            spent_s = time.perf_counter() - began_s
        foot = solekit.Recording(path).feet["left"]
    frames = losses["pressure"]
    asked = frames.back_filled + frames.missing
    newest_s = 0.0
    if frames.holes:  # from the last hole to where the link came back
        end = foot.seq[foot.t_s >= cut_s[1]].min()
        newest_s = (end - frames.holes[-1][1]) * foot.info.period_us * 1e-6
    row = {
        "log_bytes": size,
        "sampled": frames.sampled,
        "received": frames.received,
        "back_filled": frames.back_filled,
        "missing": frames.missing,
        "n_holes": len(frames.holes),
        "recovered_pct": round(100 * frames.back_filled / asked, 3) if asked else 100.0,
        "newest_recovered_s": round(newest_s, 1) if frames.holes else cut_s[1] - cut_s[0],
        "imu_missing": losses["imu"].missing,
        "events_missing": losses["events"].missing,
        "strides_missing": losses["strides"].missing,
        "after_stop_s": round(stop_s, 1),
        "equation_holds": all(loss.holds for loss in losses.values()),
        "file_agrees": foot.loss == losses,
        "times_real_time": round(length_s / spent_s, 1),
    }
    assert set(losses) == set(m.STREAM_NAMES)
    return row
