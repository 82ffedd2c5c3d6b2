"""Orientation, velocity and position of a foot: integrated from rest to rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import ndimage

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.evenly import even_pieces, runs
from solekit.layouts import BoolArray, FloatArray
from solekit.trajectory import rotations as turn
from solekit.trajectory.axes import G_M_S2, imu_table
from solekit.trajectory.rest import FootRest

_TILT_S = 0.05  # acceleration this near to a rest tells the tilt
_LONG_REST_S = 1.0  # rests of this length tell what the gyroscope reads when nothing turns
_CHUNK = 40_000  # samples integrated at a time: bounds the memory


class FootPath(Algorithm):
    """The way of one foot from its IMU, by zero-velocity updates.

    Between two rests the angular rate is integrated from the tilt at the first; the tilt at the
    second tells the error, which is taken back evenly. Acceleration turned to the world is
    integrated to velocity, zero at both ends, and to position. Left-over velocity is taken back
    where it arose: evenly, but mostly in blows, which no accelerometer follows (range,
    bandwidth, sampling). Heading has no reference: it starts at zero and drifts slowly.

    Parameters
    ----------
    rest
        How rests are found.
    min_rate_hz
        Lower rates are refused: the blow of the heel is too short for them.
    blow_m_s2
        Acceleration (without gravity) at which a sample is doubted twice as much as a quiet one;
        doubt grows with its fourth power.
    max_span_s
        Between rests further apart the position is not known: ``is_known_``.

    Attributes
    ----------
    t_s_
        (n,) even times of the results.
    position_m_, velocity_m_s_
        (n, 3): x, y horizontal, z up; zero at the first rest. NaN before the first and after the
        last rest.
    orientation_
        (n, 4) quaternion w, x, y, z from sensor to world.
    is_rest_
        (n,) bool.
    is_known_
        (n,) bool: between rests not too far apart.
    rate_hz_
        Sampling rate.
    reason_
        Why there is no path, '' if there is one.

    Notes
    -----
    Zero-velocity updates after Skog et al. 2010 and the correction of both ends after Rampp et al.
    2015, in closed form from rest to rest instead of a Kalman filter: every stride at once. Taking
    velocity back by doubt is our own: it brings the error of stride length from 4 to 1.5 cm where
    the blow of the heel leaves the range (``tools.validate gaitmap_example``).
    """

    t_s_: FloatArray
    position_m_: FloatArray
    velocity_m_s_: FloatArray
    orientation_: FloatArray
    is_rest_: BoolArray
    is_known_: BoolArray
    rate_hz_: float
    reason_: str

    def __init__(
        self,
        *,
        rest: FootRest | None = None,
        min_rate_hz: float = 100.0,
        blow_m_s2: float = 20.0,
        max_span_s: float = 4.0,
    ) -> None:
        self.rest = rest
        self.min_rate_hz = min_rate_hz
        self.blow_m_s2 = blow_m_s2
        self.max_span_s = max_span_s

    def integrate(
        self,
        accel_m_s2: FloatArray,
        gyro_rad_s: FloatArray | None,
        *,
        t_s: FloatArray,
        is_loaded: BoolArray | None = None,
        is_rest: BoolArray | None = None,
    ) -> Self:
        """Integrate ``accel_m_s2`` (n, 3, with gravity) and ``gyro_rad_s`` (n, 3) at ``t_s`` (n,).

        ``is_loaded`` (n,): the foot carries load, otherwise it does not rest; ``is_rest`` (n,):
        the rests, where they are known better than they can be found. Of a recording with a gap
        the longest piece is integrated. DataError if the shapes do not fit.
        """
        n = len(t_s)
        self.t_s_, self.rate_hz_ = np.asarray(t_s, dtype=float), np.nan
        self._forget(n)
        if gyro_rad_s is None:
            self.reason_ = "without a gyroscope there is no trajectory"
            return self
        masks = [np.ones(n, bool) if m is None else m for m in (is_loaded, is_rest)]
        if any(mask.shape != (n,) for mask in masks):
            raise DataError(f"is_loaded and is_rest need the shape ({n},) of the samples")
        table = np.column_stack([imu_table(accel_m_s2, gyro_rad_s), *masks])
        pieces = even_pieces(t_s, table)
        if not pieces:
            self.reason_ = "there are no two samples in a row"
            return self
        piece = max(pieces, key=lambda each: len(each.values))
        self.t_s_, self.rate_hz_ = piece.t_s, piece.rate_hz
        self._forget(len(self.t_s_))
        # A clock that is a per cent slow does not make 100 Hz unusable.
        if piece.rate_hz < 0.97 * self.min_rate_hz:
            self.reason_ = (
                f"{piece.rate_hz:.3g} Hz is below {self.min_rate_hz:g} Hz: stride length and "
                "clearance would be a guess"
            )
            return self
        accel, gyro = piece.values[:, :3], piece.values[:, 3:6]
        loaded, given = piece.values[:, 6] > 0.5, piece.values[:, 7] > 0.5
        still = given
        if is_rest is None:
            found = (self.rest or FootRest()).detect(
                accel, gyro, rate_hz=piece.rate_hz, is_loaded=loaded
            )
            still, given = found.is_still_, found.is_rest_
        self.is_rest_ = given
        if given.sum() < 2:
            self.reason_ = "the foot never came to rest"
            return self
        self.reason_ = ""
        self._integrate(accel, gyro - idle_rate(gyro, still, piece.rate_hz))
        return self

    def _forget(self, n: int) -> None:
        self.position_m_, self.velocity_m_s_ = np.full((n, 3), np.nan), np.full((n, 3), np.nan)
        self.orientation_ = np.full((n, 4), np.nan)
        self.is_rest_, self.is_known_ = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)

    def _integrate(self, accel: FloatArray, gyro: FloatArray) -> None:
        rate_hz = self.rate_hz_
        rests = Rests.of(accel, self.is_rest_, rate_hz)
        start, end = rests.leave[:-1], rests.enter[1:]  # spans of orientation
        lift, land = rests.last[:-1], rests.first[1:]  # inside them the foot moves
        q = rests.tilt[np.searchsorted(rests.last, np.arange(len(accel))).clip(max=len(end))]
        velocity, moved = np.zeros((len(accel), 3)), np.zeros((len(accel), 3))
        heading, step = np.zeros(len(start)), np.zeros((len(start), 3))
        for chunk in _chunks(end - start):
            length = (end - start)[chunk]
            rows = start[chunk, None] + np.arange(int(length.max()) + 1)
            inside = rows < end[chunk, None]  # the end is the next start
            rows = np.minimum(rows, end[chunk, None])
            last = np.arange(len(chunk)), length
            orientation = _turned(gyro, rows, rests.tilt[chunk], rate_hz)
            up = turn.rotate(orientation[last], rests.up[chunk + 1])
            fault = turn.vector_of(turn.between(up, turn.UP))
            share = ((rows - start[chunk, None]) / length[:, None])[..., None]
            orientation = turn.product(turn.of_vector(share * fault[:, None]), orientation)
            push = turn.rotate(orientation, accel[rows]) - G_M_S2 * turn.UP
            is_moving = (rows >= lift[chunk, None]) & (rows <= land[chunk, None])
            speed = _summed(push * is_moving[..., None], rate_hz)
            strength = np.einsum("ijk,ijk->ij", push, push) / self.blow_m_s2**2
            doubt = np.cumsum((1.0 + strength**2) * is_moving, axis=1)
            speed -= (doubt / doubt[:, -1:])[..., None] * speed[last][:, None]
            speed *= is_moving[..., None]
            way = _summed(speed, rate_hz)
            ahead = turn.product(orientation[last], turn.conjugate(rests.tilt[chunk + 1]))
            heading[chunk], step[chunk] = turn.heading_rad(ahead), way[last]
            flat = rows[inside]
            q[flat], velocity[flat], moved[flat] = orientation[inside], speed[inside], way[inside]
        self._place(q, velocity, moved, (start, end), heading, step)

    def _place(
        self,
        q: FloatArray,
        velocity: FloatArray,
        moved: FloatArray,
        spans: tuple[np.ndarray, np.ndarray],
        heading: FloatArray,
        step: FloatArray,
    ) -> None:
        """Put the spans, each integrated from heading zero, one behind the other."""
        start, end = spans
        before = np.concatenate([[0.0], np.cumsum(heading)])
        origin = np.zeros((len(before), 3))
        origin[1:] = np.cumsum(_about_up(before[:-1], step), axis=0)
        # Sample by sample: how many spans are over. A span's own end is the next one's start.
        span = np.searchsorted(end, np.arange(len(q)), side="right")
        angle = before[span]
        self.velocity_m_s_ = _about_up(angle, velocity)
        self.position_m_ = origin[span] + _about_up(angle, moved)
        c, s = np.cos(angle / 2.0), np.sin(angle / 2.0)
        w, x, y, z = q.T
        self.orientation_ = np.empty_like(q)
        for i, part in enumerate((c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w)):
            self.orientation_[:, i] = part
        known = (end - start) / self.rate_hz_ <= self.max_span_s
        self.is_known_ = self.is_rest_.copy()
        if len(start):
            inside = np.minimum(span, len(start) - 1)
            rows = np.arange(len(q))
            self.is_known_ |= (rows >= start[inside]) & (rows <= end[inside]) & known[inside]
        outside = np.ones(len(q), dtype=bool)
        at_rest = np.flatnonzero(self.is_rest_)
        outside[at_rest[0] : at_rest[-1] + 1] = False
        for result in (self.orientation_, self.velocity_m_s_, self.position_m_):
            result[outside] = np.nan


@dataclass(frozen=True, eq=False)
class Rests:
    """The rests of a recording: rows ``first`` to ``last`` (n_rests,), entered and left between.

    A short rest is entered and left in its middle: the foot already rolls at its ends, and the
    gyroscope sees it. In a long one the orientation stands. ``up`` (n_rests, 3) is the vertical in
    sensor axes, ``tilt`` (n_rests, 4) turns it upright.
    """

    first: np.ndarray
    last: np.ndarray
    enter: np.ndarray
    leave: np.ndarray
    up: FloatArray
    tilt: FloatArray

    @classmethod
    def of(cls, accel: FloatArray, is_rest: BoolArray, rate_hz: float) -> Rests:
        """Return the rests of a recording; ``accel`` is (n, 3) in sensor axes."""
        first, stop = runs(is_rest)
        last = stop - 1
        near = max(1, round(_TILT_S * rate_hz))
        mean = ndimage.uniform_filter1d(accel, 2 * near + 1, axis=0, mode="nearest")
        is_long = last - first > _LONG_REST_S * rate_hz
        middle = (first + last) // 2
        up = mean[middle]
        total = np.concatenate([np.zeros((1, 3)), np.cumsum(accel, axis=0)])
        up[is_long] = (total[stop] - total[first])[is_long]
        up = up / np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-9)
        enter, leave = np.where(is_long, first, middle), np.where(is_long, last, middle)
        return cls(first, last, enter, leave, up, turn.between(up, turn.UP))


def idle_rate(gyro: FloatArray, is_still: BoolArray, rate_hz: float) -> FloatArray:
    """Return what the gyroscope reads at rest, (3,): the median over long rests, else zero."""
    first, stop = runs(is_still)
    long = (stop - first) >= _LONG_REST_S * rate_hz
    if not long.any():
        return np.zeros(3)
    rows = [gyro[a:b] for a, b in zip(first[long], stop[long], strict=True)]
    return np.median(np.concatenate(rows), axis=0)


def _chunks(length: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the spans in groups of like length, each of bounded size."""
    order = np.argsort(length, kind="stable")
    at = 0
    while at < len(order):
        n = 1
        while at + n < len(order) and (n + 1) * (length[order[at + n]] + 1) <= _CHUNK:
            n += 1
        yield order[at : at + n]
        at += n


