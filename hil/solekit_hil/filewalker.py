"""A real person's recording on virtual cells, behind the walker's interface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solekit import formats, layouts
from solekit.layouts import Layout, spread

LEAD_IN_S = 5.0  # time for the host to connect, read the tables and start
MAX_HOLE_S = 0.05  # over a longer hole in the recording the force is not interpolated but zero


class FileWalker:
    """Play ``path``; ``layout`` puts it on one of our own layouts, conserving the force.

    The recording's first sample is at time ``LEAD_IN_S``; before it the insole takes no frames.
    """

    start_us = round(LEAD_IN_S * 1e6)

    def __init__(self, path: Path, *, layout: str = "") -> None:
        self.recording = formats.load_source(path)
        self.feet = self.recording.feet
        self.start_s = min(foot.t_s[0] for foot in self.feet.values())
        end_s = max(foot.t_s[-1] for foot in self.feet.values())
        self.duration_s = float(end_s - self.start_s) + LEAD_IN_S
        self.period_us = round(1e6 / self.recording.rate_hz)
        self.has_imu = all(foot.accel_m_s2 is not None for foot in self.feet.values())
        self.layouts: dict[str, Layout] = {}
        self._force: dict[str, NDArray[np.float64]] = {}
        for side, foot in self.feet.items():
            target = layouts.named(layout, side) if layout else foot.layout
            self.layouts[side] = target
            force = foot.force_n
            self._force[side] = force @ spread(foot.layout, target) if layout else force
        self.body_weight_n = self._body_weight()

    def file_time_s(self, t_s: Any) -> NDArray[np.float64]:
        """Return the recording's own time of ``t_s``, seconds of the virtual world."""
        return np.asarray(t_s, dtype=float) - LEAD_IN_S + self.start_s

    def _body_weight(self) -> float:
        """Return the person's weight as these cells see it: the mean total force of both feet.

        With one foot it is the stated mass, which a badly scaled recording may belie; 0 without.
        """
        if len(self.feet) == 2:
            return float(sum(force.sum(axis=1).mean() for force in self._force.values()))
        return 9.80665 * (self.recording.body_mass_kg or 0.0)

    def peak_cell_force_n(self, side: str) -> float:
        """Return the largest force of one cell: full scale, so that nothing saturates."""
        return max(float(self._force[side].max()), 1e-6)

    def sample(self, t_s: Any) -> tuple[dict[str, NDArray], dict[str, NDArray], None]:
        """Return cells and IMU at ``t_s`` (n,), linear between the recording's times; no truth."""
        cells = {}
        for side, foot in self.feet.items():
            left, right, part, is_there = self._around(foot, t_s)
            force = self._force[side]
            cells[side] = (force[left] * (1 - part) + force[right] * part) * is_there[:, None]
        return cells, self.imu(t_s), None

    def imu(self, t_s: Any) -> dict[str, NDArray]:
        """Return the IMUs alone, (n, 6) per side; zeros where the recording has none."""
        felt = {}
        for side, foot in self.feet.items():
            left, right, part, _ = self._around(foot, t_s)
            words = np.zeros((len(left), 6))
            if self.has_imu:
                for first, values in ((0, foot.accel_m_s2), (3, foot.gyro_rad_s)):
                    if values is not None:
                        words[:, first : first + 3] = (
                            values[left] * (1 - part) + values[right] * part
                        )
            felt[side] = words
        return felt

    def _around(self, foot: Any, t_s: Any) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        """Return the samples around each time, the part between them, and if there are any."""
        at = np.atleast_1d(np.asarray(t_s, dtype=float)) - LEAD_IN_S + self.start_s
        right = np.clip(np.searchsorted(foot.t_s, at, side="right"), 1, len(foot.t_s) - 1)
        left = right - 1
        span = foot.t_s[right] - foot.t_s[left]
        part = np.clip((at - foot.t_s[left]) / span, 0.0, 1.0)[:, None]
        is_there = (at >= foot.t_s[0] - span) & (at <= foot.t_s[-1] + span)
        is_there &= (span <= MAX_HOLE_S) | (span <= 2.5e-6 * self.period_us)
        return left, right, part, is_there
