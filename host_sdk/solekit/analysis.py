"""From a recording to its results, in one straight line; what to doubt comes with them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from solecore.wire import messages as m
from solekit import feet as samples
from solekit import layouts
from solekit.biomarkers import InsoleVariables, SpatialVariables, variables
from solekit.biomarkers.dictionary import SLOW_RATE_HZ
from solekit.errors import DataError
from solekit.layouts import SIDES, Layout, Side
from solekit.sides import doubts as doubt_sides
from solekit.soles import SolePressure, force_error_share, pressure_of
from solekit.strides import EventStrides
from solekit.tasks import COLUMNS as TASK_COLUMNS
from solekit.tasks import task_of

if TYPE_CHECKING:
    from solekit.recording import Recording
    from solekit.recording.foot import FootRecording

MAX_CLOCK_INTERVAL_S = 0.010  # feet whose clocks agree less closely are not compared
SIDES_JUDGED_S = 120.0  # soles do not change feet in a recording: its end tells as much as an hour
_SAME_MM = 0.06  # two cells at one place: geometries travel in tenths of a millimetre


@dataclass(frozen=True, eq=False)
class Analysis:
    """What one recording tells, and what to doubt about it.

    ``sides`` are the feet whose frames arrived, ``span_s`` the analysed part on the host clock,
    ``rate_hz`` the lowest frame rate of the feet, ``clock_interval_s`` the half-width of the
    interval between their clocks (0 for one foot, infinite if they cannot be joined). ``events``
    lie within the span; ``strides`` and ``bouts`` are tables of ``EventStrides``, the former with
    the columns of ``StrideGeometry`` and ``spatial_reason``; ``variables`` those of
    ``InsoleVariables`` and ``SpatialVariables``; ``warnings`` are plain sentences; ``ways`` is
    where the feet went.
    """

    recording: Recording
    sides: tuple[Side, ...]
    span_s: tuple[float, float]
    rate_hz: float
    clock_interval_s: float
    events: pd.DataFrame
    strides: pd.DataFrame
    bouts: pd.DataFrame
    variables: pd.DataFrame
    warnings: list[str]
    ways: dict[Side, samples.FootWay]

    @property
    def is_calibrated(self) -> bool:
        """Whether load may be shown in physical units: every foot is calibrated."""
        feet = self.recording.feet
        return bool(self.sides) and all(feet[side].is_newtons for side in self.sides)

    @cached_property
    def pressure(self) -> SolePressure:
        """Plantar pressure in the valid strides: computed when asked for, it reads all frames."""
        feet = [self.recording.feet[side] for side in self.sides]
        return pressure_of(feet, self.strides, clock_interval_s=self.clock_interval_s)

    @cached_property
    def task(self) -> pd.DataFrame:
        """Results of a protocol without strides (standing, chair stand, up and go), else empty."""
        feet: dict[Side, FootRecording] = {side: self.recording.feet[side] for side in self.sides}
        if len(feet) == len(SIDES) and not self.feet_joined:
            feet = {}  # feet on clocks of their own have no joint load
        if not feet:
            return pd.DataFrame(columns=TASK_COLUMNS)
        return task_of(self.recording.protocol, feet, self.events, self.ways)

    @property
    def feet_joined(self) -> bool:
        """Whether the feet may be compared: both are there, on clocks that agree closely."""
        return len(self.sides) == len(SIDES) and self.clock_interval_s <= MAX_CLOCK_INTERVAL_S


def analyse(
    recording: Recording,
    *,
    allow_low_rate: bool = False,
    contacts: samples.ContactSource = "foot",
) -> Analysis:
    """Return what ``recording`` tells.

    ``contacts`` are the gait events that its insoles found ('foot'), or those found again on the
    host in all that was recorded ('host': pressure decides, the IMU confirms). ``allow_low_rate``
    reports double and single support below 25 Hz too. A recording that does not carry a variable,
    or has no event at all, gives the reason in its place.
    """
    if contacts not in samples.CONTACT_SOURCES:
        known = ", ".join(samples.CONTACT_SOURCES)
        raise ValueError(f"contacts {contacts!r}: use one of {known}")
    sides: tuple[Side, ...] = tuple(side for side in SIDES if _has_frames(recording, side))
    feet = [recording.feet[side] for side in sides]
    start_s, end_s = span_s = _span_s(recording, feet)
    rate_hz = round(min(foot.info.rate_hz for foot in feet or recording.feet.values()), 2)
    interval_s = recording.clock_interval_s if len(feet) == len(SIDES) else 0.0

    every, why = recording.events, []
    if contacts == "host":
        found_again = [samples.host_contacts(foot) for foot in feet]
        every = _joined([events for events, _ in found_again], every)
        why = [
            f"The {f.side} foot: {text}"
            for f, (_, text) in zip(feet, found_again, strict=True)
            if text
        ]
    is_within = every["side"].isin(sides) & every["t_s"].between(start_s, end_s)
    events = every.loc[is_within].reset_index(drop=True)
    # The foot has found its events before a frame could get lost: lost events alone leave gaps.
    gaps = [gap for foot in feet for gap in _event_gaps(foot, span_s)]
    gap_table = pd.DataFrame(gaps, columns=["side", "start_s", "end_s"])
    if contacts == "host":
        gap_table = _joined([_unseen(foot, events) for foot in feet], gap_table)
    strides = EventStrides().segment(events, gaps=gap_table, sides=sides)
    ways: dict[Side, samples.FootWay] = dict(
        zip(sides, (samples.way_of(foot) for foot in feet), strict=True)
    )
    measured, turns = samples.with_geometry(strides.strides_, ways)
    if len(turns):
        strides = EventStrides().segment(events, gaps=gap_table, turns=turns, sides=sides)
        measured, _ = samples.with_geometry(strides.strides_, ways)
    spatial = SpatialVariables().compute(
        measured, sides=sides, reasons=samples.refusals(ways, sides)
    )
    missing = recording.gaps.loc[recording.gaps["side"].isin(sides)]
    missing = missing.loc[(missing["end_s"] > start_s) & (missing["start_s"] < end_s)]
    computed = InsoleVariables(
        allow_low_rate=allow_low_rate, max_clock_interval_s=MAX_CLOCK_INTERVAL_S
    ).compute(
        strides,
        events=events,
        rate_hz=rate_hz,
        clock_interval_s=interval_s if math.isfinite(interval_s) else None,
        sides=sides,
        duration_s=end_s - start_s if end_s > start_s else None,
        n_missing_samples=int(missing["n"].sum()) if gaps else 0,
    )
    warnings = [f"{problem[0].upper()}{problem[1:]}." for problem in recording.problems]
    silent = [side for side in recording.feet if side not in sides]
    warnings += [f"No readable frame of the {side} insole arrived." for side in silent]
    if len(sides) == 1:
        warnings.append(f"Only the {sides[0]} foot is here: what needs both is not reported.")
    warnings += why
    if events.empty:
        warnings.append("No gait event was found: there is no step to report on.")
    for side, foot in zip(sides, feet, strict=True):
        warnings += [*_doubt_samples(side, foot), *_doubt_insole(side, foot)]
    warnings += doubt_sides([foot.last_part(SIDES_JUDGED_S) for foot in feet])
    warnings += _doubt_times(interval_s, rate_hz, allow_low_rate=allow_low_rate)
    found = pd.concat([computed.variables_, spatial.variables_], ignore_index=True)
    tables = events, measured, strides.bouts_, found
    return Analysis(recording, sides, span_s, rate_hz, interval_s, *tables, warnings, ways)


def _joined(tables: list[pd.DataFrame], otherwise: pd.DataFrame) -> pd.DataFrame:
    """Return ``tables`` as one, by time where they have one; ``otherwise`` if there are none."""
    if not tables:
        return otherwise.iloc[:0]
    table = pd.concat(tables, ignore_index=True)
    return table.sort_values("t_s", ignore_index=True) if "t_s" in table else table


def _unseen(foot: FootRecording, events: pd.DataFrame) -> pd.DataFrame:
    """Return the missing frames of ``foot`` that the IMU could not fill."""
    gaps = foot.gaps.loc[:, ["side", "start_s", "end_s"]]
    filled = events.loc[(events["side"] == foot.side) & (events["source"] == "imu"), "t_s"]
    t_s = filled.to_numpy(dtype=float)
    limits = gaps.loc[:, ["start_s", "end_s"]].to_numpy(dtype=float)
    held = (t_s >= limits[:, :1]) & (t_s <= limits[:, 1:])
    return gaps.loc[~held.any(axis=1)]


def _has_frames(recording: Recording, side: Side) -> bool:
    return side in recording.feet and recording.feet[side].t_s.size > 0


def _span_s(recording: Recording, feet: list[FootRecording]) -> tuple[float, float]:
    """Return the marked part, else all that the feet with frames recorded."""
    if len(feet) == len(recording.feet):
        return recording.span_s
    marks = dict(zip(recording.marks["name"], recording.marks["t_s"], strict=True))
    start_s = min((foot.span_s[0] for foot in feet), default=0.0)
    end_s = max((foot.span_s[1] for foot in feet), default=0.0)
    return marks.get("start", start_s), marks.get("stop", end_s)


def _event_gaps(
    foot: FootRecording, span_s: tuple[float, float]
) -> Iterator[tuple[str, float, float]]:
    """Yield the stretches in which events of ``foot`` were lost: no stride in them is whole."""
    items = foot.messages(m.EVENTS)
    seq = items.seq
    t_s = foot.timeline.to_host_s(items.foot_us.astype(float) * 1e-6)
    for first, stop in foot.loss["events"].holes:
        before_s = float(t_s[seq < first].max(initial=span_s[0]))
        after_s = float(t_s[seq >= stop].min(initial=span_s[1]))
        yield foot.side, min(before_s, after_s), max(before_s, after_s)


def _doubt_samples(side: Side, foot: FootRecording) -> Iterator[str]:
    lost = [
        f"{loss.missing} of {loss.sampled} ({loss.missing / loss.sampled:.1%}) of {name}"
        for name, loss in foot.loss.items()
        if loss.missing
    ]
    if lost:
        yield f"Samples of the {side} foot are missing: {', '.join(lost)}."
    if broken := [name for name, loss in foot.loss.items() if not loss.holds]:
        yield f"The account of the {side} foot does not add up: {', '.join(broken)}."
    if foot.loss["events"].missing:
        yield f"Lost events of the {side} foot make the number of steps a lower bound."
    if not foot.loss["pressure"].end_known:
        yield f"The {side} insole did not tell where it ended: later losses are unknown."


def _doubt_insole(side: Side, foot: FootRecording) -> Iterator[str]:
    info = foot.info
    if not foot.is_newtons:
        yield f"The {side} insole is uncalibrated: its load is in counts and is no force."
    if foot.calibration is not None:
        share = 100 * force_error_share(foot)
        yield (
            f"Newtons of the {side} insole are by the calibration {foot.calibration.name}: "
            f"± {share:.0f} % (95 %) of the load."
        )
    if foot.form != "raw12":
        yield (
            f"The {side} foot rests on the form {foot.form}, which is lossy (8 bits, dead-band): "
            "below the full resolution of raw12."
        )
    other = SIDES[1 - SIDES.index(side)]
    if _is_sole_of(info.layout, other) and not _is_sole_of(info.layout, side):
        yield (
            f"Insole {info.serial} says it is the {side} one, but its cells lie as on a {other} "
            "sole: the feet are swapped, or its geometry is wrong."
        )
    if info.hello.get("self_test"):
        yield f"The {side} insole failed its self-test (bits {info.hello['self_test']:#x})."


def _is_sole_of(layout: Layout, side: Side) -> bool:
    """Return whether the cells of ``layout`` lie as on our own sole of its name for ``side``."""
    try:
        own = layouts.named(layout.name, side)
    except DataError:
        return False
    pairs = ((layout.x_mm, own.x_mm), (layout.y_mm, own.y_mm))
    return all(a.shape == b.shape and np.allclose(a, b, rtol=0, atol=_SAME_MM) for a, b in pairs)


def _doubt_times(interval_s: float, rate_hz: float, *, allow_low_rate: bool) -> Iterator[str]:
    if interval_s > MAX_CLOCK_INTERVAL_S:
        known = f"agree within {1e3 * interval_s:.1f} ms"
        yield (
            f"The clocks of the feet {known if math.isfinite(interval_s) else 'are not joined'}; "
            f"comparing the feet needs {1e3 * MAX_CLOCK_INTERVAL_S:g} ms and is not reported."
        )
    least_hz = max(variable.needs.min_rate_hz for variable in variables())
    if rate_hz < least_hz:
        verdict = "reported all the same, as asked" if allow_low_rate else "not reported"
        yield f"{rate_hz:g} Hz is below {least_hz:g} Hz: double and single support are {verdict}."
    elif rate_hz < SLOW_RATE_HZ:
        cost = "double and single support need more strides than at a higher rate"
        yield f"At {rate_hz:g} Hz a frame lasts {1e3 / rate_hz:.0f} ms: {cost}."
