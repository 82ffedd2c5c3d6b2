"""How far poses are off: centimetres per key point, person and action, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from solekit.inference.frames import Float32

_N_BOOTSTRAP = 2000


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval over people, in the unit of what was averaged."""

    mean: float
    low: float
    high: float
    n_people: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


def distances_cm(found_m: Float32, truth_m: Float32) -> Float32:
    """Return distances (n, n_points) in centimetres of poses (n, n_points, 3) in metres."""
    return 100 * np.linalg.norm(found_m - truth_m, axis=-1)


def over_people(values: NDArray, people: NDArray, *, seed: int = 1) -> Interval:
    """Return the mean of the people's means of ``values`` (n,), and what other people may give.

    People, not windows, are drawn again (percentile bootstrap): windows of one person are alike.
    """
    table = pd.Series(np.asarray(values, float)).groupby(np.asarray(people))
    means = np.array([float(of.mean()) for _, of in table])
    rng = np.random.default_rng(seed)
    drawn = means[rng.integers(0, len(means), (_N_BOOTSTRAP, len(means)))].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5]) if len(means) > 1 else (np.nan, np.nan)
    return Interval(float(means.mean()), float(low), float(high), len(means))


def share_right(found: NDArray, truth: NDArray, people: NDArray) -> Interval:
    """Return the share of labels that are right in percent, over people."""
    return over_people(100.0 * (np.asarray(found) == np.asarray(truth)), people)


def confusion(found: NDArray, truth: NDArray, n: int) -> NDArray[np.int64]:
    """Return how often what (rows) was taken for what (columns), (n, n)."""
    table = np.zeros((n, n), np.int64)
    np.add.at(table, (np.asarray(truth), np.asarray(found)), 1)
    return table
