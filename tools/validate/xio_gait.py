"""Loop closure: a foot that ends where it began (400 Hz, from standing to standing).

The authors of the recordings name 82 mm (short walk) and 421 mm (long walk) for their own method.
The stamps are those of arrival (repeated ones among them): the samples are taken as even.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from solekit.trajectory.path import FootPath

FOLDER = "xio_gait"
PATTERNS = ("*_walk.npz",)
AUTHORS_M = {"short_walk": 0.082, "long_walk": 0.421}


def validate(folder: Path, rung: str) -> dict[str, Any]:  # noqa: ARG001 - IMU only
    """Return the distance of end from start of every walk."""
    walks = []
    for path in sorted(p for pattern in PATTERNS for p in folder.glob(pattern)):
        with np.load(path) as file:
            even_s = np.linspace(file["t_s"][0], file["t_s"][-1], len(file["t_s"]))
            foot = FootPath().integrate(
                file["acc"].astype(float), file["gyro"].astype(float), t_s=even_s
            )
        way = foot.position_m_[np.isfinite(foot.position_m_).all(axis=1)]
        end = way[-1] - way[0]
        walks.append(
            {
                "recording": path.stem,
                "way_m": round(
                    float(np.linalg.norm(np.diff(way, axis=0)[:, :2], axis=1).sum()), 1
                ),
                "closure_m": round(float(np.hypot(*end[:2])), 3),
                "height_closure_m": round(float(end[2]), 3),
                "authors_m": AUTHORS_M.get(path.stem),
            }
        )
    shares = [walk["closure_m"] / max(walk["way_m"], 1e-3) for walk in walks]
    known = [walk for walk in walks if walk["authors_m"] is not None]
    return {
        "n_recordings": len(walks),
        "n_people": 1,
        "reference": "the walk ends where it began",
        "closure_share_pct": round(100 * float(np.mean(shares)), 2),
        "walks": walks,
        "targets": {
            "closure within 1 % of the way": max(shares) <= 0.01,
            "stretch: closure at or under the authors'": all(
                walk["closure_m"] <= walk["authors_m"] for walk in known
            ),
        },
    }
