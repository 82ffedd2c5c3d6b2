"""Two trains of the same pulses on clocks of their own, with pulses missing in both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

from solekit.errors import DataError
from solekit.layouts import FloatArray
from solekit.sync.clock_tie import ClockTie

MAX_PULSES = 300
MAX_RATE = 0.002  # a camera of 29.97 frames/s that says 30 is wrong by half of that
RATE_SPAN_S = 20.0  # over less the rate is not sought
_AMBIGUOUS = 0.85  # of the best match: an offset that matches as much, and nobody knows
_LEAST_SHARE = 0.6  # of the pulses of the shorter train that must be in the other


@dataclass(frozen=True, eq=False)
class Train:
    """Pulses at ``t_s`` (n,), in order; ``weight`` (n,) counts those that matter more."""

    t_s: FloatArray
    weight: FloatArray | None = None


def match_trains(
    outside: Train,
    recording: Train,
    *,
    near_s: float = 0.02,
    floor_s: float = 0.0,
    least: int = 3,
    what: str = "pulses",
) -> ClockTie:
    """Return the tie of two trains; the offset is unknown, the rate within ``MAX_RATE`` of one.

    Pulses nearer than ``near_s`` on the common clock are the same; ``floor_s`` is the standard
    deviation of one pulse that no fit can show to be smaller. DataError where fewer than ``least``
    or too small a part match, or where a second offset matches nearly as much.
    """
    a, b = _checked(outside, "outside", what), _checked(recording, "recording's", what)
    weight = np.ones(b.size) if recording.weight is None else recording.weight
    if min(a.size, b.size) < least:
        raise DataError(
            f"{a.size} {what} outside and {b.size} in the recording: {least} or more must be in "
            "both"
        )
    span = min(np.ptp(a), np.ptp(b))
    n_rates = 1
    if span >= RATE_SPAN_S:
        n_rates = 2 * int(np.ceil(MAX_RATE * span / near_s)) + 1
    best_score, best_rate, best_lag, lags, scores = -1.0, 1.0, 0.0, np.zeros(0), np.zeros(0)
    for rate in np.linspace(1 - MAX_RATE, 1 + MAX_RATE, n_rates) if n_rates > 1 else (1.0,):
        lag, score = _scores(a * rate, b, weight, near_s)
        top = int(np.argmax(score))
        if score[top] > best_score:
            best_score, best_rate, best_lag = float(score[top]), float(rate), float(lag[top])
            lags, scores = lag, score
    tie = _fitted(a, b, best_lag, best_rate, near_s, floor_s, least, what)
    others = np.abs(lags - best_lag) > 4 * near_s
    if others.any() and scores[others].max() >= _AMBIGUOUS * best_score:
        second = float(lags[others][int(np.argmax(scores[others]))])
        raise DataError(
            f"clock offsets of {best_lag:.3f} s and {second:.3f} s fit alike: the {what} repeat; "
            f"leave gaps of different lengths between {what}"
        )
    if tie.n_matched < _LEAST_SHARE * min(a.size, b.size):
        raise DataError(
            f"only {tie.n_matched} of {a.size} {what} outside and {b.size} in the recording "
            "match; are both of the same session?"
        )
    return tie


def _checked(train: Train, whose: str, what: str) -> FloatArray:
    t = np.asarray(train.t_s, dtype=float)
    if t.ndim != 1 or not np.isfinite(t).all() or np.any(np.diff(t) <= 0):
        raise DataError(f"the {whose} {what} are no rising times in seconds")
    if t.size > MAX_PULSES:
        raise DataError(f"{t.size} {what} ({whose}): give {MAX_PULSES} at most, a part will do")
    return t


def _scores(
    a: FloatArray, b: FloatArray, weight: FloatArray, near_s: float
) -> tuple[FloatArray, FloatArray]:
    """Return every lag that brings two pulses together, and what it matches in all, (n,) each."""
    lag = np.subtract.outer(b, a).ravel()
    vote = np.repeat(weight, a.size)
    order = np.argsort(lag)
    lag, vote = lag[order], vote[order]
    total = np.concatenate(([0.0], np.cumsum(vote)))
    first = np.searchsorted(lag, lag - near_s)
    stop = np.searchsorted(lag, lag + near_s, side="right")
    return lag, total[stop] - total[first]


def _fitted(
    a: FloatArray,
    b: FloatArray,
    lag_s: float,
    rate: float,
    near_s: float,
    floor_s: float,
    least: int,
    what: str,
) -> ClockTie:
    offset, seeks_rate = lag_s, False
    x, y, left = np.zeros(0), np.zeros(0), np.zeros(0)
    for _ in range(5):
        i, k = _nearest(a, b, offset, rate, near_s)
        x, y = a[i], b[k]
        if x.size < least:
            raise DataError(
                f"only {x.size} of {a.size} {what} outside and {b.size} in the recording match, "
                f"{least} or more must; are both of the same session?"
            )
        seeks_rate = x.size >= 3 and bool(np.ptp(x) >= RATE_SPAN_S)
        middle = x.mean()
        rate = float(np.polyfit(x - middle, y, 1)[0]) if seeks_rate else 1.0
        offset = float(np.mean(y - rate * x))
        left = y - offset - rate * x
    free = x.size - (2 if seeks_rate else 1)
    spread = floor_s
    if free > 0:
        # Few residuals say little of their own spread: Student's t for one standard deviation.
        seen = float(np.sqrt((left**2).sum() / free) * student_t.ppf(0.8413, free))
        spread = max(floor_s, seen)
    elif floor_s == 0.0:
        spread = near_s
    arm = 0.25 * np.ptp(x) ** 2 / max(float(((x - x.mean()) ** 2).sum()), 1e-12)
    n = x.size
    uncertainty = spread * np.sqrt(1 / n + (arm if seeks_rate else 0.0))
    if not seeks_rate:
        # Crystals differ: without a rate the offset ages over the train.
        uncertainty = np.hypot(uncertainty, 1e-4 * np.ptp(x))
    return ClockTie(offset, rate, float(uncertainty), n)


def _nearest(
    a: FloatArray, b: FloatArray, offset_s: float, rate: float, near_s: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of pulses of both that are each other's nearest, and near."""
    gaps = np.abs(np.subtract.outer(offset_s + rate * a, b))
    k = np.argmin(gaps, axis=1)
    mutual = np.argmin(gaps, axis=0)[k] == np.arange(a.size)
    i = np.flatnonzero(mutual & (gaps[np.arange(a.size), k] <= near_s))
    return i, k[i]
