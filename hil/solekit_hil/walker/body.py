"""The body: key points, segments, their masses, and the motion of a whole person.

World axes: x forward at the start, y to the left, z up, metres; the floor is z = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from solekit.layouts import SIDES, FloatArray

_PAIRS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "small_toe", "big_toe")
# Heel and toes are the ends of the foot on the sole's plane; the head is its centre, between the
# ears. The pelvis is the middle of the hips, the neck is where it leaves the trunk (C7).
KEYPOINTS = (
    "head",
    "neck",
    *(f"{side}_{name}" for name in _PAIRS for side in SIDES),
    "pelvis",
)
INDEX = {name: i for i, name in enumerate(KEYPOINTS)}
N_KEYPOINTS = len(KEYPOINTS)
# Shares of the height (Drillis and Contini 1964), and of the foot's length.
FOOT_LENGTH, ANKLE_HEIGHT = 0.152, 0.039
ANKLE_AT, SMALL_TOE_AT, FOOT_BREADTH = 0.25, 0.82, 0.38


class Segment(NamedTuple):
    """A rigid part between two points, each the mean of one or two key points.

    ``mass`` is a share of the body's, ``centre`` where the mass is (from ``start``), ``radius``
    the radius of gyration across, both as shares of the length.
    """

    name: str
    start: tuple[str, ...]
    end: tuple[str, ...]
    mass: float
    centre: float
    radius: float


def _limbs(side: str) -> tuple[Segment, ...]:
    def at(name: str) -> tuple[str, ...]:
        return (f"{side}_{name}",)

    toes = (f"{side}_big_toe", f"{side}_small_toe")
    # The hand is part of the forearm: it lengthens and slows it.
    return (
        Segment(f"{side}_upper_arm", at("shoulder"), at("elbow"), 0.0263, 0.5763, 0.269),
        Segment(f"{side}_forearm", at("elbow"), at("wrist"), 0.02085, 0.685, 0.47),
        Segment(f"{side}_thigh", at("hip"), at("knee"), 0.1447, 0.3854, 0.347),
        Segment(f"{side}_shank", at("knee"), at("ankle"), 0.0457, 0.4436, 0.260),
        Segment(f"{side}_foot", at("heel"), toes, 0.0133, 0.4208, 0.268),
    )


_SHOULDERS = ("left_shoulder", "right_shoulder")
_HIPS = ("left_hip", "right_hip")
# Means of women and men in de Leva, P. (1996) Adjustments to Zatsiorsky-Seluyanov's segment
# inertia parameters, J. Biomech. 29(9).
SEGMENTS = (
    Segment("head", ("neck",), ("head",), 0.0681, 1.0, 0.45),
    Segment("trunk", _SHOULDERS, _HIPS, 0.4302, 0.405, 0.36),
    *(segment for side in SIDES for segment in _limbs(side)),
)


@dataclass(frozen=True, eq=False)
class Motion:
    """How a whole person moved: ``points_m`` (n, 21, 3) in the order of ``KEYPOINTS``."""

    rate_hz: float
    points_m: FloatArray
    mass_kg: float

    @property
    def t_s(self) -> FloatArray:
        """Times of the samples, (n,), from 0."""
        return np.arange(len(self.points_m)) / self.rate_hz

    def point_m(self, *names: str) -> FloatArray:
        """Return the mean of some key points, (n, 3)."""
        return point(self.points_m, names)


def point(points_m: FloatArray, names: tuple[str, ...]) -> FloatArray:
    """Return the mean of the named key points of (n, 21, 3), (n, 3)."""
    total = points_m[:, INDEX[names[0]]]
    for name in names[1:]:
        total = total + points_m[:, INDEX[name]]
    return total / len(names)


def centre_of_mass(points_m: FloatArray) -> FloatArray:
    """Return the centre of mass of the body, (n, 3)."""
    total = np.zeros((len(points_m), 3))
    for segment in SEGMENTS:
        start, end = point(points_m, segment.start), point(points_m, segment.end)
        total = total + segment.mass * (start + segment.centre * (end - start))
    return total


def angular_momentum(points_m: FloatArray, rate_hz: float) -> FloatArray:
    """Return the angular momentum about the centre of mass per kilogram, (n, 3) in m2/s.

    Segments turn about axes across them only; what a segment does about its own length is little
    and would need more points to see.
    """
    body = centre_of_mass(points_m)
    body_speed = np.gradient(body, axis=0) * rate_hz
    total = np.zeros((len(points_m), 3))
    for segment in SEGMENTS:
        start, end = point(points_m, segment.start), point(points_m, segment.end)
        along = end - start
        centre = start + segment.centre * along
        speed = np.gradient(centre, axis=0) * rate_hz
        spin = np.cross(along, np.gradient(along, axis=0) * rate_hz)
        moves = np.cross(centre - body, speed - body_speed)
        total = total + segment.mass * (moves + segment.radius**2 * spin)
    return total


def stature_m(points_m: FloatArray) -> float:
    """Return the height of a person from the lengths of the body, in metres.

    The trunk, thigh and shank are 0.288, 0.245 and 0.246 of the height (Drillis and Contini 1964,
    shoulder line to hip line); their median over time does not care about the pose.
    """
    lengths = []
    for segment in SEGMENTS:
        if segment.name.endswith(("trunk", "thigh", "shank")):
            along = point(points_m, segment.end) - point(points_m, segment.start)
            lengths.append(float(np.nanmedian(np.linalg.norm(along, axis=1))))
    trunk, *legs = lengths
    return (trunk + sum(legs) / 2) / (0.288 + 0.245 + 0.246)
