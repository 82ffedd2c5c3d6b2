"""Poses while the insoles stream: causal, in bounded memory, at any rate."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from solekit.errors import DataError
from solekit.inference.frames import LATEST, N_FRAMES, RATE_HZ, Float32
from solekit.inference.pose import check_axes, check_rate, check_stature
from solekit.inference.signals import loads
from solekit.inference.windows import (
    MAX_GAP_S,
    WINDOW_S,
    FootView,
    PoseNetwork,
    is_whole,
    open_network,
    window,
)
from solekit.layouts import SIDES, FloatArray, Layout, Side
from solekit.live_streams import merged

if TYPE_CHECKING:
    from solekit.insole import Insole
    from solekit.pair import Pair

MAX_APART_S = 2.0  # so far one foot may run ahead of the other
MAX_LAG_S = 0.25  # of a live pair: what is due for longer is left out
_MIN_STEP_S = 0.002  # samples that come faster are thinned out
_KEPT_S = WINDOW_S + MAX_APART_S + MAX_GAP_S
_OFFSETS_S = (np.arange(N_FRAMES) - LATEST) / RATE_HZ
_WAITING = 64  # batches of frames between the links and the network
_Batch = tuple[Side, FloatArray, Any, tuple[FloatArray, FloatArray] | None]  # as ``push`` takes it


@dataclass(frozen=True, eq=False)
class Pose:
    """A body at ``t_s`` on the host clock.

    ``keypoints_m`` (19, 3) in the order of ``solekit.inference.decode.KEYPOINTS``: origin under
    the middle of the hips, x to the right along the shoulders, y ahead, z up from the floor.
    ``action_share`` (n_actions,) is how likely each action of the model is, ``action`` the most
    likely one.
    """

    t_s: float
    keypoints_m: Float32
    action: str
    action_share: Float32


@dataclass
class Dropped:
    """What came to nothing: ``samples`` by side, poses for a gap (``in_gaps``) or ``late``."""

    samples: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))
    in_gaps: int = 0
    late: int = 0


class _Ring:
    """The latest samples in the order of time; as one piece, so that windows need no joining."""

    def __init__(self) -> None:
        self._size = math.ceil(_KEPT_S / _MIN_STEP_S)
        self._t_s = np.empty(0)
        self._values: Any = np.empty((0, 0), dtype=np.float32)
        self._start = self._stop = 0

    @property
    def t_s(self) -> FloatArray:
        return self._t_s[self._start : self._stop]

    @property
    def values(self) -> Any:
        return self._values[self._start : self._stop]

    def push(self, t_s: FloatArray, values: Any) -> int:
        """Keep what is later than all so far; return how many samples were left out."""
        newest = float(self._t_s[self._stop - 1]) if self._stop > self._start else -math.inf
        before = np.maximum.accumulate(np.concatenate(([newest], t_s)))[:-1]
        kept = np.flatnonzero((t_s > before) & np.isfinite(t_s))
        n_left_out = len(t_s) - len(kept)
        if len(kept) > 1 or (len(kept) and t_s[kept[0]] - newest < _MIN_STEP_S):
            kept = _thinned(t_s, kept, newest)
        if not len(kept):
            return n_left_out
        kept = kept[-self._size :]
        n = len(kept)
        if self._stop + n > len(self._t_s):
            self._make_room(n, values.shape[1])
        self._t_s[self._stop : self._stop + n] = t_s[kept]
        self._values[self._stop : self._stop + n] = values[kept]
        self._stop += n
        oldest_s = self._t_s[self._stop - 1] - _KEPT_S
        self._start += int(np.searchsorted(self.t_s, oldest_s))
        return n_left_out

    def _make_room(self, n: int, width: int) -> None:
        """Move what is kept to the front of a buffer that holds twice as much."""
        old_t_s, old = self.t_s[-self._size :], self.values[-self._size :]
        n_old = len(old_t_s)
        room = max(256, 2 * (n_old + n))
        if room > len(self._t_s):
            t_s, values = np.empty(room), np.empty((room, width), dtype=np.float32)
        else:
            t_s, values = self._t_s, self._values
        if n_old:
            t_s[:n_old], values[:n_old] = old_t_s.copy(), old.copy()
        self._t_s, self._values = t_s, values
        self._start, self._stop = 0, n_old


def _thinned(t_s: FloatArray, kept: Any, newest: float) -> Any:
    """Leave out of the rows ``kept`` those less than a step behind the one before."""
    out = []
    for row in kept.tolist():
        if t_s[row] - newest >= _MIN_STEP_S:
            out.append(row)
            newest = float(t_s[row])
    return np.array(out, dtype=int)


class PoseStream:
    """Turn frames of both feet, as they come, into poses.

    Push what arrives and take what ``pop`` gives: one pose at every multiple of ``1 / rate_hz`` on
    the host clock, as soon as both feet have frames up to it. ``soles`` are the layouts by side;
    ``model``, ``mode``, ``stature_m`` and ``threads`` as for ``PoseEstimator``.

    A gap longer than 0.25 s in a foot means no pose until the window of 2.8 s is whole again;
    ``dropped`` counts what came to nothing.
    """

    def __init__(
        self,
        soles: Mapping[Side, Layout],
        *,
        model: str | Path | PoseNetwork = "auto",
        mode: str | None = None,
        stature_m: float | None = None,
        threads: int = 1,
        rate_hz: float = 30.0,
    ) -> None:
        check_rate(rate_hz)
        if set(soles) != set(SIDES):
            raise DataError(
                f"poses need one left and one right insole; there is {' and '.join(soles)}"
            )
        self.rate_hz = rate_hz
        self.network = open_network(model, soles=soles, mode=mode, threads=threads)
        self.dropped = Dropped()
        self._stature_m = np.float32(check_stature(stature_m))
        self.views: dict[Side, FootView] = {
            side: FootView(self.network, soles[side], side) for side in SIDES
        }
        self._loads: dict[Side, _Ring] = {side: _Ring() for side in SIDES}
        self._imus: dict[Side, _Ring] = {side: _Ring() for side in SIDES}
        self._next: int | None = None  # in periods of the rate

    @property
    def uses_imu(self) -> bool:
        """Whether the network wants the IMU beside the load."""
        return self.views["left"].n_axes > 0

    def push(
        self,
        side: Side,
        t_s: FloatArray,
        frames: Any,
        imu: tuple[FloatArray, FloatArray] | None = None,
    ) -> None:
        """Take ``frames`` (n, n_cells), newtons or counts, sampled at ``t_s`` (n,) on one foot.

        ``imu`` are the times (k,) and samples (k, 3 or 6) of the motion sensor in the axes of the
        foot, x to the toes, y to the left, z up. What is not later than what came before is
        left out.
        """
        t_s = np.asarray(t_s, dtype=float)
        if t_s.size:
            seen = self.views[side].seen_load(frames)
            self.dropped.samples[side] += self._loads[side].push(t_s, seen)
        if imu is not None and self.uses_imu:
            self._imus[side].push(np.asarray(imu[0], dtype=float), np.asarray(imu[1]))

    @property
    def newest_s(self) -> float:
        """Return up to when both feet are known; -inf before both have begun."""
        rings = [*self._loads.values(), *(self._imus.values() if self.uses_imu else ())]
        return min((float(ring.t_s[-1]) if len(ring.t_s) else -np.inf) for ring in rings)

    def pop(self, *, max_lag_s: float = math.inf) -> Iterator[Pose]:
        """Yield the poses that are due; those more than ``max_lag_s`` overdue are left out."""
        newest_s = self.newest_s
        if not math.isfinite(newest_s):
            return
        first_s = max(float(ring.t_s[0]) for ring in self._loads.values()) + WINDOW_S
        first = math.ceil(first_s * self.rate_hz - 1e-6)
        if self._next is None:
            self._next = first
        if self._next < first:  # frames so far back are not kept
            skipped = min(first, math.floor(newest_s * self.rate_hz + 1e-6) + 1) - self._next
            self.dropped.in_gaps += max(skipped, 0)
            self._next += max(skipped, 0)
        due = math.floor(newest_s * self.rate_hz + 1e-6)
        earliest_s = newest_s - max_lag_s
        while self._next <= due:
            t_s = self._next / self.rate_hz
            self._next += 1
            if not self._is_whole(t_s):
                self.dropped.in_gaps += 1
            elif t_s < earliest_s:
                self.dropped.late += 1
            else:
                yield self._pose(t_s)

    def _is_whole(self, t_s: float) -> bool:
        end_s = np.array([t_s])
        start_s = end_s - WINDOW_S
        whole = all(
            is_whole(ring.t_s, start_s, end_s, slack_s=1e-6)[0] for ring in self._loads.values()
        )
        if self.uses_imu:
            whole = whole and all(
                is_whole(ring.t_s, start_s, end_s, slack_s=MAX_GAP_S)[0]
                for ring in self._imus.values()
            )
        return bool(whole)

    def _pose(self, t_s: float) -> Pose:
        inputs = self.window(t_s)
        points, shares = self.network.look(*inputs)
        best = self.network.actions[int(np.argmax(shares))]
        return Pose(t_s, points[1] * self._stature_m, best, shares)

    def window(self, t_s: float) -> tuple[Float32, Float32]:
        """Return what the network sees at ``t_s``, left and right."""
        loads: dict[Side, tuple[FloatArray, Any]] = {
            side: (ring.t_s, ring.values) for side, ring in self._loads.items()
        }
        imus: dict[Side, tuple[FloatArray, Any]] = {
            side: (ring.t_s, ring.values) for side, ring in self._imus.items()
        }
        return window(self.views, loads, imus, t_s + _OFFSETS_S)


async def poses(
    pair: Pair,
    *,
    model: str | Path | PoseNetwork = "auto",
    stature_m: float | None = None,
    rate_hz: float = 30.0,
    mode: str | None = None,
) -> AsyncIterator[Pose]:
    """Yield poses of who wears ``pair``; see ``Pair.poses``."""
    soles: dict[Side, Layout] = {
        side: pair.feet[side].known.layout for side in SIDES if side in pair.feet
    }
    stream = PoseStream(soles, model=model, stature_m=stature_m, rate_hz=rate_hz, mode=mode)
    feet: dict[Side, Insole] = {side: pair.feet[side] for side in SIDES}
    for side, insole in feet.items():
        check_axes(stream.views[side], insole.known.imu_axes, insole.known.layout)
    use_newtons = all(insole.known.is_calibrated for insole in feet.values())
    works: list[AsyncIterator[_Batch]] = [
        _frames(insole, use_newtons=use_newtons) for insole in feet.values()
    ]
    if stream.uses_imu:
        works += [_motion(insole) for insole in feet.values()]
    is_virtual = pair.clock.is_virtual
    come = merged(
        works,
        name="solekit poses",
        n_waiting=_WAITING,
        takes_all=not is_virtual,
        ends_together=True,  # a foot that has gone ends the poses
    )
    async with aclosing(come) as batches:
        async for at_hand in batches:
            for batch in at_hand:
                stream.push(*batch)
            for pose in stream.pop(max_lag_s=math.inf if is_virtual else MAX_LAG_S):
                yield pose


async def _frames(insole: Insole, *, use_newtons: bool) -> AsyncIterator[_Batch]:
    async for batch in insole.frames():
        t_s = insole.timeline().to_host_s(np.asarray(batch.foot_us * 1e-6, dtype=float))
        load = loads(insole.known, batch.values, batch.form, use_newtons=use_newtons)
        yield cast("Side", insole.side), t_s, load, None


async def _motion(insole: Insole) -> AsyncIterator[_Batch]:
    async for sensed in insole.motion():
        parts = [sensed.accel_m_s2, *([] if sensed.gyro_rad_s is None else [sensed.gyro_rad_s])]
        t_s = insole.timeline().to_host_s(sensed.foot_us * 1e-6)
        yield cast("Side", insole.side), np.empty(0), None, (t_s, np.concatenate(parts, axis=1))
