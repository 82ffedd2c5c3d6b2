"""Foot contacts from a foot IMU: the swing is seen in the pitch rate, its ends are timed in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy import signal

from solekit.algorithm import Algorithm
from solekit.evenly import Piece, even_pieces, low_pass
from solekit.layouts import FloatArray
from solekit.trajectory.axes import FootAxes, imu_table

_SHAPE_HZ = 6.0  # swings are told apart in the pitch rate below this
_DETAIL_HZ = 25.0  # events are timed in signals below this
_SAME_SWING = 0.1  # two humps are one swing unless the rate falls below minus this share
_PUSH_S = 0.25  # the push-off peaks at most this long before the foot turns upwards
_MAX_SWING_S = 1.5
_LAND_BEFORE_S, _LAND_AFTER_S = 0.06, 0.08  # the heel is braked around the end of the upward turn
COLUMNS = ["to_s", "mid_swing_s", "ic_s", "peak_rad_s"]


class InertialContacts(Algorithm):
    """Initial contacts and toe offs of one foot from its IMU, in any mounting.

    A swing is a hump of the pitch rate (toes upwards) behind a push-off (toes downwards). Toe off:
    the push-off has fallen to ``push_share`` of its peak. Initial contact: the steepest rise of
    forward acceleration, as the heel is braked, near the end of the upward turn. A foot that only
    turns on the spot (the inner foot of a turn) does not swing and has no events.

    Parameters
    ----------
    min_swing_rad_s, min_swing_share
        A swing peaks above this pitch rate and above this share of the 90th percentile of all.
    min_push_share
        A push-off is at least this share of the least swing.
    push_share
        Share of the peak of the push-off that is left at toe off.
    min_swing_s
        Shorter swings do not count.
    min_rate_hz
        Lower rates are refused: 50 Hz leaves 20 ms between samples.
    event_error_s
        1-sigma timing error of an event, measured against reviewed events (``tools.validate
        voisard_feet``).

    Attributes
    ----------
    events_
        ``kind`` ('to', 'ic'), ``t_s``, ``sigma_s``, ascending.
    swings_
        One row per swing: ``to_s``, ``mid_swing_s``, ``ic_s``, ``peak_rad_s``.
    axes_
        The ``FootAxes`` used.
    reason_
        Why there are no events, '' if there are.

    Notes
    -----
    After Salarian et al. 2004 (IEEE TBME 51:1434) for the order of push-off, swing and landing in
    the pitch rate, and Rampp et al. 2015 (IEEE TBME 62:1089) for the contact in the forward
    acceleration. Half of the push-off for toe off is our own: it lies within 2 ms (median absolute
    deviation) of the end of plantar pressure within a walk (``leking45``). Both events are a
    definition: Rampp's toe off (zero crossing) comes about 15 ms later, his contact (peak of the
    braking) about 30 ms earlier.
    """

    events_: pd.DataFrame
    swings_: pd.DataFrame
    axes_: FootAxes
    reason_: str

    def __init__(
        self,
        *,
        min_swing_rad_s: float = 0.5,
        min_swing_share: float = 0.2,
        min_push_share: float = 0.25,
        push_share: float = 0.7,
        min_swing_s: float = 0.1,
        min_rate_hz: float = 50.0,
        event_error_s: float = 0.015,
    ) -> None:
        self.min_swing_rad_s = min_swing_rad_s
        self.min_swing_share = min_swing_share
        self.min_push_share = min_push_share
        self.push_share = push_share
        self.min_swing_s = min_swing_s
        self.min_rate_hz = min_rate_hz
        self.event_error_s = event_error_s

    def detect(
        self,
        accel_m_s2: FloatArray,
        gyro_rad_s: FloatArray,
        *,
        t_s: FloatArray,
        axes: FootAxes | None = None,
    ) -> Self:
        """Find the events in ``accel_m_s2`` and ``gyro_rad_s``, both (n, 3) in sensor axes.

        ``t_s`` (n,) in s; ``axes`` if they are known, else they are found. DataError if the shapes
        do not fit or the times do not increase.
        """
        table = imu_table(accel_m_s2, gyro_rad_s)
        self.axes_ = axes or FootAxes().fit(accel_m_s2, gyro_rad_s, t_s=t_s)
        self.reason_ = self.axes_.reason_
        pieces = [] if self.reason_ else even_pieces(t_s, table)
        # A clock that is a per cent slow does not make 50 Hz unusable.
        if pieces and pieces[0].rate_hz < 0.97 * self.min_rate_hz:
            self.reason_ = (
                f"{pieces[0].rate_hz:.3g} Hz is below {self.min_rate_hz:g} Hz: too coarse to time "
                "contacts by an IMU"
            )
            pieces = []
        signals = [Signals.of(piece, self.axes_.rotation_) for piece in pieces]
        least = self._least_swing([each.shape for each in signals])
        swings = [swing for each in signals for swing in self._swings(each, least)]
        self.swings_ = pd.DataFrame(swings, columns=COLUMNS)
        if not self.reason_ and self.swings_.empty:
            self.reason_ = "no swing of the foot was found"
        kinds = np.tile(["to", "ic"], len(self.swings_)).astype(object)
        t = self.swings_[["to_s", "ic_s"]].to_numpy(dtype=float).reshape(-1)
        self.events_ = pd.DataFrame({"kind": kinds, "t_s": t, "sigma_s": self.event_error_s})
        return self

    def _least_swing(self, shapes: list[FloatArray]) -> float:
        """Return the pitch rate that a swing reaches at least."""
        peaks = [
            shape[signal.find_peaks(shape, height=self.min_swing_rad_s)[0]] for shape in shapes
        ]
        heights = np.concatenate(peaks) if peaks else np.zeros(0)
        if not len(heights):
            return self.min_swing_rad_s
        return max(self.min_swing_rad_s, self.min_swing_share * float(np.percentile(heights, 90)))

    def _swings(self, s: Signals, least: float) -> list[tuple]:
        found = []
        behind = 0
        for peak in humps(s.shape, least):
            swing = self._swing(s, int(peak), behind, self.min_push_share * least)
            if swing is not None:
                found.append(swing)
                behind = int((swing[2] - s.start_s) * s.rate_hz)
        return found

    def _swing(
        self, s: Signals, peak: int, behind: int, least_push: float
    ) -> tuple[float, float, float, float] | None:
        """Return toe off, mid swing, contact and peak rate around ``peak``; None if it is none."""
        pitch = s.pitch
        below = np.flatnonzero(pitch[behind:peak] < 0)
        if not len(below):
            return None
        turn = behind + int(below[-1])  # the last sample before the foot turns upwards
        first = max(behind, turn - round(_PUSH_S * s.rate_hz))
        push = first + int(np.argmin(pitch[first : turn + 1]))
        if pitch[push] > -least_push:
            return None
        to = s.crossing(pitch, push, peak, self.push_share * float(pitch[push]))
        after = np.flatnonzero(pitch[peak : peak + round(_MAX_SWING_S * s.rate_hz)] <= 0)
        if to is None or not len(after):
            return None
        ic = s.landing(peak + int(after[0]))
        if not self.min_swing_s <= (ic - to) / s.rate_hz <= _MAX_SWING_S:
            return None
        return s.at(to), s.at(peak), s.at(ic), float(pitch[peak])


@dataclass(frozen=True, eq=False)
class Signals:
    """What contacts are read from, on an even grid; all of shape (n,).

    ``pitch`` is the rate in which the toes turn upwards (rad/s), ``shape`` the same below 6 Hz,
    ``braking`` the change of forward acceleration per sample.
    """

    start_s: float
    rate_hz: float
    pitch: FloatArray
    shape: FloatArray
    braking: FloatArray

    @classmethod
    def of(cls, piece: Piece, rotation: FloatArray) -> Signals:
        """Return the signals of a piece of (n, 6) in sensor axes."""
        ahead = piece.values[:, :3] @ rotation[0]
        pitch = -(piece.values[:, 3:] @ rotation[1])
        fast = low_pass(np.column_stack([ahead, pitch]), _DETAIL_HZ, piece.rate_hz)
        return cls(
            piece.start_s,
            piece.rate_hz,
            fast[:, 1],
            low_pass(pitch, _SHAPE_HZ, piece.rate_hz),
            np.gradient(fast[:, 0]),
        )

    def at(self, row: float) -> float:
        """Return the time of a (fractional) row."""
        return self.start_s + row / self.rate_hz

    def landing(self, end: int) -> float:
        """Return the row of the steepest rise of forward acceleration near row ``end``."""
        first = max(0, end - round(_LAND_BEFORE_S * self.rate_hz))
        around = self.braking[first : end + round(_LAND_AFTER_S * self.rate_hz) + 1]
        return first + summit(around)

    @staticmethod
    def crossing(values: FloatArray, first: int, stop: int, level: float) -> float | None:
        """Return the row between ``first`` and ``stop`` where ``values`` rise above ``level``."""
        above = np.flatnonzero(values[first : stop + 1] > level)
        if not len(above) or above[0] == 0:
            return None
        row = first + int(above[0])
        low, high = values[row - 1], values[row]
        return row - 1 + float((level - low) / (high - low))


def strides_of(swings: pd.DataFrame) -> pd.DataFrame:
    """Return strides from contact to contact (``ic_s``, ``to_s``, ``next_ic_s``) of swings."""
    ic_s, to_s = swings["ic_s"].to_numpy(), swings["to_s"].to_numpy()
    return pd.DataFrame({"ic_s": ic_s[:-1], "to_s": to_s[1:], "next_ic_s": ic_s[1:]})


def humps(shape: FloatArray, least: float) -> np.ndarray:
    """Return the peak of every swing in the pitch rate ``shape`` (n,): rows, ascending."""
    peaks, _ = signal.find_peaks(shape, height=least)
    kept: list[int] = []
    for peak in peaks.tolist():
        if kept and shape[kept[-1] : peak].min() > -_SAME_SWING * least:
            if shape[peak] > shape[kept[-1]]:
                kept[-1] = peak
        else:
            kept.append(peak)
    return np.array(kept, dtype=np.int64)


def summit(values: FloatArray) -> float:
    """Return where ``values`` (n,) are greatest, between samples by a parabola."""
    top = int(np.argmax(values))
    if not 0 < top < len(values) - 1:
        return float(top)
    before, at, after = values[top - 1 : top + 2]
    bend = before - 2.0 * at + after
    return top if bend == 0 else top + 0.5 * float((before - after) / bend)
