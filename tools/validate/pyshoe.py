"""The way of a foot against optics: stride length and path, in metres (mixed motion, 200 Hz).

Strides run between the middles of optical zero-velocity phases and count from 0.5 to 2 m. The path
is compared in the horizontal plane after one turn and shift per trial, with our own integrator
driven by the set's ``zv_shoe`` mask beside it. The optical axes have z downwards.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from solekit.evenly import runs
from solekit.layouts import BoolArray, FloatArray
from solekit.trajectory.path import FootPath
from tools.validate.intervals import joined_mean, joined_median, over_people

FOLDER = "pyshoe"
PATTERNS = ("d*_*.npz",)
STRIDE_M = (0.5, 2.0)
MIN_PHASE_S = 0.05
Z_DOWN = np.array([1.0, -1.0, -1.0])


def validate(folder: Path, rung: str) -> dict[str, Any]:  # noqa: ARG001 - IMU only
    """Return stride and path errors of every trial, with intervals over trials."""
    paths = sorted(path for pattern in PATTERNS for path in folder.glob(pattern))
    trials: dict[str, dict[str, FloatArray]] = {}
    for path in paths:
        with np.load(path) as file:
            trials[path.stem] = compare(file)
    strides = {name: trial["stride"] for name, trial in trials.items()}
    share = over_people(strides, lambda parts: 100 * joined_median([np.abs(p) for p in parts]))
    ours = over_people({k: t["path_m"] for k, t in trials.items()}, joined_mean)
    masked = over_people({k: t["masked_path_m"] for k, t in trials.items()}, joined_mean)
    return {
        "n_recordings": len(paths),
        "n_people": None,  # not stated
        "reference": "optical position of the foot; intervals over trials",
        "n_strides": int(sum(len(stride) for stride in strides.values())),
        "stride_length_median_error_pct": round(share["value"], 2),
        "stride_length_median_error_pct_interval": share["interval"],
        "stride_length_bias_pct": round(100 * joined_median(list(strides.values())), 2),
        "path_rms_m": ours["value"],
        "path_rms_m_interval": ours["interval"],
        "path_rms_with_zv_shoe_m": masked["value"],
        "path_rms_with_zv_shoe_m_interval": masked["interval"],
        "n_refused": int(sum(not t["path_m"].size for t in trials.values())),
        "walks": [
            {
                "trial": name,
                "n_strides": len(t["stride"]),
                "path_rms_m": _rounded(t["path_m"]),
                "with_zv_shoe_m": _rounded(t["masked_path_m"]),
            }
            for name, t in trials.items()
        ],
        "targets": {
            "stride length error <= 3 % median": share["value"] <= 3.0,
            "path error at or under that with zv_shoe": ours["value"] <= masked["value"],
        },
    }


def compare(file: Any) -> dict[str, FloatArray]:
    """Return relative stride errors and path errors (RMS, m) of one trial."""
    t_s, truth = file["t_s"], file["position_m"].astype(float) * Z_DOWN
    accel, gyro = file["acc"].astype(float), file["gyro"].astype(float)
    ours = _placed(FootPath().integrate(accel, gyro, t_s=t_s), t_s)
    masked = _placed(FootPath().integrate(accel, gyro, t_s=t_s, is_rest=file["zv_shoe"]), t_s)
    return {
        "stride": stride_errors(t_s, ours, truth, file["zv_vicon"]),
        "path_m": path_error(ours, truth),
        "masked_path_m": path_error(masked, truth),
    }


def _placed(path: FootPath, t_s: FloatArray) -> FloatArray:
    return np.stack([np.interp(t_s, path.t_s_, axis) for axis in path.position_m_.T], axis=1)


def stride_errors(
    t_s: FloatArray, ours: FloatArray, truth: FloatArray, is_rest: BoolArray
) -> FloatArray:
    """Return (ours - truth) / truth per stride between the rests of the optics."""
    first, stop = runs(is_rest)
    long = t_s[stop - 1] - t_s[first] >= MIN_PHASE_S
    middle = ((first + stop - 1) // 2)[long]
    length = [
        np.linalg.norm((place[middle[1:]] - place[middle[:-1]])[:, :2], axis=1)
        for place in (ours, truth)
    ]
    counts = (length[1] >= STRIDE_M[0]) & (length[1] <= STRIDE_M[1])
    counts &= np.isfinite(length[0])
    return (length[0][counts] - length[1][counts]) / length[1][counts]


def path_error(ours: FloatArray, truth: FloatArray) -> FloatArray:
    """Return the RMS horizontal distance after the best turn and shift, shape (1,) or (0,)."""
    known = np.isfinite(ours).all(axis=1)
    if known.sum() < 2:
        return np.zeros(0)
    a, b = ours[known, :2] - ours[known, :2].mean(0), truth[known, :2] - truth[known, :2].mean(0)
    angle = np.arctan2(np.sum(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]), np.sum(a * b))
    c, s = np.cos(angle), np.sin(angle)
    turned = a @ np.array([[c, s], [-s, c]])
    return np.array([np.sqrt(np.mean(np.sum((turned - b) ** 2, axis=1)))])


def _rounded(value: FloatArray) -> float | None:
    return round(float(value[0]), 3) if value.size else None
