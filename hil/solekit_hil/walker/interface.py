"""What every walker offers, whatever moves inside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from solekit.layouts import FloatArray, Layout, Side

Float32Array = NDArray[np.float32]
Kind = Literal["ic", "heel_on", "forefoot_on", "heel_off", "to"]
KINDS: tuple[Kind, ...] = ("ic", "heel_on", "forefoot_on", "heel_off", "to")


@dataclass(frozen=True)
class Event:
    """Something that happened to one foot, at its exact time."""

    side: Side
    kind: Kind
    t_s: float


@dataclass(frozen=True)
class Crossings:
    """Times at which the noiseless force of a foot rises above and falls below a level."""

    rise_s: FloatArray
    fall_s: FloatArray


class Ground(Protocol):
    """What is known about the contact with the ground, at any time."""

    def events(self, t0_s: float, t1_s: float) -> list[Event]:
        """Return the events of all feet with t0_s <= t < t1_s, in order of time.

        ``ic`` and ``to`` are when the vertical force of the foot leaves and reaches its least
        value, which is zero unless the foot is dragged; ``heel_on`` is when the heel touches,
        ``forefoot_on`` when the foot lies flat, ``heel_off`` when the heel begins to rise: the
        load of these parts follows within some hundredths of a second, heel_off's within 0.15 s.
        """
        ...

    def crossings(self, side: Side, level_n: float, t0_s: float, t1_s: float) -> Crossings:
        """Return when the force of a foot crosses ``level_n`` within [t0_s, t1_s)."""
        ...


@dataclass(frozen=True, eq=False)
class Truth:
    """What was put on the cells: ``force_n[side]`` (n,), ``cop_mm[side]`` (n, 2).

    The CoP is x, y in the axes of the layout, NaN where the foot is unloaded. For a scalar time
    the axis of the samples is absent.
    """

    force_n: dict[Side, FloatArray]
    cop_mm: dict[Side, FloatArray]
    ground: Ground

    def events(self, t0_s: float, t1_s: float) -> list[Event]:
        """Return the events of all feet with t0_s <= t < t1_s, in order of time."""
        return self.ground.events(t0_s, t1_s)

    def crossings(self, side: Side, level_n: float, t0_s: float, t1_s: float) -> Crossings:
        """Return when the force of a foot crosses ``level_n`` within [t0_s, t1_s)."""
        return self.ground.crossings(side, level_n, t0_s, t1_s)


@dataclass(frozen=True, eq=False)
class Body:
    """The truth about the whole body at n times, world axes (x ahead, y left, z up).

    ``keypoints_m`` (n, 21, 3) in the order of ``body.KEYPOINTS``; per side the force of the ground
    on the foot ``force_n`` (n, 3) and where it acts, ``cop_m`` (n, 3), NaN where the foot is
    unloaded; ``joint_deg`` joint angles by name (``left_knee``), each (n,).
    """

    keypoints_m: FloatArray
    force_n: dict[Side, FloatArray]
    cop_m: dict[Side, FloatArray]
    joint_deg: dict[str, FloatArray]


Sample = tuple[dict[Side, Float32Array], dict[Side, Float32Array], Truth]


class Walker(Ground, Protocol):
    """A person in motion, seen by two soles. ``duration_s`` is inf for an endless motion."""

    layouts: dict[Side, Layout]
    body_weight_n: float
    duration_s: float

    def sample(self, t_s: FloatArray | float) -> Sample:
        """Return cells, IMU and truth at ``t_s``, a scalar or shape (n,), in any order.

        A pure function: any division into calls returns the same bits. Per side, cells have shape
        (n, n_cells) in newtons; the IMU has shape (n, 6): specific force in m/s2 along x forward,
        y left, z up of the foot (z reads +g at rest), then angular rate in rad/s. Right-handed:
        the rate about y is negative when the toes rise, as in mid-swing.
        """
        ...

    def imu(self, t_s: FloatArray) -> dict[Side, Float32Array]:
        """Return the IMUs alone, (n, 6) per side, same bits as ``sample``."""
        ...

    def peak_cell_force_n(self, side: Side) -> float:
        """Return the largest force that a cell of a side sees, for the range of its sensor."""
        ...

    def body(self, t_s: FloatArray) -> Body:
        """Return the truth about the whole body at ``t_s`` (n,)."""
        ...

    def segment_imu(self, segment: str, t_s: FloatArray) -> Float32Array:
        """Return what an IMU on a segment of the body feels, (n, 6), axes as those of the foot.

        ``segment`` is pelvis, torso, or a thigh or shank as ``left_thigh``.
        """
        ...
