"""One direction of a link in virtual time: latency, loss, duplicates, reorder, corruption, cut."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Faults:
    """What the air does wrong; shares are probabilities per message.

    ``cut`` is ``(start_s, end_s)``: nothing passes in between, end_s infinite means for good.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0
    cut: tuple[float, float] | None = None
    latency_ms: float = 2.0
    jitter_ms: float = 8.0

    def __post_init__(self) -> None:
        for name in ("loss", "duplicate", "reorder", "corrupt"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name}={getattr(self, name):g}: a share between 0 and 1")
        if self.latency_ms < 0 or self.jitter_ms < 0:
            raise ValueError("latency and jitter are not negative")


@dataclass
class Air:
    """Carry framed messages, zero-delimited; deliveries come out in order of arrival."""

    faults: Faults
    seed: int
    _queue: list[tuple[int, int, bytes]] = field(default_factory=list)
    _n: int = 0
    _last_us: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def put(self, t_us: int, data: bytes) -> None:
        """Send ``data``, whole framed messages, at ``t_us``."""
        for piece in data.split(b"\x00"):
            if piece:
                self._put_one(t_us, piece + b"\x00")

    def _put_one(self, t_us: int, frame: bytes) -> None:
        faults, rng = self.faults, self._random
        if faults.cut and faults.cut[0] <= t_us / 1e6 < faults.cut[1]:
            return
        if rng.random() < faults.loss:
            return
        if rng.random() < faults.corrupt:
            at = rng.randrange(len(frame))
            frame = frame[:at] + bytes((frame[at] ^ (1 << rng.randrange(8)),)) + frame[at + 1 :]
        arrival = t_us + round(1000 * (faults.latency_ms + faults.jitter_ms * rng.random()))
        if rng.random() < faults.reorder:
            arrival += 60_000  # held up behind the next messages
        else:
            arrival = self._last_us = max(arrival, self._last_us)  # a link keeps its order
        copies = 2 if rng.random() < faults.duplicate else 1
        for _ in range(copies):
            heapq.heappush(self._queue, (arrival, self._n, frame))
            self._n += 1

    def take(self, until_us: int) -> list[tuple[int, bytes]]:
        """Return ``(t_us, bytes)`` of all that has arrived by ``until_us``."""
        out = []
        while self._queue and self._queue[0][0] <= until_us:
            t_us, _, frame = heapq.heappop(self._queue)
            out.append((t_us, frame))
        return out
