"""How far poses are off: centimetres per key point, person and action, with intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solekit.inference.frames import Float32
from solekit.statistics.bootstrap import Interval
from solekit.statistics.bootstrap import mean_over_people as over_people

__all__ = ["Interval", "confusion", "distances_cm", "over_people", "share_right"]


def distances_cm(found_m: Float32, truth_m: Float32) -> Float32:
    """Return distances (n, n_points) in centimetres of poses (n, n_points, 3) in metres."""
    return 100 * np.linalg.norm(found_m - truth_m, axis=-1)


def share_right(found: NDArray, truth: NDArray, people: NDArray) -> Interval:
    """Return the share of labels that are right in percent, over people."""
    return over_people(100.0 * (np.asarray(found) == np.asarray(truth)), people)


def confusion(found: NDArray, truth: NDArray, n: int) -> NDArray[np.int64]:
    """Return how often what (rows) was taken for what (columns), (n, n)."""
    table = np.zeros((n, n), np.int64)
    np.add.at(table, (np.asarray(truth), np.asarray(found)), 1)
    return table
