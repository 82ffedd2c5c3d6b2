"""What a foreign recording becomes: newtons per cell on the file's own time axis, both feet apart.

Every reader of this package returns a :class:`SourceRecording`. Nothing is resampled, filled or
filtered here: a sample that the file does not hold is absent, and a note says so.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from solekit.errors import DataError
from solekit.layouts import SIDES, Layout, Side

FloatArray = NDArray[np.float64]

NEGATIVE_TOLERANCE_N = 1e-3  # rounding; a real negative force is a broken zero, not data
EVENT_COLUMNS = ("side", "kind", "t_s")
EVENT_KINDS = ("ic", "to")  # initial contact, toe off


def _check_finite(array: FloatArray, name: str) -> None:
    bad = np.argwhere(~np.isfinite(array))
    if bad.size:
        row, column = (int(bad[0][0]), int(bad[0][-1]))
        value = array[tuple(bad[0])]
        where = f"row {row}" if array.ndim == 1 else f"row {row}, column {column}"
        raise DataError(
            f"{name} is {value} at {where} (counted from 0); drop the row or repair the file"
        )


@dataclass(frozen=True, eq=False)
class FootSamples:
    """Samples of one foot, time first on every axis.

    ``t_s`` (n,) is the file's own time column in seconds, strictly increasing, not necessarily
    regular. ``force_n`` (n, n_cells) is newtons per cell of ``layout``. ``accel_m_s2`` (gravity
    included) and ``gyro_rad_s`` are (n, 3) in the axes of the sensor, None if the file has none.
    """

    t_s: FloatArray
    force_n: FloatArray
    layout: Layout
    accel_m_s2: FloatArray | None = None
    gyro_rad_s: FloatArray | None = None

    def __post_init__(self) -> None:
        n = len(self.t_s)
        if self.t_s.shape != (n,) or n < 2:
            raise DataError(
                f"t_s has shape {self.t_s.shape}; a foot needs one axis and at least 2 samples"
            )
        if self.force_n.shape != (n, self.layout.n_cells):
            raise DataError(
                f"force_n has shape {self.force_n.shape}; {n} times and the {self.layout.n_cells} "
                f"cells of layout {self.layout.name!r} ask for {(n, self.layout.n_cells)}"
            )
        _check_finite(self.t_s, "t_s")
        _check_finite(self.force_n, "force_n")
        steps = np.diff(self.t_s)
        if (steps <= 0).any():
            row = int(np.argmax(steps <= 0)) + 1
            raise DataError(
                f"t_s does not increase at row {row} (counted from 0): {self.t_s[row]:g} s comes "
                f"after {self.t_s[row - 1]:g} s; put the rows in order and drop repeated ones"
            )
        negative = np.argwhere(self.force_n < -NEGATIVE_TOLERANCE_N)
        if negative.size:
            row, cell = (int(i) for i in negative[0])
            raise DataError(
                f"force_n is {self.force_n[row, cell]:g} N at row {row}, column {cell} (counted "
                "from 0); a force on a cell cannot be negative: correct the zero of the sensor"
            )
        for name, words in (("accel_m_s2", self.accel_m_s2), ("gyro_rad_s", self.gyro_rad_s)):
            if words is not None:
                if words.shape != (n, 3):
                    raise DataError(
                        f"{name} has shape {words.shape}; {n} samples ask for {(n, 3)}"
                    )
                _check_finite(words, name)

    @property
    def total_n(self) -> FloatArray:
        """Force of the whole foot, shape (n,)."""
        return self.force_n.sum(axis=1)


@dataclass(frozen=True, eq=False)
class SourceRecording:
    """One recording of one person from a foreign file.

    ``source`` is the name of the format, ``rate_hz`` the nominal rate. ``person`` is a code or an
    id derived from the file name, never a name. ``events`` holds the file's own gait events
    (columns ``side``, ``kind`` ('ic' or 'to'), ``t_s``), or None if it has none. ``notes`` says in
    plain sentences what was repaired, dropped or assumed.
    """

    name: str
    source: str
    rate_hz: float
    left: FootSamples | None
    right: FootSamples | None
    body_mass_kg: float | None
    person: str
    events: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.left is None and self.right is None:
            raise DataError(f"{self.name}: no foot has samples; is this recording empty?")
        if not (np.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise DataError(f"{self.name}: rate_hz is {self.rate_hz}; it must be positive")
        if self.body_mass_kg is not None and not 0 < self.body_mass_kg < 500:
            raise DataError(
                f"{self.name}: body_mass_kg is {self.body_mass_kg}; give kilograms, or None"
            )
        if self.events is not None:
            _check_events(self.events, self.name)

    @property
    def feet(self) -> dict[Side, FootSamples]:
        """Feet with samples, by side, left first."""
        both: tuple[tuple[Side, FootSamples | None], ...] = (
            ("left", self.left),
            ("right", self.right),
        )
        return {side: foot for side, foot in both if foot is not None}

    @property
    def sides(self) -> tuple[Side, ...]:
        """Sides with samples, left first."""
        return tuple(self.feet)

    @property
    def duration_s(self) -> float:
        """Time from the first to the last sample of either foot."""
        feet = self.feet.values()
        return float(max(f.t_s[-1] for f in feet) - min(f.t_s[0] for f in feet))


def _check_events(events: pd.DataFrame, name: str) -> None:
    missing = [column for column in EVENT_COLUMNS if column not in events.columns]
    if missing:
        raise DataError(f"{name}: events lack the column {missing[0]!r}; need {EVENT_COLUMNS}")
    for column, allowed in (("side", SIDES), ("kind", EVENT_KINDS)):
        unknown = sorted({str(v) for v in events[column]} - set(allowed))
        if unknown:
            raise DataError(
                f"{name}: events have the {column} {unknown[0]!r}; use one of {', '.join(allowed)}"
            )
    _check_finite(events["t_s"].to_numpy(dtype=float), f"{name}: events t_s")


def event_table(rows: list[tuple[Side, str, float]]) -> pd.DataFrame | None:
    """Return (side, kind, t_s) rows as the events table in time order; None without rows."""
    if not rows:
        return None
    table = pd.DataFrame(cast(Any, rows), columns=pd.Index(EVENT_COLUMNS))
    return table.sort_values("t_s", kind="stable", ignore_index=True)


def nominal_rate_hz(t_s: FloatArray) -> float:
    """Return the rate of ``t_s`` without its gaps; a whole number if that is within 0.5 %."""
    steps = np.diff(t_s)
    if not steps.size or not (steps > 0).all():
        raise DataError("a rate needs at least 2 increasing times")
    period_s = float(steps[steps <= 1.5 * np.median(steps)].mean())
    if not 1e-5 <= period_s <= 1e5:
        raise DataError(f"{period_s:g} s between samples is no recording; is time in seconds?")
    rate = 1.0 / period_s
    return float(round(rate)) if abs(rate - round(rate)) <= 0.005 * rate else rate


def person_code(stem: str) -> str:
    """Return an id for the person of file ``stem`` that cannot show a name: a short hash."""
    return "file-" + hashlib.sha256(stem.encode(errors="surrogateescape")).hexdigest()[:8]


def starts_at_the_toes(y_mm: FloatArray, force_n: FloatArray) -> bool:
    """Tell whether most contacts of one foot begin nearer the toes than they end.

    False when there are fewer than 2 whole contacts (standing still has none). A walk with the
    soles the right way round begins at the heel.
    """
    total = force_n.sum(axis=1)
    loaded = (total > 0.05 * total.max()).astype(int)
    edges = np.diff(loaded)
    starts = np.flatnonzero(edges == 1) + 1
    ends = np.flatnonzero(edges == -1) + 1
    forward = []
    for start in starts:
        later = ends[ends > start]
        if later.size and later[0] - start >= 4:
            cop = force_n[start : later[0]] @ y_mm / total[start : later[0]]
            quarter = max(1, cop.size // 4)
            forward.append(cop[-quarter:].mean() > cop[:quarter].mean())
    return len(forward) >= 2 and sum(forward) < len(forward) / 2
