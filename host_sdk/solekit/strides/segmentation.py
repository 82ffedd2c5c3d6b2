"""Strides from gait events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd

from solekit.algorithm import Algorithm
from solekit.layouts import SIDES, BoolArray, FloatArray, Side
from solekit.strides import bouts as walking
from solekit.strides import phases
from solekit.strides.events import (
    EventTimes,
    read_events,
    recorded_feet,
    require_columns,
    require_sides,
)
from solekit.strides.spans import Spans, read_spans

STRIDE_COLUMNS = [
    "side",
    "bout",
    "ic_s",
    "to_s",
    "next_ic_s",
    "prev_other_ic_s",
    "other_to_s",
    "other_ic_s",
    *(f"{name}_s" for name in phases.PHASES),
    *(f"{name}_pct" for name in phases.SHARES),
    "is_valid",
    "rule",
    "reason",
    "is_flight",
    "support_reason",
]


class EventStrides(Algorithm):
    """Strides, steps and walking bouts from the initial contacts and toe offs of one or two feet.

    A stride runs from one contact of a foot to its next. Every pair of successive contacts gives a
    row; a row that does not count says why. Times, durations and gaps are in s on one clock.

    Parameters
    ----------
    min_stride_s, max_stride_s
        Strides outside these durations do not count.
    max_break_s
        A longer break between strides of either foot ends a walking bout.
    min_bout_strides
        Fewest strides, of both feet together, that make a bout.
    min_strides_per_foot
        Fewest strides of each foot in a bout, where both feet are present.
    n_edge_strides
        Strides of each foot dropped at either end of a bout: gait starts and stops there.
    outlier_mads
        Stride times further than this many scaled median absolute deviations (1.4826 MAD) from the
        median of their foot and bout are outliers.
    outlier_floor_s
        Nothing nearer to the median than this is an outlier: one frame at the slowest normal rate,
        30 Hz.

    Attributes
    ----------
    strides_
        One row per stride, by ``ic_s``: ``side``, ``bout`` (-1: none), the event times ``ic_s``,
        ``to_s``, ``next_ic_s``, ``prev_other_ic_s``, ``other_to_s``, ``other_ic_s``; the durations
        ``stride_s``, ``stance_s``, ``swing_s``, ``step_s`` (the step that ends at ``ic_s``),
        ``ds_initial_s``, ``ss_s``, ``ds_terminal_s``; ``stance_pct``, ``swing_pct``,
        ``ds_initial_pct``, ``ss_pct``, ``ds_terminal_pct`` of the stride; ``is_valid``, ``rule``
        (gap, duration, bout, toe_off, first, last, turn, outlier) and ``reason`` in words, both ''
        if valid; ``is_flight``; ``support_reason``, why double and single support are NaN ('' if
        they are not). A valid stride may lack them: running has no double support.
    steps_
        One row per two successive contacts of either foot: ``side`` (the foot that lands),
        ``start_s``, ``end_s``, ``step_s``, ``bout``, ``reason`` ('' for a step).
    bouts_
        One row per walking bout: ``bout``, ``start_s``, ``end_s``, ``duration_s``, ``feet``
        ('both', 'left', 'right'), ``n_left``, ``n_right`` (strides), ``n_valid_left``,
        ``n_valid_right``, ``cadence_steps_min`` (of one foot: twice its stride rate).
    excluded_
        Strides that do not count: ``side``, ``rule``, ``n``.
    sides_
        The feet, left first.

    Notes
    -----
    Durations, breaks and bouts as in mobgap (Mobilise-D); the edge, turn and MAD rules are ours.
    A bout is a run of strides of acceptable duration outside gaps with no break longer than
    ``max_break_s``; a foot whose data are declared missing for more than half of it is absent.
    """

    strides_: pd.DataFrame
    steps_: pd.DataFrame
    bouts_: pd.DataFrame
    excluded_: pd.DataFrame
    sides_: tuple[Side, ...]

    def __init__(
        self,
        *,
        min_stride_s: float = 0.2,
        max_stride_s: float = 3.0,
        max_break_s: float = 3.0,
        min_bout_strides: int = 4,
        min_strides_per_foot: int = 3,
        n_edge_strides: int = 1,
        outlier_mads: float = 3.0,
        outlier_floor_s: float = 1 / 30,
    ) -> None:
        self.min_stride_s = min_stride_s
        self.max_stride_s = max_stride_s
        self.max_break_s = max_break_s
        self.min_bout_strides = min_bout_strides
        self.min_strides_per_foot = min_strides_per_foot
        self.n_edge_strides = n_edge_strides
        self.outlier_mads = outlier_mads
        self.outlier_floor_s = outlier_floor_s

    def segment(
        self,
        events: pd.DataFrame,
        *,
        gaps: pd.DataFrame | None = None,
        turns: pd.DataFrame | None = None,
        sides: Sequence[Side] | None = None,
    ) -> Self:
        """Cut ``events`` into strides.

        ``events`` has ``side``, ``kind`` ('ic', 'to'; others are ignored) and ``t_s`` on one
        clock, in any order; ``gaps`` (``side``, ``start_s``, ``end_s``) is data declared missing;
        ``turns`` (``start_s``, ``end_s``) are turns of the body; ``sides`` are the feet that were
        recorded, by default those with events. DataError on a table that breaks this.
        """
        if not 0 < self.min_stride_s < self.max_stride_s:
            raise ValueError(
                f"stride limits {self.min_stride_s} and {self.max_stride_s} s: not a range"
            )
        times = read_events(events)
        self.sides_ = recorded_feet(times, sides)
        missing = _gaps_by_foot(gaps)
        turning = read_spans(turns, "turns")
        for (side, kind), series in times.items():
            if side not in self.sides_:
                times[side, kind] = EventTimes(series.t_s[:0], series.sigma_s[:0])

        pairs = [phases.pair_contacts(times, s, max_swing_s=self.max_stride_s) for s in SIDES]
        strides = pd.concat(pairs).sort_values(["ic_s", "side"], ignore_index=True)
        steps = phases.pair_steps({side: times[side, "ic"] for side in SIDES}, missing)

        ic_s, next_ic_s = strides["ic_s"].to_numpy(), strides["next_ic_s"].to_numpy()
        doubts = phases.own_doubts(
            strides, missing, min_stride_s=self.min_stride_s, max_stride_s=self.max_stride_s
        )
        forms_bout = ~(doubts[0][1] | doubts[1][1])  # outside gaps, of acceptable duration
        bouts, refused = self._find_bouts(strides, forms_bout, missing)
        strides["bout"] = walking.find_bout(bouts, ic_s, next_ic_s)
        steps["bout"] = walking.find_bout(bouts, *steps[["start_s", "end_s"]].to_numpy().T)
        first, last = walking.edges(strides, forms_bout, n_strides=self.n_edge_strides)

        rules = np.full(len(strides), "", dtype=object)
        reasons = np.full(len(strides), "", dtype=object)
        for rule, mask, reason in (
            *doubts[:2],
            ("bout", refused != "", refused),
            *doubts[2:],
            ("first", first, "first of bout"),
            ("last", last, "last of bout"),
            ("turn", turning.meets(ic_s, next_ic_s), "turning"),
        ):
            phases.give_reason(rules, mask, rule)
            phases.give_reason(reasons, mask, reason)
        self._mark_outliers(strides, next_ic_s - ic_s, rules, reasons)
        strides["is_valid"] = rules == ""
        strides["rule"], strides["reason"] = rules, reasons

        _add_phases(strides, steps, phases.support_reasons(strides, missing, self.sides_))
        self.strides_ = strides.loc[:, STRIDE_COLUMNS]
        self.steps_ = steps.loc[:, ["side", "bout", "start_s", "end_s", "step_s", "reason"]]
        self.bouts_ = _describe_bouts(bouts, self.strides_, self.steps_, forms_bout)
        excluded = self.strides_.loc[rules != "", ["side", "rule"]]
        self.excluded_ = excluded.value_counts(sort=False).rename("n").reset_index()
        return self

    def _find_bouts(
        self, strides: pd.DataFrame, forms_bout: BoolArray, gaps: dict[Side, Spans]
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """Return the walking bouts, and per stride why its run is none ('' elsewhere)."""
        refused = np.full(len(strides), "", dtype=object)
        rows = np.flatnonzero(forms_bout)
        start_s = strides["ic_s"].to_numpy()[rows]
        end_s = strides["next_ic_s"].to_numpy()[rows]
        is_right = (strides["side"] == "right").to_numpy(dtype=bool)[rows]
        runs = walking.number_runs(start_s, end_s, max_break_s=self.max_break_s)
        found = []
        for run in range(runs[-1] + 1 if len(runs) else 0):
            first, stop = np.searchsorted(runs, [run, run + 1])
            limits = float(start_s[first]), float(np.max(end_s[first:stop]))
            n_right = int(np.sum(is_right[first:stop]))
            n_by_side: dict[Side, int] = {"left": int(stop - first) - n_right, "right": n_right}
            reason = walking.refuse_bout(
                n_by_side,
                walking.feet_present(*limits, gaps, self.sides_),
                min_bout_strides=self.min_bout_strides,
                min_strides_per_foot=self.min_strides_per_foot,
            )
            if reason:
                refused[rows[first:stop]] = reason
            else:
                found.append(limits)
        table = pd.DataFrame(found, columns=["start_s", "end_s"], dtype=float)
        table.insert(0, "bout", np.arange(len(table), dtype=np.int64))
        return table, refused

    def _mark_outliers(
        self, strides: pd.DataFrame, stride_s: FloatArray, rules: np.ndarray, reasons: np.ndarray
    ) -> None:
        """Write the outliers among the strides without a reason into both, shape (n,)."""
        for rows in walking.by_foot(strides, rules == ""):
            median_s = np.median(stride_s[rows])
            is_outlier = walking.is_outlier(
                stride_s[rows], n_mads=self.outlier_mads, floor_s=self.outlier_floor_s
            )
            for row in rows[is_outlier]:
                rules[row] = "outlier"
                reasons[row] = f"outlier: stride {stride_s[row]:.3f} s, median {median_s:.3f} s"


def _gaps_by_foot(gaps: pd.DataFrame | None) -> dict[Side, Spans]:
    """Return the declared gaps of each foot; DataError on a broken table."""
    if gaps is None or not len(gaps):
        return {side: read_spans(None, "gaps") for side in SIDES}
    require_columns(gaps, "gaps", "side", "start_s", "end_s")
    require_sides(gaps, "gaps")
    return {side: read_spans(gaps.loc[gaps["side"] == side], "gaps") for side in SIDES}


def _add_phases(strides: pd.DataFrame, steps: pd.DataFrame, support_reasons: np.ndarray) -> None:
    """Write steps, durations, shares and why there are none into ``strides``."""
    step_start_s = steps[(steps["reason"] == "") & (steps["bout"] != walking.NO_BOUT)]
    step_start_s = step_start_s.set_index(["side", "end_s"])["start_s"]
    landing = pd.MultiIndex.from_arrays([strides["side"], strides["ic_s"]])
    strides["prev_other_ic_s"] = step_start_s.reindex(landing).to_numpy(dtype=float)
    strides["support_reason"] = support_reasons
    strides["is_flight"] = support_reasons == phases.RUNNING
    strides.loc[support_reasons != "", ["other_to_s", "other_ic_s"]] = np.nan
    for name, terms in phases.PHASES.items():
        strides[f"{name}_s"] = phases.duration(strides, terms)
    for name in phases.SHARES:
        strides[f"{name}_pct"] = 100.0 * strides[f"{name}_s"] / strides["stride_s"]


def _describe_bouts(
    bouts: pd.DataFrame, strides: pd.DataFrame, steps: pd.DataFrame, forms_bout: BoolArray
) -> pd.DataFrame:
    """Return ``bouts`` with duration, feet, numbers of strides and cadence."""
    result = bouts.assign(duration_s=bouts["end_s"] - bouts["start_s"])
    for name, mask in (("n", forms_bout), ("n_valid", strides["is_valid"].to_numpy(dtype=bool))):
        for side in SIDES:
            mine = strides.loc[mask & (strides["side"] == side), "bout"]
            counts = mine.value_counts().reindex(bouts["bout"], fill_value=0)
            result[f"{name}_{side}"] = counts.to_numpy(dtype=np.int64)
    has_left, has_right = result["n_left"] > 0, result["n_right"] > 0
    feet = np.where(has_left & has_right, "both", np.where(has_left, "left", "right"))
    result.insert(4, "feet", feet.astype(object))
    real_steps = steps[steps["reason"] == ""].groupby("bout")["step_s"]
    both = 60.0 * (real_steps.size() / real_steps.sum()).reindex(bouts["bout"]).to_numpy()
    own_strides = strides[forms_bout].groupby("bout")["stride_s"]
    alone = 120.0 * (own_strides.size() / own_strides.sum()).reindex(bouts["bout"]).to_numpy()
    return result.assign(cadence_steps_min=np.where(feet == "both", both, alone))
