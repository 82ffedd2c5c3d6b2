"""Exchange clocks with an insole that streams, and tell it the time of day."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING

import numpy as np

from solecore.wire import messages as m
from solekit.errors import RequestTimeoutError

if TYPE_CHECKING:
    from solekit.insole import Insole
    from solekit.live_timeline import LiveTimeline
    from solekit.timeline import PolygonTimeline

PING_MEAN_S = 0.5
TIME_EVERY_S = 10.0
AT_ONCE, AT_ONCE_S = 16, 1.6  # exchanges in a row before a log is fetched, and about how long
_MOST_US = (1 << 32) - 1


async def ping_on(insole: Insole, timeline: LiveTimeline, rng: random.Random) -> None:
    """Exchange clocks at random times: regular ones would beat with the link's own rhythm.

    An insole with a log also learns what time it is: what it logs later can then be placed.
    """
    clock = insole.clock
    told_s = float("-inf")
    while insole.is_streaming:
        with contextlib.suppress(RequestTimeoutError):
            ping = await _ping(insole, timeline)
            if insole.has_log and clock.now_s() - told_s >= TIME_EVERY_S:
                await tell_time(insole, ping, timeline.line(clock.now_s()))
                told_s = clock.now_s()
        if insole.writer is not None and insole.writer.is_open:
            insole.writer.tick(clock.now_s())
        await clock.sleep(PING_MEAN_S * (0.5 + rng.random()))


async def _ping(insole: Insole, timeline: LiveTimeline) -> dict[str, float]:
    ping = await exchange(insole)
    timeline.add_ping(
        ping["host_tx_s"], ping["rx_us"] * 1e-6, ping["tx_us"] * 1e-6, ping["host_rx_s"]
    )
    if insole.writer is not None and insole.writer.is_open:
        insole.writer.add_ping(insole.side, ping["host_rx_s"], ping)
    return ping


async def exchange(insole: Insole) -> dict[str, float]:
    """Return one exchange of clocks: host seconds and unwrapped microseconds of the foot.

    The foot holds its answer back for up to 50 ms, from ``rx_us`` to ``tx_us``: over a radio some
    answers then leave just before they can be heard, and those bind its clock.
    """
    host_tx_s = insole.clock.now_s()
    reply = await insole.request(m.PING)
    fields = reply.fields
    return {
        "host_tx_s": host_tx_s,
        "rx_us": (fields["rx_wraps"] << 30) + fields["rx_ticks"],
        "tx_us": (fields["tx_wraps"] << 30) + fields["tx_ticks"],
        "host_rx_s": reply.t_s,
    }


async def exchanges(insole: Insole) -> list[dict[str, float]]:
    """Return some exchanges of clocks at random moments, for one who does not stream for minutes.

    Over a radio one alone is off by up to half an interval between connection events.
    """
    rng = random.Random(insole.known.boot)
    found = [await exchange(insole)]
    while len(found) < AT_ONCE:
        await insole.clock.sleep(rng.uniform(0.0, AT_ONCE_S / AT_ONCE))
        found.append(await exchange(insole))
    return found


def uncertainty_s(ping: dict[str, float]) -> float:
    """Return how long an exchange was under way: its round trip without the foot's own part."""
    return ping["host_rx_s"] - ping["host_tx_s"] - (ping["tx_us"] - ping["rx_us"]) * 1e-6


async def tell_time(
    insole: Insole, ping: dict[str, float], line: PolygonTimeline | None = None
) -> None:
    """Tell the insole when its clock read what ``ping`` says: between sending and the answer.

    The ``line`` of minutes of streaming knows it better than one exchange over a radio does.
    """
    rx_us = int(ping["rx_us"])
    # The answer was held back on the foot: the ping had come in that long before the answer did.
    half_s = max(0.0, uncertainty_s(ping)) / 2
    middle_s = ping["host_tx_s"] + half_s
    if line is not None and line.interval_s < half_s:
        middle_s = float(line.to_host_s(np.array([ping["rx_us"] * 1e-6]))[0])
        half_s = line.interval_s
    half_us = round(half_s * 1e6) + 1
    await insole.request(
        m.TIME,
        rx_us & m.TICKS_MASK,
        rx_us >> 30,
        max(0, round(middle_s * 1e6)),
        min(half_us, _MOST_US),
    )
