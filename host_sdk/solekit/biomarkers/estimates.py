"""One number with its error from the strides of one recording, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from solekit.biomarkers import symmetry
from solekit.biomarkers.dictionary import Variable
from solekit.biomarkers.fluctuation import DetrendedFluctuation
from solekit.biomarkers.propagation import EventErrors, Quantity
from solekit.errors import DataError
from solekit.layouts import SIDES, FloatArray, Side
from solekit.strides.bouts import MAD_TO_SD, NO_BOUT
from solekit.strides.events import FootEvents, other_side
from solekit.strides.phases import PHASES

NAN = float("nan")
FLIGHT_SHARE = 0.5  # with a flight phase in more strides than this, the person ran
ONE_FOOT_COUNT_SD = np.sqrt(2 / 3)  # the unseen foot makes one contact more, less or as many
# Noise moves the scaled MAD only through the strides that it carries across the MAD: with
# r = noise / SD, the influence function (+-1.167 SD for a normal distribution) and the density
# there (0.636), the variance is 0.564 * 0.636 * (2 * 1.167)^2 r / n = 1.4^2 r / n, in SD^2.
MAD_NOISE_FACTOR = 1.4

_DS_SUM = {"other_to_s": 1.0, "ic_s": -1.0, "to_s": 1.0, "other_ic_s": -1.0}
QUANTITIES: dict[str, Quantity] = {
    "double_support_mean": Quantity({k: v / 2 for k, v in _DS_SUM.items()}, is_share=True),
    "double_support_sum": Quantity(_DS_SUM, is_share=True),
    "double_support_initial": Quantity(PHASES["ds_initial"], is_share=True),
    "double_support_terminal": Quantity(PHASES["ds_terminal"], is_share=True),
    "single_support": Quantity(PHASES["ss"], is_share=True),
    "stance_time": Quantity(PHASES["stance"]),
    "stance_share": Quantity(PHASES["stance"], is_share=True),
    "swing_time": Quantity(PHASES["swing"]),
    "swing_share": Quantity(PHASES["swing"], is_share=True),
    "stride_time": Quantity(PHASES["stride"]),
    "step_time": Quantity(PHASES["step"]),
}


@dataclass(frozen=True, eq=False)
class Walk:
    """What the variables of one recording are made from; tables as ``EventStrides`` gives them."""

    strides: pd.DataFrame
    valid: dict[Side, pd.DataFrame]  # the valid strides of each foot
    steps: pd.DataFrame
    n_bouts: int
    events: FootEvents
    errors: EventErrors
    sides: tuple[Side, ...]
    rate_hz: float
    feet_joined: bool  # the clocks agree closely enough to compare the feet

    def carrying(self, quantity: Quantity, side: Side) -> tuple[pd.DataFrame, FloatArray]:
        """Return the valid strides of ``side`` that carry ``quantity``, and its values (n,)."""
        values = quantity.values(self.valid[side])
        has_value = np.isfinite(values)
        return self.valid[side].loc[has_value], values[has_value]


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value with its 1-sigma errors, or a ``reason``; ``n`` strides, steps or contacts."""

    n: int
    value: float = NAN
    error_random: float = NAN
    error_clock: float = NAN
    error_bias: float = 0.0
    sd: float = NAN
    cv_pct: float = NAN
    robust_cv_pct: float = NAN
    reason: str = ""
    labels: list[str] = field(default_factory=list)


def estimate(variable: Variable, side: Side | None, walk: Walk) -> Estimate:
    """Return ``variable`` of ``side`` (None where it is not per side) from ``walk``."""
    if side is None:
        if variable.name == "total_steps":
            return _total_steps(walk)
        if variable.name == "cadence":
            return _cadence(variable, walk)
        return _symmetry(variable, walk)
    if variable.name in QUANTITIES:
        return _mean(variable, side, walk)
    return _OF_STRIDE_TIME[variable.name](variable, side, walk)


def _mean(variable: Variable, side: Side, walk: Walk) -> Estimate:
    quantity = QUANTITIES[variable.name]
    strides, values = walk.carrying(quantity, side)
    n = len(values)
    labels = []
    if variable.name.startswith(("double_support", "single_support")):
        n_flight = int(np.sum(walk.valid[side]["is_flight"].to_numpy()))
        if n_flight > FLIGHT_SHARE * (n + n_flight):
            reason = f"flight phase in {n_flight} of {n + n_flight} strides: no double support"
            return Estimate(n, reason=reason)
        if n_flight:
            labels.append(f"{n_flight} strides with a flight phase left out")
    if reason := _too_few(variable, n, side, walk):
        return Estimate(n, reason=reason)
    gradient = walk.errors.gradient(strides, side, quantity, np.full(n, 1.0 / n))
    sd, robust_sd = _spread(values)
    mean = float(np.mean(values))
    return Estimate(
        n,
        mean,
        walk.errors.random(gradient),
        walk.errors.clock(gradient),
        sd=sd,
        cv_pct=100.0 * sd / mean if mean else NAN,
        robust_cv_pct=100.0 * robust_sd / float(np.median(values)) if np.median(values) else NAN,
        labels=labels,
    )


