"""Motion of one foot over its contacts: how it rolls, and what an IMU under the arch feels."""

from __future__ import annotations

from typing import get_args

import numpy as np

from solekit.layouts import FloatArray
from solekit_hil.walker.interface import Float32Array, Kind
from solekit_hil.walker.person import GRAVITY_M_S2, Style
from solekit_hil.walker.schedule import Contacts, cyclic, latest
from solekit_hil.walker.smooth import sin_cos, unit
from solekit_hil.walker.sole import FLAT

_PEAK_PITCH = 0.82  # of the swing: the toes are highest
_PEAK_EXCESS_RAD = 0.09  # then, above the pitch at initial contact
_LIFT_M = 0.09
_RING_S = 0.1  # length of the shock at initial contact
_SHOCK_M_S2 = np.array([-12.0, 30.0])  # backward and upward, comfortable walking


class Foot:
    """Contacts of one foot; every time is within the period."""

    def __init__(self, contacts: Contacts, style: Style, period_s: float) -> None:
        self._standing = len(contacts.ic_s) == 0
        if self._standing:
            self.event_s: dict[Kind, FloatArray] = {}
            return
        ic, to, roll = contacts.ic_s, contacts.to_s, contacts.roll_s
        flat = ic + style.forefoot_on * roll
        heel_off = to - (1 - style.heel_off) * roll
        self.event_s = dict(zip(get_args(Kind), (ic, ic, flat, heel_off, to), strict=True))
        self._contacts = cyclic(np.array([ic, to, roll]), period_s, n_times=2)
        self._strike = style.motion.strike

        ahead = np.append(ic[1:], ic[0] + period_s)
        peak = to + _PEAK_PITCH * (ahead - to)
        times = np.stack([ic, flat, heel_off, to, peak], axis=1).ravel()
        excess = _PEAK_EXCESS_RAD * style.motion.pitch
        pitch = (style.strike_rad, 0.0, 0.0, -style.push_rad, style.strike_rad + excess)
        rate = np.zeros((len(ic), 5))
        rate[:, 0] = -2 * excess / (ahead - peak)
        nodes = np.array([times, np.tile(pitch, len(ic)), rate.ravel()])
        self._nodes = cyclic(nodes, period_s, n_pad=10)

        leave = (heel_off + to) / 2
        land = np.append(flat[1:], flat[0] + period_s)
        moves = np.array([leave, land - leave, contacts.advance_m])
        self._moves = cyclic(moves, period_s, n_pad=2)
        self._lift_m = _LIFT_M * (0.2 if style.motion.floor else 1.0)

    def phase(self, t_s: FloatArray, lean: FloatArray) -> FloatArray:
        """Return the phase of the roll, 0..1; ``lean`` moves it while the foot stands flat."""
        if self._standing:
            return FLAT + lean
        ic, to, roll = self._contacts[:, latest(self._contacts[0], t_s)]
        begun = np.minimum(np.maximum((t_s - ic) / roll, 0.0), FLAT)
        left = np.minimum(np.maximum(1 - (to - t_s) / roll, FLAT), 1.0)
        return begun + (left - FLAT) + lean

    def imu(self, t_s: FloatArray) -> Float32Array:
        """Return specific force and angular rate in the axes of the foot, (n, 6)."""
        out = np.zeros((t_s.shape[0], 6), np.float32)
        if self._standing:
            out[:, 2] = GRAVITY_M_S2
            return out
        pitch, rate = self._pitch(t_s)
        forward, up = self._acceleration(t_s)
        up = up + GRAVITY_M_S2
        sin, cos = sin_cos(pitch)
        out[:, 0] = forward * cos + up * sin
        out[:, 2] = up * cos - forward * sin
        out[:, 4] = -rate  # right-handed about y, which points left: toes up is negative
        return out

    def _pitch(self, t_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return pitch (toes up) and its rate: cubics between the nodes."""
        at = latest(self._nodes[0], t_s)
        at = np.minimum(at, self._nodes.shape[1] - 2)
        start, from_pitch, from_rate = self._nodes[:, at]
        end, to_pitch, to_rate = self._nodes[:, at + 1]
        length = end - start
        u = unit((t_s - start) / length)
        first, last = from_rate * length, to_rate * length
        change = to_pitch - from_pitch
        square = 3 * change - 2 * first - last
        cube = first + last - 2 * change
        pitch = from_pitch + u * (first + u * (square + u * cube))
        return pitch, (first + u * (2 * square + u * (3 * cube))) / length

    def _acceleration(self, t_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return forward and upward acceleration in the axes of the ground."""
        leave, length, advance = self._moves[:, latest(self._moves[0], t_s)]
        s = unit((t_s - leave) / length)
        per_square = 1 / (length * length)
        arch, slope = s * (1 - s), 1 - 2 * s
        forward = advance * per_square * 60 * arch * slope
        up = self._lift_m * per_square * 384 * arch * (slope * slope - arch)
        ic = self._contacts[0, latest(self._contacts[0], t_s)]
        shock = self._strike * ring(unit((t_s - ic) / _RING_S))
        return forward + _SHOCK_M_S2[0] * shock, up + _SHOCK_M_S2[1] * shock


def ring(u: FloatArray) -> FloatArray:
    """Return a dying oscillation with peak 1 that leaves no speed and no displacement behind.

    It is the second derivative of u^3 (1 - u)^8.
    """
    rest = 1 - u
    cube = rest * rest * rest
    return u * cube * cube * (6 * rest * rest - 48 * u * rest + 56 * u * u) / _RING_PEAK


_RING_PEAK = 1.0
_RING_PEAK = float(ring(np.linspace(0.0, 1.0, 4001)).max())
