"""Stride time of a foot from its pressure against stride time from its own gyroscope.

Both see the same walk, so a difference is an error of one of them. A stride runs from initial
contact to initial contact (from mid swing to mid swing in the second view of the gyroscope).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from solekit.contacts.inertial import InertialContacts
from solekit.contacts.pressure import PressureContacts
from solekit.layouts import BoolArray, FloatArray

STRIDE_S = (0.5, 3.0)  # walking; a longer one is a pause or a missed contact
WITHIN_PCT = 2.0
MIN_COVERAGE = 0.5  # of the strides of pressure: fewer in common say nothing of the walk
MATCH_SHARE = 0.25  # of a stride: contacts nearer than this are the same contact


def rising(t_s: FloatArray, is_good: BoolArray) -> BoolArray:
    """Return which good samples are later than every good one before, shape (n,)."""
    keep = np.array(is_good, dtype=bool)
    good = np.asarray(t_s, dtype=float)[keep]
    before = np.concatenate([[-np.inf], np.maximum.accumulate(good)[:-1]]) if len(good) else good
    keep[keep] = good > before
    return keep


def strides(t_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return begin and end (s) of the walking strides between successive contacts ``t_s``."""
    t_s = np.sort(np.asarray(t_s, dtype=float))
    begin, end = t_s[:-1], t_s[1:]
    walks = (end - begin >= STRIDE_S[0]) & (end - begin <= STRIDE_S[1])
    return begin[walks], end[walks]


def median_stride_s(t_s: FloatArray) -> float:
    """Return the median walking stride between contacts ``t_s``, NaN without one."""
    begin, end = strides(t_s)
    return float(np.median(end - begin)) if len(begin) else float("nan")


def same_strides(ours: FloatArray, theirs: FloatArray) -> FloatArray:
    """Return (ours, theirs) in s of the strides that both have, shape (n, 2).

    A stride of ours belongs to the one whose begin and end lie nearest, each within a quarter
    of ours, after the constant lag between the two kinds of contact was removed.
    """
    begin, end = strides(ours)
    begin_2, end_2 = strides(theirs)
    if not len(begin) or not len(begin_2):
        return np.zeros((0, 2))
    nearest = np.abs(begin_2[None, :] - begin[:, None]).argmin(axis=1)
    lag = float(np.median(begin_2[nearest] - begin))
    nearest = np.abs(begin_2[None, :] - lag - begin[:, None]).argmin(axis=1)
    reach = MATCH_SHARE * (end - begin)
    is_same = np.abs(begin_2[nearest] - lag - begin) <= reach
    is_same &= np.abs(end_2[nearest] - lag - end) <= reach
    return np.column_stack([end - begin, (end_2 - begin_2)[nearest]])[is_same]


