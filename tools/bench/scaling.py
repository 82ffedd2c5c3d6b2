"""Cost against length: one minute to ten hours of one foot, IMU block by block, load as a whole.

The virtual walker (simulated, seed 1) at 100 Hz. Time is that of the analysis alone; memory is the
most that it held at once, with the results and one block of input.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np

from solekit import layouts
from solekit.contacts import PressureContacts
from solekit.trajectory.blocks import ImuBlock, strides_of_blocks
from solekit_hil import walker

RATE_HZ = 100.0
MINUTES = (1, 10, 60, 600)
BLOCK_S = 300.0


class Stopwatch:
    """Seconds spent in it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._began


def measure(minutes: tuple[int, ...] = MINUTES) -> list[dict[str, Any]]:
    """Return one row per length, and how time and memory grow from the second to the last."""
    run(1)  # what is imported and compiled once
    rows = [run(n) for n in minutes]
    first, last = rows[1], rows[-1]
    rows.append(
        {
            "seconds_per_hour_last_to_second": round(
                last["seconds_per_hour"] / first["seconds_per_hour"], 2
            ),
            "imu_memory_last_to_second": round(last["imu_peak_mb"] / first["imu_peak_mb"], 2),
        }
    )
    return rows


def run(minutes: int) -> dict[str, Any]:
    """Return time, memory and strides of ``minutes`` of walking."""
    watch, making = Stopwatch(), Stopwatch()
    load: list[np.ndarray] = []
    tracemalloc.start()
    n_strides, imu_peak = 0, 0
    tables = strides_of_blocks(blocks(60.0 * minutes, load, making))
    while True:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        with watch:
            table = next(tables, None)
        imu_peak = max(imu_peak, tracemalloc.get_traced_memory()[1] - before)
        if table is None:
            break
        n_strides += len(table)
    total = np.concatenate(load)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    with watch:
        events = PressureContacts().detect(total, t_s=np.arange(len(total)) / RATE_HZ).events_
    load_peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    seconds = watch.seconds - making.seconds
    return {
        "minutes": minutes,
        "seconds": round(seconds, 2),
        "seconds_per_hour": round(60.0 * seconds / minutes, 2),
        "strides": n_strides,
        "contacts_of_load": int(np.sum(events["kind"].to_numpy() == "ic")),
        "imu_peak_mb": round(imu_peak / 1e6, 1),
        "load_peak_mb": round(load_peak / 1e6, 1),
    }


def blocks(duration_s: float, load: list[np.ndarray], making: Stopwatch) -> Iterator[ImuBlock]:
    """Yield the walker's IMU in blocks, made in ``making``; append each load to ``load``."""
    person = walker.build("walk", seed=1, layouts={"left": layouts.named("cells-4", "left")})
    n = round(duration_s * RATE_HZ)
    step = round(BLOCK_S * RATE_HZ)
    for first in range(0, n, step):
        t_s = np.arange(first, min(first + step, n)) / RATE_HZ
        with making:
            cells, feet, _ = person.sample(t_s)
            imu = feet["left"].astype(float)
            load.append(cells["left"].sum(axis=1).astype(float))
        yield ImuBlock(t_s, imu[:, :3], imu[:, 3:])
