"""The line that a person sees while a recording runs."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

from solecore.wire import messages as m
from solekit.errors import SolekitError
from solekit.pair import Pair

RATE_WINDOW_S = 2.0  # a rate over less jumps with every message
BATTERY_EVERY_S = 60.0  # a battery that lasts hours loses less than a percent in that time
STALE_S = 5.0  # without a contact for so long nobody walks
N_STRIDES = 6  # that the cadence is the median of
UNKNOWN_PCT = 255
SILENT_S = 1.0  # the slowest insole sends several times in a second


@dataclass
class _Foot:
    """What the line remembers of one foot."""

    counted: deque[tuple[float, int]] = field(default_factory=deque)
    heard_s: float = 0.0
    n_frames: int = -1
    trouble: str = ""
    battery: str = ""
    contacts_us: deque[int] = field(default_factory=lambda: deque(maxlen=N_STRIDES + 1))
    landed_s: float = float("-inf")


class LiveLine:
    """Follows a streaming ``pair``: time, rate, loss, battery and cadence; ``async with``.

    Where it ``is_shown`` to nobody it only watches the links, and asks and follows nothing.
    """

    def __init__(self, pair: Pair, *, is_shown: bool = True) -> None:
        self._pair = pair
        self._is_shown = is_shown
        self._feet = {side: _Foot() for side in pair.feet}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> LiveLine:
        for side in self._feet if self._is_shown else ():
            self._tasks.append(asyncio.create_task(self._follow(side), name="solekit cadence"))
            self._tasks.append(asyncio.create_task(self._ask(side), name="solekit battery"))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, side: str) -> None:
        foot = self._feet[side]
        insole = self._pair.feet[side]
        with suppress(SolekitError):  # a link that has gone is shown by the state of the foot
            async for batch in insole.messages(m.EVENTS):
                for item in batch:
                    if item.message[m.HEADER_SIZE] == m.IC:
                        foot.contacts_us.append(item.foot_us)
                        foot.landed_s = item.t_s

    async def _ask(self, side: str) -> None:
        insole = self._pair.feet[side]
        while insole.error is None:
            with suppress(SolekitError):  # away: asked again later, the last answer stays
                stats = await insole.stats()
                foot = self._feet[side]
                if stats["battery_pct"] != UNKNOWN_PCT:
                    foot.battery = f"battery {stats['battery_pct']} %"
                elif stats["battery"]:
                    foot.battery = f"battery {stats['battery'] / 1000:.2f} V"
            await insole.clock.sleep(BATTERY_EVERY_S)

    @property
    def cadence_steps_min(self) -> float | None:
        """Twice the strides per minute of the foot that landed last; None while nobody walks."""
        foot = max(self._feet.values(), key=lambda each: each.landed_s)
        if self._pair.clock.now_s() - foot.landed_s > STALE_S or len(foot.contacts_us) < 2:
            return None
        times = list(foot.contacts_us)
        lasted = sorted(late - early for early, late in itertools.pairwise(times))
        stride_us = lasted[len(lasted) // 2]
        return 120e6 / stride_us if stride_us > 0 else None

    def look(self) -> list[str]:
        """Look at the links, about twice a second; return a sentence for each that changed."""
        now_s = self._pair.clock.now_s()
        news = []
        for side, state in self._pair.states().items():
            foot = self._feet[side]
            if state.n_frames != foot.n_frames:
                foot.n_frames, foot.heard_s = state.n_frames, now_s
            foot.counted.append((now_s, state.n_frames))
            while len(foot.counted) > 2 and now_s - foot.counted[0][0] > RATE_WINDOW_S:
                foot.counted.popleft()
            trouble = state.link if state.link != "connected" else ""
            if not trouble and now_s - foot.heard_s > SILENT_S:
                trouble = "silent"
            if trouble != foot.trouble:
                news.append(f"{side}: {trouble or 'back, frames come again'}")
            foot.trouble = trouble
        return news

    def text(self, elapsed_s: float) -> str:
        """Return the line as of the last look."""
        states = self._pair.states()
        parts = [f"{elapsed_s:.0f} s"]
        for side, foot in self._feet.items():
            words = [self._rate(foot), f"{100 * states[side].missing_share:.1f} % missing"]
            if foot.battery:
                words.append(foot.battery)
            parts.append(f"{side} {', '.join(words)}")
        cadence = self.cadence_steps_min
        parts.append("no steps" if cadence is None else f"{cadence:.0f} steps/min")
        return " | ".join(parts)

    def _rate(self, foot: _Foot) -> str:
        if foot.trouble:
            away_s = self._pair.clock.now_s() - foot.heard_s
            return f"{foot.trouble.upper()} for {away_s:.0f} s"
        (since_s, before), (now_s, n_frames) = foot.counted[0], foot.counted[-1]
        rate_hz = (n_frames - before) / (now_s - since_s) if now_s > since_s else 0.0
        return f"{rate_hz:.0f} Hz"
