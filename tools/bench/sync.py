"""How well the clocks of two insoles are joined on simulated links: error, interval, refusals.

A link is one central with both feet: connection events every interval at phases of their own, on
a crystal of the adapter's own; a failed event repeats the message at the next one, and the stacks
on both sides take a moment longer now and then. Every foot's crystal is off by up to 40 ppm and
drifts as a shoe warms up. A case is one fit and all that it is asked for: ``live`` is the line of
the last four minutes, asked for five seconds to both sides of its making; ``recording`` are all
windows of five minutes; ``log`` is an insole that, after these five minutes, was alone for as long
as the row says, somewhere in which its rate changed: the time told last before and at the fetch
place it. It is covered if its largest error is. Everything here is simulated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solefoot.app.commands import HOLD_US
from solekit.analysis import MAX_CLOCK_INTERVAL_S
from solekit.live_timeline import REFIT_S, SPAN_S
from solekit.pings import AT_ONCE, AT_ONCE_S
from solekit.recording.foot import LOG_WANDER_PPM
from solekit.timeline import Bounds, PolygonTimeline, between_s

FloatArray = NDArray[np.float64]

SECONDS = 300.0
N_RUNS = 16
FIRST_SEED = 70_000
LIVE_AT_S = (20.0, 60.0, 130.0, 290.0)  # when the live line is looked at
INTERVALS_MS = (7.5, 11.25, 15.0, 22.5, 30.0, 40.0, 50.0, 100.0, 200.0)
RATES_HZ = (30, 50, 100)
LOG_S = {"2 min": 120.0, "20 min": 1200.0, "8 h": 28_800.0}
LOG_HZ = 50
PING_MEAN_S = 0.5
HELD_S = 1e-6 * HOLD_US  # the foot holds the answers to pings back by up to this
DITHER_S = 0.010  # and its data by up to this
MAX_SKEW_PPM = 40.0
WARMING_PPM = (1.0, 5.0)  # by which the rate changes in all, to either side
WARMING_S = (60.0, 240.0)  # time constant of that change
ADAPTER_PPM = 50.0
REPEATED = 0.10  # connection events that fail
LOST = 0.03  # frames and pings that never arrive


@dataclass(frozen=True)
class FootClock:
    """A crystal: offset, rate, and a rate that approaches another one as it warms up."""

    offset_s: float
    skew_ppm: float
    warming_ppm: float
    warming_s: float
    warms_from_s: float = 0.0

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> FootClock:
        """Return one of the plausible ones."""
        return cls(
            offset_s=rng.uniform(-1000, 1000),
            skew_ppm=rng.uniform(-MAX_SKEW_PPM, MAX_SKEW_PPM),
            warming_ppm=rng.choice((-1, 1)) * rng.uniform(*WARMING_PPM),
            warming_s=rng.uniform(*WARMING_S),
        )

    def at(self, t_s: FloatArray) -> FloatArray:
        """Return what the foot's clock reads at host times (n,)."""
        since_s = np.maximum(t_s - self.warms_from_s, 0.0)
        settled = since_s - self.warming_s * (1 - np.exp(-since_s / self.warming_s))
        return self.offset_s + t_s + 1e-6 * (self.skew_ppm * t_s + self.warming_ppm * settled)


