"""Motion of one foot over its contacts: how it rolls, swings, and what an IMU on it feels.

The IMU sits over the arch. In stance the foot turns about its heel, lies flat, then turns about
the ball; in swing the IMU goes to the next foothold on polynomials of fifth degree, so that
position, speed and acceleration are one smooth curve (but for the shock of landing).
"""

from __future__ import annotations

from typing import NamedTuple, get_args

import numpy as np

from solekit.layouts import FloatArray, Side
from solekit_hil.walker.gaitline import FLAT
from solekit_hil.walker.interface import Float32Array, Kind
from solekit_hil.walker.person import GRAVITY_M_S2, Style
from solekit_hil.walker.schedule import Contacts, cyclic, latest
from solekit_hil.walker.smooth import ease, sin_cos, unit

IMU_AT, BALL_AT = 0.45, 0.72  # shares of the foot's length from the heel
_PEAK_PITCH = 0.82  # of the swing: the toes are highest
_PEAK_EXCESS_RAD = 0.09  # then, above the pitch at initial contact
_RING_S = 0.1  # length of the shock at initial contact
_SHOCK_M_S2 = np.array([-12.0, 30.0])  # backward and upward, comfortable walking
_STRAIGHT = 0.7  # of the swing: the toes are straight again


class FootState(NamedTuple):
    """A foot at n times: the place of its IMU (n, 3) when the sole is on the ground plane, pitch.

    ``pitch_rad`` (n,) is positive with the toes up, ``toes_rad`` (n,) is that of the toes.
    """

    at_m: FloatArray
    pitch_rad: FloatArray
    toes_rad: FloatArray


class _Kinematics(NamedTuple):
    at: list[FloatArray]  # forward, left, up
    acceleration: list[FloatArray]
    pitch: FloatArray
    rate: FloatArray
    swing: FloatArray  # 0 in stance, up to 1 at the next contact


