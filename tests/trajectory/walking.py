"""A foot that walks along a known way, and what an ideal IMU on it reads.

Position, pitch and heading are piecewise polynomials, so that acceleration and angular rate are
exact derivatives. Each stride: rest, heel rise about the toes, swing, heel strike, foot flat.
World: x forward at the start, y to the left, z up. Foot axes likewise; toes up is positive pitch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.interpolate import BPoly
from scipy.spatial.transform import Rotation

from solekit.layouts import BoolArray, FloatArray
from solekit.trajectory.axes import G_M_S2

# Times within a stride, s: the foot rests before the heel rises and after it is flat. A stride is
# no whole number of samples, so that they fall differently into each blow of the heel.
RISE_S, TOE_OFF_S, LOWEST_S, MID_S, STRIKE_S, BRAKED_S, FLAT_S, STRIDE_S = (
    *(0.25, 0.45, 0.49, 0.65, 0.85, 0.88, 0.96, 1.147),
)
REST_S = (FLAT_S - STRIDE_S + RISE_S) / 2  # middle of a rest, from the beginning of a stride
STRIKE_DEG, TOE_OFF_DEG, LOWEST_DEG = 25.0, -52.0, -60.0


@dataclass(frozen=True, eq=False)
class Walk:
    """What the IMU reads at ``t_s`` (n,), and the truth behind it at the same times."""

    t_s: FloatArray
    accel_m_s2: FloatArray  # (n, 3), sensor axes, with gravity
    gyro_rad_s: FloatArray  # (n, 3), sensor axes
    position_m: FloatArray  # (n, 3), world
    foot: Rotation  # n rotations, foot to world
    mounting: FloatArray  # (3, 3): foot = mounting @ sensor
    rest_s: FloatArray  # (n_strides + 1,): a moment of rest before, between and after the strides
    to_s: FloatArray  # (n_strides,)
    ic_s: FloatArray  # (n_strides,): the strike that ends the swing

    @property
    def signals(self) -> tuple[FloatArray, FloatArray]:
        """Acceleration and angular rate."""
        return self.accel_m_s2, self.gyro_rad_s

    @property
    def strides(self) -> pd.DataFrame:
        """Strides from strike to strike: as many as swings, less one."""
        return pd.DataFrame(
            {"ic_s": self.ic_s[:-1], "to_s": self.to_s[1:], "next_ic_s": self.ic_s[1:]}
        )

    def keep(self, rows: BoolArray) -> Walk:
        """Return the walk with the samples ``rows`` (n,) only."""
        return replace(
            self,
            t_s=self.t_s[rows],
            accel_m_s2=self.accel_m_s2[rows],
            gyro_rad_s=self.gyro_rad_s[rows],
            position_m=self.position_m[rows],
            foot=Rotation.from_quat(self.foot.as_quat()[rows]),
        )

    def point_m(self, lever_m: tuple[float, float, float]) -> FloatArray:
        """Return the way (n, 3) of a point of the foot that lies ``lever_m`` from the sensor."""
        return self.position_m + self.foot.apply(lever_m)


def walk(
    n_strides: int = 8,
    *,
    length_m: float = 1.3,
    rise_m: float = 0.0,
    turn_deg: float = 0.0,
    sideways_m: float = 0.0,
    stand_s: float = 2.0,
    rate_hz: float = 200.0,
    mounting: FloatArray | None = None,
    accel_noise_m_s2: float = 0.0,
    gyro_noise_rad_s: float = 0.0,
    gyro_bias_rad_s: tuple[float, float, float] = (0.0, 0.0, 0.0),
    jitter_s: float = 0.0,
    seed: int = 0,
) -> Walk:
    """Return a walk between two times of standing.

    Per stride ``length_m`` ahead, ``rise_m`` up, ``turn_deg`` to the left and up to ``sideways_m``
    to the left of the straight line. ``mounting`` (3, 3): foot = mounting @ sensor. ``jitter_s``:
    the samples are taken up to this much before or after their turn (the stamps are true).
    """
    random = np.random.default_rng(seed)
    mounting = np.eye(3) if mounting is None else mounting
    t_s = np.arange(0.0, 2 * stand_s + n_strides * STRIDE_S, 1.0 / rate_hz)
    t_s = t_s + random.uniform(-jitter_s, jitter_s, len(t_s))
    stride = np.floor((t_s - stand_s) / STRIDE_S).clip(0, n_strides - 1).astype(int)
    since_s = t_s - stand_s - STRIDE_S * stride
    turn_rad = np.radians(turn_deg)
    # The chord lies half way between the headings at its ends.
    bearing = (np.arange(n_strides) + 0.5) * turn_rad
    forward = np.stack([np.cos(bearing), np.sin(bearing), 0.0 * bearing], axis=1)
    left = np.stack([-np.sin(bearing), np.cos(bearing), 0.0 * bearing], axis=1)
    step = length_m * forward + [0.0, 0.0, rise_m]
    ahead, aside, height, pitch, yaw = _curves(length_m, rise_m, sideways_m, turn_rad)

    def way(order: int) -> FloatArray:
        parts = [curve(since_s, order)[:, None] for curve in (ahead, aside, height)]
        return parts[0] * forward[stride] + parts[1] * left[stride] + parts[2] * [0.0, 0.0, 1.0]

    heading = turn_rad * stride + yaw(since_s, 0)
    foot = Rotation.from_euler("ZY", np.column_stack([heading, -pitch(since_s, 0)]))
    vertical = foot.inv().apply([0.0, 0.0, 1.0])
    rate = yaw(since_s, 1)[:, None] * vertical - pitch(since_s, 1)[:, None] * [0.0, 1.0, 0.0]
    force = foot.inv().apply(way(2) + np.array([0.0, 0.0, G_M_S2]))
    noise = random.normal(size=(2, len(t_s), 3))
    begin_s = stand_s + STRIDE_S * np.arange(n_strides, dtype=np.float64)
    return Walk(
        t_s=t_s,
        accel_m_s2=force @ mounting + accel_noise_m_s2 * noise[0],
        gyro_rad_s=rate @ mounting + gyro_noise_rad_s * noise[1] + gyro_bias_rad_s,
        position_m=(np.cumsum(step, axis=0) - step)[stride] + way(0),
        foot=foot,
        mounting=mounting,
        rest_s=stand_s + STRIDE_S * np.arange(n_strides + 1, dtype=np.float64) + REST_S,
        to_s=begin_s + TOE_OFF_S,
        ic_s=begin_s + STRIKE_S,
    )


def any_mounting(seed: int) -> FloatArray:
    """Return a random rotation (3, 3)."""
    return Rotation.from_quat(np.random.default_rng(seed).normal(size=4)).as_matrix()


def _curves(length_m: float, rise_m: float, sideways_m: float, turn_rad: float) -> list[Curve]:
    """Return a stride's way ahead, aside and up (m), pitch (toes up) and heading (rad)."""
    ahead = [  # time, value, speed
        (RISE_S, 0.0, 0.0),
        (TOE_OFF_S, 0.08, 1.4),
        (MID_S, 0.08 + 0.48 * (length_m - 0.12), 2.9 * length_m),
        (STRIKE_S, length_m - 0.04, 1.0),
        (BRAKED_S, length_m - 0.02, 0.35),
        (FLAT_S, length_m, 0.0),
    ]
    aside = [(TOE_OFF_S, 0.0, 0.0), (MID_S, sideways_m, 0.0), (STRIKE_S, 0.0, 0.0)]
    height = [
        (RISE_S, 0.0, 0.0),
        (TOE_OFF_S, 0.07, 0.4),
        (MID_S, 0.08 + max(rise_m, 0.0), 0.0),
        (STRIKE_S, 0.03 + rise_m, -0.3),
        (FLAT_S, rise_m, 0.0),
    ]
    pitch_deg = [
        (RISE_S, 0.0, 0.0),
        (TOE_OFF_S, TOE_OFF_DEG, -300.0),
        (LOWEST_S, LOWEST_DEG, 0.0),
        (MID_S, -12.0, 350.0),
        (STRIKE_S - 0.02, STRIKE_DEG + 1.0, 0.0),
        (STRIKE_S, STRIKE_DEG, -100.0),
        (FLAT_S, 0.0, 0.0),
    ]
    pitch = [(t, np.radians(value), np.radians(rate)) for t, value, rate in pitch_deg]
    yaw = [(LOWEST_S, 0.0, 0.0), (STRIKE_S, turn_rad, 0.0)]
    return [Curve(knots) for knots in (ahead, aside, height, pitch, yaw)]


class Curve:
    """A smooth curve through (time, value, speed) with no acceleration there; flat outside."""

    def __init__(self, knots: list[tuple[float, float, float]]) -> None:
        self.t_s = [t for t, _, _ in knots]
        values = [[value, speed, 0.0] for _, value, speed in knots]
        self.inside = BPoly.from_derivatives(self.t_s, values)

    def __call__(self, t_s: FloatArray, order: int) -> FloatArray:
        """Return the derivative of ``order`` at ``t_s`` (n,)."""
        return self.inside(t_s.clip(self.t_s[0], self.t_s[-1]), order)
