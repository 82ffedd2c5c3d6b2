"""Elderly against young people by gait variables of foot IMUs, and IMU contacts against pads.

One walk of 5 m per person leaves too few strides for the rules that drop the first and last: all
strides that do not turn count here, ``auc_of_valid_strides`` has the rules. The AUC has no
target; that labels without meaning give 0.5 has one. The 5 m that were asked for tell that the
clock is right in both groups. Pads under toe and heel (raw counts) time the same contacts by other
means: the contact comes at the same time for any level of load between 10 and 30 % within 11 ms,
the toe off within 80 ms, so that only the first compares.

The groups were recorded on different days, and the elderly took quicker and shorter steps than
the young at the same speed: the AUC is that of two groups of recordings, not of age.
``auc_without_rhythm`` leaves out what depends on the step time alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from solekit.contacts.inertial import InertialContacts
from solekit.layouts import SIDES, BoolArray, FloatArray, Side
from solekit.statistics.bootstrap import Interval, in_order, of_pairs
from solekit.statistics.prediction import PersonPrediction
from solekit.strides import EventStrides
from solekit.trajectory.path import FootPath
from solekit.trajectory.stride_geometry import StrideGeometry
from tools.validate.intervals import joined_median, over_people

FOLDER = "marpino"
PATTERNS = ("S*_elderly.npz", "S*_young.npz")
SEED = 1
N_REPEATS = 10
N_SHUFFLES = 200
Contacts = dict[Side, InertialContacts]
SENSOR: dict[Side, int] = {"left": 5, "right": 2}
TOE_HEEL: dict[Side, tuple[int, int]] = {"left": (2, 3), "right": (0, 1)}
MAX_TURNING_DEG = 30.0  # a stride that changes heading by more turns
MIN_STRIDES = 4  # of these tell a CV
BROKEN = ("gap", "duration", "bout", "toe_off")  # rules that say: this is no stride of a walk
LOADED_SHARE = 0.2  # of the range of a pad during the walk
REACH_S = 0.5  # a pad changes at most this far from the middle of the swing, or is not used
RHYTHM = ("stride_time_s", "swing_s", "cadence_steps_min")
MEDIANS = {
    "stride_time_s": "stride_s",
    "stance_pct": "stance_pct",
    "swing_s": "swing_s",
    "double_support_pct": "double_support_pct",
    "cadence_steps_min": "cadence_steps_min",
    **{
        name: name
        for name in (
            *("stride_length_m", "stride_speed_m_s", "strike_angle_deg", "toe_off_angle_deg"),
            *("max_lift_m", "circumduction_m"),
        )
    },
}


def validate(folder: Path, rung: str) -> dict[str, Any]:  # noqa: ARG001 - IMU only
    """Return the AUC of the groups in ``folder``, alone and by variable, with intervals."""
    people: dict[str, dict[str, float]] = {}
    valid: dict[str, dict[str, float]] = {}
    timing: dict[str, dict[str, FloatArray]] = {}
    way_m: dict[str, FloatArray] = {}
    counts: list[tuple[int, int]] = []
    for path in sorted(path for pattern in PATTERNS for path in folder.glob(pattern)):
        with np.load(path) as file:
            contacts: Contacts = {side: found(file, side) for side in SIDES}
            strides, way_m[path.stem] = measured(file, contacts)
            timing[path.stem] = against_pads(file, contacts)
        ahead = ~is_turning(strides)
        walked = strides.loc[ahead & ~strides["rule"].isin(BROKEN).to_numpy(dtype=bool)]
        kept = strides.loc[ahead & strides["is_valid"].to_numpy(dtype=bool)]
        people[path.stem] = variables(walked, kept)
        valid[path.stem] = variables(kept, kept)
        counts.append((len(walked), len(kept)))
    table = pd.DataFrame.from_dict(people, orient="index")
    is_elderly = np.array([name.endswith("elderly") for name in table.index], dtype=bool)
    values = table.to_numpy(dtype=float)
    told = predicted(table, is_elderly, n_shuffles=N_SHUFFLES)
    of_valid = predicted(pd.DataFrame.from_dict(valid, orient="index"), is_elderly)
    without = predicted(table.drop(columns=list(RHYTHM)), is_elderly)
    low, high = told.shuffled_["interval"]
    n_walked, n_valid = np.array(counts).T
    return {
        "n_recordings": len(people),
        "n_people": len(people),
        "n_elderly": int(is_elderly.sum()),
        "n_young": int((~is_elderly).sum()),
        "reference": "group given by the source (elderly, young); pads under toe and heel",
        "seed": SEED,
        "classifier": "logistic regression; people left out in 5 folds, the penalty chosen by "
        f"log loss in 4 folds of the others, {N_REPEATS} times over",
        "caution": "groups were recorded on different days: not the effect of age; intervals of "
        "an AUC hold what relearning changes, and are wide where it is near 1",
        "n_variables": values.shape[1],
        "n_strides_per_person": [int(np.median(n_walked)), int(n_walked.min())],
        "n_people_below_4_valid_strides": int((n_valid < MIN_STRIDES).sum()),
        "auc": round(told.auc_.value, 4),
        "auc_interval": ends(told.auc_),
        "auc_of_valid_strides": round(of_valid.auc_.value, 4),
        "auc_of_valid_strides_interval": ends(of_valid.auc_),
        "auc_without_rhythm": round(without.auc_.value, 4),
        "auc_without_rhythm_interval": ends(without.auc_),
        "brier": round(told.scores_["brier"], 4),
        "calibration_error": round(told.scores_["calibration_error"], 4),
        "n_out_of_range": int(np.sum(told.people_["out_of_range"].to_numpy())),
        "shuffled_auc": round(told.shuffled_["mean"], 4),
        "shuffled_auc_interval": rounded(told.shuffled_["interval"]),
        "single_shuffles": rounded(told.shuffled_["spread"]),
        "n_shuffles": N_SHUFFLES,
        **way_summary(way_m),
        **pad_summary(timing),
        "walks": [
            by_variable(name, values[:, column], is_elderly) for column, name in enumerate(table)
        ],
        "targets": {"0.5 within the interval on shuffled labels": low <= 0.5 <= high},
    }


def found(file: Any, side: Side) -> InertialContacts:
    """Return the contacts of the foot ``side``."""
    return InertialContacts().detect(*imu(file, side), t_s=file["t_s"].astype(float))


def imu(file: Any, side: Side) -> tuple[FloatArray, FloatArray]:
    """Return acceleration and angular rate (n, 3) of the foot ``side``."""
    row = SENSOR[side]
    return file["acc"][:, row].astype(float), file["gyro"][:, row].astype(float)


def measured(file: Any, contacts: Contacts) -> tuple[pd.DataFrame, FloatArray]:
    """Return the strides of both feet with phases and geometry, and how far (m) each foot went."""
    events = pd.concat([contacts[side].events_.assign(side=side) for side in SIDES])
    strides = EventStrides().segment(events, sides=SIDES).strides_
    parts, way_m = [], []
    for side in SIDES:
        mine = strides.loc[strides["side"] == side].reset_index(drop=True)
        path = FootPath().integrate(*imu(file, side), t_s=file["t_s"].astype(float))
        geometry = StrideGeometry().measure(mine, path=path, axes=contacts[side].axes_).strides_
        known = path.position_m_[np.isfinite(path.position_m_[:, 0]), :2]
        if len(known):
            way_m.append(float(np.hypot(*(known[-1] - known[0]))))
        parts.append(mine.join(geometry.drop(columns="reason")))
    both = pd.concat(parts, ignore_index=True)
    both["double_support_pct"] = both["ds_initial_pct"] + both["ds_terminal_pct"]
    both["cadence_steps_min"] = 60.0 / both["step_s"]
    return both, np.array(way_m)


def is_turning(strides: pd.DataFrame) -> BoolArray:
    """Return per stride whether it turns; False where the heading is not known."""
    return np.abs(strides["turning_deg"].to_numpy(dtype=float)) > MAX_TURNING_DEG


def variables(strides: pd.DataFrame, steady: pd.DataFrame) -> dict[str, float]:
    """Return the variables of one person: medians of ``strides``, CV of ``steady`` ones.

    Starting and stopping change the stride time: its CV is of steady strides, NaN below four.
    """
    out = {name: _median(strides[column]) for name, column in MEDIANS.items()}
    stride_s = steady["stride_s"].to_numpy(dtype=float)
    out["stride_time_cv_pct"] = float("nan")
    if len(stride_s) >= MIN_STRIDES:
        out["stride_time_cv_pct"] = float(100.0 * stride_s.std(ddof=1) / stride_s.mean())
    left_s, right_s = (_median(strides.loc[strides["side"] == s, "swing_s"]) for s in SIDES)
    out["swing_asymmetry_pct"] = 200.0 * abs(left_s - right_s) / (left_s + right_s)
    return out


def _median(column: Any) -> float:
    """Return the median of what is there; NaN if nothing is."""
    values = np.asarray(column, dtype=float)
    return joined_median([values[np.isfinite(values)]])


def predicted(
    table: pd.DataFrame, is_elderly: BoolArray, *, n_shuffles: int = 0
) -> PersonPrediction:
    """Return how well ``table``, one row per person, tells the elderly from the young."""
    group = np.where(is_elderly, "elderly", "young")
    return PersonPrediction(
        case="elderly",
        variables=tuple(table.columns),
        n_repeats=N_REPEATS,
        n_shuffles=n_shuffles,
        seed=SEED,
    ).evaluate(table.assign(person=table.index, group=group), label="group", person="person")


def by_variable(name: str, values: FloatArray, is_elderly: BoolArray) -> dict[str, Any]:
    """Return what one variable alone tells; above 0.5 the elderly have more of it."""
    there = np.isfinite(values)
    elderly, young = values[there & is_elderly], values[there & ~is_elderly]
    auc = of_pairs(in_order(elderly[:, None] - young[None, :]), seed=SEED)
    return {
        "variable": name,
        "n": int(there.sum()),
        "elderly": float(f"{_median(elderly):.4g}"),
        "young": float(f"{_median(young):.4g}"),
        "auc": round(auc.value, 3),
        "interval": ends(auc, 3),
    }


def ends(found: Interval, digits: int = 4) -> list[float] | None:
    """Return the ends of an interval with ``digits``; None where there is none."""
    return None if np.isnan(found.low) else [round(found.low, digits), round(found.high, digits)]


def against_pads(file: Any, contacts: Contacts) -> dict[str, FloatArray]:
    """Return how much later (ms) the IMU sees contact and toe off than the pads; NaN: not seen."""
    t_s = file["t_s"].astype(float)
    out: dict[str, list[float]] = {"ic": [], "to": []}
    for side in SIDES:
        swings = contacts[side].swings_
        if swings.empty:
            continue
        first, stop = np.searchsorted(t_s, [swings["to_s"].min() - 1, swings["ic_s"].max() + 1])
        toe, heel = (loaded(file["fsr"][first:stop, c].astype(float)) for c in TOE_HEEL[side])
        around_s = t_s[first:stop]
        times_s = swings[["to_s", "mid_swing_s", "ic_s"]].to_numpy(dtype=float)
        for to_s, middle_s, ic_s in times_s.tolist():
            heel_s = first_rise(around_s, heel, middle_s)
            toe_s = -first_rise(-around_s[::-1], toe[::-1], -middle_s)
            out["ic"].append(1000.0 * (ic_s - heel_s))
            out["to"].append(1000.0 * (to_s - toe_s))
    return {kind: np.array(values) for kind, values in out.items()}


def loaded(counts: FloatArray) -> FloatArray:
    """Return pad ``counts`` (n,) as share of their range in the walk, less the level of load."""
    low, high = np.percentile(counts, (2, 98))
    return (counts - low) / max(high - low, 1.0) - LOADED_SHARE


def first_rise(t_s: FloatArray, share: FloatArray, start_s: float) -> float:
    """Return when ``share`` (n,) first rises through zero after ``start_s``; NaN if it does not.

    Falling counts on a reversed clock. A pad that is loaded at ``start_s`` is not believed.
    """
    row = int(np.searchsorted(t_s, start_s))
    above = np.flatnonzero(share[row:] >= 0)
    if not len(above) or above[0] == 0 or t_s[row + above[0]] > start_s + REACH_S:
        return float("nan")
    at = row + int(above[0])
    before, after = share[at - 1], share[at]
    return float(t_s[at - 1] + (t_s[at] - t_s[at - 1]) * before / (before - after))


def way_summary(way_m: dict[str, FloatArray]) -> dict[str, Any]:
    """Return how far (m) the feet went from first to last rest, by group."""
    out: dict[str, Any] = {}
    for group in ("elderly", "young"):
        mine = {name: value for name, value in way_m.items() if name.endswith(group)}
        both = over_people(mine, joined_median, digits=2)
        out[f"way_m_{group}"], out[f"way_m_{group}_interval"] = both["value"], both["interval"]
    return out


def pad_summary(timing: dict[str, dict[str, FloatArray]]) -> dict[str, Any]:
    """Return median differences (ms) from the pads over all people, and of how many events."""
    out: dict[str, Any] = {}
    for kind, pad in (("ic", "heel"), ("to", "toe")):
        seen = {person: each[kind][np.isfinite(each[kind])] for person, each in timing.items()}
        both = over_people(seen, joined_median, digits=1)
        every = np.concatenate(list(seen.values()))
        name = f"{kind}_after_{pad}_pad_ms"
        out[name], out[f"{name}_interval"] = both["value"], both["interval"]
        out[f"{name}_median_deviation"] = round(joined_median([np.abs(every - both["value"])]), 1)
        out[f"n_{kind}_of_swings"] = [len(every), sum(len(each[kind]) for each in timing.values())]
    return out


def rounded(values: list[float], digits: int = 4) -> list[float]:
    """Return ``values`` with ``digits``."""
    return [round(value, digits) for value in values]