class Foot:
    """Contacts of one foot; every time is within the period."""

    def __init__(self, contacts: Contacts, style: Style, period_s: float, side: Side) -> None:
        self._standing = len(contacts.ic_s) == 0
        sign = 1.0 if side == "left" else -1.0
        self._aside_m = sign * style.half_width_m
        out = sign * style.toe_out_rad
        sin, cos = sin_cos(np.array([out]))
        self.heading = (float(cos[0]), float(sin[0]))
        length = style.person.foot_length_m
        self._behind_m, self._before_m = IMU_AT * length, (BALL_AT - IMU_AT) * length
        self._motion = style.motion
        self._raised = style.raised_rad > 0
        self.event_s: dict[Kind, FloatArray] = {}
        self.total_m = np.zeros(3)  # of the way, in a period
        if self._standing:
            return
        ic, to, roll = contacts.ic_s, contacts.to_s, contacts.roll_s
        flat = ic + style.forefoot_on * roll
        heel_off = to - (1 - style.heel_off) * roll
        self.event_s = dict(zip(get_args(Kind), (ic, ic, flat, heel_off, to), strict=True))
        self._contacts = cyclic(np.array([ic, to, roll]), period_s, n_times=2)

        ahead = np.append(ic[1:], ic[0] + period_s)
        peak = to + _PEAK_PITCH * (ahead - to)
        times = np.stack([ic, flat, heel_off, to, peak], axis=1).ravel()
        excess = _PEAK_EXCESS_RAD * style.motion.pitch
        raised = style.raised_rad
        pitch = np.array((style.strike_rad, 0.0, 0.0, -style.push_rad, style.strike_rad + excess))
        rate = np.zeros((len(ic), 5))
        rate[:, 0] = -2 * excess / (ahead - peak)
        rate[:, 3] = -0.8 * style.push_rad / np.maximum(to - heel_off, 0.05)
        nodes = np.array([times, np.tile(pitch - raised, len(ic)), rate.ravel()])
        self._nodes = cyclic(nodes, period_s, n_pad=10)

        way = np.outer(style.direction, contacts.advance_m)
        way[2] = contacts.advance_m * style.slope  # stairs
        self.total_m = way.sum(axis=1)
        first = contacts.first_m * (style.direction + np.array([0.0, 0.0, style.slope]))
        holds = np.cumsum(way, axis=1) - way + first[:, None]
        self._holds = np.concatenate(
            [
                cyclic(np.array([ic, to, ahead]), period_s, n_pad=2, n_times=3),
                np.array([cyclic(holds[k][None], self.total_m[k], n_pad=2)[0] for k in range(3)]),
                np.array([cyclic(way[k][None], 0.0, n_pad=2)[0] for k in range(3)]),
            ]
        )
        self._lift_m = style.lift_m

    def phase(self, t_s: FloatArray, lean: FloatArray) -> FloatArray:
        """Return the phase of the roll, 0..1; ``lean`` moves it while the foot stands flat."""
        if self._standing:
            return FLAT + lean
        ic, to, roll = self._contacts[:, latest(self._contacts[0], t_s)]
        begun = np.minimum(np.maximum((t_s - ic) / roll, 0.0), FLAT)
        left = np.minimum(np.maximum(1 - (to - t_s) / roll, FLAT), 1.0)
        return begun + (left - FLAT) + lean

    def raise_of(self, pitch_rad: FloatArray) -> FloatArray:
        """Return how far the heel is raised, 0 flat to 1, for a pitch."""
        return unit(-pitch_rad / 0.6)

    def state(self, t_s: FloatArray) -> FootState:
        """Return where the foot is within its period."""
        if self._standing:
            at = np.zeros((t_s.shape[0], 3))
            at[:, 1] = self._aside_m
            still = np.zeros(t_s.shape[0])
            return FootState(at, still, still)
        now = self._kinematics(t_s)
        at = np.stack(now.at, axis=1)
        at[:, 1] += self._aside_m
        # On tiptoe they stay bent.
        straight = 0.0 if self._raised else ease(unit(now.swing / _STRAIGHT))
        bent = np.minimum(now.pitch, 0.0) * (straight - 1.0)
        return FootState(at, now.pitch, now.pitch + bent)

    def stands(self, t_s: FloatArray) -> FloatArray:
        """Return where the IMU is when the foot lies flat in the latest contact, (n, 3)."""
        at = np.zeros((t_s.shape[0], 3))
        if not self._standing:
            at = self._holds[3:6, latest(self._holds[0], t_s)].T.copy()
        at[:, 1] += self._aside_m
        return at

    def pitch(self, t_s: FloatArray) -> FloatArray:
        """Return the pitch, toes up, (n,)."""
        return np.zeros_like(t_s) if self._standing else self._pitch(t_s)[0]

    def imu(self, t_s: FloatArray) -> Float32Array:
        """Return specific force and angular rate in the axes of the foot, (n, 6)."""
        out = np.zeros((t_s.shape[0], 6), np.float32)
        if self._standing:
            out[:, 2] = GRAVITY_M_S2
            return out
        now = self._kinematics(t_s)
        ahead, left, up = now.acceleration
        ic = self._contacts[0, latest(self._contacts[0], t_s)]
        shock = self._motion.strike * ring(unit((t_s - ic) / _RING_S))
        cos_out, sin_out = self.heading
        forward = ahead * cos_out + left * sin_out + _SHOCK_M_S2[0] * shock
        up = up + _SHOCK_M_S2[1] * shock + GRAVITY_M_S2
        sin, cos = sin_cos(now.pitch)
        out[:, 0] = forward * cos + up * sin
        out[:, 1] = left * cos_out - ahead * sin_out
        out[:, 2] = up * cos - forward * sin
        out[:, 4] = -now.rate  # right-handed about y, which points left: toes up is negative
        return out

    def _kinematics(self, t_s: FloatArray) -> _Kinematics:
        """Return place and acceleration of the IMU in the axes of the ground, and the pitch."""
        pitch, rate, turn = self._pitch(t_s)
        row = self._holds[:, latest(self._holds[0], t_s)]
        _, to, ahead, *rest = row
        hold, way = rest[:3], rest[3:]
        sin, cos = sin_cos(pitch)
        arm = np.where(pitch > 0, self._behind_m, -self._before_m)
        # On its heel or ball: a point of the circle about it, and what that point feels.
        over, rise = arm * (cos - 1.0), arm * sin
        over_acc = -arm * (sin * turn + cos * rate * rate)
        rise_acc = arm * (cos * turn - sin * rate * rate)

        length = ahead - to
        swing = unit((t_s - to) / length)
        start, end = self._ends(to), self._ends(ahead)
        flying = t_s > to
        cos_out, sin_out = self.heading
        over_path = _hermite(swing, length, start[0], end[0])
        up_path = _hermite(swing, length, start[1], end[1])
        arch = swing * (1 - swing)
        slope = 1 - 2 * swing
        per_square = 1 / (length * length)
        go = swing * swing * swing * (10.0 + swing * (6.0 * swing - 15.0))
        go_acc = per_square * 60 * arch * slope
        lift = self._lift_m * 64 * arch * arch * arch
        lift_acc = self._lift_m * per_square * 384 * arch * (slope * slope - arch)
        over = np.where(flying, over_path[0], over)
        over_acc = np.where(flying, over_path[1], over_acc)
        rise = np.where(flying, up_path[0] + lift, rise)
        rise_acc = np.where(flying, up_path[1] + lift_acc, rise_acc)
        going, going_acc = np.where(flying, go, 0.0), np.where(flying, go_acc, 0.0)
        along = (cos_out * over, sin_out * over, rise)
        along_acc = (cos_out * over_acc, sin_out * over_acc, rise_acc)
        at = [hold[k] + way[k] * going + along[k] for k in range(3)]
        acceleration = [way[k] * going_acc + along_acc[k] for k in range(3)]
        return _Kinematics(at, acceleration, pitch, rate, np.where(flying, swing, 0.0))

    def _ends(self, t_s: FloatArray) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
        """Return place, speed and acceleration over and up of the rolling foot at ``t_s``."""
        pitch, rate, turn = self._pitch(t_s)
        sin, cos = sin_cos(pitch)
        arm = np.where(pitch > 0, self._behind_m, -self._before_m)
        over = (arm * (cos - 1.0), -arm * sin * rate, -arm * (sin * turn + cos * rate * rate))
        up = (arm * sin, arm * cos * rate, arm * (cos * turn - sin * rate * rate))
        return [over, up]

    def _pitch(self, t_s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return pitch (toes up), its rate and its change: no jump in any at the nodes."""
        at = latest(self._nodes[0], t_s)
        at = np.minimum(at, self._nodes.shape[1] - 2)
        start, from_pitch, from_rate = self._nodes[:, at]
        end, to_pitch, to_rate = self._nodes[:, at + 1]
        length = end - start
        u = unit((t_s - start) / length)
        none = np.zeros_like(length)
        return _quintic(u, length, (from_pitch, from_rate, none), (to_pitch, to_rate, none))


Ends = tuple[FloatArray, FloatArray, FloatArray]


def _hermite(u: FloatArray, length: FloatArray, start: Ends, end: Ends) -> list[FloatArray]:
    value, _, second = _quintic(u, length, start, end)
    return [value, second]


def _quintic(
    u: FloatArray, length: FloatArray, start: Ends, end: Ends
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return value, first and second derivative of the quintic with the given ends at ``u``."""
    p0, v0, a0 = start[0], start[1] * length, start[2] * length * length
    p1, v1, a1 = end[0], end[1] * length, end[2] * length * length
    d = p1 - p0 - v0 - 0.5 * a0
    v = v1 - v0 - a0
    a = a1 - a0
    c3 = 10 * d - 4 * v + 0.5 * a
    c4 = 7 * v - 15 * d - a
    c5 = 6 * d - 3 * v + 0.5 * a
    value = p0 + u * (v0 + u * (0.5 * a0 + u * (c3 + u * (c4 + u * c5))))
    first = v0 + u * (a0 + u * (3 * c3 + u * (4 * c4 + u * (5 * c5))))
    second = a0 + u * (6 * c3 + u * (12 * c4 + u * (20 * c5)))
    return value, first / length, second / (length * length)


def ring(u: FloatArray) -> FloatArray:
    """Return a dying oscillation with peak 1 that leaves no speed and no displacement behind.

    It is the second derivative of u^3 (1 - u)^8.
    """
    rest = 1 - u
    cube = rest * rest * rest
    return u * cube * cube * (6 * rest * rest - 48 * u * rest + 56 * u * u) / _RING_PEAK


_RING_PEAK = 1.0
_RING_PEAK = float(ring(np.linspace(0.0, 1.0, 4001)).max())
