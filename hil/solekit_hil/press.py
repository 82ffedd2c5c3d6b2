"""``sim:press``: nobody stands; a bench press puts the same pressure on all cells of both soles.

Rest, rising steps, one of them held for a minute, then down in a loop. The soles, their full scale
and their film are those of ``sim:walk`` with the same seed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from solekit.layouts import FloatArray, Layout, Side
from solekit_hil import walker as walkers
from solekit_hil.stances import AtRest

REST_S = 3.0
RAMP_S = 1.0
STEP_S = 4.0
HOLD_S = 60.0  # the last step: long enough for the creep
STEPS = (0.05, 0.1, 0.2, 0.35, 0.55, 0.8)  # of the full scale
DOWN = ((0.2, 10.0), (0.5, 5.0), (0.0, 10.0))  # to that share, in so many seconds


def schedule(peak_kpa: float) -> tuple[FloatArray, FloatArray]:
    """Return what the press applies: times (n,) and kilopascals (n,), straight between them."""
    rows = [(0.0, 0.0), (REST_S, 0.0)]
    for share in STEPS:
        rows.append((rows[-1][0] + RAMP_S, share))
        rows.append((rows[-1][0] + (HOLD_S if share == STEPS[-1] else STEP_S), share))
    for share, lasts_s in DOWN:
        rows.append((rows[-1][0] + lasts_s, share))
    t_s, share = np.array(rows).T
    return t_s, share * peak_kpa


class PressWalker(AtRest):
    """What ``World`` needs of a walker, for a press; after its schedule it stays off."""

    has_imu = False  # the press asks for no motion
    duration_s = float("inf")
    body_weight_n = 0.0  # nobody is there

    def __init__(self, *, seed: int, layouts: dict[Side, Layout]) -> None:
        walking: Any = walkers.build("walk", seed=seed, layouts=layouts)
        self.layouts = layouts
        self._peak_n = {side: 1.15 * walking.peak_cell_force_n(side) for side in layouts}
        self.peak_kpa = {
            side: self._peak_n[side] / float(layout.area_mm2.min()) * 1e3
            for side, layout in layouts.items()
        }

    def peak_cell_force_n(self, side: Side) -> float:
        """Return full scale, with some headroom: that of the walk of the same seed."""
        return self._peak_n[side]

    def schedule(self) -> tuple[FloatArray, FloatArray]:
        """Return the times and the pressures that both soles get."""
        return schedule(min(self.peak_kpa.values()))

    def sample(self, t_s: FloatArray | float) -> tuple[dict[str, Any], dict[str, Any], None]:
        """Return cells and IMU at ``t_s`` (n,); there is no truth beyond the cells."""
        kpa = np.interp(np.atleast_1d(np.asarray(t_s, dtype=float)), *self.schedule())
        cells = {
            side: kpa[:, None] * layout.area_mm2 * 1e-3 for side, layout in self.layouts.items()
        }
        return cells, self.imu(t_s), None
