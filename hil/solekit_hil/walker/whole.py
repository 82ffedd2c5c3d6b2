"""The whole body of a walker: what its contacts and forces ask of pelvis, legs, trunk and arms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solekit.layouts import SIDES, BoolArray, FloatArray, Side
from solekit_hil.walker.angles import joint_angles
from solekit_hil.walker.body import FOOT_BREADTH, centre_of_mass
from solekit_hil.walker.foot import IMU_AT, Foot, FootState
from solekit_hil.walker.interface import Body, Float32Array
from solekit_hil.walker.pendulum import heights_m, paths_m
from solekit_hil.walker.person import GRAVITY_M_S2, Style
from solekit_hil.walker.posture import Carriage, Feet, overreach_m, settled
from solekit_hil.walker.segments import segment_imu

RATE_HZ = 120.0
_BLOCK_S, _MARGIN_S = 16.0, 9.0  # the ends of a solution are forgotten within the margin
_PAD = 4  # samples of a block beyond its ends, for derivatives
_CENTRE = 0.56  # height of the centre of mass of a standing body, of its height
_ARM, _ELBOW, _RUN_ELBOW = 0.9, 0.35, 1.5  # swing per leg length of step; bend of the elbow
_TURN, _TWIST, _DROP = 0.18, -0.15, 0.06  # of pelvis and shoulders
_SPREAD = 0.12
_SETTLE_S = 12.0  # of walking, in which the legs must reach the ground


class Planned(Protocol):
    """What a walker prescribes: the force of each foot and where it acts."""

    def force_bw(self, side: Side, t_s: FloatArray) -> FloatArray:
        """Return the vertical force of a foot in body weights, (n,)."""
        ...

    def line(self, side: Side, t_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the centre of pressure as shares along and across the foot, (n,) each."""
        ...


@dataclass(frozen=True, eq=False)
class _Block:
    points: FloatArray
    force_n: dict[Side, FloatArray]
    cop_m: dict[Side, FloatArray]


