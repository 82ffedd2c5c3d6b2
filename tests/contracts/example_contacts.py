"""Examples of the contact detectors: see ``test_algorithms``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Example = tuple[str, tuple[Any, ...], dict[str, Any]]  # action, arguments, keyword arguments


def pressure_example() -> Example:
    t_s = np.arange(0, 12, 0.01)
    load = 300.0 + np.clip(900.0 * np.sin(2 * np.pi * t_s / 1.1), 0, None)
    return "detect", (load,), {"t_s": t_s}


EXAMPLES: dict[str, Callable[[], Example]] = {"PressureContacts": pressure_example}
