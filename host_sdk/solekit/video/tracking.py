"""From points frame by frame to tracks: legs that were exchanged, short gaps, noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import Akima1DInterpolator

from solekit.evenly import low_pass, runs
from solekit.layouts import BoolArray
from solekit.video.landmarks import MIN_SCORE, Landmarks
from solekit.video.legs import exchange, swapped_legs

MAX_GAP_S = 0.2  # longer ones stay empty
CUTOFF_HZ = 6.0  # of a Butterworth filter, order 2, forwards and backwards
MAX_EMPTY_S = 10.0  # of one gap, at most, is made visible as empty frames


@dataclass(frozen=True, eq=False)
class Tracks:
    """Landmarks after repair; ``was_swapped`` (n,), ``n_filled`` points, ``filter_hz`` or 0."""

    landmarks: Landmarks
    was_swapped: BoolArray
    n_filled: int
    filter_hz: float


def track(
    found: Landmarks,
    *,
    min_score: float = MIN_SCORE,
    max_gap_s: float = MAX_GAP_S,
    cutoff_hz: float = CUTOFF_HZ,
) -> Tracks:
    """Drop points that are not trusted, give back exchanged legs, fill short gaps, smooth.

    Gaps of up to ``max_gap_s`` between two frames in which the point was seen are filled by a
    curve of Akima (1970); longer ones stay NaN. Then each unbroken stretch is low-passed without
    delay at ``cutoff_hz`` (0: not at all; video slower than 13.4 frames/s is not filtered).
    """
    kept = _on_every_frame(found.trusted(min_score))
    swapped = swapped_legs(kept)
    kept = exchange(kept, swapped)
    kept, n_filled = _filled(kept, max_gap_s)
    filter_hz = cutoff_hz if 0 < cutoff_hz < 0.45 * kept.rate_hz else 0.0
    if filter_hz:
        kept = _smoothed(kept, filter_hz)
    return Tracks(kept, swapped, n_filled, filter_hz)


def _on_every_frame(found: Landmarks) -> Landmarks:
    """Return the same with an empty frame wherever the source left one out."""
    period_s = 1.0 / found.rate_hz
    lost = np.maximum(np.round(np.diff(found.t_s) / period_s).astype(int) - 1, 0)
    lost = np.minimum(lost, round(MAX_EMPTY_S / period_s))
    if not lost.any():
        return found
    after = np.flatnonzero(lost)
    new_s = [
        found.t_s[i]
        + (found.t_s[i + 1] - found.t_s[i]) * np.arange(1, lost[i] + 1) / (lost[i] + 1)
        for i in after
    ]
    where = np.repeat(after + 1, lost[after])
    return replace(
        found,
        t_s=np.insert(found.t_s, where, np.concatenate(new_s)),
        xy_px=np.insert(found.xy_px, where, np.nan, axis=0),
        score=np.insert(found.score, where, 0.0, axis=0),
    )


def _filled(found: Landmarks, max_gap_s: float) -> tuple[Landmarks, int]:
    xy_px = found.xy_px.copy()
    n_filled = 0
    for i in range(xy_px.shape[1]):
        known = np.asarray(np.isfinite(xy_px[:, i]).all(axis=1))
        rows = np.flatnonzero(known)
        if len(rows) < 3 or known.all():
            continue
        starts, stops = runs(~known)
        inside = (starts > 0) & (stops < len(known))
        starts, stops = starts[inside], stops[inside]
        wanted = np.zeros(len(known), dtype=bool)
        # A gap is the time between the frames on both sides of it.
        for start, stop in zip(starts, stops, strict=True):
            if found.t_s[stop] - found.t_s[start - 1] <= max_gap_s + 1e-9:
                wanted[start:stop] = True
        curve = Akima1DInterpolator(found.t_s[rows], xy_px[rows, i])
        xy_px[wanted, i] = curve(found.t_s[wanted])
        n_filled += int(wanted.sum())
    return replace(found, xy_px=xy_px), n_filled


def _smoothed(found: Landmarks, cutoff_hz: float) -> Landmarks:
    xy_px = found.xy_px.copy()
    late = np.diff(found.t_s) > 1.5 / found.rate_hz
    for i in range(xy_px.shape[1]):
        known = np.asarray(np.isfinite(xy_px[:, i]).all(axis=1))
        for start, stop in zip(*runs(known), strict=True):
            for rows in np.split(
                np.arange(start, stop), np.flatnonzero(late[start : stop - 1]) + 1
            ):
                xy_px[rows, i] = low_pass(xy_px[rows, i], cutoff_hz, found.rate_hz)
    return replace(found, xy_px=xy_px)
