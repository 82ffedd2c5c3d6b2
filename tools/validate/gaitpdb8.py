"""Cadence and stance against an offline 5 % body-weight rule (8 cells in newtons, 100 Hz)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from solekit.biomarkers.insole import InsoleVariables
from solekit.strides import EventStrides
from tools.validate.reference import threshold_contacts
from tools.validate.way import Passage, sources, walk_through

FOLDER = "gaitpdb8"
PATTERNS = ("*.txt", "*.txt.gz")
SHARE_OF_WEIGHT = 0.05


def validate(folder: Path, rung: str) -> dict[str, Any]:
    """Return cadence (steps/min) and stance (% of stride) differences, per walk and the worst."""
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
    cadence = max(_apart(walk, "cadence") for walk in walks)
    stance = max(_apart(walk, f"stance_{side}") for walk in walks for side in ("left", "right"))
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


def _apart(walk: dict[str, Any], key: str) -> float:
    """Return how far a value is from its reference; infinite where either is refused."""
    difference = abs(walk[key] - walk[f"reference_{key}"])
    return difference if math.isfinite(difference) else math.inf


def _summary(variables: pd.DataFrame) -> dict[str, float]:
    keys = zip(variables["name"], variables["side"], strict=True)
    values = dict(zip(keys, variables["value"].astype(float), strict=True))
    return {
        "cadence": values["cadence", ""],
        "stance_left": values["stance_share", "left"],
        "stance_right": values["stance_share", "right"],
    }
