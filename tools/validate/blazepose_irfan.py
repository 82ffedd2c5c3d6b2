"""Walks of many people as BlazePose's hips, knees and ankles: a smoke test, and called one.

There is no reference: the authors' knee columns come from the same points. About 14 frames a
second, no feet, no trunk, a clock of the computer. Every walk is read, has one direction and, once
the points are pressed as the authors pressed them, their knee angles: they took shares of the
picture's width and height (16 to 9) for lengths, which makes every bend of a leg smaller. How far
that is from the angle in the picture is reported. ``within_over_between_people`` is the SD between
two walks of one person over that between people: near 1 the variable does not tell people apart.
"""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from solekit.errors import DataError
from solekit.layouts import SIDES, FloatArray
from solekit.video import VideoVariables
from solekit.video.angles import angle_curves
from solekit.video.landmarks import Landmarks
from solekit.video.legs import swapped_legs
from tools.validate.intervals import joined_median, over_people

FOLDER = "blazepose_irfan"
PATTERNS = ("S*_v*.npz",)
AUTHORS = {"left": "lk_ang", "right": "rk_ang"}
WITHIN_DEG = 0.1
PRESSED = (9.0 / 16.0, 1.0)  # shares of a picture of 16 to 9, in units of its height
KNEE = [f"pose_knee_angle_{statistic}" for statistic in ("mean", "max", "min", "range")]


def load(path: Path) -> Landmarks:
    """Read one walk; DataError if it is another file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            points = np.asarray(file["keypoints"], dtype=float)
            t_s = np.asarray(file["t_s"], dtype=float)
            theirs = [str(name) for name in file["joint_names"]]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path.name} is no walk of this set ({error})") from error
    sides = {"L": "left", "R": "right"}
    names = tuple(f"{sides[name[-1]]}_{name[:-1]}" for name in theirs)
    score = np.ones(points.shape[:2])
    return Landmarks(t_s, points, score, names, 0, 0, f"blazepose ({path.name})")


def validate(folder: Path, rung: str) -> dict[str, Any]:  # noqa: ARG001 - video only
    """Return how the knees compare with the authors' columns, and walks with each other."""
    errors: dict[str, list[FloatArray]] = {}
    walks, values = [], []
    for path in sorted(p for pattern in PATTERNS for p in folder.glob(pattern)):
        person = path.stem.split("_")[0]
        found = load(path)
        measured = VideoVariables().measure(found)
        pressed = replace(found, xy_px=found.xy_px * np.array(PRESSED))
        away = against_authors(pressed, path)
        errors.setdefault(person, []).append(away)
        table = measured.variables_.set_index(["name", "side"])
        for side in SIDES:
            row = {name: float(table.loc[(name, side), "value"]) for name in KNEE}
            values.append({"person": person, "side": side, **row})
        walks.append(
            {
                "walk": path.stem,
                "frames": len(found.t_s),
                "rate_hz": round(found.rate_hz, 1),
                "near": measured.pass_.near if measured.pass_ else None,
                "measured": bool(np.isfinite(table.loc[(KNEE[0], "left"), "value"])),
                "exchanged": int(swapped_legs(found).sum()),
                "authors_off_deg": round(float(np.median(away)), 2),
                "unpressed_off_deg": round(float(np.median(against_authors(found, path))), 2),
            }
        )
    off = over_people({p: np.concatenate(parts) for p, parts in errors.items()}, joined_median)
    every = pd.DataFrame(values)
    return {
        "n_recordings": len(walks),
        "n_people": len(errors),
        "reference": "none but the authors' own columns, from the same points (smoke test)",
        "authors_off_deg": off["value"],
        "authors_off_deg_interval": off["interval"],
        "within_over_between_people": {name: agrees(every, name) for name in KNEE},
        "unpressed_off_deg": round(float(np.median([w["unpressed_off_deg"] for w in walks])), 2),
        "n_refused_walks": sum(not walk["measured"] for walk in walks),
        "walks": walks,
        "targets": {
            "every walk is read and has one direction": all(walk["near"] for walk in walks),
            f"knees of pressed points within {WITHIN_DEG:g} deg of the authors'": off["value"]
            <= WITHIN_DEG,
        },
    }


def against_authors(found: Landmarks, path: Path) -> FloatArray:
    """Return how far the knee flexion of each frame is from the authors' (n,), both sides."""
    curves = angle_curves(found, 1)
    with np.load(path, allow_pickle=False) as file:
        theirs = [np.asarray(file[column], dtype=float) for column in AUTHORS.values()]
    ours = [180.0 - curves[f"{side}_knee_angle"].to_numpy(dtype=float) for side in AUTHORS]
    return np.abs(np.concatenate(ours) - np.concatenate(theirs))


def agrees(every: pd.DataFrame, name: str) -> float:
    """Return the SD between two walks of one side of a person over the SD between people."""
    known = every.loc[np.isfinite(every[name].to_numpy(dtype=float))]
    keys = known["person"].str.cat(known["side"]).to_numpy(dtype=str)
    values = known[name].to_numpy(dtype=float)
    groups = [values[keys == key] for key in np.unique(keys)]
    within = float(np.sqrt(np.mean([g.var(ddof=1) for g in groups if len(g) > 1])))
    between = float(np.std([g.mean() for g in groups], ddof=1))
    return round(within / between, 2)
