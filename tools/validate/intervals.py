"""Intervals over people: who walks varies more than how often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

N_BOOTSTRAP = 2000


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
    people = sorted(values)
    value = round(float(statistic([values[p] for p in people])), digits)
    if len(people) < 2:
        return {"value": value, "interval": None}
    random = np.random.default_rng(seed)
    draws = [
        statistic([values[people[i]] for i in random.integers(0, len(people), len(people))])
        for _ in range(N_BOOTSTRAP)
    ]
    low, high = np.nanpercentile(draws, (2.5, 97.5))
    return {"value": value, "interval": [round(float(low), digits), round(float(high), digits)]}


def joined_median(parts: Sequence[np.ndarray]) -> float:
    """Return the median over all values of ``parts``; NaN if there are none."""
    values = np.concatenate([np.asarray(part, dtype=float).reshape(-1) for part in parts])
    return float(np.median(values)) if values.size else float("nan")


def joined_mean(parts: Sequence[np.ndarray]) -> float:
    """Return the mean over all values of ``parts``; NaN if there are none."""
    values = np.concatenate([np.asarray(part, dtype=float).reshape(-1) for part in parts])
    return float(np.mean(values)) if values.size else float("nan")
