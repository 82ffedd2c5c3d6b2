"""Two 660-cell insoles at 50 Hz over the virtual BLE air, and how many insoles one core follows.

``host_pct`` is the host's processor time while streaming, in per cent of one core: what it does
with every message that arrives (gaps, credits, account, clock, recording to disk), and
``decoding_pct`` what making cells of them takes. The simulation, the system's Bluetooth and the
pings are left out. ``one core`` (``tools.bench.crowd``) has more and more insoles on a core until
it does not follow; the bench takes minutes for it. ``a host too slow``
gives too little credit, as one beyond its limit would; its insoles have no log that could help, so
that frames must be missing, and declared. Simulated but for the firmware, the wire and the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import numpy as np

import solekit
from solecore.wire import messages as m
from solekit.insole import WINDOW, Insole
from solekit.transports import Clock, Transport, open_transports
from tools.bench import crowd

RATE_HZ = 50
URI = f"sim:walk?air=ble&form=coded8&rate_hz={RATE_HZ}&interval_ms=15"
PAIR_S, MANY_S, SLOW_S = 60.0, 10.0, 20.0
MANY = 20  # insoles
SLOW_CREDIT_S = 2 * WINDOW / RATE_HZ  # a window of frames in twice the time that they take


class Timed:
    """A transport that counts how long the host is busy with what it hands on."""

    def __init__(self, inner: Transport, *, credit_s: float = 0.0) -> None:
        self.inner = inner
        self.uri = inner.uri
        self.is_message_based = inner.is_message_based
        self.duration_s = inner.duration_s
        self.busy_s = 0.0
        self.n_bytes = 0
        self._credit_s = credit_s
        self._credited_s = float("-inf")

    @property
    def clock(self) -> Clock:
        """That of the transport within."""
        return self.inner.clock

    async def open(self) -> None:
        """Open the link."""
        await self.inner.open()

    async def close(self) -> None:
        """Close the link."""
        await self.inner.close()

    async def send(self, data: bytes) -> None:
        """Send ``data``; credit at most every ``credit_s``."""
        if data[0] == m.CREDIT.msg_id:
            now_s = self.clock.now_s()
            if now_s - self._credited_s < self._credit_s:
                return
            self._credited_s = now_s
        await self.inner.send(data)

    async def __aiter__(self) -> AsyncGenerator[tuple[float, bytes], None]:
        async with contextlib.aclosing(aiter(self.inner)) as chunks:
            async for t_s, data in chunks:
                began_s = time.thread_time()
                yield t_s, data
                self.busy_s += time.thread_time() - began_s
                self.n_bytes += len(data)


def measure() -> list[dict[str, Any]]:
    """Return one row per case."""
    return [
        asyncio.run(run("a pair", 2, PAIR_S)),
        asyncio.run(run(f"{MANY} insoles", MANY, MANY_S)),
        asyncio.run(run("a host too slow", 2, SLOW_S, credit_s=SLOW_CREDIT_S, more="&log=0")),
        *crowd.measure(),
    ]


async def run(
    case: str, n_insoles: int, length_s: float, *, credit_s: float = 0.0, more: str = ""
) -> dict[str, Any]:
    """Return what ``n_insoles`` cost the host, and what was lost."""
    with tempfile.TemporaryDirectory() as folder:
        pairs = await asyncio.gather(
            *(
                _pair(f"{URI}&seed={i + 1}{more}", Path(folder) / f"{i}.mcap", length_s, credit_s)
                for i in range(n_insoles // 2)
            )
        )
    decoding_pct = 100 * sum(decoding_s for *_, decoding_s in pairs) / length_s
    busy_s = sum(busy for _, busy, *_ in pairs)
    frames = [loss["pressure"] for losses, *_ in pairs for loss in losses.values()]
    streams = [x for losses, *_ in pairs for loss in losses.values() for x in loss.values()]
    sampled = sum(frame.sampled for frame in frames)
    missing = sum(frame.missing for frame in frames)
    host_pct = 100 * busy_s / length_s
    return {
        "case": case,
        "insoles": n_insoles,
        "seconds": length_s,
        "kB_per_s": round(1e-3 * sum(n for _, _, n, *_ in pairs) / length_s, 1),
        "host_pct": round(host_pct, 2),
        "decoding_pct": round(decoding_pct, 2),
        "frames": sampled,
        "missing": missing,
        "missing_pct": round(100 * missing / sampled, 2),
        "missing_of_other_streams": sum(loss.missing for loss in streams) - missing,
        "equation_holds": all(loss.holds for loss in streams),
        "file_agrees": all(agrees for _, _, _, agrees, _ in pairs),
    }


async def _pair(
    uri: str, path: Path, length_s: float, credit_s: float
) -> tuple[Any, float, int, bool, float]:
    transports = [Timed(inner, credit_s=credit_s) for inner in open_transports(uri).values()]
    async with solekit.Pair([Insole(transport) for transport in transports]) as pair:
        pair.record_to(path)
        await pair.start()
        for transport in transports:
            transport.busy_s, transport.n_bytes = 0.0, 0
        await pair.clock.sleep(length_s)
        busy_s = sum(transport.busy_s for transport in transports)
        n_bytes = sum(transport.n_bytes for transport in transports)
        losses = await pair.stop()
    feet = solekit.Recording(path).feet
    began_s = time.thread_time()
    n_frames = {side: len(foot.counts) for side, foot in feet.items()}
    decoding_s = time.thread_time() - began_s
    agrees = all(
        feet[side].loss == loss
        and n_frames[side] == np.unique(feet[side].seq).size
        and n_frames[side] == loss["pressure"].sampled - loss["pressure"].missing
        for side, loss in losses.items()
    )
    return losses, busy_s, n_bytes, agrees, decoding_s
