"""Butterfly diagram: the joint centre of pressure of both feet over the gait cycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.layouts import FloatArray, Layout
from solekit.pressure.cop import GAP_STEPS

N_ACROSS = 201  # places on which two crossing paths are compared
COLUMNS = [
    "ic_s",
    "crossing_ap_mm",
    "crossing_ml_mm",
    "left_area_mm2",
    "right_area_mm2",
    "area_mm2",
    "perimeter_mm",
    "compactness",
    "asymmetry_pct",
    "reason",
]


@dataclass(frozen=True, eq=False)
class FootLoad:
    """Load and centre of pressure of one foot at ``t_s``, all of shape (n,).

    ``force_n`` is in the same unit for both feet; the centre of pressure may be NaN where the foot
    is unloaded. ``ic_s`` and ``to_s`` are the foot's contacts and toe offs.
    """

    t_s: FloatArray
    force_n: FloatArray
    cop_x_mm: FloatArray
    cop_y_mm: FloatArray
    ic_s: FloatArray
    to_s: FloatArray


class Butterfly(Algorithm):
    """Cyclogram of the joint centre of pressure, with the feet placed side by side.

    Parameters
    ----------
    stance_width_mm
        Distance between the middles of the soles. It is assumed, not measured: it scales every
        medio-lateral number and area.
    rate_hz
        Rate of the common times.
    max_clock_interval_s
        Uncertainty between the feet's clocks beyond which nothing is given: the crossing happens
        in double support, which lasts about 0.1 s.

    Attributes
    ----------
    t_s_
        Common times, shape (n,).
    x_mm_, y_mm_
        Joint centre of pressure, shape (n,): x from the middle between the feet to the wearer's
        right, y from the heels; NaN without load.
    strides_
        One row per left stride: ``ic_s``, ``crossing_ap_mm`` (from half of the sole's length),
        ``crossing_ml_mm`` (right positive), ``left_area_mm2``, ``right_area_mm2`` (of the wings),
        ``area_mm2`` (both), ``perimeter_mm``, ``compactness`` (4 pi area / perimeter^2; 1 for a
        circle), ``asymmetry_pct`` of the wings, 200 (L - R) / (L + R), ``reason``.
    summary_
        ``quantity``, ``mean``, ``sd``, ``n`` over the strides.
    reason_
        Why there is nothing; '' otherwise.

    Notes
    -----
    The joint centre of pressure is (F_L C_L + F_R C_R) / (F_L + F_R); a wing's area is the
    shoelace sum between two passages of the crossing. Crossing and wings: Solekit (own definition)
    after the butterfly diagram of instrumented treadmills.
    """

    t_s_: FloatArray
    x_mm_: FloatArray
    y_mm_: FloatArray
    strides_: pd.DataFrame
    summary_: pd.DataFrame
    reason_: str

    def __init__(
        self,
        *,
        stance_width_mm: float = 100.0,
        rate_hz: float = 100.0,
        max_clock_interval_s: float = 0.01,
    ) -> None:
        self.stance_width_mm = stance_width_mm
        self.rate_hz = rate_hz
        self.max_clock_interval_s = max_clock_interval_s

    def compute(
        self,
        left: FootLoad,
        right: FootLoad,
        *,
        layout: Layout,
        clock_interval_s: float = 0.0,
    ) -> Self:
        """Join both feet, whose times are on one clock; ``layout`` is that of either sole.

        ``clock_interval_s`` is the half width of the interval that holds the true offset between
        the feet. DataError for arrays that do not fit.
        """
        for name, foot in (("left", left), ("right", right)):
            _require(name, foot)
        start_s, stop_s = max(left.t_s[0], right.t_s[0]), min(left.t_s[-1], right.t_s[-1])
        self.t_s_ = np.arange(start_s, stop_s, 1 / self.rate_hz)
        self.x_mm_, self.y_mm_ = np.full((2, self.t_s_.size), np.nan)
        self.reason_ = ""
        rows: list[dict[str, object]] = []
        if self.t_s_.size < 2:
            self.reason_ = "the feet were not recorded at the same time"
        elif clock_interval_s > self.max_clock_interval_s:
            self.reason_ = (
                f"the feet's clocks agree to {1000 * clock_interval_s:.3g} ms only; the crossing "
                f"needs {1000 * self.max_clock_interval_s:g} ms"
            )
        else:
            self._join(left, right, layout.width_mm)
            rows = self._describe_strides(left, right, layout.length_mm)
        self.strides_ = pd.DataFrame(rows, columns=COLUMNS)
        numbers = self.strides_[COLUMNS[1:-1]].astype(float)
        self.summary_ = pd.DataFrame(
            {"mean": numbers.mean(), "sd": numbers.std(ddof=1), "n": numbers.count()}
        )
        self.summary_ = self.summary_.rename_axis("quantity").reset_index()
        if not self.reason_ and not self.summary_["n"].to_numpy().any():
            self.reason_ = "no stride has both crossings in double support"
        return self

    def _join(self, left: FootLoad, right: FootLoad, width_mm: float) -> None:
        half_mm = self.stance_width_mm / 2
        force, moment_x, moment_y = np.zeros((3, self.t_s_.size))
        for foot, middle_mm in ((left, -half_mm), (right, half_mm)):
            x_mm = foot.cop_x_mm - width_mm / 2 + middle_mm
            given = np.isfinite(foot.cop_x_mm) & np.isfinite(foot.cop_y_mm)
            # Without a centre of pressure a foot has no weight in the joint one; NaN load is lost.
            load = np.where(given | ~np.isfinite(foot.force_n), foot.force_n, 0.0)
            force += _at(self.t_s_, foot.t_s, load)
            moment_x += _at(self.t_s_, foot.t_s, np.where(given, load * x_mm, 0.0))
            moment_y += _at(self.t_s_, foot.t_s, np.where(given, load * foot.cop_y_mm, 0.0))
        np.divide(moment_x, force, out=self.x_mm_, where=force > 0)
        np.divide(moment_y, force, out=self.y_mm_, where=force > 0)

    def _describe_strides(
        self, left: FootLoad, right: FootLoad, length_mm: float
    ) -> list[dict[str, object]]:
        to_left = _transitions(left, right)  # from the right foot to the left
        to_right = _transitions(right, left)
        rows = []
        for k, ic_s in enumerate(left.ic_s[:-1]):
            row: dict[str, object] = dict.fromkeys(COLUMNS, np.nan)
            row["ic_s"], row["reason"] = ic_s, ""
            other = np.flatnonzero((right.ic_s > ic_s) & (right.ic_s < left.ic_s[k + 1]))
            if other.size != 1:
                row["reason"] = f"{other.size} contacts of the right foot in the stride"
            else:
                spans = (to_left[k], to_right[other[0]], to_left[k + 1])
                row |= self._describe_stride(spans, length_mm)
            rows.append(row)
        return rows

    def _describe_stride(
        self, spans: tuple[FloatArray, FloatArray, FloatArray], length_mm: float
    ) -> dict[str, object]:
        """Describe the stride with double support in ``spans``: to left, to right, to left."""
        if not np.isfinite(spans).all():
            return {"reason": "no double support"}
        if spans[0][0] < self.t_s_[0] or spans[2][1] > self.t_s_[-1]:
            return {"reason": "outside the recording"}
        first, turn, last = (self._path(*span) for span in spans)
        whole = self._path(spans[0][0], spans[2][1])
        if not np.isfinite(whole).all():
            return {"reason": "a gap in the frames, or no load"}
        opened, closed = _crossing(first, turn), _crossing(last, turn)
        if opened is None or closed is None:
            return {"reason": "the two diagonals do not cross"}
        (x_mm, y_mm, first_s, turn_s), (_, _, last_s, turn_again_s) = opened, closed
        left_wing = _loop(whole, first_s, turn_s)
        right_wing = _loop(whole, turn_again_s, last_s)
        left_mm2, right_mm2 = _area(left_wing), _area(right_wing)
        both_mm2 = left_mm2 + right_mm2
        perimeter_mm = _perimeter(left_wing) + _perimeter(right_wing)
        return {
            "crossing_ap_mm": y_mm - length_mm / 2,
            "crossing_ml_mm": x_mm,
            "left_area_mm2": left_mm2,
            "right_area_mm2": right_mm2,
            "area_mm2": both_mm2,
            "perimeter_mm": perimeter_mm,
            "compactness": 4 * np.pi * both_mm2 / perimeter_mm**2,
            "asymmetry_pct": 200 * (left_mm2 - right_mm2) / both_mm2,
        }

    def _path(self, start_s: float, stop_s: float) -> FloatArray:
        """Return the path between two times, ends included, as rows of t, x, y."""
        first = int(np.searchsorted(self.t_s_, start_s, side="right"))
        stop = int(np.searchsorted(self.t_s_, stop_s))
        at_s = np.concatenate([[start_s], self.t_s_[first:stop], [stop_s]])
        near = slice(max(first - 1, 0), stop + 1)  # not all of the recording for each stride
        xy = [
            np.interp(at_s, self.t_s_[near], values[near]) for values in (self.x_mm_, self.y_mm_)
        ]
        return np.column_stack([at_s, *xy])


def _require(name: str, foot: FootLoad) -> None:
    shapes = {foot.t_s.shape, foot.force_n.shape, foot.cop_x_mm.shape, foot.cop_y_mm.shape}
    if len(shapes) != 1 or foot.t_s.ndim != 1 or foot.t_s.size < 2:
        raise DataError(f"{name} foot: t_s, force_n and centre of pressure must have one length")
    if not np.isfinite(foot.t_s).all() or (np.diff(foot.t_s) <= 0).any():
        raise DataError(f"{name} foot: t_s must be finite and rise from frame to frame")
    if any((np.diff(times) <= 0).any() for times in (foot.ic_s, foot.to_s)):
        raise DataError(f"{name} foot: ic_s and to_s must rise; sort them")


def _at(at_s: FloatArray, t_s: FloatArray, values: FloatArray) -> FloatArray:
    """Interpolate onto ``at_s``; NaN in gaps of the frames."""
    out = np.interp(at_s, t_s, values)
    after = np.clip(np.searchsorted(t_s, at_s), 1, t_s.size - 1)
    step_s = np.diff(t_s)
    out[step_s[after - 1] > GAP_STEPS * np.median(step_s)] = np.nan
    return out


def _transitions(lands: FootLoad, leaves: FootLoad) -> FloatArray:
    """Return double support after each contact, (n, 2): until the other foot's toe off.

    NaN where that foot lands before it leaves: it was in the air at the contact.
    """
    end_s = _next(leaves.to_s, lands.ic_s)
    return np.column_stack(
        [lands.ic_s, np.where(_next(leaves.ic_s, lands.ic_s) < end_s, np.nan, end_s)]
    )


def _next(times_s: FloatArray, at_s: FloatArray) -> FloatArray:
    """Return the first of ``times_s`` after each of ``at_s``; NaN where there is none."""
    return np.append(times_s, np.nan)[np.searchsorted(times_s, at_s, side="right")]


def _crossing(one: FloatArray, other: FloatArray) -> tuple[float, float, float, float] | None:
    """Return x, y of the crossing of two paths (rows t, x, y) and when each passes it.

    ``one`` runs to the left and ``other`` to the right, so each is a function of x; a step back
    would make it no function, and is levelled out.
    """
    one, other = one[::-1].copy(), other.copy()
    for path in (one, other):
        path[:, 1] = np.maximum.accumulate(path[:, 1])
    low, high = max(one[0, 1], other[0, 1]), min(one[-1, 1], other[-1, 1])
    if not high > low:
        return None
    x_mm = np.linspace(low, high, N_ACROSS)
    apart = np.interp(x_mm, one[:, 1], one[:, 2]) - np.interp(x_mm, other[:, 1], other[:, 2])
    passes = np.flatnonzero((apart[:-1] < 0) & (apart[1:] >= 0))
    if passes.size == 0:
        return None
    i = passes[0]
    at_mm = x_mm[i] - apart[i] * (x_mm[i + 1] - x_mm[i]) / (apart[i + 1] - apart[i])
    y_mm, other_s = (np.interp(at_mm, other[:, 1], other[:, c]) for c in (2, 0))
    return float(at_mm), float(y_mm), float(np.interp(at_mm, one[:, 1], one[:, 0])), float(other_s)


def _loop(path: FloatArray, start_s: float, stop_s: float) -> FloatArray:
    inside = path[(path[:, 0] > start_s) & (path[:, 0] < stop_s)]
    ends = [[np.interp(at, path[:, 0], path[:, c]) for c in (1, 2)] for at in (start_s, stop_s)]
    return np.vstack([ends[0], inside[:, 1:], ends[1]])


def _area(loop: FloatArray) -> float:
    x, y = loop.T
    return float(abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2)


def _perimeter(loop: FloatArray) -> float:
    return float(np.hypot(*(np.roll(loop, -1, axis=0) - loop).T).sum())
