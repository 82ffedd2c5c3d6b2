"""Events found on the foot against the step marks of Moticon's own detector (16 cells, 100 Hz).

The reference is a detector, not a force plate; its toe off lies at about 12 % of body weight, ours
at 5 %: the bias is a definition and is printed, never tuned away.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tools.validate.reference import compare_events
from tools.validate.way import sources, walk_through

FOLDER = "moticon_opengo"
PATTERNS = ("*.txt",)


def validate(folder: Path, rung: str) -> dict[str, Any]:
    """Return the comparison over every export in ``folder`` that carries step marks."""
    pairs = []
    for path, source in sources(folder, PATTERNS, "moticon"):
        if source.events is not None and len(source.events):
            pairs.append((source.events, walk_through(path, rung=rung).events))
    found = compare_events(pairs)
    targets = {
        "every event found": found["n_missed"] == 0,
        "none invented": found["n_extra"] == 0,
        "ic_mae_ms <= 6": found.get("ic_mae_ms", 99) <= 6,
        "to_sd_ms <= 8": found.get("to_sd_ms", 99) <= 8,
    }
    return {
        "n_recordings": len(pairs),
        "n_people": None,  # the files do not name the person
        "reference": "Moticon's own step detector",
        **found,
        "targets": targets,
    }
