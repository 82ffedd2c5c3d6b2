"""Which foot an insole is on: its motion sensor tells, however side and geometry were flashed."""

from __future__ import annotations

import math
from typing import Self

import numpy as np

from solekit.algorithm import Algorithm
from solekit.contacts import InertialContacts
from solekit.evenly import even_pieces
from solekit.layouts import FloatArray, Side
from solekit.trajectory.axes import imu_table


class MotionSide(Algorithm):
    """Left or right, from how a foot leaves the ground.

    Parameters
    ----------
    min_strides
        Fewer swings give no answer.
    min_push_m_s2
        The median push must exceed this.
    min_share
        So large a share of the swings must point the same way.
    min_turn_deg
        A median turn of at least so much that points to the other foot in ``min_share`` of the
        swings takes the answer back.
    push_s, turn_s
        The push is the mean from ``push_s`` before to ``push_s`` after toe off, the turn that of
        the last ``turn_s`` before it.

    Attributes
    ----------
    side_
        'left', 'right', or None with its reason.
    push_m_s2_, turn_deg_
        Medians over the swings, NaN without one: acceleration to the left of the foot around toe
        off, and how far the foot turned to the left before it.
    share_
        Share of the swings whose push points the way of the median.
    n_strides_
        Swings looked at.
    reason_
        Why there is no answer, in a sentence; '' if there is one.

    Notes
    -----
    Feet point outwards of the way of walking, by 5 to 10 degrees (Murray, Drought & Kory 1964,
    J Bone Joint Surg 46A:335), and the rearfoot inverts as the heel rises over the oblique axis
    of the toes (Bojsen-Moller 1979, J Anat 129:165; Leardini et al. 2007, Gait Posture 25:453).
    In the axes of the foot an acceleration forward along the way therefore points inwards, and
    gravity adds to it: around toe off an accelerometer feels a push towards the other foot. As
    ``FootAxes`` finds forward, left and up from the walk itself, neither the mounting nor what the
    insole tells of itself matters. Reading the side from this push is our own method, as are the
    thresholds. Somebody who walks with the toes inwards can be mistaken; an IMU whose axes are
    mirrored, or that is not on the foot, tells nothing.
    """

    side_: Side | None
    push_m_s2_: float
    turn_deg_: float
    share_: float
    n_strides_: int
    reason_: str

    def __init__(
        self,
        *,
        min_strides: int = 8,
        min_push_m_s2: float = 0.5,
        min_share: float = 0.8,
        min_turn_deg: float = 3.0,
        push_s: float = 0.1,
        turn_s: float = 0.3,
    ) -> None:
        self.min_strides = min_strides
        self.min_push_m_s2 = min_push_m_s2
        self.min_share = min_share
        self.min_turn_deg = min_turn_deg
        self.push_s = push_s
        self.turn_s = turn_s

    def judge(self, accel_m_s2: FloatArray, gyro_rad_s: FloatArray, *, t_s: FloatArray) -> Self:
        """Find the side from ``accel_m_s2`` (n, 3, with gravity), ``gyro_rad_s`` (n, 3).

        ``t_s`` (n,) in s. DataError if the shapes do not fit or the times do not increase.
        """
        found = InertialContacts().detect(accel_m_s2, gyro_rad_s, t_s=t_s)
        self.side_, self.n_strides_, self.reason_ = None, 0, found.reason_
        self.push_m_s2_ = self.turn_deg_ = self.share_ = math.nan
        if self.reason_:
            return self
        to_s = found.swings_["to_s"].to_numpy(dtype=float)
        pushes, turns = self._swings(accel_m_s2, gyro_rad_s, t_s, to_s, found.axes_.rotation_)
        self.n_strides_ = len(pushes)
        if self.n_strides_ < self.min_strides:
            self.reason_ = f"{self.n_strides_} whole swings are fewer than {self.min_strides}"
            return self
        self._decide(pushes, turns)
        return self

    def _swings(
        self,
        accel_m_s2: FloatArray,
        gyro_rad_s: FloatArray,
        t_s: FloatArray,
        to_s: FloatArray,
        rotation: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """Return push (m/s2) and turn (deg) to the left at each toe off that lies in a piece."""
        pushes, turns = [], []
        for piece in even_pieces(t_s, imu_table(accel_m_s2, gyro_rad_s)):
            # Sums up to each sample: every window is the difference of two of them.
            columns = np.stack(
                [piece.values[:, :3] @ rotation[1], piece.values[:, 3:] @ rotation[2]]
            )
            sums = np.pad(np.cumsum(columns, axis=1), ((0, 0), (1, 0)))
            rows = (to_s - piece.start_s) * piece.rate_hz
            first = np.round(rows - self.push_s * piece.rate_hz).astype(int)
            begin = np.round(rows - self.turn_s * piece.rate_hz).astype(int)
            at = np.round(rows).astype(int)
            stop = np.round(rows + self.push_s * piece.rate_hz).astype(int) + 1
            inside = (np.minimum(begin, first) >= 0) & (stop <= len(piece.values))
            first, begin, at, stop = (each[inside] for each in (first, begin, at, stop))
            pushes.append((sums[0, stop] - sums[0, first]) / (stop - first))
            turns.append(np.degrees(sums[1, at] - sums[1, begin]) / piece.rate_hz)
        return np.concatenate(pushes), np.concatenate(turns)

    def _decide(self, pushes: FloatArray, turns: FloatArray) -> None:
        self.push_m_s2_ = float(np.median(pushes))
        self.turn_deg_ = float(np.median(turns))
        sign = np.sign(self.push_m_s2_)
        self.share_ = float(np.mean(np.sign(pushes) == sign))
        if abs(self.push_m_s2_) < self.min_push_m_s2 or self.share_ < self.min_share:
            self.reason_ = (
                f"the push to the left at toe off is {self.push_m_s2_:+.2f} m/s2, in "
                f"{self.share_:.0%} of the swings: that is undecided"
            )
            return
        # A left foot is pushed to its right and has turned to its left.
        if (
            sign * self.turn_deg_ > self.min_turn_deg
            and np.mean(sign * turns > 0) >= self.min_share
        ):
            self.reason_ = (
                f"push ({self.push_m_s2_:+.2f} m/s2) and turn ({self.turn_deg_:+.0f} deg) at toe "
                "off point to different feet"
            )
            return
        self.side_ = "left" if sign < 0 else "right"
