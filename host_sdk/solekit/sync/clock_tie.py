"""What ties the clock of another system to that of a recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solekit.layouts import FloatArray


@dataclass(frozen=True)
class ClockTie:
    """An outside clock on the recording's: ``t_recording = offset_s + rate * t_outside``.

    ``uncertainty_s`` is one standard deviation, within the time that ``n_matched`` events in both
    span.
    """

    offset_s: float
    rate: float = 1.0
    uncertainty_s: float = 0.0
    n_matched: int = 0

    def to_recording_s(self, t_s: FloatArray | float) -> FloatArray:
        """Return times of the outside system on the recording's clock."""
        return self.offset_s + self.rate * np.asarray(t_s, dtype=float)

    def from_recording_s(self, t_s: FloatArray | float) -> FloatArray:
        """Return times of the recording on the outside clock."""
        return (np.asarray(t_s, dtype=float) - self.offset_s) / self.rate
