"""What was done in a calibration, its numbers with their errors, and what is missing."""

from __future__ import annotations

import math
from typing import Any

from solekit.calibration.body_weight import BodyWeightFit
from solekit.calibration.model import Calibration


def to_json(calibration: Calibration, fit: BodyWeightFit | None = None) -> dict[str, Any]:
    """Return the report of one insole as plain values; lengths and forces with their units."""
    c = calibration
    out: dict[str, Any] = {
        "serial": c.serial,
        "side": c.side,
        "made": c.made,
        "is_newtons": c.is_newtons,
        "factor": c.factor,
        "factor_error_95": 1.96 * c.factor * c.factor_share_sd,
        "body_mass_kg": c.body_mass_kg,
        "n_cells": len(c.base),
        "n_cells_own_curve": int(c.curves.is_own.sum()),
        "curve_error_95_pct": 196 * c.curves.shape_share_sd,
        "zero_sd_n": c.factor * c.zero_sd_n,
        "creep": c.creep
        and {"share": c.creep.share, "tau_s": c.creep.tau_s}
        | {"per_decade": c.creep.per_decade, "standing_s": c.creep.standing_s},
        "hysteresis_left_pct": c.hysteresis and 196 * c.hysteresis.share_sd,
        "log": list(c.log),
        "missing": missing(c),
    }
    if fit is not None:
        out["stances_residual_n"] = fit.residual_n.tolist()
        out["stances_condition"] = fit.condition
    return {key: None if _is_nan(value) else value for key, value in out.items()}


def missing(calibration: Calibration) -> list[str]:
    """Return what has not been measured, and what stands in its place, as sentences."""
    c, out = calibration, []
    if not c.is_newtons:
        out.append("body weight: counts are not newtons; give --body-mass-kg")
    if not c.curves.is_measured:
        out.append("curves of the cells under a press: power laws stand in their place")
    if c.creep is None:
        out.append("creep: not taken off, assumed up to 5 % a decade of time; stand longer")
    if c.hysteresis is None:
        out.append("hysteresis: not undone, assumed up to 10 %; needs a press")
    return [*out, "temperature: not corrected"]


def to_text(calibration: Calibration, fit: BodyWeightFit | None = None) -> str:
    """Return the report of one insole for people."""
    c = calibration
    lines = [f"{c.side} insole {c.serial}"]
    if c.is_newtons:
        half = 1.96 * 100 * c.factor_share_sd
        lines.append(f"  newtons: factor {c.factor:.4g} +- {half:.1f} % (95 %)")
    if fit is not None:
        worst = max(abs(fit.residual_n))
        lines.append(f"  stances: body weight missed by at most {worst:.0f} N")
    if c.curves.is_measured:
        own = int(c.curves.is_own.sum())
        lines.append(
            f"  curves: {own} of {len(c.base)} cells, +- {196 * c.curves.shape_share_sd:.1f} %"
        )
    if c.creep is not None:
        lines.append(
            f"  creep: {100 * c.creep.share:.1f} % within {c.creep.tau_s:.0f} s and "
            f"{100 * c.creep.per_decade:.1f} % a decade, from {c.creep.standing_s:.0f} s"
        )
    if c.hysteresis is not None:
        lines.append(f"  hysteresis: undone to +- {196 * c.hysteresis.share_sd:.1f} %")
    lines += [f"  done: {line}" for line in c.log]
    lines += [f"  missing: {line}" for line in missing(c)]
    return "\n".join(lines)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
