"""What the way of a foot says of each stride: length, speed, clearance, angles, turning."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd

from solekit.algorithm import Algorithm
from solekit.errors import DataError
from solekit.evenly import runs
from solekit.layouts import FloatArray
from solekit.strides.events import require_columns
from solekit.strides.phases import give_reason
from solekit.trajectory import rotations as turn
from solekit.trajectory.axes import FootAxes
from solekit.trajectory.path import FootPath

VALUES = [
    *("rest_s", "next_rest_s"),
    *("stride_length_m", "stride_speed_m_s", "height_change_m", "max_lift_m", "circumduction_m"),
    *("strike_angle_deg", "toe_off_angle_deg", "turning_deg", "toe_clearance_m", "heel_lift_m"),
]


class StrideGeometry(Algorithm):
    """Spatial variables of strides from the way of one foot.

    A stride's displacement is that between the rest after its first contact and the rest after its
    next one.

    Parameters
    ----------
    toe_lever_m, heel_lever_m
        Where toe and heel lie from the sensor in foot axes (x forward, y left, z up), for their
        clearance. None: it is refused.

    Attributes
    ----------
    strides_
        One row per stride, in the order given: ``rest_s``, ``next_rest_s`` (the rests between
        which it is measured), ``stride_length_m`` (horizontal),
        ``stride_speed_m_s`` (length by stride time), ``height_change_m`` (a step up is positive),
        ``max_lift_m`` (of the sensor above the line between the rests), ``circumduction_m``
        (furthest from that line, sideways), ``strike_angle_deg`` (sole against floor at contact,
        toes up positive), ``toe_off_angle_deg`` (negative: heel up), ``turning_deg`` (change of
        heading, to the left positive), ``toe_clearance_m`` (least height of the toe between the
        middle of swing and 0.05 s before contact), ``heel_lift_m`` (greatest height of the heel),
        ``reason`` ('' or why all are NaN).

    Notes
    -----
    Definitions of stride length, angles and clearance as in Rampp et al. 2015 and Kanzler et al.
    2015 (IEEE EMBC, foot clearance by levers). Heights are above the line between the rests, so
    that stairs and slopes need no assumption.
    """

    strides_: pd.DataFrame

    def __init__(
        self,
        *,
        toe_lever_m: tuple[float, float, float] | None = None,
        heel_lever_m: tuple[float, float, float] | None = None,
    ) -> None:
        self.toe_lever_m = toe_lever_m
        self.heel_lever_m = heel_lever_m

    def measure(self, strides: pd.DataFrame, *, path: FootPath, axes: FootAxes) -> Self:
        """Measure ``strides`` (``ic_s``, ``to_s``, ``next_ic_s`` of one foot) on its ``path``.

        ``axes`` tell how the sensor sits. DataError if a column is missing.
        """
        require_columns(strides, "strides", "ic_s", "to_s", "next_ic_s")
        n = len(strides)
        out = pd.DataFrame(np.full((n, len(VALUES)), np.nan), columns=VALUES)
        reasons = np.full(n, "", dtype=object)
        refusal = path.reason_ or axes.reason_
        give_reason(reasons, np.full(n, bool(refusal)), refusal)
        if not refusal and n:
            self._measure(strides, path, axes, out, reasons)
        self.strides_ = out.assign(reason=reasons)
        return self

    def _measure(
        self,
        strides: pd.DataFrame,
        path: FootPath,
        axes: FootAxes,
        out: pd.DataFrame,
        reasons: np.ndarray,
    ) -> None:
        ic_s, to_s, next_s = strides[["ic_s", "to_s", "next_ic_s"]].to_numpy(dtype=float).T
        first, stop = runs(path.is_rest_)
        middle = (first + stop - 1) // 2
        rest_s = path.t_s_[middle]
        begin, end = np.searchsorted(rest_s, ic_s), np.searchsorted(rest_s, next_s)
        there = (begin < len(rest_s)) & (end < len(rest_s)) & (end > begin)
        safe = np.minimum([begin, end], len(rest_s) - 1)
        a, b = middle[safe[0]], middle[safe[1]]
        there &= path.t_s_[a] < np.where(np.isfinite(to_s), to_s, next_s)
        give_reason(reasons, ~there, "the foot did not come to rest in the stance")
        following = next_s + (next_s - ic_s)
        arrive_s = path.t_s_[first[safe[1]]]
        give_reason(reasons, arrive_s > following, "no rest in the next stance")
        far = (arrive_s - path.t_s_[stop[safe[0]] - 1]) > path.max_span_s
        give_reason(reasons, far, f"more than {path.max_span_s:g} s between the rests")
        good = reasons == ""
        out.loc[good, "rest_s"], out.loc[good, "next_rest_s"] = (
            path.t_s_[a[good]],
            path.t_s_[b[good]],
        )
        step = path.position_m_[b] - path.position_m_[a]
        out.loc[good, "stride_length_m"] = np.hypot(step[:, 0], step[:, 1])[good]
        speed = out["stride_length_m"] / (next_s - ic_s)
        out["stride_speed_m_s"] = speed
        out.loc[good, "height_change_m"] = step[good, 2]
        forward = turn.rotate(path.orientation_, axes.rotation_[0])
        sole_deg = np.degrees(np.arcsin(forward[:, 2].clip(-1.0, 1.0)))
        heading = heading_of(forward)
        out.loc[good, "turning_deg"] = np.degrees(heading[b] - heading[a])[good]
        # At rest the sole lies on the floor, however the sensor is tilted in it.
        flat_deg = sole_deg[a]
        for name, at_s, rest in (
            ("toe_off_angle_deg", to_s, flat_deg),
            ("strike_angle_deg", next_s, sole_deg[b]),
        ):
            angle = np.interp(at_s, path.t_s_, sole_deg) - rest
            out.loc[good, name] = angle[good]
        if good.any():
            found = self._heights(a[good], b[good], path, axes, to_s[good], next_s[good])
            out.loc[good, list(found)] = np.column_stack(list(found.values()))

    def _heights(
        self,
        a: np.ndarray,
        b: np.ndarray,
        path: FootPath,
        axes: FootAxes,
        to_s: FloatArray,
        next_s: FloatArray,
    ) -> dict[str, FloatArray]:
        """Return what the way from sample ``a`` to sample ``b`` tells, each (n_strides,)."""
        # The samples of all strides in a row; where each stride begins, and of which each is.
        count = b - a + 1
        begin = np.cumsum(count) - count
        stride = np.repeat(np.arange(len(a)), count)
        rows = np.arange(len(stride)) + (a - begin)[stride]
        share = (rows - a[stride]) / (b - a)[stride]
        way = path.position_m_[rows] - path.position_m_[a][stride]
        chord = path.position_m_[b] - path.position_m_[a]
        length = np.hypot(chord[:, 0], chord[:, 1])
        across = np.abs(way[:, 0] * chord[stride, 1] - way[:, 1] * chord[stride, 0])
        sideways = np.full(len(a), np.nan)
        np.divide(np.maximum.reduceat(across, begin), length, out=sideways, where=length > 1e-6)
        lift = way[:, 2] - share * chord[stride, 2]
        found = {"max_lift_m": np.maximum.reduceat(lift, begin), "circumduction_m": sideways}
        t_s = path.t_s_[rows]
        late = (t_s >= ((to_s + next_s) / 2)[stride]) & (t_s <= next_s[stride] - 0.05)
        levers = (("toe_clearance_m", self.toe_lever_m), ("heel_lift_m", self.heel_lever_m))
        for name, lever in levers:
            if lever is None:
                continue
            arm = axes.rotation_.T @ _checked(lever)
            place = way[:, 2] + turn.rotate(path.orientation_[rows], arm)[:, 2]
            rise = place[begin + count - 1] - place[begin]
            height = place - place[begin][stride] - share * rise[stride]
            if name == "heel_lift_m":
                found[name] = np.maximum.reduceat(height, begin)
            else:
                lowest = np.minimum.reduceat(np.where(late, height, np.inf), begin)
                found[name] = np.where(np.isinf(lowest), np.nan, lowest)
        return found


def heading_of(forward: FloatArray) -> FloatArray:
    """Return the heading in rad, without jumps, of the foot's ``forward`` axis (n, 3)."""
    return np.unwrap(np.nan_to_num(np.arctan2(forward[:, 1], forward[:, 0])))


def _checked(lever: tuple[float, float, float]) -> FloatArray:
    arm = np.asarray(lever, dtype=float)
    if arm.shape != (3,) or not np.all(np.abs(arm) < 0.4):
        raise DataError(f"lever {lever!r}: give (x, y, z) in metres from the sensor")
    return arm
