"""Examples of what reads a foot IMU: see ``test_algorithms``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.trajectory.walking import Walk, walk

Example = tuple[str, tuple[Any, ...], dict[str, Any]]  # action, arguments, keyword arguments


def some_walk() -> Walk:
    return walk(4, stand_s=1.0, accel_noise_m_s2=0.1, gyro_noise_rad_s=0.01)


def axes_example() -> Example:
    walked = some_walk()
    return "fit", walked.signals, {"t_s": walked.t_s}


def rest_example() -> Example:
    walked = some_walk()
    loaded = np.ones(len(walked.t_s), dtype=bool)
    return "detect", walked.signals, {"rate_hz": 200.0, "is_loaded": loaded}


def path_example() -> Example:
    walked = some_walk()
    return "integrate", walked.signals, {"t_s": walked.t_s}


def geometry_example() -> Example:
    from solekit.trajectory import FootAxes, FootPath

    walked = some_walk()
    path = FootPath().integrate(*walked.signals, t_s=walked.t_s)
    axes = FootAxes().fit(*walked.signals, t_s=walked.t_s)
    return "measure", (walked.strides,), {"path": path, "axes": axes}


def inertial_example() -> Example:
    walked = some_walk()
    return "detect", walked.signals, {"t_s": walked.t_s}


EXAMPLES: dict[str, Callable[[], Example]] = {
    "FootAxes": axes_example,
    "FootPath": path_example,
    "FootRest": rest_example,
    "InertialContacts": inertial_example,
    "StrideGeometry": geometry_example,
}
