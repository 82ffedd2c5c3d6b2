"""How well a foot's clock is placed on simulated links: the polygon against two supporting lines.

The rival is the mean of the supporting lines of arrivals and pings; it has no interval.
Errors are the largest within a minute, in ms: median and 95th percentile over runs. Simulated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solekit.timeline import Bounds, PolygonTimeline

SECONDS = 60.0
N_RUNS = 40
LINKS = {
    "uniform 2-10 ms": 0.0,
    "BLE 7.5 ms": 7.5,
    "BLE 15 ms": 15.0,
    "BLE 30 ms": 30.0,
    "BLE 50 ms": 50.0,
}


def measure() -> list[dict[str, Any]]:
    """Return one row per link."""
    return [_link(name, interval_ms * 1e-3) for name, interval_ms in LINKS.items()]


def _link(name: str, interval_s: float) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    polygon, lines, intervals, covered = [], [], [], 0
    for _ in range(N_RUNS):
        skew = rng.uniform(-40e-6, 40e-6)
        bounds = _exchange(rng, interval_s, skew)
        at = np.linspace(1, SECONDS - 1, 50)
        foot = at * (1 + skew)
        fitted = PolygonTimeline().fit(bounds)
        error = np.abs(fitted.to_host_s(foot) - at).max()
        polygon.append(error)
        intervals.append(fitted.interval_s)
        covered += bool(error <= fitted.interval_s)
        lines.append(np.abs(foot + _two_lines(bounds, foot) - at).max())
    return {
        "link": name,
        "polygon_ms": _spread(polygon),
        "two_lines_ms": _spread(lines),
        "interval_ms": round(1e3 * float(np.median(intervals)), 2),
        "covered": f"{covered} of {N_RUNS}",
    }


def _exchange(rng: np.random.Generator, interval_s: float, skew: float) -> Bounds:
    """Return the bounds of a minute: 30 frames a second, dithered by 0-10 ms, and 120 pings."""
    sampled = np.arange(0, SECONDS, 1 / 30)
    asked = np.sort(rng.uniform(0, SECONDS, 120))
    phase = rng.uniform(0, 1)

    def carry(sent: NDArray[np.float64]) -> NDArray[np.float64]:
        if not interval_s:
            return sent + rng.uniform(0.002, 0.010, sent.size)
        return (np.ceil(sent / interval_s - phase) + phase) * interval_s + 0.0005

    arrived = carry(sampled + rng.uniform(0, 0.010, sampled.size))
    received = carry(asked)
    return Bounds(sampled * (1 + skew), arrived, received * (1 + skew), asked)


def _two_lines(bounds: Bounds, foot_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the line under all arrivals and the line over all pings."""
    up = _support(bounds.up_foot_s, bounds.up_host_s - bounds.up_foot_s, foot_s)
    down = _support(bounds.down_foot_s, bounds.down_foot_s - bounds.down_host_s, foot_s)
    return (up - down) / 2


def _support(x: NDArray[np.float64], y: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray:
    """Return at ``at`` the line under all points that lies closest to them on average."""
    middle = x.mean()
    slopes = np.linspace(-150e-6, 150e-6, 1201)
    heights = np.array([(y - slope * (x - middle)).min() for slope in slopes])
    best = int(np.argmax(heights))
    return heights[best] + slopes[best] * (at - middle)


def _spread(errors_s: list[float]) -> str:
    median, high = np.percentile(1e3 * np.array(errors_s), (50, 95))
    return f"{median:.2f} ({high:.2f})"
