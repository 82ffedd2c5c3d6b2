"""When feet land, and the lag at which two records of the same landings agree.

Landings weigh how hard they are, so a stomp outweighs steps; the lag at which both series agree
best is the offset of the clocks, and the hardest matched landings say how sure it is. A second
stomp at the end also gives the rate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from solekit.errors import DataError
from solekit.layouts import FloatArray
from solekit.sync.clock_tie import ClockTie

MAX_UNCERTAINTY_S = 0.040
STOMP_M_S = 1.5  # steps land with some 1 m/s, braked before they load: 60 ms too early
# Where the floor is for a marker on a soft shoe, and so what a slow foot says about the time.
FLOOR_M = 0.02
_STEP_S = 0.005  # of the time axis that both are compared on
_PULSE_S = 0.03  # half-width of a landing when lags are sought
_APART_S = 0.25  # two lags nearer than this are one
_AMBIGUOUS = 0.85  # of the best score: a second lag as good as that, and nobody knows
_WEAKEST = 0.25  # of the score of two equal series
_NEAR_S = 0.12  # landings that belong together after the coarse lag
_SLOW_M_S, _CLIP_M_S = 0.1, 4.0
_LIFT_M = 0.05  # less is no stomp
_NEAR_FLOOR_M = 0.015
_LINE_S = 0.05  # of the fall, prolonged to the floor
_HARD = 0.75  # of the hardest landing: softer ones do not count
_HOLE_S = 0.08  # between frames of a landing
_ONSET = 0.05  # of the usual largest load of a foot
_RISE, _RISE_S = 0.25, 0.2  # of that load, within this time: less is no landing
_RATE_SPAN_S = 20.0  # over less the rate is not sought


@dataclass(frozen=True, eq=False)
class Landings:
    """When a foot landed and how clearly: both (n,)."""

    t_s: FloatArray
    weight: FloatArray


def height_landings(t_s: FloatArray, height_m: FloatArray) -> Landings:
    """Return landings of a foot from its height (n,), NaN unseen, weighed by its speed there.

    The last moments above ``_NEAR_FLOOR_M`` are prolonged in a straight line to where the foot
    then stays: frames that straddle the landing would bend it.
    """
    is_there = np.isfinite(height_m)
    t, z = t_s[is_there], height_m[is_there]
    if len(t) < 10:
        return Landings(np.zeros(0), np.zeros(0))
    step = float(np.median(np.diff(t_s)))
    times, weights = [], []
    crossing = np.flatnonzero((z[:-1] > _LIFT_M) & (z[1:] <= _LIFT_M))
    for i in crossing.tolist():
        landed = z[(t > t[i] + 0.1) & (t < t[i] + 0.4)]
        if not len(landed):
            continue
        level = float(np.median(landed))
        above = np.flatnonzero((t > t[i] - 0.3) & (t < t[i] + 0.2) & (z > level + _NEAR_FLOOR_M))
        above = above[above <= i + round(0.1 / step)]
        last = int(above[-1]) if len(above) else 0
        first = min(int(np.searchsorted(t, t[last] - _LINE_S)), last - 1)
        if first < 0 or last + 1 >= len(t) or np.diff(t[first : last + 2]).max() > _HOLE_S:
            continue  # interpolated over what nobody saw
        speed, _ = np.polyfit(t[first : last + 1] - t[last], z[first : last + 1], 1)
        if speed > -_SLOW_M_S:
            continue
        times.append(t[last] - (z[last] - level) / speed)
        weights.append(min(-float(speed), _CLIP_M_S))
    return Landings(np.array(times), np.array(weights))


def load_landings(t_s: FloatArray, force_n: FloatArray) -> Landings:
    """Return landings of a foot felt by its sole, weighed by how quickly the load came."""
    if len(t_s) < 10:
        return Landings(np.zeros(0), np.zeros(0))
    t = np.arange(t_s[0], t_s[-1], _STEP_S)
    load = np.interp(t, t_s, force_n)
    full = float(np.percentile(load, 99))
    if full <= 0:
        return Landings(np.zeros(0), np.zeros(0))
    load = load / full
    before, after = round(0.1 / _STEP_S), round(_RISE_S / _STEP_S)
    times, weights = [], []
    for i in np.flatnonzero((load[:-1] <= _ONSET) & (load[1:] > _ONSET)).tolist():
        come = load[i : i + after].max(initial=0.0)
        if come < _RISE or load[max(0, i - before) : i + 1].max() > 2 * _ONSET:
            continue
        part = (_ONSET - load[i]) / (load[i + 1] - load[i])
        above = np.flatnonzero(load[i : i + after] > (_ONSET + come) / 2)
        times.append(float(t[i] + part * _STEP_S))
        weights.append(float(min(come / max(above[0] * _STEP_S, 0.02), 30.0)))
    return Landings(np.array(times), np.array(weights))


def best_lag(
    seen: Mapping[str, Landings], felt: Mapping[str, Landings], *, outside: str = "outside system"
) -> float:
    """Return the lag at which the two series of weighted landings agree best.

    Every pair of landings votes for its lag with the product of its weights; the votes are
    summed with a Gaussian of the width of two pulses: the cross-correlation of both series.
    DataError where two lags fit alike or none does; ``outside`` names who has seen.
    """
    lags, votes = [np.zeros(0)], [np.zeros(0)]
    power = [0.0, 0.0]
    for side, of in felt.items():
        mine = seen[side]
        lags.append(np.subtract.outer(of.t_s, mine.t_s).ravel())
        votes.append(np.multiply.outer(of.weight, mine.weight**2).ravel())
        power[0] += float((of.weight**2).sum())
        power[1] += float((mine.weight**4).sum())
    lag, vote = np.concatenate(lags), np.concatenate(votes)
    if not len(lag):
        raise DataError(
            f"the {outside} and the recording show different feet landing; stomp with the foot "
            "whose sole is recorded, and see that left and right are not swapped"
        )
    edges = np.arange(lag.min() - 0.5, lag.max() + 0.5, _STEP_S)
    total = np.histogram(lag, edges, weights=vote)[0]
    width = np.sqrt(2) * _PULSE_S / _STEP_S
    score = gaussian_filter1d(total, width, mode="constant") * width * np.sqrt(2 * np.pi)
    score = score / np.sqrt(power[0] * power[1])
    middle = (edges[:-1] + edges[1:]) / 2
    best = int(np.argmax(score))
    others = score[abs(middle - middle[best]) > _APART_S]
    if score[best] < _WEAKEST:
        raise DataError(
            f"the landings of {outside} and recording agree to {score[best]:.0%} at best; "
            "are both of the same session, with a stomp in both?"
        )
    if len(others) and others.max() > _AMBIGUOUS * score[best]:
        second = middle[abs(middle - middle[best]) > _APART_S][int(np.argmax(others))]
        raise DataError(
            f"clock offsets of {middle[best]:.2f} s and {second:.2f} s fit alike: the landings "
            "repeat; stomp once, hard, and stand still before and after, or give the offset"
        )
    return float(middle[best])


def refined(
    seen: Mapping[str, Landings],
    felt: Mapping[str, Landings],
    lag_s: float,
    *,
    sampling_s: float,
    shared_s: Callable[[float], float] = lambda _: 0.0,
    check: Callable[[float], None] = lambda _: None,
    outside: str = "outside system",
) -> ClockTie:
    """Pair landings about a lag and fit offset and rate, from the first ones onward.

    ``sampling_s`` is the standard deviation of one time in both; ``shared_s`` returns from the
    mean weight seen what all landings have in common, ``check`` refuses the hardest weight.
    DataError where nothing meets or the uncertainty exceeds ``MAX_UNCERTAINTY_S``.
    """
    offset, rate, used = lag_s, 1.0, 0
    common, spread, n = np.inf, 0.0, 1.0
    at, apart, speed = _pairs(seen, felt, offset, rate)
    for _ in range(4):
        if not len(at):
            raise DataError(f"no landing of {outside} meets one of the recording; stomp harder")
        check(float(speed.max()))
        weight = np.where(speed >= _HARD * speed.max(), speed**2, 0.0)
        if np.ptp(at[weight > 0]) >= _RATE_SPAN_S:
            offset, rate = _line(at, apart, weight)
        else:
            offset = float(np.average(apart, weights=weight))
        left = apart - (offset + (rate - 1) * at)
        spread = float(np.sqrt(np.average(left**2, weights=weight)))
        n = float(weight.sum() ** 2 / (weight**2).sum())
        # More landings do not take away what they share.
        common = shared_s(float(np.average(speed, weights=weight)))
        used = int((weight > 0).sum())
        at, apart, speed = _pairs(seen, felt, offset, rate)
    uncertainty = float(np.hypot(common, np.hypot(sampling_s, spread) / np.sqrt(n)))
    if uncertainty > MAX_UNCERTAINTY_S:
        raise DataError(
            f"the clocks agree only to {1e3 * uncertainty:.0f} ms, {1e3 * MAX_UNCERTAINTY_S:.0f} "
            "ms are allowed; stomp harder, and record with 30 frames/s or more"
        )
    return ClockTie(offset, rate, uncertainty, used)


def check_speed(speed_m_s: float) -> None:
    """Refuse what no stomp was: DataError for a foot that reaches the floor too slowly."""
    if speed_m_s < STOMP_M_S:
        raise DataError(
            f"the hardest landing in both reaches the floor with {speed_m_s:.1f} m/s and a "
            f"stomp with {STOMP_M_S:g} or more: steps land too softly to tell the time; "
            "stomp at the beginning, or give the offset"
        )


def floor_error_s(speed_m_s: float) -> float:
    """Return what an unknown height of the floor makes of the time of landings this fast."""
    return FLOOR_M / speed_m_s


def _pairs(
    seen: Mapping[str, Landings], felt: Mapping[str, Landings], offset_s: float, rate: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return times of landings that meet, recording minus outside, and their weights."""
    out: list[tuple[float, float, float]] = []
    for side, of in felt.items():
        if not len(of.t_s):
            continue
        for t, w in zip(seen[side].t_s, seen[side].weight, strict=True):
            gaps = of.t_s - (offset_s + rate * t)
            k = int(np.argmin(abs(gaps)))
            if abs(gaps[k]) <= _NEAR_S:
                out.append((t, of.t_s[k] - t, float(w)))
    table = np.array(out).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _line(at: FloatArray, apart: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Return offset and rate of the weighted line through the differences."""
    slope, offset = np.polyfit(at, apart, 1, w=np.sqrt(weight))
    return float(offset), 1.0 + float(slope)
