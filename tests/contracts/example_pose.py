"""Examples of what networks estimate: see ``test_algorithms``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from solekit import layouts

Example = tuple[str, tuple[Any, ...], dict[str, Any]]  # action, arguments, keyword arguments


def pose_example() -> Example:
    from solekit.inference import runtime, zoo
    from solekit.inference.signals import FootSignal

    if not runtime.backends():
        pytest.skip("no runtime for networks: pip install ai-edge-litert")
    if "pose-grid-30x22" not in zoo.names():
        pytest.skip("the model pose-grid-30x22 is not in the zoo")
    t_s = np.arange(0, 3.5, 0.02)
    feet = []
    for side, phase in zip(layouts.SIDES, (0.0, np.pi), strict=True):
        load = np.clip(np.sin(6 * t_s + phase), 0, None)[:, None].repeat(660, axis=1)
        feet.append(FootSignal(side, t_s, load, layouts.named("grid-30x22", side)))
    return "estimate", (feet,), {}


EXAMPLES: dict[str, Callable[[], Example]] = {"PoseEstimator": pose_example}