def _variability(variable: Variable, side: Side, walk: Walk) -> Estimate:
    """Return SD, CV or robust CV of the stride time, with what timing error adds to it."""
    quantity = QUANTITIES["stride_time"]
    strides, values = walk.carrying(quantity, side)
    n = len(values)
    if reason := _too_few(variable, n, side, walk):
        return Estimate(n, reason=reason)
    mean, (sd, robust_sd) = float(np.mean(values)), _spread(values)
    noise_s = _timing_noise_s(strides, side, walk)
    if sd <= noise_s:
        return Estimate(n, reason=_explained_by_timing(sd, noise_s))
    sd_slope = walk.errors.gradient(strides, side, quantity, (values - mean) / ((n - 1) * sd))
    scale, value = 1.0, sd
    gradient = sd_slope
    if variable.name != "stride_time_sd":
        mean_slope = walk.errors.gradient(strides, side, quantity, np.full(n, 1.0 / n))
        gradient = 100.0 * (sd_slope - sd / mean * mean_slope) / mean
        scale, value = 100.0 / mean, 100.0 * sd / mean
    bias = scale * (sd - np.sqrt(sd**2 - noise_s**2))
    random = walk.errors.random(gradient)
    if variable.name == "stride_time_robust_cv":
        value = 100.0 * robust_sd / float(np.median(values))
        random = MAD_NOISE_FACTOR * float(np.sqrt(noise_s * sd / n)) * scale
    label = f"timing error alone: SD {noise_s:.3f} s"
    return Estimate(n, value, random, 0.0, float(bias), labels=[label])


def _alpha(variable: Variable, side: Side, walk: Walk) -> Estimate:
    """Return the DFA exponent of the stride times of the bout with most valid strides."""
    strides, values = walk.carrying(QUANTITIES["stride_time"], side)
    bouts, n_by_bout = np.unique(strides["bout"].to_numpy(), return_counts=True)
    n = int(n_by_bout.max()) if len(bouts) else 0
    if reason := _too_few(variable, n, side, walk):
        return Estimate(n, reason=f"{reason} in one walking bout")
    longest = bouts[np.argmax(n_by_bout)]
    in_longest = strides["bout"].to_numpy() == longest
    series, noise_s = values[in_longest], _timing_noise_s(strides.loc[in_longest], side, walk)
    sd, _ = _spread(series)
    if sd <= noise_s:
        return Estimate(n, reason=_explained_by_timing(sd, noise_s))
    try:
        found = DetrendedFluctuation().analyse(series)
    except DataError as error:
        return Estimate(n, reason=f"no scaling exponent: {error}")
    label = f"statistical error; timing error, {noise_s:.3f} of an SD of {sd:.3f} s, lowers it"
    return Estimate(n, found.alpha_, found.alpha_error_, 0.0, labels=[label])


def _timing_noise_s(strides: pd.DataFrame, side: Side, walk: Walk) -> float:
    """Return the SD of stride times that timing error alone would give."""
    variance = sum(
        walk.errors.sigma_s[walk.errors.rows(side, "ic", strides[column].to_numpy())] ** 2
        for column in PHASES["stride"]
    )
    return float(np.sqrt(np.mean(variance)))


def _explained_by_timing(sd: float, noise_s: float) -> str:
    return f"timing error alone gives an SD of {noise_s:.3f} s; measured {sd:.3f} s"


_OF_STRIDE_TIME: dict[str, Callable[[Variable, Side, Walk], Estimate]] = {
    "stride_time_sd": _variability,
    "stride_time_cv": _variability,
    "stride_time_robust_cv": _variability,
    "stride_time_alpha": _alpha,
}


