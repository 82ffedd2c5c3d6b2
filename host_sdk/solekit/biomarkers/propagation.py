"""How errors of event times reach the numbers made from them: to first order, event by event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from solekit.errors import DataError
from solekit.layouts import SIDES, FloatArray, Side
from solekit.strides.events import KINDS, FootEvents, Kind, other_side
from solekit.strides.phases import PHASES, duration

ROUNDING = 1e-12  # where slopes cancel, what is left of them is not an error

# Whose event stands in a column of the stride table, and of which kind.
_ROLES: dict[str, tuple[bool, Kind]] = {  # column: (of the other foot, kind)
    "ic_s": (False, "ic"),
    "to_s": (False, "to"),
    "next_ic_s": (False, "ic"),
    "prev_other_ic_s": (True, "ic"),
    "other_to_s": (True, "to"),
    "other_ic_s": (True, "ic"),
}


@dataclass(frozen=True)
class Quantity:
    """A number per stride: a sum of coefficient x event time, in s or as a share of the stride."""

    terms: dict[str, float]
    is_share: bool = False

    def values(self, strides: pd.DataFrame) -> FloatArray:
        """Return the number per stride, in s or %, shape (n_strides,); NaN where undefined."""
        value = duration(strides, self.terms)
        return 100.0 * value / duration(strides, PHASES["stride"]) if self.is_share else value


class EventErrors:
    """Timing errors of all events of a recording, and what they do to a number.

    A gradient is the derivative of a number by each event time, shape (n_events,). Events err
    independently of each other (1-sigma ``sigma_s``); besides, all events of the right foot may
    lie shifted against those of the left by the error of the clocks (1-sigma ``clock_sigma_s``).
    """

    def __init__(self, events: FootEvents, *, event_sigma_s: float, clock_sigma_s: float) -> None:
        keys: list[tuple[Side, Kind]] = [(side, kind) for side in SIDES for kind in KINDS]
        sizes = [len(events[key].t_s) for key in keys]
        self._times = {key: events[key].t_s for key in keys}
        self._first = dict(zip(keys, np.cumsum([0, *sizes[:-1]]), strict=True))
        sigma_s = np.concatenate([events[key].sigma_s for key in keys])
        self.sigma_s: FloatArray = np.where(np.isnan(sigma_s), event_sigma_s, sigma_s)
        self.is_right = np.repeat([side == "right" for side, _ in keys], sizes)
        self.clock_sigma_s = clock_sigma_s

    def rows(self, side: Side, kind: Kind, t_s: FloatArray) -> np.ndarray:
        """Return the row of each event, shape (n,); DataError if it is not among the events."""
        times_s = self._times[side, kind]
        place = np.searchsorted(times_s, t_s)
        if len(t_s) and (not len(times_s) or np.any(times_s[place % len(times_s)] != t_s)):
            raise DataError("the strides were not made from these events")
        return self._first[side, kind] + place

    def gradient(
        self, strides: pd.DataFrame, side: Side, quantity: Quantity, weights: FloatArray
    ) -> FloatArray:
        """Return the gradient of sum(weights x quantity) over the strides of one foot.

        ``weights`` has shape (n_strides,); the quantity must be defined in every stride.
        """
        result = np.zeros(len(self.sigma_s))
        slopes: dict[str, FloatArray] = {
            column: np.full(len(strides), factor) for column, factor in quantity.terms.items()
        }
        if quantity.is_share:
            stride_s = duration(strides, PHASES["stride"])
            value = duration(strides, quantity.terms)
            slopes = {column: 100.0 * slope / stride_s for column, slope in slopes.items()}
            for column, factor in PHASES["stride"].items():
                change = -100.0 * factor * value / stride_s**2
                slopes[column] = slopes.get(column, np.zeros(len(strides))) + change
        for column, slope in slopes.items():
            is_other, kind = _ROLES[column]
            times_s = strides[column].to_numpy(dtype=float)
            rows = self.rows(other_side(side) if is_other else side, kind, times_s)
            np.add.at(result, rows, weights * slope)
        return result

    def random(self, gradient: FloatArray) -> float:
        """Return the 1-sigma error from independent errors of the events."""
        return float(np.linalg.norm(gradient * self.sigma_s))

    def clock(self, gradient: FloatArray) -> float:
        """Return the 1-sigma error from the clocks: every stride has the same."""
        shift = gradient[self.is_right]
        total = abs(float(np.sum(shift)))
        is_zero = total <= ROUNDING * float(np.sum(np.abs(shift)))
        return 0.0 if is_zero else total * self.clock_sigma_s
