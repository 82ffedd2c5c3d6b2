"""Both feet of a recording as signals on one clock, whoever recorded them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from solecore.wire import messages as m
from solekit.errors import DataError
from solekit.identity import InsoleInfo
from solekit.layouts import SIDES, FloatArray, Layout, Side
from solekit.timeline import between_s

MAX_CLOCK_S = 0.5 / 14.0  # half a frame of a window


@dataclass(frozen=True, eq=False)
class FootSignal:
    """One foot: ``load`` (n, n_cells) at ``t_s`` (n,), in newtons or in counts above no load.

    ``imu`` (k, 6) at ``imu_t_s`` (k,): specific force in m/s2 and rate in rad/s; (k, 3) without a
    gyroscope, None without a sensor. ``is_aligned``: in the axes of the foot, x to the toes, y to
    the left, z up, as an insole of ours tells them; else in those of the sensor.
    """

    side: Side
    t_s: FloatArray
    load: Any
    layout: Layout
    imu_t_s: FloatArray | None = None
    imu: FloatArray | None = None
    is_aligned: bool = True


def signals_of(feet: Any) -> tuple[dict[Side, FootSignal], list[str]]:
    """Return both feet of ``feet`` and what to doubt about them.

    ``feet`` is a recording of Solekit or of another maker, its feet by side, or a sequence of
    feet. DataError if one is missing or empty.
    """
    by_side = getattr(feet, "feet", feet)
    if isinstance(by_side, Mapping):
        given: list[tuple[str, Any]] = list(by_side.items())
    else:
        given = [(foot.side, foot) for foot in by_side]
    found = dict(given)
    if len(found) < len(given) or set(found) != set(SIDES):
        have = " and ".join(side for side, _ in given) or "none"
        raise DataError(f"poses need one left and one right foot; the recording has {have}")
    recorded = [foot for foot in found.values() if hasattr(foot, "info")]
    use_newtons = all(foot.is_newtons for foot in recorded)
    warnings: list[str] = []
    signals: dict[Side, FootSignal] = {
        side: _signal(side, found[side], use_newtons) for side in SIDES
    }
    for side, foot in signals.items():
        if len(foot.t_s) < 2:
            raise DataError(f"the {side} foot has {len(foot.t_s)} frames; poses need both feet")
    if not use_newtons and any(foot.is_newtons for foot in recorded):
        warnings.append(
            "one insole is uncalibrated: the counts of both are compared as they are, which "
            "shifts load to one foot if their gains differ"
        )
    if len(recorded) == len(SIDES):
        apart_s = between_s(foot.timeline.interval_s for foot in recorded)
        if apart_s > MAX_CLOCK_S:
            warnings.append(
                f"the clocks of the feet agree to {apart_s:.2f} s only; "
                "poses need their loads at the same moment"
            )
    return signals, warnings


def loads(info: InsoleInfo, values: Any, form: int, *, use_newtons: bool) -> Any:
    """Return counts (n, n_cells) of one form as loads: newtons, else counts above no load."""
    if use_newtons:
        return info.force_n(values, form)
    if form == m.RAW12 and len(info.base) == info.n_cells:
        return np.maximum(values.astype(np.float32) - info.base, 0.0)
    return values


def _signal(side: Side, foot: Any, use_newtons: bool) -> FootSignal:
    if isinstance(foot, FootSignal):
        return foot
    if hasattr(foot, "info"):
        return _recorded(side, foot, use_newtons)
    t_s, accel, gyro = foot.t_s, foot.accel_m_s2, foot.gyro_rad_s
    if accel is None:
        return FootSignal(side, t_s, foot.force_n, foot.layout)
    imu = accel if gyro is None else np.concatenate((accel, gyro), axis=1)
    return FootSignal(side, t_s, foot.force_n, foot.layout, t_s, imu, is_aligned=False)


def _recorded(side: Side, foot: Any, use_newtons: bool) -> FootSignal:
    if use_newtons:
        load = foot.force_n
    elif foot.form == m.FORM_NAMES[m.RAW12]:
        load = loads(foot.info, foot.counts, m.RAW12, use_newtons=False)
    else:
        load = foot.counts
    t_s, load = _in_order(foot.t_s, load)
    if not foot.info.imu_axes or len(foot.imu) < 2:
        return FootSignal(side, t_s, load, foot.info.layout)
    table = foot.imu
    columns = [f"accel_{axis}_m_s2" for axis in "xyz"]
    if foot.info.imu_axes == 6:
        columns += [f"gyro_{axis}_rad_s" for axis in "xyz"]
    imu_t_s, imu = _in_order(table["t_s"].to_numpy(float), table[columns].to_numpy(float))
    return FootSignal(side, t_s, load, foot.info.layout, imu_t_s, imu)


def _in_order(t_s: FloatArray, values: Any) -> tuple[FloatArray, Any]:
    """Leave out samples that the clock puts at or before an earlier one."""
    if len(t_s) < 2 or np.all(np.diff(t_s) > 0):
        return t_s, values
    before = np.concatenate(([-np.inf], np.maximum.accumulate(t_s)[:-1]))
    kept = t_s > before
    return t_s[kept], values[kept]


def aligned(feet: Mapping[Side, FootSignal], warnings: list[str]) -> dict[Side, FootSignal]:
    """Return ``feet`` with IMUs in the axes of the foot: found from walking, else as they are."""
    return {side: _aligned(foot, warnings) for side, foot in feet.items()}


def _aligned(foot: FootSignal, warnings: list[str]) -> FootSignal:
    imu, t_s = foot.imu, foot.imu_t_s
    if foot.is_aligned or imu is None or t_s is None:
        return foot
    from solekit.trajectory import FootAxes

    reason = "without a gyroscope they cannot be found"
    if imu.shape[1] == 6:
        axes = FootAxes().fit(imu[:, :3], imu[:, 3:], t_s=t_s)
        reason = axes.reason_
        if not reason:
            turn = np.asarray(axes.rotation_).T
            imu = np.concatenate((imu[:, :3] @ turn, imu[:, 3:] @ turn), axis=1)
    if reason:
        warnings.append(
            f"the axes of the {foot.side} motion sensor are taken as those of the foot "
            f"(x ahead, y left, z up): {reason}"
        )
    return replace(foot, imu=imu, is_aligned=True)
