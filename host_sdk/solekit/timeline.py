"""Device ticks to host time, with an error bar.

A message cannot arrive before it was sampled: every arrival bounds the clock offset from above. A
ping cannot be received before it was sent: every ping bounds it from below. All straight lines
``offset = a + b * t`` with a plausible skew that keep every bound form a polygon; at any time its
extent is an interval that holds the true offset, its middle the estimate. Selecting the exchanges
with the smallest round trip instead is biased over BLE.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solekit.algorithm import Algorithm
from solekit.errors import DataError

FloatArray = NDArray[np.float64]
_ROUNDING_S = 1e-12
_Points = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class Bounds:
    """What is known of one insole's clock: times in seconds, foot time unwrapped.

    ``up_*``: a message whose newest sample is from ``up_foot_s`` arrived at ``up_host_s``;
    ``down_*``: a ping sent at ``down_host_s`` was received at ``down_foot_s``.
    """

    up_foot_s: FloatArray
    up_host_s: FloatArray
    down_foot_s: FloatArray
    down_host_s: FloatArray


class PolygonTimeline(Algorithm):
    """Map foot time to host time from one-way bounds in both directions.

    Parameters
    ----------
    window_s
        Length of the windows that are fitted on their own; they overlap by half.
    max_skew_ppm
        Largest plausible difference of the two clocks' rates.
    wander_ppm
        How much the rate may change within a window. A straight line then follows the clock to
        an eighth of that times the window (worst: the rate changes all at once, in the middle),
        by which every bound is relaxed and the interval widened.

    Attributes
    ----------
    knot_foot_s_, knot_offset_s_, knot_interval_s_
        Foot times, host minus foot time there, and half the width of the interval that holds it,
        each of shape (n_knots,). Infinite where pings are missing.
    skew_ppm_
        Rate of the foot's clock against the host's, minus one, over the whole of the data.
    """

    knot_foot_s_: FloatArray
    knot_offset_s_: FloatArray
    knot_interval_s_: FloatArray
    skew_ppm_: float

    def __init__(
        self, *, window_s: float = 240.0, max_skew_ppm: float = 150.0, wander_ppm: float = 2.0
    ) -> None:
        self.window_s = window_s
        self.max_skew_ppm = max_skew_ppm
        self.wander_ppm = wander_ppm

    def fit(self, bounds: Bounds) -> PolygonTimeline:
        """Fit all windows; DataError without a single arrival."""
        if bounds.up_foot_s.size == 0:
            raise DataError("no message of this insole arrived: its clock cannot be placed")
        first, last = float(bounds.up_foot_s.min()), float(bounds.up_foot_s.max())
        n = max(1, int(np.ceil(2 * (last - first) / self.window_s)) - 1)
        length = (last - first) if n == 1 else self.window_s
        up = _sorted(bounds.up_foot_s, bounds.up_host_s - bounds.up_foot_s)
        down = _sorted(bounds.down_foot_s, bounds.down_foot_s - bounds.down_host_s)
        knots: list[tuple[float, float, float]] = []
        for i, start in enumerate(np.linspace(first, max(first, last - length), n).tolist()):
            # The outermost windows also speak for the ends of the data.
            ends = [first] * (i == 0) + [last] * (i == n - 1)
            knots += self._fit_window(up, down, start, start + length, ends)
        knots.sort()
        table = np.array(knots)
        self.knot_foot_s_, self.knot_offset_s_, self.knot_interval_s_ = table.T
        span = last - first
        moved = self.knot_offset_s_[-1] - self.knot_offset_s_[0]
        self.skew_ppm_ = float(-1e6 * moved / span) if span > 0 else 0.0
        return self

    def _fit_window(
        self, up: _Points, down: _Points, start: float, stop: float, ends: list[float]
    ) -> list[tuple[float, float, float]]:
        # A rounding error decides nothing about the message at the end.
        x_up, y_up = _within(up, start, stop + 1e-6)
        x_down, y_down = _within(down, start - 1, stop + 1)
        middle = (start + stop) / 2
        at = {middle, *ends}
        if x_up.size == 0:
            return []
        base = float(y_up.min())
        x_up, y_up = _hull(x_up - middle, y_up - base)
        x_down, y_down = _hull(x_down - middle, base + y_down)
        out = []
        wander = 1e-6 * self.wander_ppm * (stop - start) / 8
        for t in sorted(at):
            low, high = self._extent(t - middle, x_up, y_up + wander, x_down, -y_down - wander)
            if np.isfinite(low):
                out.append((t, base + (low + high) / 2, (high - low) / 2 + wander))
            else:
                out.append((t, base + high, np.inf))
        return out

    def _extent(
        self, t: float, x_up: FloatArray, y_up: FloatArray, x_down: FloatArray, y_down: FloatArray
    ) -> tuple[float, float]:
        """Return the least and greatest offset at ``t`` of all lines that keep every bound.

        Bounds that contradict each other are relaxed by the smallest common amount, which the
        result then includes.
        """
        skew = 1e-6 * self.max_skew_ppm
        edges = [np.diff(y) / np.diff(x) for x, y in ((x_up, y_up), (x_down, y_down))]
        # Between the slopes of the hulls' edges all that follows is straight: they are enough.
        slope = np.unique(np.clip([-skew, skew, *np.concatenate(edges)], -skew, skew))
        top = np.min(y_up - slope[:, None] * x_up, axis=1)
        if not x_down.size:
            return -math.inf, float(np.max(top + slope * t))
        bottom = np.max(y_down - slope[:, None] * x_down, axis=1)
        slack = max(0.0, -float(np.max(top - bottom)) / 2)
        room = top - bottom + 2 * (slack + _ROUNDING_S)
        ends = np.flatnonzero(room[:-1] * room[1:] < 0)
        share = room[ends] / (room[ends] - room[ends + 1])
        slope, top, bottom = (
            np.concatenate([v[room >= 0], v[ends] + share * (v[ends + 1] - v[ends])])
            for v in (slope, top, bottom)
        )
        low, high = np.min(bottom + slope * t), np.max(top + slope * t)
        return float(low) - 2 * slack, float(high) + 2 * slack

    def to_host_s(self, foot_s: FloatArray) -> FloatArray:
        """Return host times of ``foot_s`` (n,), linear between the knots and beyond them."""
        foot = np.asarray(foot_s, dtype=float)
        knots, offset = self.knot_foot_s_, self.knot_offset_s_
        out = foot + np.interp(foot, knots, offset)
        skew = -1e-6 * self.skew_ppm_
        out += np.where(foot < knots[0], (foot - knots[0]) * skew, 0.0)
        out += np.where(foot > knots[-1], (foot - knots[-1]) * skew, 0.0)
        return out

    @property
    def interval_s(self) -> float:
        """Half the width of the widest interval: every host time is this good or better."""
        return float(self.knot_interval_s_.max())


def between_s(interval_s: Iterable[float]) -> float:
    """Return the half-width of the interval between clocks from those of each, in s.

    The errors of two links are independent but for what delays both alike, which cancels between
    them: the root of the sum of squares. That it covers was seen on simulated links (``python -m
    tools.bench sync``); the plain sum would be wider by up to 41 % and cover always.
    """
    return math.hypot(*interval_s)


def _sorted(x: FloatArray, y: FloatArray) -> _Points:
    """Return the points by ``x``, of equal ones the lowest first."""
    order = np.lexsort((y, x))
    return x[order], y[order]


def _within(points: _Points, first: float, last: float) -> _Points:
    """Return the sorted ``points`` with ``first <= x <= last``."""
    rows = slice(np.searchsorted(points[0], first), np.searchsorted(points[0], last, side="right"))
    return points[0][rows], points[1][rows]


def _hull(x: FloatArray, y: FloatArray) -> _Points:
    """Return the corners of the lower convex hull of sorted points: only they can bind."""
    lowest = np.concatenate(([True], np.diff(x) > 0))[: x.size]
    x, y = x[lowest], y[lowest]
    while x.size > 2:
        # What lies on or above the line between two others is no corner, whoever else goes.
        run, rise = np.diff(x), np.diff(y)
        is_corner = rise[:-1] * run[1:] < rise[1:] * run[:-1]
        if is_corner.all():
            break
        kept = np.concatenate(([True], is_corner, [True]))
        x, y = x[kept], y[kept]
    return x, y
