"""The clock of one insole while it streams: bounds as they come, fitted anew now and then."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from solekit.timeline import Bounds, PolygonTimeline

REFIT_S = 5.0  # a line older than this is fitted anew
SPAN_S = 240.0  # what a line is fitted to


class LiveTimeline:
    """Collect bounds; ``line`` maps foot time of the last four minutes to host time.

    What is older is forgotten: a day of streaming costs no more memory than four minutes.
    """

    def __init__(self) -> None:
        # Foot time of the newest sample, host time.
        self._arrivals: deque[tuple[float, float]] = deque()
        # Host sends, foot receives, foot sends, host receives.
        self._pings: deque[tuple[float, float, float, float]] = deque()
        self._line: tuple[float, PolygonTimeline] | None = None

    def clear(self) -> None:
        """Forget everything."""
        self._arrivals.clear()
        self._pings.clear()
        self._line = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing has arrived."""
        return not self._arrivals

    def add_arrival(self, foot_s: float, host_s: float) -> None:
        """Note that something sampled at ``foot_s`` arrived at ``host_s``."""
        self._arrivals.append((foot_s, host_s))
        _forget(self._arrivals, lambda pair: pair[1] < host_s - SPAN_S)

    def add_ping(
        self, host_tx_s: float, foot_rx_s: float, foot_tx_s: float, host_rx_s: float
    ) -> None:
        """Note one exchange of clocks."""
        self._pings.append((host_tx_s, foot_rx_s, foot_tx_s, host_rx_s))
        _forget(self._pings, lambda ping: ping[3] < host_rx_s - SPAN_S)

    def line(self, now_s: float) -> PolygonTimeline:
        """Return the present line; DataError before anything has arrived."""
        if self._line is None or self._is_old(*self._line, now_s):
            since = self._arrivals[-1][1] - SPAN_S if self._arrivals else 0.0
            pings = [ping for ping in self._pings if ping[3] >= since]
            up = list(self._arrivals)
            up_at = np.array(up + [(ping[2], ping[3]) for ping in pings]).reshape(-1, 2)
            down_at = np.array([(ping[1], ping[0]) for ping in pings]).reshape(-1, 2)
            bounds = Bounds(up_at[:, 0], up_at[:, 1], down_at[:, 0], down_at[:, 1])
            self._line = now_s, PolygonTimeline().fit(bounds)
        return self._line[1]

    def _is_old(self, fitted_s: float, line: PolygonTimeline, now_s: float) -> bool:
        is_better_known = bool(self._pings) and not np.isfinite(line.interval_s)
        return is_better_known or now_s - fitted_s > REFIT_S


def _forget(kept: deque[Any], is_old: Callable[[Any], bool]) -> None:
    while is_old(kept[0]):
        kept.popleft()
