"""Intervals over people: who walks varies more than how often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from solekit.statistics import bootstrap


def over_people(
    values: dict[str, Any],
    statistic: Callable[[list[Any]], float],
    *,
    digits: int = 4,
    seed: int = 1,
) -> dict[str, Any]:
    """Return ``statistic`` of all people's values with a 95 % bootstrap interval over people.

    ``values`` maps a person to what belongs to it; ``statistic`` takes a list of such. With fewer
    than two people there is no interval (None).
    """
    parts = [values[person] for person in sorted(values)]
    found = bootstrap.over_people(parts, statistic, seed=seed)
    ends = [round(found.low, digits), round(found.high, digits)]
    return {
        "value": round(found.value, digits),
        "interval": ends if found.n_people > 1 else None,
    }


def joined_median(parts: Sequence[np.ndarray]) -> float:
    """Return the median over all values of ``parts``; NaN if there are none."""
    values = np.concatenate([np.asarray(part, dtype=float).reshape(-1) for part in parts])
    return float(np.median(values)) if values.size else float("nan")


def joined_mean(parts: Sequence[np.ndarray]) -> float:
    """Return the mean over all values of ``parts``; NaN if there are none."""
    values = np.concatenate([np.asarray(part, dtype=float).reshape(-1) for part in parts])
    return float(np.mean(values)) if values.size else float("nan")
