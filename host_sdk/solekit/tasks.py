"""Recordings without strides: what their protocol asks for, standing, chair stand, up and go."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from solekit.balance import ChairStand, FootStance, StandingBalance, TimedUpAndGo
from solekit.feet import FootWay, total_load
from solekit.layouts import SIDES, FloatArray, Side
from solekit.pressure import CentreOfPressure
from solekit.soles import checked_load

if TYPE_CHECKING:
    from solekit.recording.foot import FootRecording

COLUMNS = ["name", "side", "value", "unit", "n", "reason", "label"]
BOTH = "the load of both feet is needed"
Feet = dict[Side, "FootRecording"]


def task_of(
    protocol: str, feet: Feet, events: pd.DataFrame, ways: dict[Side, FootWay]
) -> pd.DataFrame:
    """Return the results of ``protocol`` ('stand-30s', 'chair-5', 'tug', ...), empty for others.

    ``feet`` are the recorded feet on one clock, ``events`` their gait events (``kind``, ``t_s``),
    ``ways`` what the IMUs tell. Columns COLUMNS; a value is NaN where ``reason`` says why.
    """
    for prefix, work in _TASKS.items():
        if protocol.lower().startswith(prefix):
            return work(protocol, feet, events, ways).reindex(columns=COLUMNS)
    return pd.DataFrame(columns=COLUMNS)


def _standing(
    protocol: str,  # noqa: ARG001 - one form for all tasks
    feet: Feet,
    events: pd.DataFrame,  # noqa: ARG001
    ways: dict[Side, FootWay],  # noqa: ARG001
) -> pd.DataFrame:
    stances: dict[Side, FootStance | None] = {"left": None, "right": None}
    for side, foot in feet.items():
        load, _ = checked_load(foot)
        cop = CentreOfPressure().compute(load, layout=foot.info.layout)
        stances[side] = FootStance(foot.t_s, load.sum(axis=1), cop.cop_x_mm_, cop.cop_y_mm_)
    layout = next(iter(feet.values())).info.layout
    found = StandingBalance().measure(stances["left"], stances["right"], layout=layout)
    return found.variables_


def _chair(
    protocol: str,
    feet: Feet,
    events: pd.DataFrame,  # noqa: ARG001
    ways: dict[Side, FootWay],  # noqa: ARG001
) -> pd.DataFrame:
    if len(feet) < len(SIDES):
        return _row("chair_stand_time", math.nan, "s", 0, BOTH)
    number = re.search(r"\d+", protocol)
    n = int(number.group()) if number else 5
    t_s, load = joint_load(feet)
    found = ChairStand(n_stands=n).segment(load, t_s=t_s)
    stands = found.stands_
    label = f"{n} stands, from the first onset to the last standing"
    rows = [
        _row("chair_stand_time", found.total_s_, "s", len(stands), found.reason_, label),
        _row("chair_stand_time_to_sit", found.total_to_sit_s_, "s", len(stands), found.reason_),
        _row(
            "rise_time",
            _mean(stands["rise_time_s"].to_numpy(dtype=float)),
            "s",
            len(stands),
            found.reason_,
        ),
    ]
    return pd.concat(rows, ignore_index=True)


def _up_and_go(
    protocol: str,  # noqa: ARG001
    feet: Feet,
    events: pd.DataFrame,
    ways: dict[Side, FootWay],
) -> pd.DataFrame:
    if len(feet) < len(SIDES):
        return _row("up_and_go_time", math.nan, "s", 0, BOTH)
    t_s, load = joint_load(feet)
    heading = _heading(ways)
    found = TimedUpAndGo().segment(
        load,
        t_s=t_s,
        events=events,
        yaw_rad_s=None if heading is None else heading[1],
        yaw_t_s=None if heading is None else heading[0],
    )
    rows = [_row("up_and_go_time", found.total_s_, "s", found.steps_, found.reason_)]
    for phase in found.phases_.to_dict("records"):
        name, duration_s = f"up_and_go_{phase['phase']}", float(phase["duration_s"])
        rows.append(_row(name, duration_s, "s", int(phase["steps"]), str(phase["reason"])))
    return pd.concat(rows, ignore_index=True)


_TASKS: dict[str, Callable[..., pd.DataFrame]] = {
    "stand": _standing,
    "chair": _chair,
    "tug": _up_and_go,
}


def joint_load(feet: Feet) -> tuple[FloatArray, FloatArray]:
    """Return times (n,) of the left foot within both recordings, and the load of both feet."""
    left, right = (feet[cast(Side, side)] for side in SIDES)
    inside = (left.t_s >= right.t_s[0]) & (left.t_s <= right.t_s[-1])
    t_s = left.t_s[inside]
    return t_s, total_load(left)[inside] + np.interp(t_s, right.t_s, total_load(right))


def _heading(ways: dict[Side, FootWay]) -> tuple[FloatArray, FloatArray] | None:
    """Return times and the rate of heading of the first foot whose way is known."""
    for way in ways.values():
        if not way.reason:
            rate = way.heading_rate_rad_s()
            known = np.isfinite(rate)
            return way.path.t_s_[known], rate[known]
    return None


def _mean(values: FloatArray) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _row(name: str, value: float, unit: str, n: int, reason: str, label: str = "") -> pd.DataFrame:
    value = math.nan if reason else value
    row = {"name": name, "side": "", "value": value, "unit": unit, "n": n}
    return pd.DataFrame([{**row, "reason": reason, "label": "" if reason else label}])
