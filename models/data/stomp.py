"""Two clocks brought together by a stomp: a foot lifted high and put down hard.

The key points see a foot come down, the sole feels it land. Both give landings, per foot: in the
key points the moment at which the lowest point of the foot reaches the floor, in the pressure the
moment at which the load begins to rise. Landings weigh how hard they are, so a stomp outweighs
steps; the lag at which both series agree best is the offset of the clocks, and the hardest
matched landings say how sure it is. A second stomp at the end also gives the rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from models.data.keypoints import KeypointFile
from solekit.errors import DataError
from solekit.layouts import SIDES, FloatArray, Layout, Side
from solekit_hil import walker as walkers
from solekit_hil.walker.body import INDEX, Motion
from solekit_hil.walker.interface import Walker

MAX_UNCERTAINTY_S = 0.040
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
_STOMP_M_S = 1.5  # steps land with some 1 m/s, braked before they load: 60 ms too early
_HARD = 0.75  # of the hardest landing: softer ones do not count
_HOLE_S = 0.08  # between frames of a landing
_ONSET = 0.05  # of the usual largest load of a foot
_RISE, _RISE_S = 0.25, 0.2  # of that load, within this time: less is no landing
_RATE_SPAN_S = 20.0  # over less the rate is not sought
# Where the floor is for a marker on a soft shoe, and so what a slow foot says about the time.
_FLOOR_M = 0.02

# Of the virtual person's stomp: stand, lift, hold, fall with constant acceleration, stand.
_BODY_RATE_HZ, _HEIGHT_M, _JOIN_S = 120.0, 0.25, 1.0
_PHASES_S = (1.0, 0.6, 0.25, 0.2, 1.2)


@dataclass(frozen=True)
class Clock:
    """Key point times on the recording's clock: ``t = offset_s + rate * t_keypoints``.

    ``uncertainty_s`` is one standard deviation; ``n_landings`` were matched.
    """

    offset_s: float
    rate: float = 1.0
    uncertainty_s: float = 0.0
    n_landings: int = 0

    def to_recording_s(self, t_s: FloatArray | float) -> FloatArray:
        """Return times of the key points on the recording's clock."""
        return self.offset_s + self.rate * np.asarray(t_s, dtype=float)


@dataclass(frozen=True, eq=False)
class Landings:
    """When a foot landed and how clearly: both (n,)."""

    t_s: FloatArray
    weight: FloatArray


def synchronised(
    points: KeypointFile,
    t_s: Mapping[Side, FloatArray],
    force_n: Mapping[Side, FloatArray],
    *,
    first_s: float | None = None,
) -> Clock:
    """Return the clock of a key point file against the load of the soles, (n,) per side.

    ``first_s`` looks only at so many first seconds of both for the offset (then goes on from
    there). DataError where no landing is seen, where two offsets fit alike, or where the
    uncertainty exceeds ``MAX_UNCERTAINTY_S``.
    """
    seen: dict[Side, Landings] = {side: foot_landings(points, side) for side in SIDES}
    felt: dict[Side, Landings] = {
        side: load_landings(t_s[side], force_n[side]) for side in SIDES if side in t_s
    }
    for what, found in (("key points", seen), ("recording", felt)):
        if not any(len(of.t_s) for of in found.values()):
            raise DataError(
                f"the {what} show no foot that lands; begin every recording with a stomp: "
                "lift a foot high, put it down hard, stand still for a second"
            )
    lag = _best_lag(_first(seen, first_s), _first(felt, first_s))
    period = [float(np.median(np.diff(points.t_s)))]
    period.append(max(float(np.median(np.diff(t_s[side]))) for side in felt))
    sampling = float(np.linalg.norm(period)) / np.sqrt(12)
    return _refined(seen, felt, lag, sampling)


def foot_landings(points: KeypointFile, side: Side) -> Landings:
    """Return landings of a foot seen by its key points, weighed by its speed at the floor.

    The last moments above ``_NEAR_FLOOR_M`` are prolonged in a straight line to where the foot
    then stays: frames that straddle the landing would bend it.
    """
    height = _height(points, side)
    is_there = np.isfinite(height)
    t, z = points.t_s[is_there], height[is_there]
    if len(t) < 10:
        return Landings(np.zeros(0), np.zeros(0))
    step = float(np.median(np.diff(points.t_s)))
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


def _height(points: KeypointFile, side: Side) -> FloatArray:
    """Return how high the lowest point of a foot is over its own usual lowest place, (n,)."""
    columns = []
    for name in ("heel", "big_toe", "small_toe", "ankle"):
        z = points.point_m(f"{side}_{name}")[:, 2]
        if np.isfinite(z).mean() > 0.5 and not (name == "ankle" and columns):
            columns.append(z - np.nanpercentile(z, 5))
    if not columns:
        return np.full(len(points.t_s), np.nan)
    table = np.stack(columns)
    is_there = np.isfinite(table).all(axis=0)
    return np.where(is_there, np.where(is_there, table, 0.0).min(axis=0), np.nan)


def _first(found: dict[Side, Landings], first_s: float | None) -> dict[Side, Landings]:
    if first_s is None:
        return found
    begin = min(of.t_s[0] for of in found.values() if len(of.t_s))
    keep = {side: of.t_s < begin + first_s for side, of in found.items()}
    return {s: Landings(of.t_s[keep[s]], of.weight[keep[s]]) for s, of in found.items()}


