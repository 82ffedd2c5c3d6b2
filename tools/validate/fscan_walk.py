"""Force and cadence of one foot from a 955-cell F-Scan file (31 Hz), sent as raw8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tools.validate.reference import threshold_contacts
from tools.validate.way import sources, walk_through

FOLDER = "vendor_formats"
PATTERNS = ("*.asf",)
SHARE_OF_PEAK = 0.05


def validate(folder: Path, rung: str) -> dict[str, Any]:
    """Return peak total force and cadence of every F-Scan file against the file itself."""
    walks = []
    for path, _ in sources(folder, PATTERNS, "fscan"):
        passage = walk_through(path, rung=rung)
        (side,) = passage.source.feet
        foot = passage.source.feet[side]
        total_n = foot.force_n.sum(axis=1)
        recorded = passage.analysis.recording.feet[side]
        contacts = threshold_contacts(foot.t_s, total_n, SHARE_OF_PEAK * total_n.max(), side)
        starts = contacts.loc[contacts["kind"] == "ic", "t_s"].to_numpy()
        cadence = passage.analysis.variables.set_index("name").loc["cadence"]
        walks.append(
            {
                "recording": passage.source.name,
                "form": recorded.form,
                "n_cells": recorded.info.n_cells,
                "peak_force_n": round(float(recorded.force_n.sum(axis=1).max()), 1),
                "reference_peak_force_n": round(float(total_n.max()), 1),
                "cadence_per_min": round(float(cadence["value"]), 2),
                "cadence_label": cadence["label"],
                "reference_cadence_per_min": round(120.0 / float(np.diff(starts).mean()), 2),
            }
        )
    force = max(abs(w["peak_force_n"] / w["reference_peak_force_n"] - 1) for w in walks)
    cadence = max(abs(w["cadence_per_min"] - w["reference_cadence_per_min"]) for w in walks)
    return {
        "n_recordings": len(walks),
        "n_people": len(walks),
        "reference": "the file's pressures times cell area; strides by the 5 % rule on its peak",
        "peak_force_max_difference_pct": round(100 * force, 2),
        "cadence_max_difference_per_min": round(cadence, 2),
        "walks": walks,
        "targets": {
            "peak force within 3 %": force <= 0.03,
            "cadence within 1 /min": cadence <= 1.0,
            "labelled one_foot": all("one_foot" in w["cadence_label"] for w in walks),
        },
    }
