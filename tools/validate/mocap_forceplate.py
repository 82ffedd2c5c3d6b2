"""The walker's mechanics against force plates: forces from the markers alone.

Compared per foot where the plates are known to hold all of it (``plate_valid``). An unloaded foot
counts only well inside such a stretch: near its ends it may already or still stand beside a plate
(the reference calls 80 ms inside valid). Recordings without a mass are scaled by their mean force.
Every figure is taken per recording, averaged per person, then over people.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from solekit.errors import DataError
from solekit.evenly import runs
from solekit.layouts import SIDES, BoolArray, FloatArray, Side
from solekit_hil.walker.body import Motion
from solekit_hil.walker.capture.markers import FootMarkers, motion_of
from solekit_hil.walker.ground import Ground, ground_under
from solekit_hil.walker.person import GRAVITY_M_S2
from solekit_hil.walker.touch import sole_of
from tools.validate.intervals import over_people

FOLDER = "mocap_forceplate"
PATTERNS = ("*.npz",)
CUTOFF_HZ = 8.0
LOADED_N, COP_N = 20.0, 80.0  # as the reference's README asks
BESIDE_S = 0.15  # an unloaded foot may stand beside a plate so near to the ends of what is valid
CLEAR_S = 0.06  # a contact's begin or end counts if all is valid so long around it
EDGE_S = 0.05  # derivatives know less at the ends
LEAST_PEAK_N = 200.0
WALKING, RUNNING = "walk", "run"


class Trial(NamedTuple):
    """A recording: the body, the reference on its own clock, all from the start of the motion."""

    motion: Motion
    t_s: FloatArray
    force_n: FloatArray  # (n, 2), vertical
    cop_m: FloatArray  # (n, 2, 3)
    valid: BoolArray  # (n, 2)
    has_mass: bool
    person: str
    action: str


def validate(folder: Path, rung: str) -> dict[str, Any]:  # noqa: ARG001 - no firmware in it
    """Return the errors of forces, contacts and centres of pressure of all recordings."""
    walks, refused = [], []
    for path in sorted(p for pattern in PATTERNS for p in folder.glob(pattern)):
        try:
            trial = load(path)
            row = errors(trial, ground_under(trial.motion, cutoff_hz=CUTOFF_HZ))
        except DataError as error:
            refused.append(f"{path.stem}: {error}")
            continue
        walks.append(
            {"recording": path.stem, "person": trial.person, "action": trial.action} | row
        )
    walking = figures(walks, WALKING)
    running = figures(walks, RUNNING)
    result: dict[str, Any] = {
        "n_recordings": len(walks),
        "n_people": len({walk["person"] for walk in walks}),
        "reference": "force plates, per foot; markers alone go in",
        "refused": refused,
    }
    result |= {f"walking_{key}": value for key, value in walking.items()}
    result |= {f"running_{key}": value for key, value in running.items()}
    others = sorted({w["action"] for w in walks if kind_of(w["action"]) is None})
    for action in others:
        result[action] = figures([w for w in walks if w["action"] == action], None)
    result["walks"] = walks
    result["targets"] = targets(walking, running)
    return result


def targets(walking: dict[str, Any], running: dict[str, Any]) -> dict[str, bool]:
    """Return the gate: weights trained on the walker ship only after all of it is met."""
    asked = {
        "walking: vertical force per foot within 0.10 body weights RMSE": ("foot_rmse_bw", 0.10),
        "walking: total vertical force within 0.06 body weights RMSE": ("total_rmse_bw", 0.06),
        "walking: peaks within 8 %": ("peak_error_pct", 8.0),
        "walking: contact times within 25 ms": ("contact_error_ms", 25.0),
        "walking: CoP along the foot within 2.5 cm RMSE": ("cop_rmse_cm", 2.5),
    }
    found = {name: _within(walking, *rule) for name, rule in asked.items()}
    name = "running: total vertical force within 0.25 body weights RMSE"
    return found | {name: _within(running, "total_rmse_bw", 0.25)}


def _within(figures_: dict[str, Any], key: str, most: float) -> bool:
    return key in figures_ and figures_[key]["value"] <= most


def kind_of(action: str) -> str | None:
    """Return walking or running, None for what is neither."""
    return next((kind for kind in (WALKING, RUNNING) if action.startswith(kind)), None)


def figures(walks: list[dict[str, Any]], kind: str | None) -> dict[str, Any]:
    """Return every figure as mean over people (of their recordings' means) with its interval."""
    by_person: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for walk in walks:
        if kind_of(walk["action"]) == kind:
            by_person[walk["person"]].append(walk)
    found: dict[str, Any] = {"n_people": len(by_person)}
    keys = ("foot_rmse_bw", "total_rmse_bw", "peak_error_pct", "contact_error_ms", "cop_rmse_cm")
    for key in keys:
        per_person = {
            person: float(np.mean([w[key] for w in some if w[key] is not None]))
            for person, some in by_person.items()
            if any(w[key] is not None for w in some)
        }
        if per_person:
            statistic = np.median if key == "contact_error_ms" else np.mean
            found[key] = over_people(per_person, statistic, digits=3)
    return found


def load(path: Path) -> Trial:
    """Return a recording, cut to the longest stretch in which the whole body is seen."""
    try:
        with path.open("rb") as raw, np.load(raw) as file:
            return trial_of(file)
    except DataError:
        raise
    except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
        raise DataError(f"cannot be read as a recording of this set ({error})") from error


def trial_of(file: Any) -> Trial:
    """Return the recording in the arrays of an open file."""
    roles = [str(role) for role in file["foot_marker_roles"]]
    known: dict[Side, FootMarkers] = {
        side: FootMarkers(
            **{
                role: str(label)
                for role, label in zip(roles, labels, strict=True)
                if role in ("heel", "toe", "ankle")
            }
        )
        for side, labels in zip(SIDES, file["foot_markers"], strict=True)
    }
    mass_kg, rate_hz = float(file["mass_kg"]), float(file["marker_fps"])
    motion = motion_of(
        file["markers_m"],
        [str(name) for name in file["marker_names"]],
        rate_hz,
        foot_markers=known,
        mass_kg=mass_kg if np.isfinite(mass_kg) else 1.0,
    )
    starts, ends = runs(np.asarray(np.isfinite(motion.points_m).all(axis=(1, 2))))
    if not len(starts):
        raise DataError("no frame shows pelvis and both feet; look at the marker names")
    longest = int(np.argmax(ends - starts))
    start, end = int(starts[longest]), int(ends[longest])
    t_s = file["force_time_s"] - float(file["time_s"][0]) - start / rate_hz
    last_s = (end - start - 1) / rate_hz
    inside = (t_s > EDGE_S) & (t_s < last_s - EDGE_S)
    return Trial(
        Motion(rate_hz, motion.points_m[start:end], motion.mass_kg),
        t_s[inside],
        file["grf_n"][inside, :, 2].astype(float),
        file["cop_m"][inside].astype(float),
        file["plate_valid"][inside],
        bool(np.isfinite(mass_kg)),
        str(file["person"]),
        str(file["action"]),
    )


def errors(trial: Trial, ground: Ground) -> dict[str, Any]:
    """Return the errors of one recording; None where nothing can be compared."""
    at_s = trial.motion.t_s
    found = np.column_stack(
        [np.interp(trial.t_s, at_s, ground.force_n[side][:, 2]) for side in SIDES]
    )
    counts = without_edges(trial.valid, trial.force_n, trial.t_s)
    both = counts.all(axis=1)
    weight_n = trial.motion.mass_kg * GRAVITY_M_S2
    if not trial.has_mass:
        if not both.any():
            raise DataError("no mass, and no moment with both feet on plates to find it")
        scale = trial.force_n[both].sum() / found[both].sum()
        found, weight_n = found * scale, weight_n * scale
    off = (found - trial.force_n) / weight_n
    cop = cop_errors_m(trial, ground)
    times = contact_errors_s(trial, ground)
    peaks = peak_errors(trial, found)
    return {
        "foot_rmse_bw": _rms(off[counts]),
        "total_rmse_bw": _rms(off.sum(axis=1)[both]),
        "total_bias_bw": _mean(off.sum(axis=1)[both]),
        "peak_error_pct": _mean(100 * np.abs(peaks)),
        "contact_error_ms": _median(1000 * np.abs(times)),
        "cop_rmse_cm": _rms(100 * cop),
        "cop_bias_cm": _mean(100 * cop),
        "n_contact_times": len(times),
        "n_peaks": len(peaks),
    }


def without_edges(valid: BoolArray, force_n: FloatArray, t_s: FloatArray) -> BoolArray:
    """Return ``valid`` without unloaded samples near the ends of a valid stretch, (n, 2)."""
    kept = valid.copy()
    for foot in range(valid.shape[1]):
        for start, end in zip(*runs(valid[:, foot]), strict=True):
            near = (t_s < t_s[start] + BESIDE_S) & (start > 0)
            near |= (t_s > t_s[end - 1] - BESIDE_S) & (end < len(valid))
            stretch = slice(start, end)
            kept[stretch, foot] &= ~(near[stretch] & (force_n[stretch, foot] < LOADED_N))
    return kept


def cop_errors_m(trial: Trial, ground: Ground) -> FloatArray:
    """Return the errors of the centre of pressure along both feet, where it is loaded."""
    found = []
    for foot, side in enumerate(SIDES):
        ahead = sole_of(trial.motion, side).ahead
        usable = trial.valid[:, foot] & (trial.force_n[:, foot] > COP_N)
        off = _on(trial, ground.cop_m[side])[usable] - trial.cop_m[usable, foot]
        along = (off * _on(trial, ahead)[usable]).sum(axis=1)
        found.append(along[np.isfinite(along)])
    return np.concatenate(found)


def contact_errors_s(trial: Trial, ground: Ground) -> FloatArray:
    """Return the errors of all beginnings and ends of contacts that the plates saw clearly."""
    found = []
    for foot, side in enumerate(SIDES):
        loaded = trial.force_n[:, foot] > LOADED_N
        for edge in np.flatnonzero(loaded[1:] != loaded[:-1]):
            t = trial.t_s[edge : edge + 2].mean()
            near = np.abs(trial.t_s - t) < CLEAR_S
            is_whole = t - CLEAR_S > trial.t_s[0] and t + CLEAR_S < trial.t_s[-1]
            is_step = trial.force_n[near, foot].max() > 5 * LOADED_N
            if not (is_whole and is_step and trial.valid[near, foot].all()):
                continue
            times = [c.ic_s if loaded[edge + 1] else c.to_s for c in ground.contacts[side]]
            if times:
                found.append(min((one - t for one in times), key=abs))
    return np.array(found)


def peak_errors(trial: Trial, found_n: FloatArray) -> FloatArray:
    """Return how far the largest force of every whole contact is off, as shares of it."""
    off = []
    for foot in range(2):
        on_plate = (trial.force_n[:, foot] > LOADED_N) & trial.valid[:, foot]
        for start, end in zip(*runs(on_plate), strict=True):
            reference = trial.force_n[start:end, foot].max()
            if reference > LEAST_PEAK_N and start > 0 and end < len(trial.t_s):
                off.append(found_n[start:end, foot].max() / reference - 1)
    return np.array(off)


def _on(trial: Trial, values: FloatArray) -> FloatArray:
    at_s = trial.motion.t_s
    return np.column_stack([np.interp(trial.t_s, at_s, column) for column in values.T])


def _rms(values: FloatArray) -> float | None:
    return round(float(np.sqrt(np.mean(values**2))), 4) if values.size else None


def _mean(values: FloatArray) -> float | None:
    return round(float(np.mean(values)), 4) if values.size else None


def _median(values: FloatArray) -> float | None:
    return round(float(np.median(values)), 1) if values.size else None