def _best_lag(seen: dict[Side, Landings], felt: dict[Side, Landings]) -> float:
    """Return the lag at which the two series of weighted landings agree best.

    Every pair of landings votes for its lag with the product of its weights; the votes are
    summed with a Gaussian of the width of two pulses: the cross-correlation of both series.
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
            "the key points and the recording show different feet landing; stomp with the foot "
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
            f"the landings of key points and recording agree to {score[best]:.0%} at best; "
            "are both of the same session, with a stomp in both?"
        )
    if len(others) and others.max() > _AMBIGUOUS * score[best]:
        second = middle[abs(middle - middle[best]) > _APART_S][int(np.argmax(others))]
        raise DataError(
            f"clock offsets of {middle[best]:.2f} s and {second:.2f} s fit alike: the landings "
            "repeat; stomp once, hard, and stand still before and after, or give offset_s"
        )
    return float(middle[best])


def _refined(
    seen: dict[Side, Landings], felt: dict[Side, Landings], lag: float, sampling_s: float
) -> Clock:
    """Pair landings about a lag and fit offset and rate, from the first ones onward."""
    offset, rate, used, uncertainty = lag, 1.0, 0, np.inf
    common, spread, n = np.inf, 0.0, 1.0
    at, apart, speed = _pairs(seen, felt, offset, rate)
    for _ in range(4):
        if not len(at):
            raise DataError("no landing of key points meets one of the recording; stomp harder")
        if speed.max() < _STOMP_M_S:
            raise DataError(
                f"the hardest landing in both reaches the floor with {speed.max():.1f} m/s and a "
                f"stomp with {_STOMP_M_S:g} or more: steps land too softly to tell the time; "
                "stomp at the beginning, or give offset_s"
            )
        weight = np.where(speed >= _HARD * speed.max(), speed**2, 0.0)
        if np.ptp(at[weight > 0]) >= _RATE_SPAN_S:
            offset, rate = _line(at, apart, weight)
        else:
            offset = float(np.average(apart, weights=weight))
        left = apart - (offset + (rate - 1) * at)
        spread = float(np.sqrt(np.average(left**2, weights=weight)))
        n = float(weight.sum() ** 2 / (weight**2).sum())
        # Landings share the error of the floor's height: more of them do not take it away.
        common = _FLOOR_M / float(np.average(speed, weights=weight))
        used = int((weight > 0).sum())
        at, apart, speed = _pairs(seen, felt, offset, rate)
    uncertainty = float(np.hypot(common, np.hypot(sampling_s, spread) / np.sqrt(n)))
    if uncertainty > MAX_UNCERTAINTY_S:
        raise DataError(
            f"the clocks agree only to {1e3 * uncertainty:.0f} ms, {1e3 * MAX_UNCERTAINTY_S:.0f} "
            "ms are allowed; stomp harder, and record key points with 30 frames/s or more"
        )
    return Clock(offset, rate, uncertainty, used)


def _pairs(
    seen: dict[Side, Landings], felt: dict[Side, Landings], offset_s: float, rate: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return times of landings that meet, recording minus key points, and their speeds."""
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


def stomping(
    motion: str,
    *,
    seconds: float,
    seed: int,
    layouts: dict[Side, Layout],
    side: Side = "right",
    is_closed: bool = False,
) -> Walker:
    """Return a virtual person who stomps and then does ``motion`` for so many seconds.

    ``is_closed`` adds a second stomp at the end. The forces follow from the motion.
    """
    person = walkers.Person.from_seed(seed)
    walker = walkers.build(motion, seed=seed, layouts=layouts, person=person)
    standing = walkers.build("stand", seed=seed, layouts=layouts, person=person)
    pose = standing.body(np.zeros(1)).keypoints_m[0]
    t_s = np.arange(round(seconds * _BODY_RATE_HZ)) / _BODY_RATE_HZ
    moved = walker.body(t_s).keypoints_m
    first = _stomp(pose + _shift(pose, moved[0]), side)
    parts = [first, _joined(first[-1], moved[0]), moved]
    if is_closed:
        last = _stomp(pose + _shift(pose, moved[-1]), side)
        parts += [_joined(moved[-1], last[0]), last]
    body = Motion(_BODY_RATE_HZ, np.concatenate(parts), person.mass_kg)
    return walkers.play(body, layouts=layouts, person=person)


def _stomp(pose: FloatArray, side: Side) -> FloatArray:
    """Return a stomp from and to a standing pose (21, 3), (n, 21, 3)."""
    stand, lift, hold, fall, rest = (np.arange(round(s * _BODY_RATE_HZ)) for s in _PHASES_S)
    raised = _eased(lift / len(lift))
    fallen = 1 - (fall / len(fall)) ** 2
    height = _HEIGHT_M * np.concatenate([0.0 * stand, raised, 0.0 * hold + 1, fallen, 0.0 * rest])
    points = np.repeat(pose[None], len(height), axis=0)
    for name in ("ankle", "heel", "small_toe", "big_toe"):
        points[:, INDEX[f"{side}_{name}"], 2] += height
    points[:, INDEX[f"{side}_knee"], 0] += height
    points[:, INDEX[f"{side}_knee"], 2] += height / 2
    return points


def _shift(pose: FloatArray, target: FloatArray) -> FloatArray:
    move = target[INDEX["pelvis"]] - pose[INDEX["pelvis"]]
    return move * np.array([1.0, 1.0, 0.0])


def _joined(start: FloatArray, end: FloatArray) -> FloatArray:
    """Return the way from one pose to another, (n, 21, 3)."""
    n = round(_JOIN_S * _BODY_RATE_HZ)
    return start + (end - start) * _eased(np.arange(n) / n)[:, None, None]


def _eased(u: FloatArray) -> FloatArray:
    return u * u * u * (10 + u * (6 * u - 15))
