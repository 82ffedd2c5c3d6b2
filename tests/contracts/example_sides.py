"""Examples of the two checks of sides: see ``test_algorithms``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from solekit import layouts

Example = tuple[str, tuple[Any, ...], dict[str, Any]]  # action, arguments, keyword arguments


def side_example() -> Example:
    layout = layouts.named("cells-16", "left")
    t_s = np.arange(0, 15, 0.02)
    phase = (t_s % 1.0) / 0.6
    away_mm = layout.y_mm - (0.1 + 0.8 * phase[:, None]) * layout.length_mm
    load = 200 * np.exp(-((away_mm / 60) ** 2)) * (phase <= 1)[:, None]
    return "judge", (load,), {"t_s": t_s, "layout": layout, "side": "left"}


def motion_example() -> Example:
    t_s = np.arange(0, 15, 0.01)
    phase = t_s % 1.2
    swing = phase >= 0.7
    # Toes down, then up: what a foot does between two rests; a left one, pushed to its right.
    pitch = np.where(swing, -np.cos(2 * np.pi * (phase - 0.7) / 0.5), 0.0)
    pitch -= np.where((phase >= 0.4) & (phase < 0.7), 0.6 * np.sin(np.pi * (phase - 0.4) / 0.3), 0)
    ahead = np.where(swing, 10 * np.sin(2 * np.pi * (phase - 0.7) / 0.5), 0.0)
    gyro = np.stack([0 * t_s, -5 * pitch, 0 * t_s], axis=1)
    accel = np.stack([ahead, -0.2 * np.abs(ahead), 0 * t_s + 9.81], axis=1)
    return "judge", (accel, gyro), {"t_s": t_s}


EXAMPLES: dict[str, Callable[[], Example]] = {
    "SideCheck": side_example,
    "MotionSide": motion_example,
}