class WholeBody:
    """The body over the feet of a walker, in blocks that are made when they are asked for."""

    def __init__(
        self, planned: Planned, feet: dict[Side, Foot], style: Style, period_s: float
    ) -> None:
        self._planned, self._feet, self._style = planned, feet, style
        self._period_s = period_s
        self._lower_m = 0.0
        self._block = lru_cache(maxsize=4)(self._make)
        t = np.arange(0.0, _SETTLE_S, 1 / RATE_HZ)
        inner = slice(round(2 * RATE_HZ), -round(2 * RATE_HZ))
        # One height for all strides, so that the legs reach the ground in all but the longest.
        points, *_ = self._solve(t)
        loaded: dict[Side, BoolArray] = {side: planned.force_bw(side, t) > 0 for side in SIDES}
        worst = overreach_m(points, loaded, self._height)[inner]
        self._lower_m = max(0.0, float(np.percentile(worst[np.isfinite(worst)], 97)))

    @property
    def _height(self) -> float:
        return self._style.person.height_m

    def at(self, t_s: FloatArray) -> Body:
        """Return the body at ``t_s`` (n,)."""
        t = np.asarray(t_s, dtype=float)
        points = np.zeros((len(t), 21, 3))
        force: dict[Side, FloatArray] = {side: np.zeros((len(t), 3)) for side in SIDES}
        cop: dict[Side, FloatArray] = {side: np.full((len(t), 3), np.nan) for side in SIDES}
        number = np.floor(t / _BLOCK_S).astype(int)
        for k in np.unique(number).tolist():
            mine = number == k
            block = self._block(k)
            i, part = _within(t[mine], k, len(block.points))
            points[mine] = _between(block.points, i, part)
            for side in SIDES:
                force[side][mine] = _between(block.force_n[side], i, part)
                cop[side][mine] = _between(block.cop_m[side], i, part)
        for side in SIDES:
            lift = self._planned.force_bw(side, t) * self._style.person.mass_kg * GRAVITY_M_S2
            force[side][:, 2] = lift
            force[side][lift <= 0] = 0.0
            cop[side][lift <= 0] = np.nan
        return Body(points, force, cop, joint_angles(points))

    def segment_imu(self, segment: str, t_s: FloatArray) -> Float32Array:
        """Return what an IMU on a segment feels at ``t_s`` (n,), (n, 6)."""
        t = np.asarray(t_s, dtype=float)
        out = np.zeros((len(t), 6), np.float32)
        number = np.floor(t / _BLOCK_S).astype(int)
        for k in np.unique(number).tolist():
            mine = number == k
            felt = segment_imu(self._block(k).points, segment, RATE_HZ).astype(float)
            i, part = _within(t[mine], k, len(felt))
            out[mine] = _between(felt, i, part)
        return out

    def _make(self, k: int) -> _Block:
        n_margin = round(_MARGIN_S * RATE_HZ)
        n = round(_BLOCK_S * RATE_HZ)
        t = (np.arange(-n_margin, n + n_margin + 2) + k * n) / RATE_HZ
        points, force, cop = self._solve(t)
        inner = slice(n_margin - _PAD, n_margin + n + 2 + _PAD)
        return _Block(
            points[inner],
            {side: force[side][inner] for side in SIDES},
            {side: cop[side][inner] for side in SIDES},
        )

    def _solve(
        self, t: FloatArray
    ) -> tuple[FloatArray, dict[Side, FloatArray], dict[Side, FloatArray]]:
        style = self._style
        cycle = np.zeros_like(t) if np.isinf(self._period_s) else np.floor(t / self._period_s)
        within = t if np.isinf(self._period_s) else t - cycle * self._period_s
        states: dict[Side, FootState] = {}
        for side in SIDES:
            state = self._feet[side].state(within)
            states[side] = state._replace(
                at_m=state.at_m + cycle[:, None] * self._feet[side].total_m
            )
        headings: dict[Side, tuple[float, float]] = {
            side: self._feet[side].heading for side in SIDES
        }
        feet = Feet(states, headings, style.person.foot_length_m)
        lift: dict[Side, FloatArray] = {side: self._planned.force_bw(side, t) for side in SIDES}
        cop: dict[Side, FloatArray] = {}
        for side in SIDES:
            along, across = self._planned.line(side, t)
            aside = (0.5 - across) * FOOT_BREADTH * feet.length_m
            # The foot turns over the ground, the line does not turn with it.
            flat = self._feet[side].stands(within) + cycle[:, None] * self._feet[side].total_m
            cop[side] = (
                flat
                + ((along - IMU_AT) * feet.length_m)[:, None] * feet.ahead(side)
                + aside[:, None] * feet.left(side)
            )
        total = lift["left"] + lift["right"]
        some = np.where(total > 1e-6, total, 1.0)
        share: dict[Side, FloatArray] = {
            side: np.where(total > 1e-6, lift[side] / some, 0.5) for side in SIDES
        }
        middle = share["left"][:, None] * cop["left"] + share["right"][:, None] * cop["right"]
        ground = np.minimum(states["left"].at_m[:, 2], states["right"].at_m[:, 2])
        ground = _smoothed(ground, t) if style.slope else np.zeros_like(t)
        rest = (_CENTRE - style.motion.crouch) * self._height - self._lower_m
        height = heights_m(total, ground + rest, RATE_HZ)
        # The turning of arms and legs moves the centre of pressure a little; that is left out.
        path = paths_m(total, middle[:, :2], np.maximum(height - ground, 0.3), RATE_HZ)
        centre = np.column_stack([path, height])
        points = settled(centre, self._carriage(feet, t), feet, self._height)
        acceleration = np.gradient(np.gradient(centre_of_mass(points), axis=0), axis=0)
        push = acceleration * RATE_HZ**2 * style.person.mass_kg
        force: dict[Side, FloatArray] = {side: share[side][:, None] * push for side in SIDES}
        return points, force, cop

    def _carriage(self, feet: Feet, t: FloatArray) -> Carriage:
        person, motion = self._style.person, self._style.motion
        ahead = feet.states["left"].at_m - feet.states["right"].at_m
        step = ahead[:, 0] / (0.53 * self._height)
        still = np.zeros_like(t)
        swing = _ARM * person.arm_swing * step
        bend = _RUN_ELBOW if motion.kind == "run" else _ELBOW
        weight = self._planned.force_bw("left", t) - self._planned.force_bw("right", t)
        lean = np.deg2rad(person.lean_deg) + (0.12 if motion.kind == "run" else 0.0)
        lean = lean + 2.2 * motion.crouch
        return Carriage(
            lean=still + lean,
            tilt=_smoothed(0.02 * weight, t),
            turn=_TURN * step,
            twist=_TWIST * step,
            drop=_smoothed(_DROP * weight, t),
            arm={"left": -swing, "right": swing},
            spread={"left": still + _SPREAD, "right": still + _SPREAD},
            elbow={"left": bend - 0.4 * swing, "right": bend + 0.4 * swing},
        )


def _smoothed(values: FloatArray, t: FloatArray, width_s: float = 0.25) -> FloatArray:
    """Return a moving mean (a hump of width_s)."""
    n = max(3, round(width_s * RATE_HZ)) if len(t) > 1 else 1
    kernel = np.hanning(n + 2)[1:-1]
    padded = np.pad(values, (n // 2, n - 1 - n // 2), mode="edge")
    return np.asarray(np.convolve(padded, kernel / kernel.sum(), mode="valid"), dtype=float)


def _within(t_s: FloatArray, k: int, n: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the sample of block ``k`` before each time, and the part of a sample after it."""
    x = (t_s - k * _BLOCK_S) * RATE_HZ + _PAD
    i = np.minimum(x.astype(np.int64), n - 2)
    return i, x - i


def _between(values: FloatArray, i: NDArray[np.int64], part: FloatArray) -> FloatArray:
    part = part.reshape(-1, *[1] * (values.ndim - 1))
    return values[i] * (1 - part) + values[i + 1] * part
