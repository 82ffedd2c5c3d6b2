"""Example of the check of sides: see ``test_algorithms``."""

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


EXAMPLES: dict[str, Callable[[], Example]] = {"SideCheck": side_example}
