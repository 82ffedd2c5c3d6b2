"""Strides while both feet stream: each as soon as it has ended, with the recording's definitions.

What needs the whole bout is not known yet: the first and last strides of a bout, turns and
outliers count here. All other rules, and the phases, are those of ``EventStrides``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from solecore.wire import messages as m
from solekit.biomarkers.dictionary import variable
from solekit.errors import SolekitError
from solekit.layouts import SIDES, FloatArray, Side
from solekit.link import Data
from solekit.live_streams import merged
from solekit.strides import phases
from solekit.strides.events import KINDS, EventTimes, FootEvents, Kind, join_dips, other_side
from solekit.strides.spans import Spans, read_spans
from solekit.timeline import PolygonTimeline, between_s

if TYPE_CHECKING:
    from solekit.identity import InsoleInfo
    from solekit.insole import Insole
    from solekit.pair import Pair

WINDOW_S = 8.0  # of events kept: a stride, and the swing of the other foot before it
SAME_S = 1e-6  # an event and the summary that names it
_KINDS: dict[int, Kind] = {m.IC: "ic", m.TO: "to"}
_PEAK = struct.Struct("<8xI")  # stance and stride lie before it
_PARTS = ("stride", "stance", "swing", "ds_initial", "ds_terminal")


@dataclass(frozen=True)
class LiveStride:
    """One stride of one foot, from its initial contact at ``t_s`` to its next.

    ``t_s`` is on the host clock, good to ``interval_s`` either way; the times below are good to a
    frame. ``cadence_steps_min`` is that of one foot: twice its stride rate. ``double_support_s``
    is the sum of both double supports. ``why`` says of 'double_support' and 'peak_force_n' why
    they are None; a stride with a ``reason`` does not count, and has nothing but its duration.
    """

    side: Side
    t_s: float
    interval_s: float
    stride_s: float
    stance_s: float | None
    swing_s: float | None
    cadence_steps_min: float | None
    double_support_s: float | None
    double_support_pct: float | None
    peak_force_n: float | None
    reason: str = ""
    why: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Foot:
    """What one foot has told; times are its own, in microseconds."""

    info: InsoleInfo
    events: dict[Kind, list[int]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    lost: list[tuple[int, int]] = field(default_factory=list)  # events are missing in between
    peaks: dict[int, int] = field(default_factory=dict)  # counts, by the time of the contact
    ends: list[int] = field(default_factory=list)  # contacts not yet told of
    newest_us: int = -1
    next_seq: int | None = None
    last_us: int = 0
    has_ended: bool = False

    def push(self, item: Data) -> None:
        """Take one message of the foot's pressure, events or strides."""
        if item.stream == m.PRESSURE:
            self.newest_us = item.foot_us + (item.n - 1) * self.info.period_us
        elif item.stream == m.STRIDES:
            self.peaks[item.foot_us] = _PEAK.unpack_from(item.message, m.HEADER_SIZE)[0]
        else:
            if self.next_seq is not None and item.seq > self.next_seq:
                self.lost.append((self.last_us, item.foot_us))
            self.next_seq, self.last_us = item.seq + 1, item.foot_us
            kind = _KINDS.get(item.message[m.HEADER_SIZE])
            if kind is not None:
                self.events[kind].append(item.foot_us)
            if kind == "ic":
                self.ends.append(item.foot_us)

    def forget(self) -> None:
        """Let go of what no stride to come can need."""
        since_us = max(self.newest_us, self.last_us) - 1e6 * WINDOW_S
        for kind, times_us in self.events.items():
            self.events[kind] = [at_us for at_us in times_us if at_us >= since_us]
        self.lost = [span for span in self.lost if span[1] >= since_us]
        self.peaks = {at_us: peak for at_us, peak in self.peaks.items() if at_us >= since_us}


