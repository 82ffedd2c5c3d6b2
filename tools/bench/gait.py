"""Side by side with gaitmap in one run: events, stride length, and time per hour of two feet.

gaitmap and gaitmap_mad run as installed, as their documentation says, in an environment of their
own. ``gaitmap_example``: the set's events (from its markers, one healthy person) and heel markers;
``voisard_feet``: reviewed events. Each library's own definition of an event counts as part of its
error; the median difference is printed beside it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from solekit.contacts.inertial import InertialContacts, strides_of
from solekit.errors import DataError
from solekit.layouts import SIDES, FloatArray
from solekit.trajectory import FootPath, StrideGeometry
from tools.bench.gaitmap_env import run_reference
from tools.validate import gaitmap_example as example
from tools.validate import voisard_feet as voisard
from tools.validate.__main__ import data_dir

TOLERANCE_S = 0.1
MINUTES = 10
REPEATS = 3
Found = dict[str, dict[str, FloatArray]]  # by side: ic_s, to_s, and of strides start_s, end_s, m


def measure() -> list[dict[str, Any]]:
    """Return rows of events, stride length and time."""
    data = data_dir(None)
    for name in (example.FOLDER, voisard.FOLDER):
        if not (data / name).is_dir():
            raise DataError(f"no {name} in {data}: set SOLEKIT_DATA to the folder of recordings")
    return [*on_example(data / example.FOLDER), *on_voisard(data / voisard.FOLDER), *speed(data)]


def ours(feet: dict[str, tuple[FloatArray, FloatArray]], rate_hz: float) -> Found:
    """Return our events and strides, end to end; ``feet`` are acceleration and angular rate."""
    out: Found = {}
    for side, (accel, gyro) in feet.items():
        t_s = np.arange(len(accel)) / rate_hz
        contacts = InertialContacts().detect(accel, gyro, t_s=t_s)
        swings = contacts.swings_
        ic_s, to_s = swings["ic_s"].to_numpy(), swings["to_s"].to_numpy()
        strides = strides_of(swings)
        path = FootPath().integrate(accel, gyro, t_s=t_s)
        found = StrideGeometry().measure(strides, path=path, axes=contacts.axes_).strides_
        found = found.loc[found["reason"] == ""]
        out[side] = {
            "ic_s": ic_s,
            "to_s": to_s,
            **{
                name: found[column].to_numpy(dtype=float)
                for name, column in (
                    ("start_s", "rest_s"),
                    ("end_s", "next_rest_s"),
                    ("length_m", "stride_length_m"),
                )
            },
        }
    return out


def theirs(
    feet: dict[str, tuple[FloatArray, FloatArray]], rate_hz: float, **job: Any
) -> tuple[Found, list[float]]:
    """Return gaitmap's events and strides, and the seconds of each repeat."""
    sides = {
        side: {
            "acc_m_s2": accel,
            "gyro_deg_s": np.degrees(gyro),
            **job.get("borders", {}).get(side, {}),
        }
        for side, (accel, gyro) in feet.items()
    }
    rest = {key: value for key, value in job.items() if key != "borders"}
    result = run_reference({"rate_hz": rate_hz, **rest, **sides})
    out: Found = {}
    for side in feet:
        foot = result[side]
        out[side] = {
            "ic_s": _known(foot["ic"]) / rate_hz,
            "to_s": _known(foot["tc"]) / rate_hz,
            "start_s": np.asarray(foot["stride_start"], dtype=float) / rate_hz,
            "end_s": np.asarray(foot["stride_end"], dtype=float) / rate_hz,
            "length_m": np.asarray(foot["stride_length_m"], dtype=float),
        }
    return out, [float(value) for value in np.atleast_1d(result["seconds"])]


def on_example(folder: Path) -> list[dict[str, Any]]:
    """Return events and stride length on the example walk, end to end and with its borders."""
    with (
        np.load(folder / "imu_sample.npz") as imu,
        np.load(folder / "stride_events_sample.npz") as events,
        np.load(folder / "stride_borders_sample.npz") as borders,
        np.load(folder / "mocap_sample.npz") as optics,
    ):
        feet = _feet_of_example(imu)
        truth, cuts, markers = {}, {}, {}
        for side in SIDES:
            mine = np.char.startswith(events["foot"].astype(str), side)
            truth[side] = {
                "ic_s": np.union1d(events["ic"][mine], events["pre_ic"][mine]) / example.RATE_HZ,
                "to_s": events["tc"][mine] / example.RATE_HZ,
            }
            mine = np.char.startswith(borders["foot"].astype(str), side)
            rows = np.column_stack([borders["start"][mine], borders["end"][mine]])
            cuts[side] = {"borders": rows.astype(np.int64)}
            markers[side] = optics[f"{side[0].upper()}_{example.MARKER}"].astype(float) / 1e3
    rate_hz = example.RATE_HZ
    results = {
        ("ours", "end to end"): ours(feet, rate_hz),
        ("gaitmap", "end to end"): theirs(feet, rate_hz, mounting="axes")[0],
    }
    bordered = theirs(feet, rate_hz, mounting="axes", borders=cuts)[0]
    limits = {side: cut["borders"] / rate_hz for side, cut in cuts.items()}
    results["ours", "same borders"] = _within(results["ours", "end to end"], limits)
    results["gaitmap", "same borders"] = bordered
    rows = []
    for (who, how), found in results.items():
        reference = truth
        if how == "same borders":
            reference = _within(truth, limits)
        row = {"data": example.FOLDER, "who": who, "how": how}
        for kind in ("ic_s", "to_s"):
            row |= _scored(kind, [(reference[s][kind], found[s][kind], None) for s in SIDES])
        errors = np.concatenate([_length_errors(found[side], markers[side]) for side in SIDES])
        row |= {
            "strides": len(errors),
            "stride_length_mae_cm": round(100 * float(np.abs(errors).mean()), 2),
            "stride_length_bias_cm": round(100 * float(errors.mean()), 2),
        }
        rows.append(row)
    return rows