@dataclass(frozen=True)
class Link:
    """When messages arrive; ``interval_s`` zero is USB: at once but for the polling."""

    interval_s: float
    phase_s: float = 0.0

    @classmethod
    def drawn(cls, interval_s: float, rng: np.random.Generator) -> Link:
        """Return a link of that connection interval with a phase and an adapter of its own."""
        off = 1 + 1e-6 * rng.uniform(-ADAPTER_PPM, ADAPTER_PPM)
        return cls(interval_s * off, rng.uniform(0, interval_s))

    def arrival(self, sent_s: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return when messages sent at (n,), in order, are seen on the other side."""
        n = sent_s.size
        stack_s = 0.0003 + rng.exponential(0.0007, n)
        if not self.interval_s:
            return np.maximum.accumulate(sent_s + rng.uniform(0.0001, 0.0011, n) + stack_s)
        event = np.ceil((sent_s - self.phase_s) / self.interval_s)
        event += rng.geometric(1 - REPEATED, n) - 1
        return np.maximum.accumulate(event * self.interval_s + self.phase_s + stack_s)


@dataclass(frozen=True, eq=False)
class Case:
    """Errors of left, right and their difference (3, n), and what was stated of each (3,)."""

    errors_s: FloatArray
    stated_s: FloatArray


def bounds_of(clock: FootClock, link: Link, rate_hz: float, rng: np.random.Generator) -> Bounds:
    """Return what the host sees of ``SECONDS`` of one insole that streams and answers pings."""

    def survivors(t_s: FloatArray) -> FloatArray:
        return t_s[rng.random(t_s.size) >= LOST]

    beats = np.arange(rng.uniform(0, 1 / rate_hz), SECONDS, 1 / rate_hz)
    # The foot's own clock sets the pace of its frames.
    sampled = survivors(2 * beats - clock.at(beats) + clock.offset_s)
    # A message that waits for its turn holds up the next one: they leave in order.
    left = np.maximum.accumulate(sampled + rng.uniform(0, DITHER_S, sampled.size))
    arrived = link.arrival(left, rng)
    asked = np.cumsum(PING_MEAN_S * (0.5 + rng.random(int(2 * SECONDS / PING_MEAN_S))))
    asked = survivors(asked[asked < SECONDS])
    heard = link.arrival(asked, rng)
    answered = heard + 0.0001 + rng.uniform(0, HELD_S, heard.size)
    told = link.arrival(answered, rng)
    return Bounds(
        up_foot_s=np.concatenate((clock.at(sampled), clock.at(answered))),
        up_host_s=np.concatenate((arrived, told)),
        down_foot_s=clock.at(heard),
        down_host_s=asked,
    )


def until(bounds: Bounds, now_s: float) -> Bounds:
    """Return what the live line of ``now_s`` is fitted to: the last minutes, as it keeps them.

    A ping counts once it is answered; the tail of ``up_*`` are the answers.
    """
    n_pings = bounds.down_host_s.size
    seen = (bounds.up_host_s <= now_s) & (bounds.up_host_s >= now_s - SPAN_S)
    answered = seen[len(seen) - n_pings :]
    return Bounds(
        bounds.up_foot_s[seen],
        bounds.up_host_s[seen],
        bounds.down_foot_s[answered],
        bounds.down_host_s[answered],
    )


def measure() -> list[dict[str, Any]]:
    """Return one row per link, frame rate and way of fitting."""
    links = [(f"BLE {ms:g} ms", ms * 1e-3) for ms in INTERVALS_MS] + [("USB", 0.0)]
    rows = []
    for name, interval_s in links:
        for rate_hz in RATES_HZ:
            rows += _rows(name, interval_s, rate_hz)
        rows += [_log_row(name, interval_s, length) for length in LOG_S]
    return rows


def _log_row(name: str, interval_s: float, length: str) -> dict[str, Any]:
    rng = np.random.default_rng((FIRST_SEED, int(1e6 * interval_s), int(LOG_S[length])))
    stop_s = SECONDS + LOG_S[length]
    cases: list[Case] = []
    for _ in range(2 * N_RUNS):
        clocks = [
            replace(FootClock.drawn(rng), warms_from_s=rng.uniform(SECONDS, stop_s))
            for _ in range(2)
        ]
        lines = [_line_of_log(clock, Link.drawn(interval_s, rng), stop_s, rng) for clock in clocks]
        cases.append(_judged(clocks, lines, np.linspace(SECONDS, stop_s, 600)))
    return {"link": name, "frames_hz": LOG_HZ, "line": f"log of {length}"} | _summary(cases)


def _line_of_log(
    clock: FootClock, link: Link, stop_s: float, rng: np.random.Generator
) -> PolygonTimeline:
    """Return the line of a log as a recording fits it (``FootRecording.timeline``)."""
    streamed = until(bounds_of(clock, link, LOG_HZ, rng), SECONDS)
    live = PolygonTimeline().fit(streamed)
    told = [(streamed.down_foot_s[-1:], live.to_host_s(streamed.down_foot_s[-1:]))]
    halves = [live.interval_s]
    asked = stop_s + np.cumsum(rng.uniform(0.03, 0.03 + AT_ONCE_S / AT_ONCE, AT_ONCE))
    heard = link.arrival(asked, rng)
    held_s = rng.uniform(0, HELD_S, AT_ONCE)
    answered = link.arrival(heard + held_s, rng)
    rx_s, tx_s = clock.at(heard), clock.at(heard + held_s)
    latest = answered - (tx_s - rx_s)
    best = int(np.argmin(latest - asked))
    told.append((rx_s[best : best + 1], (asked + latest)[best : best + 1] / 2))
    halves.append(float((latest - asked)[best]) / 2)
    foot_s, host_s = (np.concatenate(parts) for parts in zip(*told, strict=True))
    half_s = np.array(halves)
    logged_s = np.linspace(SECONDS, stop_s, 100)  # it arrives at the end and says next to nothing
    return PolygonTimeline(window_s=1e9, wander_ppm=LOG_WANDER_PPM).fit(
        Bounds(
            up_foot_s=np.concatenate((clock.at(logged_s), foot_s, tx_s)),
            up_host_s=np.concatenate((np.full(100, stop_s + 10.0), host_s + half_s, answered)),
            down_foot_s=np.concatenate((foot_s, rx_s)),
            down_host_s=np.concatenate((host_s - half_s, asked)),
        )
    )


def _rows(name: str, interval_s: float, rate_hz: float) -> list[dict[str, Any]]:
    rng = np.random.default_rng((FIRST_SEED, int(1e6 * interval_s), int(rate_hz)))
    live: list[Case] = []
    recorded: list[Case] = []
    for _ in range(N_RUNS):
        clocks = [FootClock.drawn(rng) for _ in range(2)]
        feet = [bounds_of(clock, Link.drawn(interval_s, rng), rate_hz, rng) for clock in clocks]
        for now_s in LIVE_AT_S:
            lines = [PolygonTimeline().fit(until(foot, now_s)) for foot in feet]
            at = np.linspace(max(0.0, now_s - REFIT_S), now_s + REFIT_S, 41)
            live.append(_judged(clocks, lines, at))
        lines = [PolygonTimeline().fit(foot) for foot in feet]
        recorded.append(_judged(clocks, lines, np.linspace(1.0, SECONDS - 1.0, 600)))
    about = {"link": name, "frames_hz": rate_hz}
    return [
        about | {"line": "live"} | _summary(live),
        about | {"line": "recording"} | _summary(recorded),
    ]


def _judged(clocks: list[FootClock], lines: list[PolygonTimeline], t_s: FloatArray) -> Case:
    left, right = (
        line.to_host_s(clock.at(t_s)) - t_s for clock, line in zip(clocks, lines, strict=True)
    )
    stated = [line.interval_s for line in lines]
    return Case(np.stack((left, right, left - right)), np.array([*stated, between_s(stated)]))


def _summary(cases: list[Case]) -> dict[str, Any]:
    apart = 1e3 * np.concatenate([np.abs(case.errors_s[2]) for case in cases])
    largest = np.array([np.abs(case.errors_s).max(axis=1) for case in cases])
    stated = np.array([case.stated_s for case in cases])
    median, high = np.percentile(apart, (50, 95))
    covered = np.mean(largest <= stated, axis=0)
    refused = stated[:, 2] > MAX_CLOCK_INTERVAL_S
    return {
        "left_right_ms": round(float(median), 2),
        "left_right_p95_ms": round(float(high), 2),
        "largest_of_case_ms": round(1e3 * float(np.median(largest[:, 2])), 2),
        "foot_interval_ms": round(1e3 * float(np.median(stated[:, :2])), 2),
        "left_right_interval_ms": round(1e3 * float(np.median(stated[:, 2])), 2),
        "foot_covered": round(float(covered[:2].mean()), 3),
        "left_right_covered": round(float(covered[2]), 3),
        "refused": round(float(refused.mean()), 3),
        "n": len(cases),
    }