class StrideStream:
    """Strides of ``infos`` (side to insole) from their messages; knows no insole and no time.

    Parameters
    ----------
    max_clock_interval_s
        No double support where the clocks of the feet agree less closely, as in
        ``InsoleVariables``.
    max_wait_s
        A stride that has ended waits so long for the other foot to be known up to its end.
    min_stride_s, max_stride_s
        Strides outside these durations do not count, as in ``EventStrides``.
    """

    def __init__(
        self,
        infos: Mapping[Side, InsoleInfo],
        *,
        max_clock_interval_s: float = 0.010,
        max_wait_s: float = 0.5,
        min_stride_s: float = 0.2,
        max_stride_s: float = 3.0,
    ) -> None:
        self.min_stride_s = min_stride_s
        self.max_stride_s = max_stride_s
        self.max_clock_interval_s = max_clock_interval_s
        self.max_wait_s = max_wait_s
        self._feet: dict[Side, _Foot] = {s: _Foot(infos[s]) for s in SIDES if s in infos}

    def push(self, side: Side, batch: list[Data]) -> None:
        """Take messages of a foot's pressure, events and strides, in order of arrival."""
        for item in batch:
            self._feet[side].push(item)

    def end(self, side: Side) -> None:
        """Note that nothing more comes of a foot."""
        self._feet[side].has_ended = True

    @property
    def is_due(self) -> bool:
        """Whether a contact waits to be told of: else ``pop`` has nothing to say."""
        return any(foot.ends for foot in self._feet.values())

    def pop(self, lines: Mapping[Side, PolygonTimeline]) -> Iterator[LiveStride]:
        """Yield the strides that have ended; ``lines`` maps each foot's time to the host's."""
        for side, foot in self._feet.items():
            while foot.ends and self._is_known(side, foot.ends[0], lines):
                stride = self._stride(side, foot.ends.pop(0), lines)
                if stride is not None:
                    yield stride
            if not foot.ends:
                foot.forget()

    def _is_known(self, side: Side, end_us: int, lines: Mapping[Side, PolygonTimeline]) -> bool:
        """Return whether the other foot is known up to ``end_us``, or not worth waiting for."""
        other = self._feet.get(other_side(side))
        if other is None or other.has_ended or other_side(side) not in lines:
            return True
        end_s, newest_s = _host_s(lines[side], [end_us, self._feet[side].newest_us])
        other_s = _host_s(lines[other_side(side)], [other.newest_us])[0]
        return other_s >= end_s or newest_s - end_s > self.max_wait_s

    def _stride(
        self, side: Side, end_us: int, lines: Mapping[Side, PolygonTimeline]
    ) -> LiveStride | None:
        """Return the stride that ends at ``end_us``; None where none ends."""
        times: FootEvents = {}
        gaps: dict[Side, Spans] = {}
        for of in SIDES:
            foot, line = self._feet.get(of), lines.get(of)
            for kind in KINDS:
                at_us = foot.events[kind] if foot and line else []
                t_s = _host_s(line, at_us) if line else np.empty(0)
                times[of, kind] = EventTimes(t_s, np.full(len(t_s), np.nan))
            join_dips(times, of)
            lost_us = foot.lost if foot and line else []
            lost_s = _host_s(line, lost_us).reshape(-1, 2) if line else np.empty((0, 2))
            gaps[of] = read_spans(pd.DataFrame(lost_s, columns=["start_s", "end_s"]), "gaps")
        row = phases.pair_contacts(times, side, max_swing_s=self.max_stride_s)
        row = row.loc[row["next_ic_s"] == _host_s(lines[side], [end_us])[0]]
        if row.empty:
            return None
        reasons = np.full(len(row), "", dtype=object)
        limits = {"min_stride_s": self.min_stride_s, "max_stride_s": self.max_stride_s}
        for _, mask, reason in phases.own_doubts(row, gaps, **limits):
            phases.give_reason(reasons, mask, reason)
        refused = self._refuse_both(lines)
        support = phases.support_reasons(row, gaps, tuple(self._feet))[0]
        of_stride = {name: float(phases.duration(row, phases.PHASES[name])[0]) for name in _PARTS}
        peak_n, no_peak = self._peak_n(side, float(row["ic_s"].iloc[0]), lines[side])
        return _told(
            side,
            float(row["ic_s"].iloc[0]),
            lines[side].interval_s,
            of_stride,
            peak_n,
            reason=reasons[0],
            why={"double_support": refused or support, "peak_force_n": no_peak},
        )

    def _peak_n(self, side: Side, ic_s: float, line: PolygonTimeline) -> tuple[float | None, str]:
        """Return the largest force of the stance that began at ``ic_s``, or why there is none."""
        foot = self._feet[side]
        if not foot.info.is_calibrated:
            return None, "the insole is uncalibrated: its load is in counts"
        near = np.abs(_host_s(line, list(foot.peaks)) - ic_s) < SAME_S
        if not near.any():
            return None, "the insole's summary of the stride did not arrive"
        return list(foot.peaks.values())[int(np.argmax(near))] * foot.info.force_lsb_n, ""

    def _refuse_both(self, lines: Mapping[Side, PolygonTimeline]) -> str:
        """Return why the feet may not be compared, '' if they may."""
        if len(self._feet) < len(SIDES):
            return "one foot only"
        rate_hz = min(foot.info.rate_hz for foot in self._feet.values())
        least_hz = variable("double_support_sum").needs.min_rate_hz
        if rate_hz < least_hz:
            return f"{rate_hz:g} Hz is below {least_hz:g} Hz"
        if len(lines) < len(SIDES):
            return "nothing has come of the other foot"
        interval_s = between_s(line.interval_s for line in lines.values())
        if not math.isfinite(interval_s):
            return "the clocks of the feet are not joined yet"
        if interval_s > self.max_clock_interval_s:
            return (
                f"the clocks of the feet agree within {1e3 * interval_s:.1f} ms; comparing the "
                f"feet needs {1e3 * self.max_clock_interval_s:g} ms"
            )
        return ""