def on_voisard(folder: Path) -> list[dict[str, Any]]:
    """Return events over all trials, end to end, inside the trials' bounds."""
    names = ("ours", "gaitmap barth", "gaitmap constrained")
    pairs: dict[str, dict[str, list[Any]]] = {name: {"ic_s": [], "to_s": []} for name in names}
    paths = sorted(path for pattern in voisard.PATTERNS for path in folder.glob(pattern))
    for path in paths:
        with np.load(path) as file:
            rate_hz, bounds = float(file["rate_hz"]), file["trial_bounds"] / float(file["rate_hz"])
            feet = {side: _split(file[f"{side}_foot"].astype(float)) for side in SIDES}
            truth = {
                side: {
                    kind: file[f"{side}_events"][:, column] / rate_hz
                    for column, kind in enumerate(("to_s", "ic_s"))
                }
                for side in SIDES
            }
        found = {"ours": ours(feet, rate_hz)}
        for segmentation in ("barth", "constrained"):
            job = {"mounting": "unknown", "segmentation": segmentation}
            found[f"gaitmap {segmentation}"] = theirs(feet, rate_hz, **job)[0]
        for name, result in found.items():
            for kind in ("ic_s", "to_s"):
                pairs[name][kind] += [(truth[s][kind], result[s][kind], bounds) for s in SIDES]
    return [
        {"data": voisard.FOLDER, "who": name, "how": "end to end", "trials": len(paths)}
        | _scored("ic_s", kinds["ic_s"])
        | _scored("to_s", kinds["to_s"])
        for name, kinds in pairs.items()
    ]


def speed(data: Path) -> list[dict[str, Any]]:
    """Return seconds per hour of two feet at 204.8 Hz, best of some repeats, in one run."""
    with np.load(data / example.FOLDER / "imu_sample.npz") as imu:
        feet = _feet_of_example(imu)
    n = len(feet["left"][0])
    copies = int(np.ceil(60 * MINUTES * example.RATE_HZ / n))
    long = {s: tuple(np.tile(part, (copies, 1)) for part in foot) for s, foot in feet.items()}
    hours = copies * n / example.RATE_HZ / 3600
    spent = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        ours(long, example.RATE_HZ)  # type: ignore[arg-type]
        spent.append(time.perf_counter() - began)
    # The first of theirs compiles.
    other = theirs(long, example.RATE_HZ, mounting="axes", repeats=REPEATS)[1][1:]  # type: ignore[arg-type]
    mine, its = min(spent) / hours, min(other) / hours
    return [
        {
            "what": f"seconds per hour of two feet at 204.8 Hz ({60 * hours:.0f} min, tiled)",
            "ours": round(mine, 2),
            "gaitmap": round(its, 1),
            "times_faster": round(its / mine, 1),
        }
    ]


def _feet_of_example(imu: Any) -> dict[str, tuple[FloatArray, FloatArray]]:
    out = {}
    for side in SIDES:
        accel, gyro = _split(imu[f"{side}_sensor"].astype(float))
        out[side] = accel, np.radians(gyro)
    return out


def _known(rows: Any) -> FloatArray:
    values = np.asarray(rows, dtype=float)
    return values[np.isfinite(values)]


def _split(table: FloatArray) -> tuple[FloatArray, FloatArray]:
    return table[:, :3], table[:, 3:]


def _within(found: Found, limits: dict[str, FloatArray]) -> Found:
    """Return the events that lie within borders (n, 2) of a stride; strides stay."""
    out: Found = {}
    for side, foot in found.items():
        out[side] = dict(foot)
        for kind in ("ic_s", "to_s"):
            t_s, cut = foot[kind], limits[side]
            inside = ((t_s[:, None] >= cut[:, 0]) & (t_s[:, None] <= cut[:, 1])).any(axis=1)
            out[side][kind] = t_s[inside]
    return out


def _scored(kind: str, pairs: list[Any]) -> dict[str, Any]:
    """Return F1 and timing of (reference, found, bounds or None)."""
    counts, errors = np.zeros(3), []
    for reference, found, bounds in pairs:
        limits = bounds
        if limits is None:
            limits = np.array([reference.min() - TOLERANCE_S, reference.max() + TOLERANCE_S])
        expected = reference[(reference >= limits[0]) & (reference <= limits[1])]
        result = voisard.matched(expected, found, limits, np.array([np.inf, np.inf]))
        counts += result["walk"]
        errors.append(result["error_s"])
    error_ms = 1e3 * np.concatenate(errors)
    hit, missed, extra = counts
    name = kind.removesuffix("_s")
    return {
        f"{name}_f1": round(2 * hit / (2 * hit + missed + extra), 4),
        f"{name}_median_abs_ms": round(float(np.median(np.abs(error_ms))), 1),
        f"{name}_bias_ms": round(float(np.median(error_ms)), 1),
        f"{name}_sd_ms": round(float(np.std(error_ms)), 1),
    }


def _length_errors(foot: dict[str, FloatArray], marker_m: FloatArray) -> FloatArray:
    strides = pd.DataFrame(
        {
            "rest_s": foot["start_s"],
            "next_rest_s": foot["end_s"],
            "stride_length_m": foot["length_m"],
        }
    )
    error = example.with_truth(strides, marker_m)["error_m"].to_numpy(dtype=float)
    return error[np.isfinite(error)]