def compare_foot(
    t_load_s: FloatArray, load: FloatArray, t_imu_s: FloatArray, imu: FloatArray
) -> dict[str, Any]:
    """Return stride times of one foot: ``load`` (n,) in any unit, ``imu`` (m, 6) in m/s2, rad/s.

    The differences in % are pressure / gyroscope - 1: ``paired_pct`` is the median over strides
    that both have, if those are at least half of the strides of pressure (a walk of changing tempo
    has no stride time that two selections of strides would share); ``difference_pct`` that of the
    median strides,
    ``mid_swing_pct`` the same against mid swings. Over the ``n_same`` strides that both have:
    ``same_pct`` of their mean (missed contacts do not show in it, and the scatter of contacts
    cancels where strides follow each other) and ``stride_pct``, the median
    size of the difference of one stride. None without strides; ``reason`` says why a detector
    refused.
    """
    pressure = PressureContacts().detect(load, t_s=t_load_s)
    inertial = InertialContacts().detect(imu[:, :3], imu[:, 3:6], t_s=t_imu_s)
    events = pressure.events_
    ours = events.loc[events["kind"] == "ic", "t_s"].to_numpy(dtype=float)
    contact = inertial.swings_["ic_s"].to_numpy(dtype=float)
    swing = inertial.swings_["mid_swing_s"].to_numpy(dtype=float)
    reasons = [
        f"{name}: {reason}"
        for name, reason in (("pressure", pressure.reason_), ("gyroscope", inertial.reason_))
        if reason
    ]
    pairs = same_strides(ours, contact)
    stride_s, gyro_s = median_stride_s(ours), median_stride_s(contact)
    if not reasons and not np.isfinite(stride_s + gyro_s):
        reasons = ["no stride of 0.5 to 3 s in one of the two"]
    means, each, paired = np.full(2, np.nan), np.nan, np.nan
    n_ours = len(strides(ours)[0])
    if len(pairs):
        means, each = pairs.mean(axis=0), 100 * float(np.median(np.abs(_ratio(pairs))))
    if n_ours and len(pairs) >= MIN_COVERAGE * n_ours:
        paired = 100 * float(np.median(_ratio(pairs)))
    return {
        "n_pressure": n_ours,
        "n_gyro": len(strides(contact)[0]),
        "n_same": len(pairs),
        "pressure_s": _rounded(stride_s, 4),
        "gyro_s": _rounded(gyro_s, 4),
        "difference_pct": _rounded(100 * (stride_s / gyro_s - 1)),
        "mid_swing_pct": _rounded(100 * (stride_s / median_stride_s(swing) - 1)),
        "paired_pct": _rounded(paired),
        "same_pct": _rounded(100 * (means[0] / means[1] - 1)),
        "stride_pct": _rounded(each),
        "reason": "; ".join(reasons),
    }


def summary(rows: list[dict[str, Any]], *, judged: str = "paired_pct") -> dict[str, Any]:
    """Return the median size of ``judged``, the share within 2 % and the exceptions by name.

    A row without a number counts as an exception in the share and is left out of the median.
    """
    values = [row[judged] for row in rows]
    sizes = np.abs([value for value in values if value is not None])
    exceptions = [
        f"{row['recording']}: {_why(row, judged)}"
        for row, value in zip(rows, values, strict=True)
        if value is None or abs(value) > WITHIN_PCT
    ]
    return {
        "n": len(rows),
        "median_pct": _rounded(float(np.median(sizes))) if len(sizes) else None,
        "share_within_2_pct": _rounded(1 - len(exceptions) / len(rows)) if rows else None,
        "exceptions": exceptions,
    }


def worst_feet(rows: list[dict[str, Any]], *, judged: str = "paired_pct") -> list[dict[str, Any]]:
    """Return of every recording ('name side') the foot that differs most, or has no number."""
    worst: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = row["recording"].rsplit(" ", 1)[0]
        if name not in worst or _size(row[judged]) > _size(worst[name][judged]):
            worst[name] = row
    return list(worst.values())


def _size(value: float | None) -> float:
    return float("inf") if value is None else abs(value)


def targets(result: dict[str, Any]) -> dict[str, bool]:
    """Return what is asked of a ``summary``; not met without recordings."""
    median, share = result["median_pct"], result["share_within_2_pct"]
    return {
        "median difference of stride time <= 1 %": median is not None and median <= 1.0,
        "within 2 % in >= 95 % of walking recordings": share is not None and share >= 0.95,
    }


def _why(row: dict[str, Any], judged: str) -> str:
    if row["reason"]:
        return row["reason"]
    value = row[judged]
    size = "too few strides in common" if value is None else f"{value:+.2f} %"
    return (
        f"{size}; {row['n_pressure']} strides by pressure, {row['n_gyro']} by "
        f"gyroscope, {row['n_same']} the same"
        + (f" ({row['same_pct']:+.2f} %)" if row["same_pct"] is not None else "")
    )


def _ratio(pairs: FloatArray) -> FloatArray:
    return pairs[:, 0] / pairs[:, 1] - 1


def _rounded(value: float, digits: int = 3) -> float | None:
    return round(value, digits) if np.isfinite(value) else None