def _told(
    side: Side,
    t_s: float,
    interval_s: float,
    parts: Mapping[str, float],
    peak_n: float | None,
    *,
    reason: str,
    why: Mapping[str, str],
) -> LiveStride:
    """Return the stride with its values, each None where it, or the stride, has a reason."""
    stride_s = parts["stride"]
    both_s = parts["ds_initial"] + parts["ds_terminal"]
    values = {
        "stance_s": parts["stance"],
        "swing_s": parts["swing"],
        "cadence_steps_min": 120.0 / stride_s,
        "double_support_s": None if why["double_support"] else both_s,
        "double_support_pct": None if why["double_support"] else 100.0 * both_s / stride_s,
        "peak_force_n": peak_n,
    }
    if reason:
        values, why = dict.fromkeys(values), {}
    why = {name: text for name, text in why.items() if text}
    return LiveStride(side, t_s, interval_s, stride_s, **values, reason=reason, why=why)


def _host_s(line: PolygonTimeline, foot_us: Sequence[Any]) -> FloatArray:
    """Return host times in s of foot times in microseconds, of the same shape."""
    return line.to_host_s(np.array(foot_us, dtype=float) * 1e-6)


async def strides(pair: Pair, *, max_clock_interval_s: float = 0.010) -> AsyncIterator[LiveStride]:
    """Yield the strides of ``pair``; see ``Pair.strides``."""
    feet: dict[Side, Insole] = {side: pair.feet[side] for side in SIDES if side in pair.feet}
    stream = StrideStream(
        {side: insole.known for side, insole in feet.items()},
        max_clock_interval_s=max_clock_interval_s,
    )
    has_come: set[Side] = set()
    sources = [_batches(side, insole) for side, insole in feet.items()]
    async with aclosing(merged(sources, name="solekit strides")) as batches:
        async for ((side, batch),) in batches:
            if batch is None:
                stream.end(side)
            else:
                has_come.add(side)
                stream.push(side, batch)
            if stream.is_due:
                for stride in stream.pop({side: feet[side].timeline() for side in has_come}):
                    yield stride


async def _batches(side: Side, insole: Insole) -> AsyncIterator[tuple[Side, list[Data] | None]]:
    """Yield what comes of a foot, and None at its end, also where that is an error."""
    error: SolekitError | None = None
    try:
        async for batch in insole.messages(m.PRESSURE, m.EVENTS, m.STRIDES):
            yield side, batch
    except SolekitError as problem:
        error = problem
    yield side, None
    if error is not None:
        raise error
