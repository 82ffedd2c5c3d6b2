"""Cadence and stance against an offline 5 % body-weight rule (8 cells in newtons, 100 Hz)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from solekit.biomarkers.insole import InsoleVariables
from solekit.strides import EventStrides
from tools.validate.reference import threshold_contacts
from tools.validate.way import Passage, sources, walk_through

FOLDER = "gaitpdb8"
PATTERNS = ("*.txt", "*.txt.gz")
SHARE_OF_WEIGHT = 0.05


def validate(folder: Path, rung: str) -> dict[str, Any]:
    """Return per walk and worst over walks: cadence (steps/min) and stance (% of stride) differences."""
    walks, people = [], set()
    for path, _ in sources(folder, PATTERNS, "gaitpdb"):
        passage = walk_through(path, rung=rung)
        people.add(passage.source.person)
        ours = _summary(passage.analysis.variables)
        theirs = _summary(_reference(passage))
        walks.append(
            {
                "recording": passage.source.name,
                **{key: round(value, 3) for key, value in ours.items()},
                **{f"reference_{key}": round(value, 3) for key, value in theirs.items()},
            }
        )
    table = pd.DataFrame(walks)
    cadence = float((table["cadence"] - table["reference_cadence"]).abs().max())
    stance = max(
        float((table[f"stance_{side}"] - table[f"reference_stance_{side}"]).abs().max())
        for side in ("left", "right")
    )
    return {
        "n_recordings": len(walks),
        "n_people": len(people),
        "reference": "offline: total force above 5 % of body weight, linear between samples",
        "cadence_max_difference_per_min": round(cadence, 3),
        "stance_max_difference_points": round(stance, 3),
        "walks": walks,
        "targets": {
            "cadence within 1 step/min": cadence <= 1.0,
            "stance within 1 point": stance <= 1.0,
        },
    }


def _reference(passage: Passage) -> pd.DataFrame:
    """Return the variables of the offline contacts of the same recording."""
    feet = passage.source.feet
    weight_n = sum(float(foot.force_n.sum(axis=1).mean()) for foot in feet.values())
    events = pd.concat(
        [
            threshold_contacts(
                foot.t_s, foot.force_n.sum(axis=1), SHARE_OF_WEIGHT * weight_n, side
            )
            for side, foot in feet.items()
        ]
    )
    strides = EventStrides().segment(events)
    found = InsoleVariables().compute(
        strides,
        events=events,
        rate_hz=passage.source.rate_hz,
        sides=tuple(feet),
        clock_interval_s=0.0,
        duration_s=passage.source.duration_s,
    )
    return found.variables_


def _summary(variables: pd.DataFrame) -> dict[str, float]:
    values = variables.set_index(["name", "side"])["value"]
    return {
        "cadence": float(values.get(("cadence", ""), np.nan)),
        "stance_left": float(values.get(("stance_share", "left"), np.nan)),
        "stance_right": float(values.get(("stance_share", "right"), np.nan)),
    }
