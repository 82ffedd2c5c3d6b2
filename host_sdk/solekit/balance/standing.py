"""Sway in quiet standing: the centre of pressure under both feet, and how they share the load."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import ndimage, signal
from scipy.stats import chi2

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.evenly import even_pieces, runs
from solekit.layouts import SIDES, BoolArray, FloatArray, Layout, Side

COLUMNS = ["name", "side", "value", "unit", "sd", "n", "reason", "label"]
UNITS = {
    "sway_area": "mm2",
    "sway_major": "mm",
    "sway_minor": "mm",
    "sway_angle": "deg",
    "sway_path": "mm",
    "sway_velocity": "mm/s",
    "sway_velocity_ap": "mm/s",
    "sway_velocity_ml": "mm/s",
    "sway_rms_ap": "mm",
    "sway_rms_ml": "mm",
    "load_share": "%",
    "load_drift": "%/min",
}
PATHS = ("sway_path", "sway_velocity", "sway_velocity_ap", "sway_velocity_ml")
COVERAGE = 0.95
_STEADY_S = 0.5  # load is judged over this: breathing and sway stay, steps do not
_LIFT_S = 0.1  # a foot is judged over this: shorter than any swing
_ONE_FOOT = 0.05  # a foot with a smaller share of the load does not stand


@dataclass(frozen=True, eq=False)
class FootStance:
    """One foot: ``load`` (n,) in any unit, centre of pressure in mm on the sole, at ``t_s``."""

    t_s: FloatArray
    load: FloatArray
    cop_x_mm: FloatArray
    cop_y_mm: FloatArray


class StandingBalance(Algorithm):
    """Sway ellipse, path and velocity of the joint centre of pressure, and the load share.

    Parameters
    ----------
    stance_width_mm
        Distance between the middles of the soles: assumed, not measured.
    cutoff_hz
        Zero-phase low-pass (second order, forwards and backwards) before anything is measured.
    steady_share
        Quiet standing: the total load, averaged over 0.5 s, stays within this share of its median.
    min_quiet_s
        Less quiet standing in one piece is refused.
    min_rate_hz
        Below this rate the path is refused: it grows with the noise that is not filtered.

    Attributes
    ----------
    variables_
        ``name``, ``side`` ('left', 'right', '' for both feet together), ``value`` (NaN if
        refused), ``unit``, ``sd`` (of the load share over time), ``n`` (seconds), ``reason``,
        ``label``. Names: sway_area (95 % prediction ellipse), sway_major, sway_minor (half axes),
        sway_angle (of the major axis, from sideways towards the toes), sway_path, sway_velocity
        (total, _ap along and _ml across the foot), sway_rms_ap, sway_rms_ml, load_share,
        load_drift.
    quiet_s_
        Start and end of the part that was measured; NaN without one.
    reason_
        Why nothing was measured, '' if something was.

    Notes
    -----
    The ellipse is the bivariate 95 % prediction ellipse of Schubert and Kirchner 2014 (Gait &
    Posture 39:518) with the quantile of chi-square, which holds for many samples.
    """

    variables_: pd.DataFrame
    quiet_s_: tuple[float, float]
    reason_: str

    def __init__(
        self,
        *,
        stance_width_mm: float = 100.0,
        cutoff_hz: float = 5.0,
        steady_share: float = 0.1,
        min_quiet_s: float = 10.0,
        min_rate_hz: float = 20.0,
    ) -> None:
        self.stance_width_mm = stance_width_mm
        self.cutoff_hz = cutoff_hz
        self.steady_share = steady_share
        self.min_quiet_s = min_quiet_s
        self.min_rate_hz = min_rate_hz

    def measure(
        self, left: FootStance | None, right: FootStance | None, *, layout: Layout
    ) -> Self:
        """Measure standing on one or both feet, on one clock; ``layout`` is that of the soles.

        DataError without any foot, or where shapes do not fit.
        """
        feet: dict[Side, FootStance] = {
            side: foot for side, foot in zip(SIDES, (left, right), strict=True) if foot is not None
        }
        if not feet:
            raise DataError("no foot was given; standing needs at least one")
        self.quiet_s_ = (math.nan, math.nan)
        self._rows: list[dict[str, Any]] = []
        joined = _joined(feet)
        self.reason_ = "fewer than two samples in a row of all feet" if joined is None else ""
        if joined is not None:
            t_s, rate_hz, load, x_mm, y_mm = joined
            quiet = self._quiet(load, rate_hz)
            if quiet is None:
                self.reason_ = (
                    f"no {self.min_quiet_s:g} s of quiet standing: the load was never steady "
                    f"within {100 * self.steady_share:g} % for that long, with no foot lifted"
                )
            else:
                rows = slice(*quiet)
                self.quiet_s_ = float(t_s[rows][0]), float(t_s[rows][-1])
                self._measure(load[:, rows], x_mm[:, rows], y_mm[:, rows], rate_hz, feet, layout)
        if self.reason_:
            for side in ("", *feet):
                for name in UNITS:
                    self._add(name, side, math.nan, reason=self.reason_)
        self.variables_ = pd.DataFrame(self._rows, columns=COLUMNS)
        del self._rows
        return self

    def _quiet(self, load: FloatArray, rate_hz: float) -> tuple[int, int] | None:
        """Return the rows of the longest steady part, None without one."""
        total = load.sum(axis=0)
        width = max(1, round(_STEADY_S * rate_hz))
        mean = np.convolve(total, np.ones(width) / width, mode="same")
        loaded = mean[mean > 0.5 * np.percentile(mean, 95)]
        if not len(loaded) or not np.median(loaded) > 0:
            return None
        level = float(np.median(loaded))
        steady: BoolArray = np.abs(mean - level) <= self.steady_share * level
        # The average reaches beyond the ends of the recording: they are taken as they are.
        edge = width // 2 + 1
        steady[:edge] |= np.abs(total[:edge] - level) <= self.steady_share * level
        steady[-edge:] |= np.abs(total[-edge:] - level) <= self.steady_share * level
        # Averaged over a step, the total load of walking is as steady as that of standing: only
        # the single foot tells them apart.
        short = ndimage.uniform_filter1d(load, max(1, round(_LIFT_S * rate_hz)), mode="nearest")
        is_down = short > _ONE_FOOT * level
        stands = 2 * is_down[:, steady].sum(axis=1) > steady.sum()
        steady &= np.all(is_down == stands[:, None], axis=0)
        first, stop = runs(steady)
        if not len(first):
            return None
        longest = int(np.argmax(stop - first))
        if stop[longest] - first[longest] < self.min_quiet_s * rate_hz:
            return None
        return int(first[longest]), int(stop[longest])

    def _measure(
        self,
        load: FloatArray,
        x_mm: FloatArray,
        y_mm: FloatArray,
        rate_hz: float,
        feet: dict[Side, FootStance],
        layout: Layout,
    ) -> None:
        total = load.sum(axis=0)
        share = load / total
        stands = share.mean(axis=1) > _ONE_FOOT
        middle = {"left": -0.5, "right": 0.5}
        for i, side in enumerate(feet):
            x_mm[i] += middle[side] * self.stance_width_mm - layout.width_mm / 2
        # A foot in the air has no centre of pressure and no share in the joint one.
        weight = np.where(stands[:, None], share, 0.0)
        weight = weight / weight.sum(axis=0)
        joint = [np.sum(weight * np.nan_to_num(part), axis=0) for part in (x_mm, y_mm)]
        label = f"feet assumed {self.stance_width_mm:g} mm apart" if stands.sum() > 1 else ""
        if len(feet) == len(SIDES):
            self._sway("", joint[0], joint[1], rate_hz, label)
        else:
            only = f"only the {next(iter(feet))} foot was recorded"
            for name in [name for name in UNITS if name.startswith("sway")]:
                self._add(name, "", math.nan, reason=only)
        minutes = np.arange(len(total)) / rate_hz / 60.0
        for i, side in enumerate(feet):
            if len(feet) < len(SIDES):
                only = f"only the {side} foot was recorded; this needs both"
                self._add("load_share", side, math.nan, reason=only)
                self._add("load_drift", side, math.nan, reason=only)
            else:
                percent = 100.0 * share[i]
                drift = float(np.polyfit(minutes, percent, 1)[0])
                n = len(total) / rate_hz
                self._add("load_share", side, float(percent.mean()), sd=float(percent.std()), n=n)
                self._add("load_drift", side, drift, n=n)
            if stands[i]:
                self._sway(side, np.nan_to_num(x_mm[i]), np.nan_to_num(y_mm[i]), rate_hz, "")
            else:
                for name in [name for name in UNITS if name.startswith("sway")]:
                    self._add(name, side, math.nan, reason=f"the {side} foot carried no load")

    def _sway(
        self, side: str, x_mm: FloatArray, y_mm: FloatArray, rate_hz: float, label: str
    ) -> None:
        if rate_hz > 2.2 * self.cutoff_hz:
            sos = signal.butter(2, self.cutoff_hz, fs=rate_hz, output="sos")
            x_mm, y_mm = (signal.sosfiltfilt(sos, part) for part in (x_mm, y_mm))
        seconds = len(x_mm) / rate_hz
        spread, axes = np.linalg.eigh(np.cov(x_mm, y_mm))
        half = np.sqrt(np.maximum(spread, 0.0) * chi2.ppf(COVERAGE, 2))
        major = axes[:, 1] * (np.sign(axes[1, 1]) or 1.0)
        dx, dy = np.diff(x_mm), np.diff(y_mm)
        path = float(np.hypot(dx, dy).sum())
        values = {
            "sway_area": math.pi * half[0] * half[1],
            "sway_major": half[1],
            "sway_minor": half[0],
            "sway_angle": math.degrees(math.atan2(major[1], major[0])),
            "sway_path": path,
            "sway_velocity": path / seconds,
            "sway_velocity_ap": np.abs(dy).sum() / seconds,
            "sway_velocity_ml": np.abs(dx).sum() / seconds,
            "sway_rms_ap": y_mm.std(),
            "sway_rms_ml": x_mm.std(),
        }
        for name, value in values.items():
            reason = ""
            if name in PATHS and rate_hz < 0.97 * self.min_rate_hz:
                reason = f"{rate_hz:.3g} Hz is below {self.min_rate_hz:g} Hz: a path needs more"
            self._add(name, side, float(value), n=seconds, reason=reason, label=label)

    def _add(
        self,
        name: str,
        side: str,
        value: float,
        *,
        sd: float = math.nan,
        n: float = 0.0,
        reason: str = "",
        label: str = "",
    ) -> None:
        value = math.nan if reason else value
        row = (name, side, value, UNITS[name], sd, round(n, 2), reason, "" if reason else label)
        self._rows.append(dict(zip(COLUMNS, row, strict=True)))


def _joined(
    feet: dict[Side, FootStance],
) -> tuple[FloatArray, float, FloatArray, FloatArray, FloatArray] | None:
    """Return common even times (n,), the rate, and load, x and y of the feet (n_feet, n)."""
    pieces = []
    for foot in feet.values():
        columns = (foot.load, foot.cop_x_mm, foot.cop_y_mm)
        if any(np.shape(column) != np.shape(foot.t_s) for column in columns):
            raise DataError("load, cop_x_mm and cop_y_mm need one value per time")
        least = _ONE_FOOT * max(np.max(each.load, initial=0.0) for each in feet.values())
        lost = ~np.isfinite(foot.cop_x_mm + foot.cop_y_mm) & (foot.load > least)
        if np.any(lost):
            raise DataError(
                f"sample {int(np.argmax(lost))} (counted from 0) has load and no centre of "
                "pressure; drop it or repair the file"
            )
        # Where there is no load there is no centre of pressure: it is not looked at there.
        table = np.column_stack([foot.load, *(np.nan_to_num(column) for column in columns[1:])])
        found = even_pieces(np.asarray(foot.t_s, dtype=float), table, max_gap_s=0.5)
        if not found:
            return None
        pieces.append(max(found, key=lambda piece: len(piece.values)))
    rate_hz = min(piece.rate_hz for piece in pieces)
    start_s = max(piece.start_s for piece in pieces)
    end_s = min(float(piece.t_s[-1]) for piece in pieces)
    n = int((end_s - start_s) * rate_hz) + 1
    if n < 2:
        return None
    t_s = start_s + np.arange(n) / rate_hz
    parts = [
        np.array([np.interp(t_s, piece.t_s, piece.values[:, k]) for piece in pieces])
        for k in range(3)
    ]
    return t_s, rate_hz, parts[0], parts[1], parts[2]
