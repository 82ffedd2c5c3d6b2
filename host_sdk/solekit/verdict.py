"""Whether a recording is worth keeping, in plain words: usable, usable with care, or repeat."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from solekit.analysis import MAX_CLOCK_INTERVAL_S
from solekit.errors import DataError
from solekit.layouts import SIDES
from solekit.protocols import Protocol, protocol_named
from solekit.sides import doubts as doubt_sides
from solekit.soles import checked_load
from solekit.strides import EventStrides
from solekit.tasks import task_of

if TYPE_CHECKING:
    from solekit.recording import Recording
    from solekit.recording.foot import FootRecording

USABLE, CARE, REPEAT = "usable", "usable with care", "repeat"
LEVELS = (USABLE, CARE, REPEAT)

# One frame in a hundred moves a mean over strides by less than strides differ from each other.
CARE_MISSING = 0.01
# With one frame in ten missing, most strides of a second have a hole in them.
REPEAT_MISSING = 0.10
# A swing lasts about 0.4 s: a longer gap may hide a whole contact.
CARE_GAP_S = 0.4
# Feet start and end one after the other: so much on either end says nothing.
EDGE_S = 0.25
# A key pressed a little early costs nothing; a half leaves too little of what was asked for.
CARE_DURATION = 0.95
REPEAT_DURATION = 0.5
# SD and CV of the stride time are reported from 20 strides on; below 4 there is no mean worth it.
CARE_STRIDES = 20
REPEAT_STRIDES = 4
# One foot put differently while settling down is no walk; two make a step.
CARE_STEPS = 1
# Cells are judged on the last two minutes: what broke stays broken, and a day need not be read.
JUDGED_S = 120.0
MIN_JUDGED_CONTACTS = 5  # of a foot: cells are told from their neighbours by being walked on


@dataclass(frozen=True)
class Fact:
    """One thing that was looked at: ``level`` of LEVELS, a sentence, its numbers by name."""

    name: str
    level: str
    text: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Verdict:
    """What to do with a recording, and all that was looked at."""

    level: str
    protocol: str
    facts: tuple[Fact, ...]

    @property
    def reasons(self) -> list[str]:
        """The sentences that speak against the recording, the gravest first."""
        found = [fact for fact in self.facts if fact.level != USABLE]
        return [fact.text for fact in sorted(found, key=lambda fact: -LEVELS.index(fact.level))]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        facts = [asdict(fact) for fact in self.facts]
        return {"verdict": self.level, "protocol": self.protocol, "facts": facts}


def judge(recording: Recording) -> Verdict:
    """Return whether ``recording`` holds what its protocol asks for.

    A protocol of somebody's own is judged as 'free': nothing is known of what it must hold.
    """
    protocol = protocol_named(recording.protocol)
    facts = list(_of_file(recording))
    feet = {side: foot for side, foot in recording.feet.items() if foot.t_s.size}
    facts += _of_feet(recording, feet, protocol)
    if feet:
        span_s = recording.span_s
        facts += _of_duration(protocol, span_s)
        for side, foot in feet.items():
            facts += _of_samples(side, foot, span_s)
        facts += _of_content(recording, feet, protocol, span_s)
        last = {side: foot.last_part(JUDGED_S) for side, foot in feet.items()}
        for side, foot in feet.items():
            facts += _of_sole(side, foot, last[side])
        if protocol.content in ("", "walk"):
            facts += [Fact("sides", CARE, text, {}) for text in doubt_sides([*last.values()])]
    level = max((fact.level for fact in facts), key=LEVELS.index)
    return Verdict(level, recording.protocol, tuple(facts))


def _of_file(recording: Recording) -> Iterator[Fact]:
    recovered = recording.first("recovered")
    if recovered:
        text = f"recovered from a file that was not whole: {'; '.join(recovered['problems'])}"
        yield Fact("file", CARE, text, {})
    elif recording.is_complete and not recording.problems:
        yield Fact("file", USABLE, "the file was closed and is whole", {})
    else:
        text = "; ".join(recording.problems) or "the recording was not closed"
        how = "'solekit recover' makes a whole file of what is there"
        yield Fact("file", CARE, f"{text}; {how}", {})


def _of_feet(
    recording: Recording, feet: dict[str, FootRecording], protocol: Protocol
) -> Iterator[Fact]:
    for side in recording.feet:
        if side not in feet:
            yield Fact("foot", REPEAT, f"no frame of the {side} foot arrived", {})
    if len(feet) < len(SIDES):
        needs_both = protocol.content in ("chair", "tug")
        for side in feet:
            text = f"only the {side} foot was recorded: what needs both feet is not there"
            yield Fact("foot", REPEAT if needs_both else CARE, text, {})
        return
    interval_s = recording.clock_interval_s
    values = {"clock_interval_s": interval_s, "limit_s": MAX_CLOCK_INTERVAL_S}
    if interval_s <= MAX_CLOCK_INTERVAL_S:
        text = f"the clocks of the feet agree within {1e3 * interval_s:.1f} ms"
        yield Fact("clock", USABLE, text, values)
        return
    known = (
        f"agree within {1e3 * interval_s:.1f} ms only (limit {1e3 * MAX_CLOCK_INTERVAL_S:g} ms)"
        if math.isfinite(interval_s)
        else "cannot be joined"
    )
    level = REPEAT if protocol.content in ("stand", "chair", "tug") else CARE
    text = f"the clocks of the feet {known}: what compares the feet is refused"
    yield Fact("clock", level, text, values)


def _of_duration(protocol: Protocol, span_s: tuple[float, float]) -> Iterator[Fact]:
    lasted_s = span_s[1] - span_s[0]
    if protocol.duration_s is None or protocol.may_stop_early:
        yield Fact("duration", USABLE, f"it lasts {lasted_s:.1f} s", {"duration_s": lasted_s})
        return
    asked_s = protocol.duration_s
    values = {"duration_s": lasted_s, "asked_s": asked_s}
    text = f"it lasts {lasted_s:.1f} s of the {asked_s:g} s that {protocol.name} asks for"
    share = lasted_s / asked_s
    level = USABLE if share >= CARE_DURATION else CARE if share >= REPEAT_DURATION else REPEAT
    yield Fact("duration", level, text, values)


def _of_samples(side: str, foot: FootRecording, span_s: tuple[float, float]) -> Iterator[Fact]:
    """Yield what is missing of ``foot`` in the marked part, also where it fell silent."""
    period_s = foot.info.period_us * 1e-6
    edge_s = min(EDGE_S, (span_s[1] - span_s[0]) / 4)
    start_s, end_s = span_s[0] + edge_s, span_s[1] - edge_s
    inside = foot.t_s[(foot.t_s >= start_s) & (foot.t_s <= end_s)]
    edges = np.concatenate(([start_s - period_s], inside, [end_s + period_s]))
    gap_s = max(0.0, float(np.diff(edges).max()) - period_s)
    asked = max(1.0, (end_s - start_s) / period_s - 1.0)  # a frame may lie beyond either end
    missing = max(0.0, 1.0 - len(inside) / asked)
    values = {"missing": missing, "longest_gap_s": gap_s}
    text = f"{side}: {missing:.1%} of the frames are missing, the longest gap is {gap_s:.2f} s"
    if missing >= REPEAT_MISSING:
        level = REPEAT
    else:
        level = CARE if missing >= CARE_MISSING or gap_s >= CARE_GAP_S else USABLE
    yield Fact("samples", level, text, values)
    lost = foot.loss["events"].missing
    if lost:
        text = f"{side}: {lost} gait events are lost, so steps are a lower bound"
        yield Fact("events", CARE, text, {"missing": lost})


def _of_content(
    recording: Recording,
    feet: dict[str, FootRecording],
    protocol: Protocol,
    span_s: tuple[float, float],
) -> Iterator[Fact]:
    events = recording.events
    events = events.loc[events["side"].isin(feet) & events["t_s"].between(*span_s)]
    events = events.reset_index(drop=True)
    steps = int(np.count_nonzero(events["kind"] == "ic"))
    if protocol.content in ("", "walk"):
        found = EventStrides().segment(events, sides=[side for side in SIDES if side in feet])
        whole = int(np.count_nonzero(found.strides_["is_valid"]))
        values = {"steps": steps, "strides": whole}
        text = f"{steps} steps with {whole} whole strides"
        if protocol.content == "" or whole >= CARE_STRIDES:
            yield Fact("strides", USABLE, text, values)
        else:
            level = CARE if whole >= REPEAT_STRIDES else REPEAT
            need = f"{CARE_STRIDES} are needed for the variation between strides"
            yield Fact("strides", level, f"{text}: {need}", values)
        return
    if protocol.content == "stand" and steps >= CARE_STEPS:
        text = f"{steps} steps while standing still was asked for"
        yield Fact("steps", CARE, text, {"steps": steps})
    yield from _of_task(protocol, feet, events)


_TASKS = {"stand": "sway_area", "chair": "chair_stand_time", "tug": "up_and_go_time"}


def _of_task(protocol: Protocol, feet: dict[str, FootRecording], events: Any) -> Iterator[Fact]:
    try:
        table = task_of(protocol.name, {s: f for s, f in feet.items() if s in SIDES}, events, {})
    except DataError as error:
        yield Fact(protocol.content, REPEAT, f"{protocol.name}: {error}", {})
        return
    row = table.loc[(table["name"] == _TASKS[protocol.content]) & (table["side"] == "")].iloc[0]
    values = {"value": float(row["value"]), "n": float(row["n"])}
    if row["reason"]:
        text = f"this is no {protocol.name}: {row['reason']}"
        yield Fact(protocol.content, REPEAT, text, values)
        return
    words = {
        "stand": f"{row['n']:.1f} s of quiet standing in one piece",
        "chair": f"five stands in {row['value']:.1f} s",
        "tug": f"up and go in {row['value']:.1f} s with {row['n']:.0f} steps",
    }
    yield Fact(protocol.content, USABLE, words[protocol.content], values)


def _of_sole(side: str, foot: FootRecording, last: FootRecording) -> Iterator[Fact]:
    if not foot.is_newtons:
        text = f"{side}: uncalibrated, so nothing can be told in newtons; times are not concerned"
        yield Fact("calibration", CARE, text, {})
    landed_s = foot.events.loc[foot.events["kind"] == "ic", "t_s"]
    contacts = int(np.count_nonzero(landed_s > foot.t_s[-1] - JUDGED_S))
    if contacts < MIN_JUDGED_CONTACTS:
        text = f"{side}: cells were not judged, which takes {MIN_JUDGED_CONTACTS} contacts"
        yield Fact("cells", USABLE, text, {"contacts": contacts})
        return
    _, findings = checked_load(last)
    for finding in findings:
        yield Fact("cells", CARE, f"{side}: {finding}", {})
    if not findings:
        n = foot.info.n_cells
        yield Fact("cells", USABLE, f"{side}: all {n} cells respond", {"n_cells": n})
