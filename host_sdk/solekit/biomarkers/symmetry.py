"""The four ways in which the field compares a left and a right number."""

from __future__ import annotations

import math


def symmetry_index(left: float, right: float) -> float:
    """Return Robinson's index, 200 (L - R) / (L + R), in %."""
    return 200.0 * (left - right) / (left + right)


def ratio_index(left: float, right: float) -> float:
    """Return (1 - L / R) 100, in %."""
    return (1.0 - left / right) * 100.0


def symmetry_angle(left: float, right: float) -> float:
    """Return (45 deg - atan(L / R)) / 90 deg 100, in %; ``left`` and ``right`` are positive."""
    return (45.0 - math.degrees(math.atan2(left, right))) / 90.0 * 100.0


def gait_asymmetry(left: float, right: float) -> float:
    """Return 100 |ln(min / max)|, in %; ``left`` and ``right`` are positive."""
    return 100.0 * abs(math.log(left / right))


INDICES = {
    "symmetry_index": symmetry_index,
    "ratio_index": ratio_index,
    "symmetry_angle": symmetry_angle,
    "gait_asymmetry": gait_asymmetry,
}


def slopes(name: str, left: float, right: float) -> tuple[float, float]:
    """Return the derivatives of index ``name`` by ``left`` and by ``right``.

    For ``gait_asymmetry`` those of the signed logarithm: at equal feet the modulus has none.
    """
    if name == "symmetry_index":
        scale = 400.0 / (left + right) ** 2
        return scale * right, -scale * left
    if name == "ratio_index":
        return -100.0 / right, 100.0 * left / right**2
    if name == "symmetry_angle":
        scale = math.degrees(1.0) / 90.0 * 100.0 / (left**2 + right**2)
        return -scale * right, scale * left
    if name == "gait_asymmetry":
        return 100.0 / left, -100.0 / right
    raise ValueError(f"no symmetry index {name!r}; there are {', '.join(INDICES)}")