def _turned(gyro: FloatArray, rows: np.ndarray, first: FloatArray, rate_hz: float) -> FloatArray:
    """Return the orientation at ``rows`` (spans, samples) from ``first`` (spans, 4) on."""
    middle = (gyro[rows[:, :-1]] + gyro[rows[:, 1:]]) / (2.0 * rate_hz)
    # Part by part and sample by sample, all spans at once: rows of one part lie together.
    small = [np.ascontiguousarray(part.T) for part in np.moveaxis(turn.of_vector(middle), -1, 0)]
    n_samples = rows.shape[1]
    parts = [np.empty((n_samples, len(rows))) for _ in range(4)]
    now = tuple(np.ascontiguousarray(first[:, i]) for i in range(4))
    for i in range(n_samples):
        for part, value in zip(parts, now, strict=True):
            part[i] = value
        if i + 1 < n_samples:
            now = turn.product_parts(*now, *(part[i] for part in small))
    length = np.sqrt(sum(part**2 for part in parts))
    return np.stack([(part / length).T for part in parts], axis=-1)


def _summed(values: FloatArray, rate_hz: float) -> FloatArray:
    """Return the integral of ``values`` (spans, samples, 3) by the trapezoidal rule, from zero."""
    out = np.zeros_like(values)
    out[:, 1:] = np.cumsum((values[:, 1:] + values[:, :-1]) / (2.0 * rate_hz), axis=1)
    return out


def _about_up(angle_rad: FloatArray, vectors: FloatArray) -> FloatArray:
    """Return ``vectors`` (n, 3) turned about the vertical by ``angle_rad`` (n,)."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    out = vectors.copy()
    out[:, 0] = c * vectors[:, 0] - s * vectors[:, 1]
    out[:, 1] = s * vectors[:, 0] + c * vectors[:, 1]
    return out
