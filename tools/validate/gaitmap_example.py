"""Stride length against optical markers, and event parity with the set's own events (204.8 Hz).

Markers: heel (FCC), toe, fifth metatarsal; the heel decides, as it hardly rolls at mid-stance. The
set's events are a library's, not a reference: their differences are printed, not judged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from solekit.contacts.inertial import InertialContacts, strides_of
from solekit.layouts import SIDES, FloatArray
from solekit.trajectory.path import FootPath
from solekit.trajectory.stride_geometry import StrideGeometry
from tools.validate.reference import match

FOLDER = "gaitmap_example"
PATTERNS = ("imu_sample.npz",)
RATE_HZ, OPTICS_HZ = 204.8, 100.0
MARKER = "FCC"
TURN_DEG = 20.0


def validate(folder: Path, rung: str) -> dict[str, Any]:  # noqa: ARG001 - IMU only
    """Return stride length and event differences of the example walk."""
    rows = []
    timing: dict[str, list[float]] = {"ic": [], "tc": []}
    n_events = 0
    with (
        np.load(folder / "imu_sample.npz") as imu,
        np.load(folder / "mocap_sample.npz") as optics,
        np.load(folder / "stride_events_sample.npz") as events,
    ):
        for side in SIDES:
            table = imu[f"{side}_sensor"].astype(float)
            found = analyse_foot(table[:, :3], np.radians(table[:, 3:]))
            marker = optics[f"{side[0].upper()}_{MARKER}"].astype(float) / 1e3
            rows.append(with_truth(found["strides"], marker).assign(side=side))
            mine = np.char.startswith(events["foot"].astype(str), side)
            for theirs, ours in (("ic", "ic_s"), ("tc", "to_s")):
                t_s = events[theirs][mine] / RATE_HZ
                n_events += len(t_s)
                timing[theirs] += match(t_s, found["swings"][ours].to_numpy())[0].tolist()
    strides = pd.concat(rows, ignore_index=True)
    error_m = strides["error_m"].to_numpy(dtype=float)
    turning_deg = strides["turning_deg"].to_numpy(dtype=float)
    is_known = np.isfinite(error_m)
    straight = np.abs(error_m[is_known & (np.abs(turning_deg) < TURN_DEG)])
    known = error_m[is_known]
    mae_m = float(np.abs(known).mean())
    return {
        "n_recordings": 1,
        "n_people": 1,
        "reference": f"marker {MARKER}; interval over strides (one person)",
        "n_strides": len(known),
        "n_refused": len(strides) - len(known),
        "stride_length_mae_m": round(mae_m, 4),
        "stride_length_mae_m_interval": _interval(known),
        "stride_length_bias_m": round(float(known.mean()), 4),
        "straight_mae_m": round(float(straight.mean()), 4),
        "n_straight": len(straight),
        "events_of_the_set": n_events,
        "events_matched": sum(map(len, timing.values())),
        **{
            f"{k}_median_difference_ms": round(1e3 * float(np.median(v)), 1)
            for k, v in timing.items()
        },
        "targets": {"stride length within 3 cm": mae_m <= 0.03},
    }


def analyse_foot(accel_m_s2: FloatArray, gyro_rad_s: FloatArray) -> dict[str, pd.DataFrame]:
    """Return swings and measured strides of one foot, end to end."""
    t_s = np.arange(len(accel_m_s2)) / RATE_HZ
    contacts = InertialContacts().detect(accel_m_s2, gyro_rad_s, t_s=t_s)
    swings = contacts.swings_
    strides = strides_of(swings)
    path = FootPath().integrate(accel_m_s2, gyro_rad_s, t_s=t_s)
    measured = StrideGeometry().measure(strides, path=path, axes=contacts.axes_).strides_
    return {"swings": swings, "strides": pd.concat((strides, measured), axis=1)}


def with_truth(strides: pd.DataFrame, marker_m: FloatArray) -> pd.DataFrame:
    """Add the marker's way between the rests of each stride, and the error of ours."""
    t_s = np.arange(len(marker_m)) / OPTICS_HZ
    # The floor is the plane in which the marker moves most.
    floor = np.sort(np.argsort(np.ptp(marker_m, axis=0))[1:])
    place = [
        np.stack([np.interp(strides[name], t_s, marker_m[:, k]) for k in floor], axis=1)
        for name in ("rest_s", "next_rest_s")
    ]
    truth = np.linalg.norm(place[1] - place[0], axis=1)
    return strides.assign(truth_m=truth, error_m=strides["stride_length_m"] - truth)


def _interval(error_m: FloatArray, seed: int = 1) -> list[float]:
    draws = np.random.default_rng(seed).choice(np.abs(error_m), (4000, len(error_m)))
    return [round(float(v), 4) for v in np.percentile(draws.mean(axis=1), (2.5, 97.5))]
