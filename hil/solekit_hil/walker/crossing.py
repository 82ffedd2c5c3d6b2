"""When a force crosses a level."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from solekit.layouts import FloatArray
from solekit_hil.walker.interface import Crossings

_SEARCH_S = 1e-3  # a force stays beyond a level for longer than this


def crossings(
    force_n: Callable[[FloatArray], FloatArray], level_n: float, t0_s: float, t1_s: float
) -> Crossings:
    """Return when ``force_n(t_s)`` crosses ``level_n`` within [t0_s, t1_s), by bisection."""
    t = np.linspace(t0_s, t1_s, max(2, int(np.ceil((t1_s - t0_s) / _SEARCH_S)) + 1))
    above = force_n(t) > level_n
    at = np.flatnonzero(above[1:] != above[:-1])
    low, high, rising = t[at], t[at + 1], above[at + 1]
    for _ in range(60):
        middle = (low + high) / 2
        is_after = (force_n(middle) > level_n) == rising
        low, high = np.where(is_after, low, middle), np.where(is_after, middle, high)
    return Crossings(rise_s=high[rising], fall_s=high[~rising])
