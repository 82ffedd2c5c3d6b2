"""The underside of a foot as heights and stiffnesses: what presses on a sole, and how hard.

All tables are for a left foot in shares of its width (``u``, 0 at the outer edge) and of its
length (``v``, 0 at the end of the heel). Where the bones stand follows the regions of plantar
pressure measurement: heel, lateral column, metatarsal heads 1-5, toes 2-5, hallux.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from solekit.errors import DataError
from solekit.layouts import BoolArray, FloatArray

# Where the foot ends, over v: outer and inner edge as shares of the width.
_EDGE_V = (0.00, 0.02, 0.06, 0.12, 0.20, 0.31, 0.45, 0.60, 0.70, 0.78, 0.86, 0.93, 0.97, 1.00)
_OUTER = (0.42, 0.33, 0.25, 0.20, 0.18, 0.15, 0.10, 0.05, 0.03, 0.05, 0.11, 0.26, 0.44, 0.62)
_INNER = (0.58, 0.67, 0.75, 0.80, 0.80, 0.76, 0.72, 0.82, 0.94, 0.97, 0.96, 0.93, 0.88, 0.74)

# What stands lower than the rest: u, v, spread in u, spread in v, depth in mm.
_BUMPS = np.array(
    [
        (0.49, 0.138, 0.30, 0.110, 11.4),  # heel
        (0.24, 0.42, 0.15, 0.130, 8.2),  # lateral column: cuboid, base of the fifth metatarsal
        (0.50, 0.73, 0.34, 0.065, 7.5),  # ball of the foot
        (0.17, 0.665, 0.12, 0.045, 2.8),  # metatarsal heads 5 to 1
        (0.32, 0.70, 0.11, 0.050, 1.3),
        (0.47, 0.725, 0.11, 0.050, 2.2),
        (0.61, 0.74, 0.11, 0.050, 2.2),
        (0.80, 0.74, 0.13, 0.050, 3.6),
        (0.27, 0.84, 0.09, 0.030, 3.2),  # toes 5 to 2
        (0.37, 0.87, 0.09, 0.030, 3.5),
        (0.48, 0.895, 0.09, 0.030, 3.8),
        (0.58, 0.91, 0.08, 0.030, 3.6),
    ]
)
_TOES = 8  # where the toes begin in _BUMPS
_HALLUX = np.array([(0.80, 0.91, 0.12, 0.045, 8.0)])
_PLATEAU_MM = 11.0  # height of the sole of a foot where nothing stands lower
_ARCH = np.array([(0.62, 0.42, 0.34, 0.14, 1.0)])  # hollow of the medial longitudinal arch
_ARCH_MM = 12.0  # its depth at arch = 1; a normal foot has half
_TOES_PRESS_MM = 4.5  # flexors of the toes, as the heel rises
_TOES_BEND = 0.4  # tangent of the angle of the toes to the foot, heel fully raised
_EDGE_SHARE = 0.10  # the skin curves up within this share of the width from the edge
_EDGE_MM = 4.0
_STIFFNESS_KPA = 6.6  # pressure at 1 mm of penetration; grows with its power 1.5
_TOE_JOINTS = (0.61, 0.14)  # v of the metatarsal line at the outer edge, and its slope over u
CLEARANCE = 0.02  # share of the sole's length behind the heel and before the toes


@dataclass(frozen=True)
class FootShape:
    """One foot: ``arch`` from 0 (flat) to 1 (high), the rest relative to an ordinary foot.

    ``length_mm`` is the length of the sole that fits the foot, ``pad_stiffness`` the stiffness of
    its tissue, ``width`` its breadth, ``hallux`` how strongly the big toe stands out and presses.
    """

    length_mm: float
    arch: float = 0.5
    pad_stiffness: float = 1.0
    width: float = 1.0
    hallux: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            low = 0.0 if field.name in ("arch", "hallux") else 1e-3
            if not low <= value < np.inf:
                raise DataError(f"foot shape: {field.name} is {value}; give at least {low:g}")
        if self.arch > 1:
            raise DataError(f"foot shape: arch is {self.arch}; give 0 (flat) to 1 (high)")


@dataclass(frozen=True, eq=False)
class Surface:
    """A foot at some points, each array (n_points,).

    ``height_mm`` with the foot flat,
    ``stiffness_kpa`` at 1 mm of penetration. ``lift_mm`` is by how much the toes, bent at the
    metatarsal line, stand above the line of the foot with the heel raised, less what they press.
    """

    inside: BoolArray
    height_mm: FloatArray
    lift_mm: FloatArray
    stiffness_kpa: FloatArray


def surface(shape: FootShape, u: FloatArray, v: FloatArray) -> Surface:
    """Return the underside of ``shape`` at shares ``u`` of its width and ``v`` of its length."""
    outer, inner = np.interp(v, _EDGE_V, _OUTER), np.interp(v, _EDGE_V, _INNER)
    edge = np.minimum(u - outer, inner - u)
    inside = (edge > 0) & (v > 0) & (v < 1)
    curve = np.clip(1 - edge / _EDGE_SHARE, 0, 1)
    hallux = _bumps(_HALLUX, u, v)
    toes = _bumps(_BUMPS[_TOES:], u, v)
    height = (
        _PLATEAU_MM
        + _EDGE_MM * curve * curve
        + _ARCH_MM * shape.arch * _bumps(_ARCH, u, v)
        - _bumps(_BUMPS, u, v)
        - (0.75 + 0.25 * shape.hallux) * hallux
    )
    press = _TOES_PRESS_MM * (shape.hallux * hallux / 8.0 + 0.25 * toes / 4.0)
    stiffness = np.full(u.shape, _STIFFNESS_KPA * shape.pad_stiffness)
    beyond_mm = shape.length_mm * np.maximum(v - _TOE_JOINTS[0] - _TOE_JOINTS[1] * u, 0.0)
    return Surface(inside, height, _TOES_BEND * beyond_mm - press, stiffness)


def _bumps(table: FloatArray, u: FloatArray, v: FloatArray) -> FloatArray:
    total = np.zeros(u.shape)
    for centre_u, centre_v, spread_u, spread_v, depth in table:
        du, dv = (u - centre_u) / spread_u, (v - centre_v) / spread_v
        total += depth * np.exp(-(du * du + dv * dv) / 2)
    return total
