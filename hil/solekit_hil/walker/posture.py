"""A whole body's key points from its pelvis, its feet and the carriage of trunk and arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solekit.layouts import SIDES, BoolArray, FloatArray, Side
from solekit_hil.walker.body import (
    ANKLE_AT,
    ANKLE_HEIGHT,
    FOOT_BREADTH,
    INDEX,
    N_KEYPOINTS,
    SMALL_TOE_AT,
    centre_of_mass,
)
from solekit_hil.walker.foot import BALL_AT, IMU_AT, FootState

# Shares of the height (Drillis and Contini 1964; the hips Winter 2009).
_THIGH, _SHANK, _TRUNK, _NECK, _HEAD = 0.245, 0.246, 0.288, 0.052, 0.070
_HALF_HIPS, _HALF_SHOULDERS, _UPPER_ARM, _FOREARM = 0.052, 0.112, 0.186, 0.146
_LONGEST = 0.998  # of the leg: a knee is never quite straight


@dataclass(frozen=True, eq=False)
class Carriage:
    """How the body is held, all (n,) in radians: what is not pelvis height and feet.

    ``lean`` forward and ``tilt`` to the left of the trunk, ``turn`` of the pelvis and ``twist`` of
    the shoulders to the left, ``drop`` of the pelvis to the right; per side the arm forward
    ``arm``, away from the body ``spread`` and bent ``elbow``.
    """

    lean: FloatArray
    tilt: FloatArray
    turn: FloatArray
    twist: FloatArray
    drop: FloatArray
    arm: dict[Side, FloatArray]
    spread: dict[Side, FloatArray]
    elbow: dict[Side, FloatArray]


class Feet:
    """Both feet at n times, of one length, each with its heading (cosine, sine)."""

    def __init__(
        self,
        states: dict[Side, FootState],
        headings: dict[Side, tuple[float, float]],
        length_m: float,
    ) -> None:
        self.states = states
        self.length_m = length_m
        self._headings = headings

    def ahead(self, side: Side) -> FloatArray:
        """Return where the foot points, level, (3,)."""
        return np.array([*self._headings[side], 0.0])

    def left(self, side: Side) -> FloatArray:
        """Return what is left of the foot, level, (3,)."""
        cos, sin = self._headings[side]
        return np.array([-sin, cos, 0.0])

    def along(self, side: Side, share: float) -> FloatArray:
        """Return the point at ``share`` of the length from the heel on the sole, (n, 3)."""
        at, pitch, toes = self.states[side]
        ball = min(share, BALL_AT) - IMU_AT
        point = at + ball * self.length_m * self._direction(side, pitch)
        beyond = max(share - BALL_AT, 0.0) * self.length_m
        return point + beyond * self._direction(side, toes)

    def ankle(self, side: Side, height_m: float) -> FloatArray:
        """Return the ankle, ``height_m`` above the standing sole, (n, 3)."""
        _, pitch, _ = self.states[side]
        up = np.array([0.0, 0.0, 1.0])
        raised = np.cos(pitch)[:, None] * up - np.sin(pitch)[:, None] * self.ahead(side)
        return self.along(side, ANKLE_AT) + height_m * raised

    def _direction(self, side: Side, pitch: FloatArray) -> FloatArray:
        ahead = self.ahead(side)
        return np.column_stack([np.cos(pitch) * ahead[0], np.cos(pitch) * ahead[1], np.sin(pitch)])


def assemble(pelvis_m: FloatArray, carriage: Carriage, feet: Feet, height_m: float) -> FloatArray:
    """Return the key points (n, 21, 3) of a body with its hips' middle at ``pelvis_m`` (n, 3)."""
    points = np.zeros((len(pelvis_m), N_KEYPOINTS, 3))

    def put(name: str, at: FloatArray) -> None:
        points[:, INDEX[name]] = at

    put("pelvis", pelvis_m)
    hips = _axes(carriage.turn, np.zeros_like(carriage.turn), carriage.drop)
    trunk = _axes(carriage.twist, carriage.lean, -carriage.tilt)
    top = pelvis_m + _TRUNK * height_m * trunk[2]
    neck = top + _NECK * 0.4 * height_m * trunk[2]
    put("neck", neck)
    level = _axes(carriage.twist, 0.4 * carriage.lean, -0.4 * carriage.tilt)
    put("head", neck + height_m * (_HEAD + _NECK * 0.6) * level[2] + 0.02 * height_m * level[0])
    for side in SIDES:
        sign = 1.0 if side == "left" else -1.0
        hip = pelvis_m + sign * _HALF_HIPS * height_m * hips[1]
        ankle = feet.ankle(side, ANKLE_HEIGHT * height_m)
        put(f"{side}_hip", hip)
        put(f"{side}_ankle", ankle)
        put(f"{side}_knee", _knee(hip, ankle, feet.ahead(side), height_m))
        shoulder = top + sign * _HALF_SHOULDERS * height_m * trunk[1]
        upper, lower = _arm(carriage, side, trunk, sign)
        elbow = shoulder + _UPPER_ARM * height_m * upper
        put(f"{side}_shoulder", shoulder)
        put(f"{side}_elbow", elbow)
        put(f"{side}_wrist", elbow + _FOREARM * height_m * lower)
        out = sign * feet.left(side) * FOOT_BREADTH * feet.length_m
        put(f"{side}_heel", feet.along(side, 0.0))
        put(f"{side}_big_toe", feet.along(side, 1.0) - 0.25 * out)
        put(f"{side}_small_toe", feet.along(side, SMALL_TOE_AT) + 0.6 * out)
    return points


