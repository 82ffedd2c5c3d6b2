"""An outside clock (camera, motion capture, force plate, EEG) tied to that of a recording.

Three ways: stomps that both have seen, a train of pulses that both have noted, or LSL, whose
clock was read while recording. Nothing is resampled: a ``ClockTie`` converts times.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from solekit.errors import DataError
from solekit.layouts import SIDES, FloatArray, Side
from solekit.sync import landings
from solekit.sync.clock_tie import ClockTie
from solekit.sync.landings import Landings
from solekit.sync.trains import MAX_PULSES, RATE_SPAN_S, Train, match_trains

if TYPE_CHECKING:
    from solekit.recording import Recording

MAX_DELAY_S = 0.06  # of a stomp between who sees it and the sole that feels it
_UNMARKED = ("start", "stop")  # marks of the protocol, no pulses

Loads = Mapping[Side, tuple[FloatArray, FloatArray]]


def loads_of(recording: Recording) -> dict[Side, tuple[FloatArray, FloatArray]]:
    """Return times and load above none of every foot that recorded, (n,) each, in counts."""
    found: dict[Side, tuple[FloatArray, FloatArray]] = {}
    for side in SIDES:
        foot = recording.feet.get(side)
        if foot is not None and foot.t_s.size > 1:
            total = foot.counts.sum(axis=1, dtype=float)
            found[side] = foot.t_s, np.maximum(total - np.percentile(total, 1), 0.0)
    if not found:
        raise DataError(f"{recording.path} has no frames: nothing can be tied to it")
    return found


def tie_stomps(outside_s: FloatArray, loads: Loads, *, resolution_s: float = 0.02) -> ClockTie:
    """Return the tie of a table of stomp times (n,) to the landings in ``loads``.

    ``resolution_s`` is the step of the outside times, such as a frame of the camera. Hard landings
    count more; DataError where steps would fit as well as the stomps.
    """
    felt = list(_felt(loads).values())
    t_s = np.concatenate([of.t_s for of in felt])
    weight = np.concatenate([of.weight for of in felt])
    if not t_s.size:
        raise DataError(
            "the recording shows no foot that lands: lift a foot high, put it down hard"
        )
    hardest = np.argsort(-weight)[:MAX_PULSES]
    hardest = hardest[np.argsort(t_s[hardest])]
    # Feet that land at the very same moment are one landing.
    fresh = np.concatenate(([True], np.diff(t_s[hardest]) > 0))
    hardest = hardest[fresh]
    read_s = math.hypot(resolution_s, max(_period_s(t) for t, _ in loads.values())) / math.sqrt(12)
    return match_trains(
        Train(np.asarray(outside_s, dtype=float)),
        Train(t_s[hardest], weight[hardest] ** 2),
        near_s=MAX_DELAY_S,
        floor_s=read_s,
        least=1,
        what="stomps",
    )


def tie_trace(
    outside_s: FloatArray,
    traces: Mapping[str, FloatArray],
    loads: Loads,
    *,
    kind: Literal["force", "height"],
) -> ClockTie:
    """Return the tie of forces or heights (n,) at ``outside_s`` (n,) that show a stomp.

    ``traces`` are by side, or one under '' that may be of either foot: a force plate (newtons) or
    a marker of a foot (metres above the floor). DataError where no lag or several fit.
    """
    t = np.asarray(outside_s, dtype=float)
    if t.size < 10 or not np.all(np.diff(t) > 0):
        raise DataError("the trace has no ten rising times: give t_s in seconds")
    find = landings.load_landings if kind == "force" else landings.height_landings
    seen = {side: find(t, np.asarray(trace, dtype=float)) for side, trace in traces.items()}
    found = _felt(loads)
    felt: dict[str, Landings] = {side: found[side] for side in seen if side in found}
    if "" in seen:
        t_s = np.concatenate([of.t_s for of in found.values()])
        weight = np.concatenate([of.weight for of in found.values()])
        order = np.argsort(t_s)
        felt[""] = Landings(t_s[order], weight[order])
    for what, of in (("trace", seen), ("recording", felt)):
        if not any(len(landed.t_s) for landed in of.values()):
            raise DataError(
                f"the {what} shows no foot that lands: lift a foot high, put it down hard, "
                "stand still for a second"
            )
    lag_s = landings.best_lag(seen, felt, outside="trace")
    period_s = max(_period_s(t_s) for t_s, _ in loads.values())
    sampling_s = math.hypot(_period_s(t), period_s) / math.sqrt(12)
    if kind == "force":
        return landings.refined(seen, felt, lag_s, sampling_s=sampling_s, outside="trace")
    return landings.refined(
        seen,
        felt,
        lag_s,
        sampling_s=sampling_s,
        shared_s=landings.floor_error_s,
        check=landings.check_speed,
        outside="trace",
    )


def tie_pulses(
    outside_s: FloatArray, recording: Recording, *, mark: str | None = None
) -> ClockTie:
    """Return the tie of a train of pulses (n,) to the marks of ``recording``.

    ``mark`` names the marks that are pulses; None takes all but start and stop. Gaps between
    pulses must differ, or a missing one cannot be told. DataError if the tie is not sure.
    """
    marks = recording.marks
    chosen = ~marks["name"].isin(_UNMARKED) if mark is None else marks["name"] == mark
    t_s = np.unique(marks.loc[chosen, "t_s"].to_numpy(dtype=float))
    if not t_s.size:
        wanted = "no mark" if mark is None else f"no mark {mark!r}"
        names = ", ".join(sorted(set(marks["name"]))) or "none"
        raise DataError(
            f"{recording.path} has {wanted} (it has: {names}); call Pair.mark at every pulse"
        )
    return match_trains(Train(np.asarray(outside_s, dtype=float)), Train(t_s))


def tie_lsl(recording: Recording) -> ClockTie:
    """Return the tie of LSL's local clock, as ``solekit.sync.lsl`` noted it while recording."""
    entries = [entry for entry in recording.session if entry["kind"] == "lsl"]
    if not entries:
        raise DataError(
            f"{recording.path} does not know LSL's clock; record with --lsl, or within "
            "solekit.sync.lsl.noting"
        )
    return lsl_line(
        [float(entry["lsl_s"]) for entry in entries],
        [float(entry["t_s"]) for entry in entries],
        [float(entry["half_s"]) for entry in entries],
    )


def lsl_line(lsl_s: Sequence[float], host_s: Sequence[float], half_s: Sequence[float]) -> ClockTie:
    """Return the tie of clocks read together: LSL's within ``half_s`` of the host's, (n,) each."""
    x, y = np.array(lsl_s, dtype=float), np.array(host_s, dtype=float)
    half = np.array(half_s, dtype=float)
    # A computer that was busy in between has read the clocks apart.
    good = half <= max(2 * float(np.median(half)), 1e-4)
    x, y, half = x[good], y[good], half[good]
    middle = float(x.mean())
    rate = 1.0
    if x.size >= 3 and np.ptp(x) >= RATE_SPAN_S:
        rate = float(np.polyfit(x - middle, y, 1)[0])
    offset = float(np.mean(y - rate * x))
    left = y - offset - rate * x
    read_s = float(half.max()) / math.sqrt(3)
    uncertainty = math.hypot(read_s, float(np.sqrt(np.mean(left**2))))
    return ClockTie(offset, rate, uncertainty, int(x.size))


def _felt(loads: Loads) -> dict[str, Landings]:
    return {side: landings.load_landings(t_s, load) for side, (t_s, load) in loads.items()}


def _period_s(t_s: FloatArray) -> float:
    return float(np.median(np.diff(t_s)))
