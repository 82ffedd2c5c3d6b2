"""What runs inside gaitmap's environment: a job file in, a result file out.

``python gaitmap_reference.py JOB.npz RESULT.npz`` or ``python gaitmap_reference.py --versions``.
The forms are those of ``tools.bench.gaitmap_env.run_reference``; nothing of Solekit is imported
here. The order of steps and all settings are those of gaitmap's public documentation; the names
that gaitmap_mad adds are imported from gaitmap, as its documentation asks.
"""

# pyright: reportMissingImports=false
# These packages exist in gaitmap's environment only.

from __future__ import annotations

import sys
import time
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from gaitmap.event_detection import RamppEventDetection
from gaitmap.parameters import SpatialParameterCalculation, TemporalParameterCalculation
from gaitmap.preprocessing.sensor_alignment import (
    ForwardDirectionSignAlignment,
    PcaAlignment,
    align_dataset_to_gravity,
)
from gaitmap.stride_segmentation import BarthDtw, ConstrainedBarthDtw
from gaitmap.trajectory_reconstruction import StrideLevelTrajectory
from gaitmap.utils.coordinate_conversion import convert_left_foot_to_fbf, convert_right_foot_to_fbf

PACKAGES = ("gaitmap", "gaitmap_mad", "numpy", "scipy", "pandas", "numba", "scikit-learn")
COLUMNS = ["acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z"]
TO_FOOT = {"left": convert_left_foot_to_fbf, "right": convert_right_foot_to_fbf}
SEGMENTATION = {"barth": BarthDtw, "constrained": ConstrainedBarthDtw}
# As in gaitmap's example of automatic alignment: short windows, as people stand still rarely.
STILL = {"window_length_s": 0.1, "static_signal_th": 15.0}


def aligned(data: Any, rate_hz: float, mounting: str) -> tuple[Any, Any]:
    """Return ``data`` in the foot's sensor frame: roughly, and with z along gravity."""
    if mounting == "axes":
        return data, align_dataset_to_gravity(data, rate_hz)
    upright = align_dataset_to_gravity(data, rate_hz, **STILL)
    sideways = PcaAlignment().align(upright).aligned_data_
    forward = ForwardDirectionSignAlignment().align(sideways, sampling_rate_hz=rate_hz)
    return forward.aligned_data_, forward.aligned_data_


def foot_result(data: Any, side: str, job: dict[str, Any]) -> dict[str, Any]:
    """Return events and strides of one foot."""
    rate_hz, borders = float(job["rate_hz"]), job.get(f"{side}.borders")
    rough, upright = aligned(data, rate_hz, str(job["mounting"]))
    body = TO_FOOT[side](upright)
    if borders is None:
        method = SEGMENTATION[str(job["segmentation"])]()
        strides = method.segment(data=body, sampling_rate_hz=rate_hz).stride_list_
    else:
        strides = pd.DataFrame(borders, columns=["start", "end"])
        strides.index.name = "s_id"
    events = RamppEventDetection().detect(data=body, stride_list=strides, sampling_rate_hz=rate_hz)
    steps = events.min_vel_event_list_
    path = StrideLevelTrajectory().estimate(
        data=rough, stride_event_list=steps, sampling_rate_hz=rate_hz
    )
    space = SpatialParameterCalculation().calculate(
        stride_event_list=steps,
        positions=path.position_,
        orientations=path.orientation_,
        sampling_rate_hz=rate_hz,
    )
    times = TemporalParameterCalculation().calculate(
        stride_event_list=steps, sampling_rate_hz=rate_hz
    )
    found = events.segmented_event_list_
    return {
        "borders": strides[["start", "end"]].to_numpy(dtype=int),
        **{name: found[name].to_numpy(dtype=float) for name in ("ic", "tc", "min_vel")},
        "stride_start": steps["start"].to_numpy(dtype=float),
        "stride_end": steps["end"].to_numpy(dtype=float),
        "stride_length_m": space.parameters_["stride_length"].to_numpy(dtype=float),
        "stride_time_s": times.parameters_["stride_time"].to_numpy(dtype=float),
        "reason": "",
    }


def refused(error: Exception) -> dict[str, Any]:
    """Return a foot's result without strides: gaitmap raises where it finds nothing."""
    empty = ("ic", "tc", "min_vel", "stride_start", "stride_end", "stride_length_m")
    return {
        "borders": np.empty((0, 2), int),
        **{name: np.empty(0) for name in (*empty, "stride_time_s")},
        "reason": f"{type(error).__name__}: {error}",
    }


def process(job: dict[str, Any]) -> dict[str, Any]:
    """Return the result of one job, flat: ``side.name`` to array."""
    frames = {
        side: pd.DataFrame(
            np.hstack([job[f"{side}.acc_m_s2"], job[f"{side}.gyro_deg_s"]]), columns=COLUMNS
        )
        for side in TO_FOOT
        if f"{side}.acc_m_s2" in job
    }
    seconds, result = [], {}
    for _ in range(int(job["repeats"])):
        began_s = time.perf_counter()
        for side, data in frames.items():
            try:
                foot = foot_result(data, side, job)
            except (ValueError, IndexError, KeyError) as error:
                foot = refused(error)
            result.update({f"{side}.{name}": value for name, value in foot.items()})
        seconds.append(time.perf_counter() - began_s)
    return {**result, "seconds": np.array(seconds)}


def main() -> None:
    """Do what the command line asks for."""
    if sys.argv[1:] == ["--versions"]:
        for name in PACKAGES:
            print(name, version(name))
        return
    source, target = sys.argv[1:]
    with np.load(source, allow_pickle=False) as job:
        result = process(dict(job))
    np.savez(target, **result)


if __name__ == "__main__":
    main()