def settled(
    centre_m: FloatArray, carriage: Carriage, feet: Feet, height_m: float, *, rounds: int = 4
) -> FloatArray:
    """Return the key points of a body whose centre of mass is at ``centre_m`` (n, 3)."""
    pelvis = centre_m - np.array([0.0, 0.0, 0.03 * height_m])
    points = assemble(pelvis, carriage, feet, height_m)
    for _ in range(rounds):
        pelvis = pelvis + (centre_m - centre_of_mass(points))
        points = assemble(pelvis, carriage, feet, height_m)
    return points


def overreach_m(
    points_m: FloatArray, loaded: dict[Side, BoolArray], height_m: float
) -> FloatArray:
    """Return how much too high the hips are for legs that must reach the ground, (n,) metres."""
    longest = _LONGEST * (_THIGH + _SHANK) * height_m
    worst = np.full(len(points_m), -np.inf)
    for side in SIDES:
        leg = points_m[:, INDEX[f"{side}_hip"]] - points_m[:, INDEX[f"{side}_ankle"]]
        aside = leg[:, 0] ** 2 + leg[:, 1] ** 2
        room = np.sqrt(np.maximum(longest**2 - aside, 0.01))
        worst = np.maximum(worst, np.where(loaded[side], leg[:, 2] - room, -np.inf))
    return worst


def _axes(turn: FloatArray, lean: FloatArray, roll: FloatArray) -> list[FloatArray]:
    """Return forward, left and up, (n, 3) each: turned left, then leaned forward, then rolled."""
    zero = np.zeros_like(turn)
    ahead = np.column_stack([np.cos(turn), np.sin(turn), zero])
    left = np.column_stack([-np.sin(turn), np.cos(turn), zero])
    up = np.column_stack([zero, zero, zero + 1.0])
    c, s = np.cos(lean)[:, None], np.sin(lean)[:, None]
    ahead, up = c * ahead - s * up, c * up + s * ahead
    c, s = np.cos(roll)[:, None], np.sin(roll)[:, None]
    return [ahead, c * left + s * up, c * up - s * left]


def _arm(
    carriage: Carriage, side: Side, trunk: list[FloatArray], sign: float
) -> tuple[FloatArray, FloatArray]:
    ahead, left, up = trunk
    swing, bend = carriage.arm[side], carriage.elbow[side]
    spread = carriage.spread[side][:, None]

    def towards(angle: FloatArray) -> FloatArray:
        down = np.sin(angle)[:, None] * ahead - np.cos(angle)[:, None] * up
        return np.cos(spread) * down + np.sin(spread) * sign * left

    return towards(swing), towards(swing + bend)


def _knee(hip: FloatArray, ankle: FloatArray, ahead: FloatArray, height_m: float) -> FloatArray:
    """Return the knee of a leg that bends forward; a leg too short for its reach is stretched."""
    thigh, shank = _THIGH * height_m, _SHANK * height_m
    along = ankle - hip
    distance = np.linalg.norm(along, axis=1)
    along = along / distance[:, None]
    scale = np.maximum(distance / (_LONGEST * (thigh + shank)), 1.0)
    thigh, shank = thigh * scale, shank * scale
    part = (distance**2 + thigh**2 - shank**2) / (2 * distance)
    off = np.sqrt(np.maximum(thigh**2 - part**2, 0.0))
    front = ahead - (along @ ahead)[:, None] * along
    front = front / np.maximum(np.linalg.norm(front, axis=1), 1e-9)[:, None]
    return hip + part[:, None] * along + off[:, None] * front