def _symmetry(variable: Variable, walk: Walk) -> Estimate:
    quantity_name, index = next(
        (variable.name.removesuffix(f"_{index}"), index)
        for index in symmetry.INDICES
        if variable.name.endswith(index)
    )
    quantity = QUANTITIES[quantity_name]
    strides, values = zip(*(walk.carrying(quantity, side) for side in SIDES), strict=True)
    n_by_side = [len(of_side) for of_side in values]
    n = min(n_by_side)
    if reason := _too_few(variable, n, SIDES[n_by_side.index(n)], walk):
        return Estimate(n, reason=reason)
    left, right = (float(np.mean(of_side)) for of_side in values)
    if min(left, right) <= 0.0:
        return Estimate(n, reason=f"a mean of {min(left, right):g} s has no ratio")
    gradient = np.zeros(len(walk.errors.sigma_s))
    for row, slope in enumerate(symmetry.slopes(index, left, right)):
        weights = np.full(n_by_side[row], slope / n_by_side[row])
        gradient += walk.errors.gradient(strides[row], SIDES[row], quantity, weights)
    value = symmetry.INDICES[index](left, right)
    return Estimate(n, value, walk.errors.random(gradient), walk.errors.clock(gradient))


def _total_steps(walk: Walk) -> Estimate:
    n = sum(len(walk.events[side, "ic"].t_s) for side in walk.sides)
    if len(walk.sides) == len(SIDES):
        return Estimate(n, float(n), 0.0, 0.0)
    error = ONE_FOOT_COUNT_SD * np.sqrt(max(walk.n_bouts, 1))
    return Estimate(n, 2.0 * n, float(error), 0.0, labels=["one_foot"])


def _cadence(variable: Variable, walk: Walk) -> Estimate:
    steps = walk.steps.loc[(walk.steps["reason"] == "") & (walk.steps["bout"] != NO_BOUT)]
    if len(walk.sides) == len(SIDES) and walk.feet_joined and len(steps):
        if reason := _too_few(variable, len(steps), None, walk):
            return Estimate(len(steps), reason=reason)
        total_s = float(steps["step_s"].sum())
        value = 60.0 * len(steps) / total_s
        slope = np.zeros(len(walk.errors.sigma_s))
        for side in SIDES:
            mine = steps.loc[steps["side"] == side]
            ends = walk.errors.rows(side, "ic", mine["end_s"].to_numpy())
            starts = walk.errors.rows(other_side(side), "ic", mine["start_s"].to_numpy())
            np.add.at(slope, ends, 1.0)
            np.add.at(slope, starts, -1.0)
        gradient = -value / total_s * slope
        return Estimate(
            len(steps), value, walk.errors.random(gradient), walk.errors.clock(gradient)
        )
    return _cadence_of_each_foot(variable, walk)


def _cadence_of_each_foot(variable: Variable, walk: Walk) -> Estimate:
    """Return twice the stride rate within bouts, the mean over the feet."""
    quantity = QUANTITIES["stride_time"]
    walked = walk.strides.loc[
        (walk.strides["bout"] != NO_BOUT) & ~walk.strides["rule"].isin(("gap", "duration"))
    ]
    by_side: dict[Side, pd.DataFrame] = {}
    for side in walk.sides:
        mine = walked.loc[walked["side"] == side]
        if len(mine):
            by_side[side] = mine
    n = sum(len(table) for table in by_side.values())
    if reason := _too_few(variable, n, None, walk):
        return Estimate(n, reason=reason)
    value, gradient = 0.0, np.zeros(len(walk.errors.sigma_s))
    for side, table in by_side.items():
        total_s = float(np.sum(table["stride_s"].to_numpy()))
        rate = 120.0 * len(table) / total_s / len(by_side)
        weights = np.full(len(table), -rate / total_s)
        gradient += walk.errors.gradient(table, side, quantity, weights)
        value += rate
    label = "one_foot" if len(walk.sides) == 1 else "each foot alone, twice its stride rate"
    return Estimate(n, value, walk.errors.random(gradient), 0.0, labels=[label])


def _spread(values: FloatArray) -> tuple[float, float]:
    """Return the standard deviation and the scaled median absolute deviation."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else NAN
    return sd, MAD_TO_SD * float(np.median(np.abs(values - np.median(values))))


def _too_few(variable: Variable, n: int, side: Side | None, walk: Walk) -> str:
    """Return why ``n`` strides do not carry ``variable``, '' if they do."""
    needed = variable.needs.strides_at(walk.rate_hz)
    if n >= needed:
        return ""
    whose = f"{side} strides" if side else "strides"
    at_rate = ""
    if variable.needs.min_strides != variable.needs.min_strides_below_50_hz:
        at_rate = f" at {walk.rate_hz:g} Hz"
    return f"{n} {whose} carry it; {needed} are needed{at_rate}"
