"""Examples of the plantar pressure algorithms: see ``test_algorithms``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from solekit import layouts
from solekit.pressure.butterfly import FootLoad

Example = tuple[str, tuple[Any, ...], dict[str, Any]]  # action, arguments, keyword arguments
T_S = np.arange(0, 6, 0.02)
IC_S = np.array([0.3, 1.3, 2.3, 3.3, 4.3])


def stances(late_s: float = 0.0) -> np.ndarray:
    """Share of stance, 0 to 1, (n,); 2 in swing."""
    phase = ((T_S - 0.3 - late_s) % 1.0) / 0.6
    return np.where(phase <= 1, phase, 2.0)


def frames(layout: layouts.Layout) -> np.ndarray:
    away_mm = layout.y_mm - (0.1 + 0.8 * stances()[:, None]) * layout.length_mm
    return 200 * np.exp(-((away_mm / 40) ** 2)) * (stances() <= 1)[:, None]


def cop_example() -> Example:
    layout = layouts.named("cells-16", "left")
    return "compute", (frames(layout),), {"layout": layout}


def line_example() -> Example:
    layout = layouts.named("cells-16", "left")
    y_mm = np.where(stances() <= 1, 20 + 200 * stances(), np.nan)
    options = {"t_s": T_S, "ic_s": IC_S, "to_s": IC_S + 0.6, "layout": layout}
    return "resample", (np.full(T_S.shape, 40.0), y_mm), options


def plantar_example() -> Example:
    layout = layouts.named("cells-4", "right")
    contacts = pd.DataFrame({"ic_s": IC_S, "to_s": IC_S + 0.6})
    options = {"t_s": T_S, "layout": layout, "side": "right", "contacts": contacts}
    return "describe", (frames(layout),), options


def cells_example() -> Example:
    layout = layouts.named("cells-16", "left")
    return "inspect", (np.round(frames(layout)).astype(np.uint8),), {"layout": layout}


def butterfly_example() -> Example:
    layout = layouts.named("cells-16", "left")
    feet = []
    for late_s in (0.0, 0.5):
        phase = stances(late_s)
        force_n = np.interp(phase, [0, 0.15, 0.85, 1], [0, 700, 700, 0])
        middle_mm = np.full(T_S.shape, layout.width_mm / 2)
        ic_s = IC_S + late_s
        feet.append(FootLoad(T_S, force_n, middle_mm, 20 + 200 * phase, ic_s, ic_s + 0.6))
    return "compute", tuple(feet), {"layout": layout}


EXAMPLES: dict[str, Callable[[], Example]] = {
    "Butterfly": butterfly_example,
    "CellCheck": cells_example,
    "CentreOfPressure": cop_example,
    "GaitLine": line_example,
    "PlantarPressure": plantar_example,
}
