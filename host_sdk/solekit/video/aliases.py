"""Names of a study beside the nearest variables of ours: a guess with its confidence."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from solekit.biomarkers.dictionary import variables
from solekit.errors import DataError

STUDIES = ("kim2023",)
NONE = "none"
CAUTION = (
    "The nearest of ours, not a reproduction: the study's definitions were not available to us, "
    "and its joint angles look clipped. Confidence: how likely ours is what its authors computed."
)
INSOLE_NOTE = "the name fits; the study's insole has definitions of its own, unpublished"


def aliases(study: str = "kim2023") -> pd.DataFrame:
    """Return the study's names: ``name``, ``nearest``, ``side``, ``confidence_pct``, ``note``.

    The 23 of the video first, then the six of the insole. ``nearest`` is 'none' where no variable
    can be named; ``side`` is 'near' for the side of the camera. DataError for an unknown study.
    """
    if study not in STUDIES:
        raise DataError(f"no names of {study!r}; known studies: {', '.join(STUDIES)}")
    rows = json.loads(Path(__file__).with_name(f"{study}.json").read_text(encoding="utf-8"))
    rows += [
        {"name": name, "nearest": v.name, "side": side, "note": INSOLE_NOTE}
        for v in variables()
        for side, name in v.kim2023.items()
    ]
    columns = ["name", "nearest", "side", "confidence_pct", "note"]
    return pd.DataFrame(rows, columns=pd.Index(columns))
