"""Initial contact and toe off from the load of one foot, with the whole recording at hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import nan
from typing import Self

import numpy as np
import pandas as pd
from scipy.ndimage import median_filter
from scipy.signal import butter, sosfiltfilt

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.evenly import Piece, even_pieces, rate_of, runs
from solekit.layouts import BoolArray, FloatArray

_MIN_SIGMA_SHARE = 0.5  # of frame/sqrt(12): loads are curved; errors on model gaits agree
_N_NOISE = 3.0  # a load within so many standard deviations of the unloaded one is not a rise
_REACH_S = 0.03  # by which the low-pass may displace a crossing
_PAD_S = 0.1  # by which a piece is extended at its ends before filtering

_WINDOW_S = 3.0  # holds a swing of any gait
_MIN_WINDOW = 10  # samples
_CALM_S = 0.15  # shorter than a swing
_N_FLAT = 10.0  # a walk's load varies by far more standard deviations of its noise, or counts
_MIN_RANGE_SHARE = 0.2  # of body weight; a load that varies less is no walk
_VARIES = 0.3  # of the widest variation, and
_LOW = 0.25  # of it above the lowest load: a window in which the foot walks
_FLOOR = 0.08  # of it: the foot is unloaded
_MIDDLE = (0.2, 0.5)  # of it: a foot that walks passes through, a foot that sways stays
_STANCE_S = (0.1, 3.0)
_TOP_SHARE = 0.5  # of the samples
_STANCE_SHARE = 0.5  # of the variation: a typical stance reaches it, a sway's tips do not


class PressureContacts(Algorithm):
    """Gait contacts of one foot from its total load, forwards and backwards in time.

    Parameters
    ----------
    rise_share, fall_share
        A contact begins where the load above the unloaded foot's exceeds ``rise_share`` of the
        level and ends where it falls below ``fall_share`` of it.
    peak_share
        A contact whose highest load stays below this share of the level is a touch and left out.
    cutoff_hz
        Zero-phase second-order low-pass of the load, run forwards and backwards.
    min_filter_hz
        Data slower than this are not filtered: the filter would leave no edge.
    max_gap_s
        Missing samples up to this long are bridged by a line, longer ones cut the recording.
    min_contact_s
        Shorter contacts are left out.
    min_swing_s
        Shorter dips of the load are joined: the refractory time of the detector on the foot.
    max_refine_s
        Initial contact is moved back along its rise by this much at most.

    Attributes
    ----------
    events_
        One row per event in time order: ``kind`` ('ic', 'to'), ``t_s``, ``sigma_s`` (1 SD of the
        time, from the noise and from where in the frame the crossing may lie; at most
        frame/sqrt(12)).
    rate_hz_
        Mean sampling rate without the gaps; 0 without two samples in a row.
    baseline_
        Load of the unloaded foot at every time, shape (n,), in the unit of the load; NaN if it
        shows no walk.
    level_
        What the shares refer to, in the unit of the load: the body weight, or the typical maximum
        of a stance above the baseline. NaN if the load shows no walk.
    reason_
        Why there is no event, in a sentence; '' if there are events.

    Notes
    -----
    Solekit (own definition), after the two-threshold rules that Blades & Marriott (2023) compare.
    Both events are placed on one level, ``fall_share`` (5 % of body weight is the rule of force
    plates): the higher ``rise_share`` decides that there is a contact, then initial contact goes
    back along the same uninterrupted rise to ``fall_share``, or to where the load left its noise
    if that is higher. So hysteresis does not shorten the stance. Without a body weight the level
    is the foot's own stance maximum, which is 1.0 to 1.3 body weights in walking and 2 to 3 in
    running: events then lie at that multiple of the shares. A contact under way at the start, at
    the end or at a gap lacks the event that was not seen. Contacts are found in the low-passed
    load and timed in the load as it is: a steep heel strike comes out of the filter up to 8 ms
    early. At 14 Hz the frame itself moves both events some 10 ms out of the contact. The unloaded
    load may drift by a quarter of the level. A load that only varies around a high value holds no
    contacts.
    """

    events_: pd.DataFrame
    rate_hz_: float
    baseline_: FloatArray
    level_: float
    reason_: str

    def __init__(
        self,
        *,
        rise_share: float = 0.08,
        fall_share: float = 0.05,
        peak_share: float = 0.2,
        cutoff_hz: float = 15.0,
        min_filter_hz: float = 50.0,
        max_gap_s: float = 0.2,
        min_contact_s: float = 0.1,
        min_swing_s: float = 0.15,
        max_refine_s: float = 0.03,
    ) -> None:
        self.rise_share = rise_share
        self.fall_share = fall_share
        self.peak_share = peak_share
        self.cutoff_hz = cutoff_hz
        self.min_filter_hz = min_filter_hz
        self.max_gap_s = max_gap_s
        self.min_contact_s = min_contact_s
        self.min_swing_s = min_swing_s
        self.max_refine_s = max_refine_s

    def detect(
        self, load: FloatArray, *, t_s: FloatArray, body_weight: float | None = None
    ) -> Self:
        """Find the contacts in ``load`` (n,), in any unit, taken at ``t_s`` (n,), increasing.

        ``body_weight`` is in the unit of the load. DataError on shapes, times or values that break
        this.
        """
        if not 0 < self.fall_share <= self.rise_share < self.peak_share < 1:
            raise ValueError(
                f"shares {self.fall_share}, {self.rise_share}, {self.peak_share} (fall, rise, "
                "peak) must rise between 0 and 1"
            )
        if body_weight is not None and not 0 < body_weight < np.inf:
            raise DataError(f"body_weight is {body_weight}; give it in the unit of load, or None")
        t_s, load = np.asarray(t_s, dtype=float), np.asarray(load, dtype=float)
        if load.ndim != 1 or t_s.shape != load.shape:
            raise DataError(
                f"load of shape {load.shape} at times of shape {t_s.shape}; give the total load "
                "of one foot, (n,), and one time each"
            )
        pieces = even_pieces(t_s, load, max_gap_s=self.max_gap_s) if len(load) else []
        self.rate_hz_ = rate_of(t_s, max_gap_s=self.max_gap_s) if pieces else 0.0
        smooth = [self._smooth(piece) for piece in pieces]
        found = _envelope(smooth, body_weight)
        self.reason_, self.level_ = found.reason, found.level
        self.baseline_ = found.baseline_at(t_s)
        rows: list[tuple[str, float, float]] = []
        if not found.reason:
            noise = _noise(pieces)
            for piece, raw in zip(smooth, pieces, strict=True):
                rows += self._contacts(piece, raw, found, noise, t_s)
            if not rows:
                self.reason_ = "No contact begins or ends: the foot stays loaded, or unloaded."
        if not rows:
            self.reason_ = _saturated(load) or self.reason_
        self.events_ = pd.DataFrame(rows, columns=["kind", "t_s", "sigma_s"]).astype(
            {"kind": object, "t_s": float, "sigma_s": float}
        )
        return self

    def _smooth(self, piece: Piece) -> Piece:
        if piece.rate_hz < self.min_filter_hz or piece.rate_hz <= 2 * self.cutoff_hz:
            return piece
        sos = butter(2, self.cutoff_hz, fs=piece.rate_hz, output="sos")
        n_pad = min(len(piece.values) - 1, round(_PAD_S * piece.rate_hz))
        values = sosfiltfilt(sos, piece.values, axis=0, padlen=n_pad)
        return Piece(piece.start_s, piece.rate_hz, values)

    def _contacts(
        self, piece: Piece, raw: Piece, found: _Envelope, noise: float, t_s: FloatArray
    ) -> list[tuple[str, float, float]]:
        """Return the events of one piece without gaps: found smooth, timed in the ``raw`` load."""
        baseline = found.baseline_at(piece.t_s)
        excess, sharp = piece.values[:, 0] - baseline, raw.values[:, 0] - baseline
        rate_hz = piece.rate_hz
        rise, fall = (share * found.level for share in (self.rise_share, self.fall_share))
        fall_noisy = min(rise, max(fall, _N_NOISE * found.noise))
        fall_sharp = min(rise, max(fall, _N_NOISE * noise))
        spans = contact_spans(excess, rise=rise, fall=fall_noisy)
        n = len(excess)
        is_high, is_low = sharp > rise, sharp <= fall_sharp
        rows = []
        for start, stop in _join(spans, min_samples=self.min_swing_s * rate_hz):
            is_whole = start > 0 and stop < n
            if is_whole and stop - start < self.min_contact_s * rate_hz:
                continue
            if excess[start:stop].max() < self.peak_share * found.level:
                continue
            reach = max(1, round(_REACH_S * rate_hz))
            if start > 0:
                first = _nearest_edge(is_high, start, reach)
                load, first = (excess, start) if first is None else (sharp, first)
                first, at = self._back(load, first, fall_sharp, rate_hz)
                rows.append(("ic", *_crossing(raw, load, first, at, noise, t_s)))
            if stop < n:
                last = _nearest_edge(is_low, stop, reach)
                load, last = (excess, stop) if last is None else (sharp, last)
                at = fall_noisy if load is excess else fall_sharp
                rows.append(("to", *_crossing(raw, load, last, at, noise, t_s)))
        return rows

    def _back(
        self, excess: FloatArray, start: int, fall: float, rate_hz: float
    ) -> tuple[int, float]:
        """Return the sample behind initial contact and the load there.

        From sample ``start``, the first above the rise level, back while the load keeps falling
        towards ``fall`` and ``max_refine_s`` is not used up.
        """
        first = start
        earliest = start - self.max_refine_s * rate_hz
        while (
            excess[first - 1] > fall
            and first - 1 >= max(1, earliest)
            and excess[first - 2] < excess[first - 1]
        ):
            first -= 1
        return first, max(fall, float(excess[first - 1]))


def contact_spans(excess: FloatArray, *, rise: float, fall: float) -> list[tuple[int, int]]:
    """Return spans [start, stop) of samples in contact, with hysteresis.

    A span starts at the first sample above ``rise`` and stops at the first one at or below
    ``fall``. What comes before the first sample above ``rise`` or below ``fall`` counts as that.
    """
    state = np.where(excess > rise, 1, np.where(excess <= fall, 0, -1))
    state[0] = next(iter(state[state >= 0]), 0)
    known = np.maximum.accumulate(np.where(state >= 0, np.arange(len(state)), 0))
    starts, stops = runs(state[known] == 1)
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def _join(spans: list[tuple[int, int]], *, min_samples: float) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, stop in spans:
        if joined and start - joined[-1][1] < min_samples:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return joined


def _nearest_edge(mask: BoolArray, near: int, reach: int) -> int | None:
    """Return the sample nearest to ``near``, ``reach`` at most, at which ``mask`` becomes True."""
    low = max(1, near - reach)
    high = min(near + reach, len(mask) - 1)
    edges = low + np.flatnonzero(mask[low : high + 1] & ~mask[low - 1 : high])
    return int(edges[np.abs(edges - near).argmin()]) if edges.size else None


def _crossing(
    piece: Piece, excess: FloatArray, after: int, at: float, noise: float, t_s: FloatArray
) -> tuple[float, float]:
    """Return when the load passes ``at`` between samples ``after - 1`` and ``after``, and sigma.

    The load leaves its floor somewhere within this frame: at its start, then the straight line of
    the frame holds, or late, then the steeper line of the next frame does, prolonged into this
    one. The middle of the two crossings is taken, their distance goes into sigma.
    """
    before, behind = float(excess[after - 1]), float(excess[after])
    period_s = 1.0 / piece.rate_hz
    slope = (behind - before) / period_s
    part = min(1.0, max(0.0, (at - before) / (behind - before)))
    time_s = piece.start_s + (after - 1 + part) * period_s
    rises = behind > before
    inner = after if rises else after - 1  # the sample of the two that lies inside the contact
    further = inner + (1 if rises else -1)
    corner_s = 0.0
    if 0 <= further < len(excess):
        steep = (float(excess[further]) - float(excess[inner])) / (period_s * (further - inner))
        if steep / slope > 1:
            corner_s = (float(excess[inner]) - at) * (1 / slope - 1 / steep)
    time_s += corner_s / 2
    right = min(max(int(np.searchsorted(t_s, time_s)), 1), len(t_s) - 1)
    most_s = max(period_s, float(t_s[right] - t_s[right - 1])) / np.sqrt(12)
    sigma_s = float(np.hypot(noise / slope, corner_s / np.sqrt(12)))
    return time_s, float(np.clip(sigma_s, _MIN_SIGMA_SHARE * most_s, most_s))


@dataclass(frozen=True, eq=False)
class _Envelope:
    """Unloaded load over time, what the shares refer to, and why there is none ('')."""

    t_s: FloatArray
    baseline: FloatArray
    level: float
    noise: float
    reason: str

    @classmethod
    def refused(cls, reason: str) -> _Envelope:
        return cls(np.zeros(0), np.zeros(0), nan, nan, reason)

    def baseline_at(self, t_s: FloatArray) -> FloatArray:
        """Return the load of the unloaded foot at ``t_s`` (n,)."""
        return np.interp(t_s, self.t_s, self.baseline) if self.t_s.size else np.full(len(t_s), nan)


def _envelope(pieces: list[Piece], body_weight: float | None) -> _Envelope:
    """Return baseline and level of the walking in ``pieces``.

    Windows of ``_WINDOW_S`` hold at least one swing where the person walks. Those whose load
    varies much and comes down low count; standing and sitting do not.
    """
    windows = [window for piece in pieces for window in _windows(piece)]
    if not windows:
        return _Envelope.refused(
            f"There are no {_MIN_WINDOW} samples in a row: the recording is too short, or gaps or "
            "the time between samples too long."
        )
    low, high = np.array([np.percentile(values, (10, 95)) for _, values in windows]).T
    noise = _noise(pieces)
    widest = float(np.max(high - low))
    everything = np.concatenate([values for _, values in windows])
    in_counts = np.ptp(everything) > 1 and np.all(everything == np.round(everything))
    if widest <= _N_FLAT * noise or (in_counts and widest < _N_FLAT):
        return _Envelope.refused(_flat_reason(everything, widest))
    if body_weight is not None and widest < _MIN_RANGE_SHARE * body_weight:
        return _Envelope.refused(
            f"The load varies by {widest:.3g} within {_WINDOW_S:g} s, less than a fifth of the "
            f"body weight of {body_weight:.3g}: the foot was not loaded and unloaded."
        )
    varies = high - low > _VARIES * widest
    walks = varies & (low <= low[varies].min() + _LOW * widest)
    span = float(np.median((high - low)[walks]))
    found = _Envelope(
        np.array([windows[i][0] for i in np.flatnonzero(walks)]),
        median_filter(low[walks], size=3, mode="nearest"),
        span,
        noise,
        "",
    )
    maximum = _stance_maximum(pieces, found)
    excess = np.concatenate([windows[i][1] - low[i] for i in np.flatnonzero(walks)]) / span
    in_middle = np.mean((excess > _MIDDLE[0]) & (excess < _MIDDLE[1]))
    if np.mean(excess < _FLOOR) < in_middle or maximum < _STANCE_SHARE * span:
        return _Envelope.refused(
            "The foot was never unloaded: its load varies without resting at a lowest value; "
            "it stood, or the recording holds no steps."
        )
    return replace(found, level=maximum if body_weight is None else body_weight)


def _windows(piece: Piece) -> list[tuple[float, FloatArray]]:
    """Return (middle in s, load) of windows that overlap by two thirds."""
    load = piece.values[:, 0]
    size = round(_WINDOW_S * piece.rate_hz)
    starts = range(0, max(1, len(load) - size + 1), max(1, size // 3))
    ends = [(start, min(len(load), start + size)) for start in starts]
    return [
        (piece.start_s + (a + b - 1) / 2 / piece.rate_hz, load[a:b])
        for a, b in ends
        if b - a >= _MIN_WINDOW
    ]


def _noise(pieces: list[Piece]) -> float:
    """Return the SD of the load at rest: that of the calmest tenth of short stretches."""
    calm = []
    for piece in pieces:
        size = max(4, round(_CALM_S * piece.rate_hz))
        if n := len(piece.values) // size:
            calm.append(piece.values[: n * size, 0].reshape(n, size).std(axis=1, ddof=1))
    return float(np.percentile(np.concatenate(calm), 10)) if calm else 0.0


def _flat_reason(load: FloatArray, widest: float) -> str:
    return (
        f"The load is flat: it varies by {widest:.3g} around {np.median(load):.4g}, no more than "
        "noise; the foot did not step, or the sole was saturated or not connected."
    )


def _saturated(load: FloatArray) -> str:
    """Return a sentence if most of the load stands at its highest value, else ''."""
    at_top = float(np.mean(load == load.max())) if load.size else 0.0
    if at_top <= _TOP_SHARE or load.min() == load.max():
        return ""
    return (
        f"The load is saturated: {100 * at_top:.0f} % of it stands at its highest value, "
        f"{load.max():.4g}; lower the gain, or zero the sole."
    )


def _stance_maximum(pieces: list[Piece], found: _Envelope) -> float:
    """Return the median maximum of whole contacts of walking length, else ``found.level``."""
    rough = _MIN_RANGE_SHARE * found.level
    peaks = []
    for piece in pieces:
        excess = piece.values[:, 0] - found.baseline_at(piece.t_s)
        for start, stop in zip(*runs(excess > rough), strict=True):
            is_whole = start > 0 and stop < len(excess)
            if is_whole and _STANCE_S[0] <= (stop - start) / piece.rate_hz <= _STANCE_S[1]:
                peaks.append(float(excess[start:stop].max()))
    return float(np.median(peaks)) if peaks else found.level
