"""Which way a sensor sits on the foot: found from the walk itself."""

from __future__ import annotations

from itertools import pairwise
from typing import Self

import numpy as np
from scipy import ndimage, signal

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.evenly import even_pieces
from solekit.layouts import FloatArray

G_M_S2 = 9.80665
_REST_S = 0.15  # the angular rate is judged in windows of this length
_REST_NEAR_S = 0.05  # acceleration around the stillest moment tells the vertical
_MOVING_RAD_S = 1.0
_MAX_SWING_S = 3.0
_ENOUGH = 300  # movements of one piece of a recording; more tell nothing new


class FootAxes(Algorithm):
    """The rotation from the axes of a foot IMU to those of the foot, from any walk.

    Vertical: the median direction of acceleration at the stiller half of the moments of rest.
    Sideways: the principal direction of the angular rate in the horizontal plane. Forward: the way
    that the foot swings, and the way in which the heel rises before it. The sensor may sit
    anywhere on the foot in any way, as long as it stays so.

    Parameters
    ----------
    min_strides
        Fewest movements from rest to rest that tell forward from backward.
    min_stride_s
        Two moments of rest are at least this far apart.
    rest_rad_s, rest_share
        A moment is still where the RMS of the angular rate within 0.15 s has a minimum below
        ``rest_rad_s`` or below ``rest_share`` of its 95th percentile (running has no rest).

    Attributes
    ----------
    rotation_
        (3, 3): foot = rotation_ @ sensor; foot x forward, y to the left, z up. NaN if refused.
    n_strides_
        Movements used.
    agreement_
        Share of them whose displacement goes forward.
    sideways_share_
        Share of the horizontal angular rate (squared) about the sideways axis: 0.5 to 1.
    reason_
        Why there is no rotation, '' if there is one.

    Notes
    -----
    Own method; principal direction of the angular rate as in Seel et al. 2014, Sensors 14:6891.
    Somebody who only walks backwards is turned round: the signal is the same.
    """

    rotation_: FloatArray
    n_strides_: int
    agreement_: float
    sideways_share_: float
    reason_: str

    def __init__(
        self,
        *,
        min_strides: int = 2,
        min_stride_s: float = 0.3,
        rest_rad_s: float = 1.0,
        rest_share: float = 0.3,
    ) -> None:
        self.min_strides = min_strides
        self.min_stride_s = min_stride_s
        self.rest_rad_s = rest_rad_s
        self.rest_share = rest_share

    def fit(self, accel_m_s2: FloatArray, gyro_rad_s: FloatArray, *, t_s: FloatArray) -> Self:
        """Find the axes from ``accel_m_s2`` (n, 3, with gravity) and ``gyro_rad_s`` (n, 3).

        ``t_s`` (n,) in s. DataError if the shapes do not fit; too little walking is no error but a
        ``reason_``.
        """
        table = imu_table(accel_m_s2, gyro_rad_s)
        self.rotation_ = np.full((3, 3), np.nan)
        self.n_strides_, self.agreement_, self.sideways_share_ = 0, np.nan, np.nan
        pieces = even_pieces(t_s, table)
        stills = [self._stills(piece.values[:, 3:], piece.rate_hz) for piece in pieces]
        self.reason_ = "the foot never came to rest between two movements, so it did not walk"
        directions = [
            directions_at(piece.values[:, :3], _stiller_half(rows, rms_rad_s), piece.rate_hz)
            for piece, (rows, rms_rad_s) in zip(pieces, stills, strict=True)
            if len(rows)
        ]
        if not directions:
            return self
        vertical = np.median(np.concatenate(directions), axis=0)
        if not vertical.any():
            self.reason_ = "the accelerometer reads nothing at rest: there is no vertical"
            return self
        up = _unit(vertical)
        moving = table[np.linalg.norm(table[:, 3:], axis=1) > _MOVING_RAD_S, 3:]
        if not len(moving):
            return self
        moving = moving - np.outer(moving @ up, up)
        power, axes = np.linalg.eigh(moving.T @ moving)
        left = _unit(axes[:, -1] - up * (axes[:, -1] @ up))
        forward = np.cross(left, up)
        found = [
            self._movements(piece.values, rows, piece.rate_hz, forward, left, up)
            for piece, (rows, _) in zip(pieces, stills, strict=True)
        ]
        reach_m, pitch_rad = np.concatenate(found).T
        self.n_strides_ = len(reach_m)
        if self.n_strides_ < self.min_strides:
            self.reason_ = (
                f"{self.n_strides_} movements from rest to rest, fewer than {self.min_strides}: "
                "forward cannot be told from backward"
            )
            return self
        self.reason_ = ""
        sign = np.sign(np.median(reach_m) + np.median(pitch_rad)) or 1.0
        self.agreement_ = float(np.mean(sign * reach_m > 0))
        self.sideways_share_ = float(power[-1] / power.sum())
        self.rotation_ = np.stack([sign * forward, sign * left, up])
        return self

    def _stills(self, gyro_rad_s: FloatArray, rate_hz: float) -> tuple[np.ndarray, FloatArray]:
        """Return the rows of still moments and the RMS of the angular rate there."""
        energy = ndimage.uniform_filter1d(
            np.sum(gyro_rad_s**2, axis=1), max(1, round(_REST_S * rate_hz)), mode="nearest"
        )
        rms = np.sqrt(np.maximum(energy, 0.0))
        # The ends count as well: who starts and stops standing rests there.
        padded = np.concatenate([[np.inf], rms, [np.inf]])
        rows, _ = signal.find_peaks(-padded, distance=max(1, round(self.min_stride_s * rate_hz)))
        rows = rows - 1
        limit = max(self.rest_rad_s, self.rest_share * float(np.percentile(rms, 95)))
        rows = rows[rms[rows] < limit]
        return rows, rms[rows]

    def _movements(
        self,
        table: FloatArray,
        stills: np.ndarray,
        rate_hz: float,
        forward: FloatArray,
        left: FloatArray,
        up: FloatArray,
    ) -> FloatArray:
        """Return per movement how far it reaches (m) and its toe-down less toe-up angle (rad)."""
        ahead, lift = table[:, :3] @ forward, table[:, :3] @ up
        rate = table[:, 3:] @ left
        out = []
        spans = list(pairwise(stills.tolist()))
        for first, last in spans[:: 1 + len(spans) // _ENOUGH]:
            if not self.min_stride_s <= (last - first) / rate_hz <= _MAX_SWING_S:
                continue
            angle = _closed(np.cumsum(rate[first:last]) / rate_hz)
            if np.ptp(angle) < 0.3:
                continue  # standing
            push = ahead[first:last] * np.cos(angle) + lift[first:last] * np.sin(angle)
            speed = _closed(np.cumsum(push) / rate_hz)
            out.append((np.sum(speed) / rate_hz, np.max(angle) + np.min(angle)))
        return np.array(out, dtype=float).reshape(-1, 2)


def imu_table(accel_m_s2: FloatArray, gyro_rad_s: FloatArray) -> FloatArray:
    """Return acceleration and angular rate side by side, (n, 6); DataError if they do not fit."""
    accel, gyro = np.asarray(accel_m_s2, dtype=float), np.asarray(gyro_rad_s, dtype=float)
    if accel.ndim != 2 or accel.shape[1:] != (3,) or gyro.shape != accel.shape:
        raise DataError(
            f"acceleration {accel.shape} and angular rate {gyro.shape}: give (n, 3) of each; "
            "without a gyroscope this cannot be computed"
        )
    return np.concatenate([accel, gyro], axis=1)


def directions_at(accel: FloatArray, rows: np.ndarray, rate_hz: float) -> FloatArray:
    """Return the unit direction of mean acceleration around ``rows``, shape (n_rows, 3)."""
    reach = max(1, round(_REST_NEAR_S * rate_hz))
    mean = ndimage.uniform_filter1d(accel, 2 * reach + 1, axis=0, mode="nearest")[rows]
    return mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)


def _stiller_half(rows: np.ndarray, rms_rad_s: FloatArray) -> np.ndarray:
    """Leave out moments like that after push-off, where the foot turns back while it flies."""
    return rows[rms_rad_s <= np.median(rms_rad_s)]


def _closed(values: FloatArray) -> FloatArray:
    """Return ``values`` without the line that keeps their end from zero."""
    return values - np.linspace(0.0, values[-1], len(values))


def _unit(vector: FloatArray) -> FloatArray:
    return vector / np.linalg.norm(vector)
