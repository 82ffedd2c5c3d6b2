"""How many frames after its crossing an event leaves the foot, on virtual people of several kinds.

Counted from the event's own time to the frame that confirmed it; the bound is n_on + 1 frames. An
event within 150 ms of the one before it must wait for that long and is counted apart.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from solecore.gait.contacts import REFRACTORY_US, ContactDetector
from solekit import Recording, connect_pair

SECONDS = 30
CASES = (("walk", 14), ("walk", 30), ("fast", 30), ("limp", 50), ("walk", 100), ("run", 100))


def measure() -> list[dict[str, Any]]:
    """Return one row per motion and rate: frames from crossing to confirmation."""
    return [asyncio.run(_case(motion, rate_hz)) for motion, rate_hz in CASES]


async def _case(motion: str, rate_hz: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "latency.mcap"
        async with connect_pair(f"sim:{motion}?seed=2&layout=cells-16&rate_hz={rate_hz}") as pair:
            pair.record_to(path)
            await pair.start()
            await pair.clock.sleep(SECONDS)
            await pair.stop()
        recording = Recording(path)
        period_s = next(iter(recording.feet.values())).info.period_us * 1e-6
        frames, n_held = [], 0
        for side, events in recording.events.groupby("side"):
            main = events.query("kind == 'ic' or kind == 'to'").sort_values("t_s")
            waited = ((main["confirmed_s"] - main["t_s"]) / period_s).to_numpy()
            # A stance that the data begin in counts from there.
            before_s = main["confirmed_s"].shift(1, fill_value=recording.feet[str(side)].t_s[0])
            held = (main["t_s"] - before_s).to_numpy() < REFRACTORY_US * 1e-6
            n_held += int(held.sum())
            frames.append(waited[~held])
    waited = np.concatenate(frames)
    n_on = ContactDetector(round(1e6 / rate_hz)).n_confirm
    return {
        "motion": motion,
        "rate_hz": rate_hz,
        "events": waited.size,
        "held_by_refractory": n_held,
        "n_on": n_on,
        "median_frames": round(float(np.median(waited)), 2),
        "largest_frames": round(float(waited.max()), 2),
        "bound_frames": n_on + 1,
    }
