"""What the host makes of one foot's samples: contacts, and its way where an IMU carries it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from solekit.contacts import FusedContacts, InertialContacts, PressureContacts
from solekit.layouts import BoolArray, FloatArray, Side
from solekit.trajectory import FootAxes, FootPath, StrideGeometry, rotations
from solekit.trajectory.stride_geometry import VALUES, heading_of

if TYPE_CHECKING:
    from solekit.recording.foot import FootRecording

ContactSource = Literal["foot", "host"]
CONTACT_SOURCES: tuple[ContactSource, ContactSource] = ("foot", "host")
LOADED_SHARE = 0.2  # of what the foot carries at most: below it the foot does not rest
_FULL_LOAD_PERCENTILE = 95
TURN_DEG = 20.0  # a stride that turns the foot by more is a turn


@dataclass(frozen=True, eq=False)
class FootWay:
    """Where a foot went: ``path`` and ``axes``, or the ``reason`` why nobody knows."""

    path: FootPath
    axes: FootAxes
    reason: str

    def heading_rate_rad_s(self) -> FloatArray:
        """Return the rate of the foot's heading at the times of its path, (n,), left positive."""
        forward = rotations.rotate(self.path.orientation_, self.axes.rotation_[0])
        rate = np.gradient(heading_of(forward)) * self.path.rate_hz_
        return np.where(np.isfinite(self.path.orientation_[:, 0]), rate, np.nan)


def way_of(foot: FootRecording) -> FootWay:
    """Return the way of ``foot``; zero velocity only while it carries load."""
    imu = imu_of(foot)
    if imu is None:
        reason = (
            "the insole has no gyroscope: no way of the foot"
            if foot.info.imu_axes
            else "the insole has no motion sensor"
        )
        return FootWay(FootPath(), FootAxes(), reason)
    t_s, accel, gyro = imu
    if len(t_s) < 2:
        return FootWay(FootPath(), FootAxes(), "no motion sample arrived")
    axes = FootAxes().fit(accel, gyro, t_s=t_s)
    path = FootPath().integrate(accel, gyro, t_s=t_s, is_loaded=is_loaded(foot, t_s))
    return FootWay(path, axes, path.reason_ or axes.reason_)


def host_contacts(foot: FootRecording) -> tuple[pd.DataFrame, str]:
    """Return events found again in all frames, confirmed by the IMU, and why there are none.

    The events have ``side``, ``kind``, ``t_s``, ``sigma_s``, and ``source``: who saw each,
    'pressure', 'both', or 'imu' where frames are missing.
    """
    found = PressureContacts().detect(total_load(foot), t_s=foot.t_s)
    events = found.events_.assign(source="pressure")
    imu = imu_of(foot)
    if imu is not None and len(imu[0]) > 1:
        inertial = InertialContacts().detect(imu[1], imu[2], t_s=imu[0])
        events = FusedContacts().fuse(found.events_, inertial.events_, gaps=foot.gaps).events_
    return events.assign(side=foot.side), found.reason_


def with_geometry(
    strides: pd.DataFrame, ways: dict[Side, FootWay]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return ``strides`` with the columns of StrideGeometry, and the turns among them."""
    columns = [*VALUES, "spatial_reason"]
    out = strides.copy()
    out[VALUES] = np.nan
    out["spatial_reason"] = ""
    for side, way in ways.items():
        mine = (strides["side"] == side).to_numpy(dtype=bool)
        if way.reason:
            out.loc[mine, "spatial_reason"] = way.reason
            continue
        geometry = StrideGeometry().measure(strides.loc[mine], path=way.path, axes=way.axes)
        found = geometry.strides_.rename(columns={"reason": "spatial_reason"})
        out.loc[mine, columns] = found[columns].to_numpy(dtype=object)
    out[VALUES] = out[VALUES].astype(float)
    turning = out["turning_deg"].abs() > TURN_DEG
    turns = out.loc[turning, ["ic_s", "next_ic_s"]].set_axis(["start_s", "end_s"], axis=1)
    # A turn is what its stride covers, without its edges: a neighbour only touches it.
    edge = 0.1 * (turns["end_s"] - turns["start_s"])
    return out, turns.assign(start_s=turns["start_s"] + edge, end_s=turns["end_s"] - edge)


def imu_of(foot: FootRecording) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Return times (n,), acceleration and angular rate (n, 3); None without a gyroscope."""
    if foot.info.imu_axes != 6:
        return None
    table = foot.imu
    accel = table[[f"accel_{axis}_m_s2" for axis in "xyz"]].to_numpy(dtype=float)
    gyro = table[[f"gyro_{axis}_rad_s" for axis in "xyz"]].to_numpy(dtype=float)
    return table["t_s"].to_numpy(dtype=float), accel, gyro


def total_load(foot: FootRecording) -> FloatArray:
    """Return the load of the whole foot, (n,): newtons if it is calibrated, else counts."""
    return foot.load


def is_loaded(foot: FootRecording, t_s: FloatArray) -> BoolArray:
    """Return whether the foot carries load at ``t_s`` (n,); True where no frame tells."""
    if foot.t_s.size < 2:
        return np.ones(len(t_s), dtype=bool)
    load = total_load(foot)
    empty, full = np.percentile(load, (100 - _FULL_LOAD_PERCENTILE, _FULL_LOAD_PERCENTILE))
    known = np.interp(t_s, foot.t_s, load, left=full, right=full)
    loaded = known > empty + LOADED_SHARE * (full - empty)
    for start_s, end_s in foot.gaps[["start_s", "end_s"]].itertuples(index=False):
        loaded[(t_s >= start_s) & (t_s <= end_s)] = True
    return loaded


def refusals(ways: dict[Side, FootWay], sides: Sequence[Side]) -> dict[Side, str]:
    """Return per recorded foot why its way is not known, '' if it is."""
    return {side: ways[side].reason for side in sides}
