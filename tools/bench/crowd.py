"""More and more insoles on one host core, until frames are missing and declared so.

All feet run the firmware and share one virtual time with a host that has one core, as fast as one
of this machine: the processor time of everything but the simulation (reading, gaps, credits,
clock, pings, recording to disk, live decoding) is measured, and what the host sends leaves only
when its core has come that far. So a host that cannot follow gives credit late, the feet's
outboxes run over, and as these insoles have no log, frames are missing.
"""

from __future__ import annotations

import asyncio
import heapq
import tempfile
import time
from pathlib import Path
from typing import Any

import solekit
from solekit.insole import Insole
from solekit.transports.virtual import Pump, VirtualTransport
from solekit_hil.uri import parse
from solekit_hil.world import World

RATE_HZ = 50
WALK = f"walk?air=ble&form=coded8&rate_hz={RATE_HZ}&interval_ms=15&log=0"
COUNTS = (20, 50, 75, 100, 150, 200)
LENGTH_S = 8.0
N_PERSONS = 10  # who walk on the insoles, again and again


class Crowd:
    """Many virtual pairs in one time, and a host whose time on one core passes in it."""

    is_message_based = True
    duration_s = float("inf")

    def __init__(self, n_pairs: int) -> None:
        self.now_us = 0
        self.worlds = [
            World(parse("sim", f"{WALK}&seed={1 + i % N_PERSONS}"), is_mpy=False)
            for i in range(n_pairs)
        ]
        self.lost: dict[str, str] = {}
        self.is_timed = False
        self.host_s = 0.0  # of processor time
        self.lag_s = 0.0  # by which the host was behind at most
        self._free_us = 0.0
        self._since_s = 0.0
        self._held: list[tuple[float, int, str, bytes]] = []
        self._n = 0

    def _host_us(self) -> float:
        """Return when the host's core gets to what it does now."""
        if not self.is_timed:
            return float(self.now_us)
        busy_s = time.thread_time() - self._since_s
        return max(self._free_us, float(self.now_us)) + 1e6 * busy_s

    def send(self, side: str, data: bytes) -> None:
        """Send ``data`` as soon as the host's core is so far."""
        self._n += 1
        heapq.heappush(self._held, (self._host_us(), self._n, side, data))

    def advance(self, to_us: int) -> list[tuple[int, str, bytes]]:
        """Move time to ``to_us``; return ``(microseconds, side, bytes)`` that reached the host."""
        self._free_us = self._host_us()
        if self.is_timed:
            self.host_s += time.thread_time() - self._since_s
            self.lag_s = max(self.lag_s, 1e-6 * (self._free_us - self.now_us))
        while self._held and (self._held[0][0] <= to_us or not self.is_timed):
            _, _, side, data = heapq.heappop(self._held)
            i, _, name = side.partition(" ")
            self.worlds[int(i)].send(name, data)
        arrived = [
            (t_us, f"{i} {name}", data)
            for i, world in enumerate(self.worlds)
            for t_us, name, data in world.advance(to_us)
        ]
        arrived.sort(key=lambda item: item[0])
        self.now_us = to_us
        self._since_s = time.thread_time()
        return arrived

    def close(self) -> None:
        """Free all feet."""
        for world in self.worlds:
            world.close()


def measure() -> list[dict[str, Any]]:
    """Return one row per number of insoles, up to the first that one core does not follow."""
    rows: list[dict[str, Any]] = []
    for n_insoles in COUNTS:
        rows.append(asyncio.run(run(n_insoles, LENGTH_S)))
        if rows[-1]["missing"]:
            break
    return rows


async def run(n_insoles: int, length_s: float, *, slow: float = 0.0) -> dict[str, Any]:
    """Return what ``n_insoles`` cost the host, and what was lost.

    ``slow``: processor seconds that each second of streaming costs the host besides, for tests.
    """
    crowd = Crowd(n_insoles // 2)
    pump = Pump(lambda: crowd)
    pairs = [
        solekit.Pair([Insole(VirtualTransport(f"sim:{i}-{name}", f"{i} {name}", pump)) for name in
                      ("left", "right")])
        for i in range(n_insoles // 2)
    ]  # fmt: skip
    followers: list[asyncio.Task[None]] = []
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.gather(*(pair.__aenter__() for pair in pairs))
        try:
            for i, pair in enumerate(pairs):
                pair.record_to(Path(folder) / f"{i}.mcap")
                followers += [
                    asyncio.create_task(_follow(insole)) for insole in pair.feet.values()
                ]
            await asyncio.gather(*(pair.start() for pair in pairs))
            crowd.is_timed = True
            await _wait(crowd, pump, length_s, slow)
            host_s, lag_s = crowd.host_s, crowd.lag_s
            crowd.is_timed = False
            losses = [loss for pair in pairs for loss in (await pair.stop()).values()]
        finally:
            for pair in pairs:
                await pair.__aexit__()
            await asyncio.gather(*followers, return_exceptions=True)
        feet = [
            foot.loss
            for i in range(len(pairs))
            for foot in solekit.Recording(Path(folder) / f"{i}.mcap").feet.values()
        ]
    frames = [loss["pressure"] for loss in losses]
    sampled, missing = (sum(getattr(f, name) for f in frames) for name in ("sampled", "missing"))
    return {
        "case": "one core",
        "insoles": n_insoles,
        "seconds": length_s,
        "host_pct": round(100 * host_s / length_s, 1),
        "most_behind_s": round(lag_s, 2),
        "frames": sampled,
        "missing": missing,
        "missing_pct": round(100 * missing / sampled, 2),
        "insoles_with_loss": sum(bool(f.missing) for f in frames),
        "equation_holds": all(x.holds for loss in losses for x in loss.values()),
        "file_agrees": feet == losses,
    }


async def _wait(crowd: Crowd, pump: Pump, length_s: float, slow: float) -> None:
    """Let the feet walk; ``slow`` is added to the host's time ten times a second."""
    for _ in range(round(10 * length_s)):
        await pump.clock.sleep(0.1)
        crowd.host_s += 0.1 * slow
        crowd._free_us = max(crowd._free_us, float(crowd.now_us)) + 1e5 * slow


async def _follow(insole: Insole) -> None:
    async for _ in insole.frames():  # decoded as they come
        pass
