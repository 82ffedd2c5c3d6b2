"""The five-times chair stand from the load under both feet."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
import pandas as pd

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.evenly import even_pieces, low_pass
from solekit.layouts import FloatArray
from solekit.strides.bouts import MAD_TO_SD

COLUMNS = ["onset_s", "seat_off_s", "stand_s", "lower_s", "sit_s", "rise_time_s", "peak_share"]
_NOISES = 8  # the two levels lie further apart than this many SD of the samples' noise
_SIT_AT_MOST = 0.7  # of the standing load: feet of somebody who sits carry less


class ChairStand(Algorithm):
    """Phases of standing up and sitting down, and the time of five of them.

    The load of a seated person's feet is low; rising lifts it above body weight (the body is
    thrown upwards), then it settles at body weight. Onset: the load leaves the seated level. Seat
    off: it passes the middle between seated and standing. Stand: after its peak it has come back
    to body weight. Lowering and sitting likewise, backwards.

    Parameters
    ----------
    n_stands
        How many the test asks for.
    cutoff_hz
        Zero-phase low-pass of the load.
    onset_share
        Of the difference between seated and standing load: a rise begins here.
    min_phase_s
        Shorter standing or sitting is the body's bounce, not a phase.

    Attributes
    ----------
    stands_
        One row per stand, in s: ``onset_s``, ``seat_off_s``, ``stand_s``, ``lower_s``, ``sit_s``
        (NaN if the recording ends standing), ``rise_time_s`` (onset to stand), ``peak_share`` (of
        the standing load).
    total_s_
        From the first onset to the last stand, Bohannon's end; NaN if refused.
    total_to_sit_s_
        To the last sitting down instead, as other protocols ask.
    seated_, standing_
        The two levels, in the unit of the load.
    reason_
        Why there is no total, '' if there is one.

    Notes
    -----
    Test: Csuka and McCarty 1985; ends of the time as in Bohannon 2006 (Percept Mot Skills
    103:215). Phases from load: Solekit (own definition).
    """

    stands_: pd.DataFrame
    total_s_: float
    total_to_sit_s_: float
    seated_: float
    standing_: float
    reason_: str

    def __init__(
        self,
        *,
        n_stands: int = 5,
        cutoff_hz: float = 6.0,
        onset_share: float = 0.1,
        min_phase_s: float = 0.2,
    ) -> None:
        self.n_stands = n_stands
        self.cutoff_hz = cutoff_hz
        self.onset_share = onset_share
        self.min_phase_s = min_phase_s

    def segment(
        self, load: FloatArray, *, t_s: FloatArray, body_weight: float | None = None
    ) -> Self:
        """Find the stands in ``load`` (n,), that of both feet together, at ``t_s`` (n,).

        ``body_weight`` in the unit of the load; None: the load of standing is found. DataError if
        shapes or times do not fit.
        """
        load = np.asarray(load, dtype=float)
        if load.ndim != 1:
            raise DataError(f"load has shape {load.shape}; give the total of both feet, (n,)")
        if body_weight is not None and not 0 < body_weight < math.inf:
            raise DataError(f"body_weight is {body_weight}; give it in the unit of load, or None")
        self.total_s_ = self.total_to_sit_s_ = self.seated_ = self.standing_ = math.nan
        self.stands_ = pd.DataFrame(columns=COLUMNS, dtype=float)
        pieces = even_pieces(t_s, load, max_gap_s=0.5)
        if not pieces:
            self.reason_ = "there are no two samples in a row"
            return self
        piece = max(pieces, key=lambda each: len(each.values))
        smooth = low_pass(piece.values[:, 0], self.cutoff_hz, piece.rate_hz)
        self.reason_ = self._levels(smooth, body_weight, _noise(piece.values[:, 0]))
        if self.reason_:
            return self
        rows = self._stands(smooth, piece.rate_hz)
        for name in COLUMNS[:5]:
            rows[name] = piece.start_s + rows[name] / piece.rate_hz
        rows["rise_time_s"] = rows["stand_s"] - rows["onset_s"]
        self.stands_ = rows
        if len(rows) < self.n_stands:
            self.reason_ = f"{len(rows)} stands were found; the test asks for {self.n_stands}"
            return self
        times = rows.to_numpy(dtype=float)[: self.n_stands]
        self.total_s_ = float(times[-1, 2] - times[0, 0])
        self.total_to_sit_s_ = float(times[-1, 4] - times[0, 0])
        return self

    def _levels(self, load: FloatArray, body_weight: float | None, noise: float) -> str:
        """Find both levels; return why they cannot be told apart."""
        low, high = np.percentile(load, (2, 98))
        if not high > 0 or (body_weight is not None and high < 0.5 * body_weight):
            return "nobody stands: the feet never carry half of the body weight"
        upper = load[load >= (low + high) / 2]
        # Rising and falling pass quickly; the level at which the load stays is the commonest one.
        standing = body_weight or _commonest(upper)
        lower = load[load < 0.5 * (low + standing)]
        if not len(lower) or low > _SIT_AT_MOST * standing:
            return "nobody sits: the load never falls below 70 % of that in standing"
        seated = _commonest(lower)
        if standing - seated < _NOISES * noise:
            return f"nobody rises: the load changes by less than {_NOISES} times its noise"
        self.seated_, self.standing_ = seated, float(standing)
        return ""

    def _stands(self, load: FloatArray, rate_hz: float) -> pd.DataFrame:
        share = (load - self.seated_) / (self.standing_ - self.seated_)
        ups, downs = _crossings(share, 0.5, max(1, round(self.min_phase_s * rate_hz)))
        rows = []
        for i, up in enumerate(ups):
            last = ups[i + 1] if i + 1 < len(ups) else len(share)
            down = next((d for d in downs if up < d < last), None)
            before = max([d for d in downs if d < up], default=0)
            quiet = np.flatnonzero(share[before:up] < self.onset_share)
            if not len(quiet):
                continue  # the recording begins in the rise
            onset = before + int(quiet[-1]) + 1
            end = down if down is not None else len(share)
            stand = _settled(share, up, end, self.onset_share)
            lower = sit = math.nan
            if down is not None:
                above = np.flatnonzero(share[stand:down] >= 1.0 - self.onset_share)
                lower = stand + (int(above[-1]) if len(above) else 0)
                low = np.flatnonzero(share[down:last] < self.onset_share)
                sit = down + int(low[0]) if len(low) else math.nan
            peak = float(load[up:end].max() / self.standing_)
            rows.append((onset, up, stand, lower, sit, math.nan, peak))
        return pd.DataFrame(rows, columns=COLUMNS, dtype=float)


def _noise(load: FloatArray) -> float:
    """Return the SD of what changes from sample to sample, whatever the load does slowly."""
    steps = np.diff(load)
    return float(MAD_TO_SD * np.median(np.abs(steps - np.median(steps))) / math.sqrt(2.0))


def _commonest(values: FloatArray) -> float:
    """Return the middle of the shortest interval that holds half of ``values``."""
    ordered = np.sort(values)
    half = max(1, len(ordered) // 2)
    widths = ordered[half:] - ordered[: len(ordered) - half]
    at = int(np.argmin(widths)) if len(widths) else 0
    return float(np.median(ordered[at : at + half + 1]))


def _settled(share: FloatArray, first: int, end: int, near: float) -> int:
    """Return the row at which the load, after its first peak, is that of standing again."""
    part = share[first:end]
    tops = np.flatnonzero((part[1:-1] >= part[:-2]) & (part[1:-1] > part[2:])) + 1
    tops = tops[part[tops] > 1.0 - near]
    top = int(tops[0]) if len(tops) else int(np.argmax(part))
    down = np.flatnonzero(part[top:] <= 1.0 + near / 2)
    return first + top + (int(down[0]) if len(down) else 0)


def _crossings(share: FloatArray, level: float, least: int) -> tuple[list[int], list[int]]:
    """Return the rows at which ``share`` rises above and falls below ``level`` to stay there."""
    is_up = share > level
    edges = np.flatnonzero(np.diff(is_up.astype(np.int8))) + 1
    kept: list[int] = []
    for edge in edges.tolist():
        if kept and edge - kept[-1] < least:
            kept.pop()
        else:
            kept.append(edge)
    return [e for e in kept if is_up[e]], [e for e in kept if not is_up[e]]
