"""``sim:stances``: a person who calibrates: off the insoles, standing in five ways, shifting.

Force, its centre and the feet are prescribed; there is no body over them, so no key points. The
person, the feet and the full scale of the cells are those of ``sim:walk`` with the same seed, so
it is the same pair of insoles that walks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from solekit.layouts import SIDES, FloatArray, Layout, Side
from solekit_hil import walker as walkers
from solekit_hil.walker.compliant import CompliantSole
from solekit_hil.walker.seeded import shape_of

UNLOADED_S = 12.0
STANCE_S = 6.0
SHIFT_S = 1.0
# Share of the weight on the left foot, and where along the sole it lies.
STANCES = ((0.5, 0.45), (0.9, 0.45), (0.1, 0.45), (0.5, 0.62), (0.5, 0.28), (0.5, 0.45))
# Then slowly from one to the next: from foot to foot, and on each from heel to toes and back.
SHIFTS = ((0.5, 0.45), (0.9, 0.45), (0.1, 0.45), (0.9, 0.45), (0.9, 0.78), (0.9, 0.15))
SHIFTS += ((0.5, 0.45), (0.1, 0.45), (0.1, 0.78), (0.1, 0.15), (0.1, 0.45), (0.5, 0.45))
SLOW_S = 5.0
SWAY = 0.015  # of the share from foot to foot
SWAY_HZ = 0.3


class AtRest:
    """Feet that stay where they are."""

    layouts: dict[Any, Layout]  # by side

    def imu(self, t_s: FloatArray | float) -> dict[str, Any]:
        """Return a foot at rest, (n, 6) per side."""
        still = np.zeros((len(np.atleast_1d(t_s)), 6), np.float32)
        still[:, 2] = 9.80665
        return dict.fromkeys(self.layouts, still)

    def events(self, t0_s: float, t1_s: float) -> list[Any]:
        """Return no event: nobody takes a step."""
        del t0_s, t1_s
        return []


class StanceWalker(AtRest):
    """What ``World`` needs of a walker; after the shifts the person stands for ever."""

    has_imu = True
    duration_s = float("inf")

    def __init__(self, *, seed: int, layouts: dict[Side, Layout]) -> None:
        walking: Any = walkers.build("walk", seed=seed, layouts=layouts)
        person = walkers.Person.from_seed(seed)
        self.layouts = layouts
        self.body_weight_n = walking.body_weight_n
        self._peak_cell_force_n = walking.peak_cell_force_n
        self._soles: dict[Side, CompliantSole] = {
            side: CompliantSole(layout, side, shape_of(person, layout))
            for side, layout in layouts.items()
        }

    def peak_cell_force_n(self, side: Side) -> float:
        """Return full scale, with some headroom: that of the walk of the same person."""
        return 1.15 * self._peak_cell_force_n(side)

    def sample(self, t_s: FloatArray | float) -> tuple[dict[str, Any], dict[str, Any], None]:
        """Return cells and IMU at ``t_s`` (n,); there is no truth beyond the cells."""
        t = np.atleast_1d(np.asarray(t_s, dtype=float))
        share, along, weight = self._stance(t)
        cells = {}
        for side, sole in self._soles.items():
            layout = self.layouts[side]
            force = weight * (share if side == SIDES[0] else 1 - share)
            cop = np.column_stack(
                [np.full(len(t), 0.5 * layout.width_mm), along * layout.length_mm]
            )
            cells[side], _ = sole.press(force, cop, np.zeros(len(t)))
        return cells, self.imu(t), None

    def _stance(self, t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the left foot's share, the place along the sole and the weight, (n,) each."""
        since = np.maximum(t - UNLOADED_S, 0.0) / STANCE_S
        k = np.minimum(since.astype(int), len(STANCES) - 1)
        way = np.clip((since - k) * STANCE_S / SHIFT_S, 0.0, 1.0)
        way = way * way * (3 - 2 * way)
        table = np.array(STANCES)
        at = table[np.maximum(k - 1, 0)] * (1 - way)[:, None] + table[k] * way[:, None]
        slow_s = np.maximum(t - UNLOADED_S - STANCE_S * len(STANCES), 0.0)
        if slow_s.any():
            knots_s = SLOW_S * np.arange(len(SHIFTS))
            slow = np.column_stack([np.interp(slow_s, knots_s, v) for v in np.array(SHIFTS).T])
            at = np.where(slow_s[:, None] > 0, slow, at)
        share = at[:, 0] + SWAY * np.sin(2 * np.pi * SWAY_HZ * t)
        on = np.clip((t - UNLOADED_S) / SHIFT_S, 0.0, 1.0)
        return share, at[:, 1], self.body_weight_n * on * on * (3 - 2 * on)
