"""The sole of a foot from its markers: where heel and toes meet the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solekit.layouts import BoolArray, FloatArray, Side
from solekit_hil.walker.body import (
    ANKLE_AT,
    ANKLE_HEIGHT,
    FOOT_BREADTH,
    FOOT_LENGTH,
    SMALL_TOE_AT,
)

_UP = np.array([0.0, 0.0, 1.0])
_SLOW_M_S = 0.15  # a flat foot's heel and toes do not rise or fall faster
_NEAR_M = 0.02  # nor are they higher above their lowest than this
_MARKER_M = 0.01  # a heel marker stands so far behind the heel
_LEG = 0.53  # hip to floor, share of the stature (Drillis and Contini 1964)


@dataclass(frozen=True, eq=False)
class Foot:
    """A foot over time: the heel's point on the sole and its axes, (n, 3) each."""

    heel: FloatArray
    ahead: FloatArray
    leftward: FloatArray
    length_m: float

    def points(self, side: Side) -> dict[str, FloatArray]:
        """Return heel, big and small toe, on the plane of the sole."""
        outward = self.leftward * (1 if side == "left" else -1)
        tip = self.heel + self.length_m * self.ahead
        breadth = FOOT_BREADTH * self.length_m
        small = self.heel + SMALL_TOE_AT * self.length_m * self.ahead + 0.6 * breadth * outward
        return {
            f"{side}_heel": self.heel,
            f"{side}_big_toe": tip - 0.25 * breadth * outward,
            f"{side}_small_toe": small,
        }

    def ankle(self) -> FloatArray:
        """Return where the ankle should be, by proportion, for sets without its marker."""
        up = np.cross(self.ahead, self.leftward)
        height = ANKLE_HEIGHT / FOOT_LENGTH * self.length_m
        return self.heel + ANKLE_AT * self.length_m * self.ahead + height * up


def foot_length_m(hip: FloatArray, heel: FloatArray) -> float:
    """Return the length that a foot of this leg has, by proportion, from hip to heel."""
    leg = np.nanpercentile(np.linalg.norm(hip - heel, axis=1), 95)
    return FOOT_LENGTH / _LEG * float(leg)


def sole_points(heel: FloatArray, toe: FloatArray, length_m: float, rate_hz: float) -> Foot:
    """Return the sole of a foot with markers at heel and toes (tip or joint), (n, 3) each.

    Where both markers rest low the foot is flat; that tells how high they sit above the sole.
    """
    flat = _flat(heel, toe, rate_hz)
    along = toe - heel
    distance = np.linalg.norm(along, axis=1)
    rise = float(np.nanmedian((toe - heel)[flat, 2]))
    ahead = along / distance[:, None]
    leftward = np.cross(_UP, ahead)
    leftward /= np.linalg.norm(leftward, axis=1, keepdims=True)
    tilt = np.arcsin(np.clip(rise / np.nanmedian(distance), -0.9, 0.9))
    up = np.cross(ahead, leftward)
    level = np.cos(tilt) * ahead - np.sin(tilt) * up
    up = np.cross(level, leftward)
    height_m = float(np.nanmedian(heel[flat, 2]))
    sole = heel - height_m * up + _MARKER_M * level
    reach = float(np.nanmedian(distance)) * np.cos(tilt)
    return Foot(sole, level, leftward, float(np.clip(length_m, reach, 1.5 * reach)))


def _flat(heel: FloatArray, toe: FloatArray, rate_hz: float) -> BoolArray:
    """Return the frames in which the foot lies flat and still, or those closest to it."""
    near = np.ones(len(heel), bool)
    with np.errstate(invalid="ignore"):
        for at in (heel, toe):
            height = at[:, 2]
            near &= np.abs(np.gradient(height) * rate_hz) < _SLOW_M_S
            near &= height < np.nanpercentile(height, 10) + _NEAR_M
    if near.sum() >= 3:
        return near
    total = heel[:, 2] + toe[:, 2]
    return total <= np.nanpercentile(total, 10)
