"""The gait variables of an insole recording, each with its error or why it is absent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import pandas as pd

from solekit.algorithm import Algorithm
from solekit.biomarkers.dictionary import Variable, variables
from solekit.biomarkers.estimates import NAN, Estimate, Walk, estimate
from solekit.biomarkers.propagation import EventErrors
from solekit.errors import DataError
from solekit.layouts import SIDES, Side
from solekit.strides import EventStrides
from solekit.strides.events import read_events, recorded_feet
from solekit.strides.phases import EVENT_COLUMNS

COLUMNS = [
    "name",
    "side",
    "value",
    "unit",
    "error",
    "error_random",
    "error_clock",
    "sd",
    "cv_pct",
    "robust_cv_pct",
    "n",
    "reason",
    "label",
]


class InsoleVariables(Algorithm):
    """The variables of ``solekit.biomarkers.variables('timing')`` from strides.

    Parameters
    ----------
    allow_low_rate
        Report double and single support below 25 Hz too, from 20 strides, with the resolution in
        the label.
    max_clock_interval_s
        Variables that compare the feet are refused where the clocks agree less closely than this.
    event_error_s
        1-sigma timing error of an event that states none in ``sigma_s``. None: frame period /
        sqrt(12), the standard deviation of a time that is only known to lie within one frame:
        9.6 ms at 30 Hz, 2.9 ms at 100 Hz. Interpolating between frames may do better, but only
        where the force rises over two frames or more.

    Attributes
    ----------
    variables_
        One row per variable and side, always the same rows: ``name``, ``side`` ('left', 'right',
        '' where not per side), ``value`` (NaN if refused), ``unit``, ``error`` (1-sigma),
        ``error_random``, ``error_clock``, ``sd``, ``cv_pct``, ``robust_cv_pct`` over the strides,
        ``n``, ``reason`` ('' unless refused), ``label`` (remarks, separated by '; ').

    Notes
    -----
    ``error`` is that of the printed value, to first order. With g_e the derivative of the value by
    the time of event e, ``error_random`` = sqrt(sum (g_e sigma_e)^2): it shrinks like 1/sqrt(n)
    for the phases, and like 1/n for the mean stride, whose inner contacts cancel. ``error_clock``
    = abs(sum of g_e over the right foot) * w / sqrt(3), with w the half-width of the interval of
    the clocks and any offset inside it equally likely: it is the same in every stride and does not
    shrink. ``error`` = sqrt(error_random^2 + error_clock^2); for SD and CV of the stride time it
    also holds what timing error adds to them, SD - sqrt(SD^2 - 2 sigma^2). The robust CV has no
    derivative; its random error is 1.4 CV sqrt(sqrt(2) sigma / (n SD)), for normal strides. Not in
    ``error``: the variation between strides (that is ``sd``), and a shift of all events of one
    kind, such as a toe off defined at another force.
    """

    variables_: pd.DataFrame

    def __init__(
        self,
        *,
        allow_low_rate: bool = False,
        max_clock_interval_s: float = 0.010,
        event_error_s: float | None = None,
    ) -> None:
        self.allow_low_rate = allow_low_rate
        self.max_clock_interval_s = max_clock_interval_s
        self.event_error_s = event_error_s

    def compute(
        self,
        strides: EventStrides,
        *,
        events: pd.DataFrame,
        rate_hz: float,
        clock_interval_s: float | None,
        sides: Sequence[Side] | None = None,
        duration_s: float | None = None,
        n_missing_samples: int = 0,
    ) -> Self:
        """Compute every variable, or the reason why the recording does not carry it.

        ``strides`` are cut from ``events`` (``side``, ``kind``, ``t_s``, possibly ``sigma_s``);
        ``rate_hz`` is the nominal frame rate; ``clock_interval_s`` the half-width of the interval
        between the clocks of the feet (0.0: one clock; None: not joined); ``sides`` the feet that
        were recorded, by default those of ``strides``; ``duration_s`` the length of the recording
        and ``n_missing_samples`` the frames declared missing, of both feet together. DataError on
        input that breaks this.
        """
        _require_positive("rate_hz", rate_hz)
        if duration_s is not None:
            _require_positive("duration_s", duration_s)
        if clock_interval_s is not None and not clock_interval_s >= 0.0:
            raise DataError(
                f"clock_interval_s {clock_interval_s!r} is no half-width; None: unknown"
            )
        times = read_events(events)
        feet = strides.sides_ if sides is None else recorded_feet(times, sides)
        event_sigma_s = self.event_error_s
        if event_sigma_s is None:
            event_sigma_s = 1.0 / (rate_hz * math.sqrt(12.0))
        if not event_sigma_s >= 0.0:
            raise ValueError(f"event_error_s {event_sigma_s!r} is no 1-sigma error")
        interval_s = math.inf if clock_interval_s is None else clock_interval_s
        joined = interval_s <= self.max_clock_interval_s
        valid = strides.strides_.loc[strides.strides_["is_valid"]]
        numbers = ["bout", "is_flight", *EVENT_COLUMNS]
        walk = Walk(
            strides=strides.strides_,
            valid={side: valid.loc[valid["side"] == side, numbers] for side in SIDES},
            steps=strides.steps_,
            n_bouts=len(strides.bouts_),
            events=times,
            errors=EventErrors(
                times,
                event_sigma_s=event_sigma_s,
                clock_sigma_s=interval_s / math.sqrt(3.0) if joined else 0.0,
            ),
            sides=feet,
            rate_hz=rate_hz,
            feet_joined=joined,
        )
        missing = _missing(n_missing_samples, duration_s, rate_hz, len(feet))
        rows = []
        for variable in variables("timing"):
            for side in SIDES if variable.per_side else (None,):
                reason = self._refuse(variable, side, walk, clock_interval_s)
                found = Estimate(0, reason=reason) if reason else estimate(variable, side, walk)
                labels = [*found.labels, *self._labels(variable, found, walk)]
                if variable.name == "total_steps" and missing:
                    labels.append(missing)
                rows.append(_row(variable, side, found, labels))
        self.variables_ = pd.DataFrame(rows, columns=COLUMNS)
        return self

    def _refuse(
        self, variable: Variable, side: Side | None, walk: Walk, clock_interval_s: float | None
    ) -> str:
        """Return why the recording cannot carry ``variable`` whatever was walked, '' if it can."""
        needs = variable.needs
        if not walk.sides:
            return "no foot has gait events"
        if side is not None and side not in walk.sides:
            return f"the {side} foot was not recorded"
        if needs.two_feet and len(walk.sides) < len(SIDES):
            return f"only the {walk.sides[0]} foot was recorded; this needs both"
        if walk.rate_hz < needs.min_rate_hz and not self.allow_low_rate:
            return (
                f"{walk.rate_hz:g} Hz is below {needs.min_rate_hz:g} Hz; "
                "allow_low_rate reports it from 20 strides"
            )
        if not needs.one_clock or walk.feet_joined:
            return ""
        if clock_interval_s is None:
            return "the clocks of the feet are not joined, so the feet cannot be compared"
        return (
            f"the clocks of the feet agree within {1000.0 * clock_interval_s:.1f} ms; "
            f"comparing the feet needs {1000.0 * self.max_clock_interval_s:g} ms"
        )

    def _labels(self, variable: Variable, found: Estimate, walk: Walk) -> list[str]:
        """Return the remarks that any variable may carry."""
        labels = []
        if found.reason:
            return labels
        if walk.rate_hz < variable.needs.min_rate_hz:
            resolution_ms = 1000.0 / walk.rate_hz
            labels.append(f"resolution {resolution_ms:.0f} ms (one frame), interpolated")
        if variable.plausible is not None:
            low, high = variable.plausible
            if not low <= found.value <= high:
                labels.append(f"outside the plausible {low:g}-{high:g} {variable.unit}")
        return labels


def _require_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise DataError(f"{name} must be a positive number, not {value!r}")


def _missing(n_missing: int, duration_s: float | None, rate_hz: float, n_feet: int) -> str:
    """Return the remark on missing samples, '' if none is missing."""
    if not n_missing:
        return ""
    of_all = f" of {duration_s * rate_hz * n_feet:.0f}" if duration_s is not None else ""
    return f"lower bound: {n_missing}{of_all} samples are missing"


def _row(
    variable: Variable, side: Side | None, found: Estimate, labels: list[str]
) -> dict[str, Any]:
    error = math.sqrt(found.error_random**2 + found.error_clock**2 + found.error_bias**2)
    return {
        "name": variable.name,
        "side": side or "",
        "value": NAN if found.reason else found.value,
        "unit": variable.unit,
        "error": error,
        "error_random": found.error_random,
        "error_clock": found.error_clock,
        "sd": found.sd,
        "cv_pct": found.cv_pct,
        "robust_cv_pct": found.robust_cv_pct,
        "n": found.n,
        "reason": found.reason,
        "label": "; ".join(labels),
    }
