"""Cost against length: one minute to ten hours of one foot, IMU and load block by block.

The virtual walker (simulated, seed 1) at 100 Hz. Time is that of the analysis alone; memory is the
most that it held at once beside the results.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from solekit import layouts
from solekit.contacts.blocks import contacts_of_blocks
from solekit.layouts import FloatArray
from solekit.trajectory.blocks import ImuBlock, strides_of_blocks
from solekit_hil import walker

RATE_HZ = 100.0
MINUTES = (1, 10, 60, 600)
BLOCK_S = 300.0


class Stopwatch:
    """Seconds of the processor spent in it: what else runs on the machine does not count."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self._began = time.process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.process_time() - self._began


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
            "memory_last_to_second": round(last["peak_mb"] / first["peak_mb"], 2),
        }
    )
    return rows


def run(minutes: int) -> dict[str, Any]:
    """Return time, memory and strides of ``minutes`` of walking."""
    imu_s, n_strides, imu_mb = spent(
        lambda making: strides_of_blocks(imu_blocks(60.0 * minutes, making)), len
    )
    load_s, n_contacts, load_mb = spent(
        lambda making: contacts_of_blocks(load_blocks(60.0 * minutes, making)),
        lambda events: int(np.sum(events["kind"].to_numpy() == "ic")),
    )
    seconds = imu_s + load_s
    return {
        "minutes": minutes,
        "seconds": round(seconds, 2),
        "seconds_per_hour": round(60.0 * seconds / minutes, 2),
        "strides": n_strides,
        "contacts_of_load": n_contacts,
        "peak_mb": round(max(imu_mb, load_mb), 1),
    }


def spent(
    start: Callable[[Stopwatch], Iterator[pd.DataFrame]], count: Callable[[pd.DataFrame], int]
) -> tuple[float, int, float]:
    """Return seconds without making the input, what was counted, and the peak of memory in MB."""
    watch, making = Stopwatch(), Stopwatch()
    tracemalloc.start()
    n, peak = 0, 0
    with watch:
        for table in start(making):
            n += count(table)
            peak = max(peak, tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    return watch.seconds - making.seconds, n, peak / 1e6


def imu_blocks(duration_s: float, making: Stopwatch) -> Iterator[ImuBlock]:
    """Yield the walker's IMU in blocks, made in ``making``."""
    person = walker_of_one_foot()
    for t_s in times(duration_s):
        with making:
            imu = person.imu(t_s)["left"].astype(float)
        yield ImuBlock(t_s, imu[:, :3], imu[:, 3:])


def load_blocks(duration_s: float, making: Stopwatch) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield the walker's load in blocks, made in ``making``."""
    person = walker_of_one_foot()
    for t_s in times(duration_s):
        with making:
            load = person.force_n("left", t_s)
        yield t_s, load


def walker_of_one_foot() -> walker.SeededWalker:
    """Return the virtual person with a sole on the left."""
    person = walker.build("walk", seed=1, layouts={"left": layouts.named("cells-4", "left")})
    assert isinstance(person, walker.SeededWalker)
    return person


def times(duration_s: float) -> Iterator[FloatArray]:
    """Yield the times of the samples, BLOCK_S at a time."""
    n, step = round(duration_s * RATE_HZ), round(BLOCK_S * RATE_HZ)
    for first in range(0, n, step):
        yield np.arange(first, min(first + step, n)) / RATE_HZ
