"""The gait line: where the force lies under a foot as it rolls, in shares of the sole."""

from __future__ import annotations

import numpy as np

from solekit.layouts import FloatArray, Side
from solekit_hil.walker.smooth import unit

FLAT = 0.32  # phase of the roll at which one stands
# Phase of the roll; share of the foot's length from the heel; share of the width from the outer
# edge. The heel is left behind quickly, the middle takes half of the time, the toes little; the
# line runs outside of the middle before it turns to the big toe (rounded from plates and soles).
_PHASE = (0.0, 0.05, 0.15, 0.25, 0.32, 0.45, 0.55, 0.65, 0.75, 0.85, 1.0)
_ALONG = (0.09, 0.13, 0.26, 0.36, 0.42, 0.55, 0.64, 0.71, 0.76, 0.80, 0.88)
_ACROSS = (0.50, 0.49, 0.47, 0.45, 0.44, 0.43, 0.43, 0.44, 0.47, 0.52, 0.62)
_TIPTOE_FROM = 0.68  # on tiptoe the line stays ahead of this


def _columns() -> FloatArray:
    phase, along, across = (np.array(row) for row in (_PHASE, _ALONG, _ACROSS))
    step = np.append(np.diff(phase), 1.0)
    rise = [np.append(np.diff(row), 0.0) / step for row in (along, across)]
    return np.array([phase, along, rise[0], across, rise[1]])


_TABLE = _columns()


def gait_line(
    phase: FloatArray, side: Side, *, shift: float, tiptoe: bool
) -> tuple[FloatArray, FloatArray]:
    """Return the line's place along (from the heel) and across (from the wearer's left), (n,).

    Both are shares of the foot's length and width; ``shift`` moves a person's line to the toes.
    Straight between its nodes, by additions and products only: see smooth.py.
    """
    inside = unit(phase)
    at = np.searchsorted(_TABLE[0], inside, side="right") - 1
    start, along, along_rise, across, across_rise = _TABLE[:, at]
    past = inside - start
    y = along + past * along_rise
    x = across + past * across_rise
    # The ends of the line are set by where heel and toes end, its middle by the person.
    y = y + shift * 4.0 * inside * (1.0 - inside)
    if tiptoe:
        y = _TIPTOE_FROM + (0.9 - _TIPTOE_FROM) * (y - 0.1)
    return y, x if side == "left" else 1.0 - x
