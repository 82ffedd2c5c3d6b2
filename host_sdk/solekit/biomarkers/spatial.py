"""Lengths, speeds and angles of strides as variables, each with its error or why it is absent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from solekit.algorithm import Algorithm
from solekit.biomarkers.dictionary import Variable, variables
from solekit.biomarkers.insole import COLUMNS
from solekit.layouts import SIDES, Side
from solekit.strides.bouts import MAD_TO_SD
from solekit.strides.events import require_columns

# Where a variable stands in the table of ``StrideGeometry``.
COLUMN_OF = {
    "stride_length": "stride_length_m",
    "stride_speed": "stride_speed_m_s",
    "strike_angle": "strike_angle_deg",
    "toe_off_angle": "toe_off_angle_deg",
    "max_lift": "max_lift_m",
    "circumduction": "circumduction_m",
}


class SpatialVariables(Algorithm):
    """The variables of ``solekit.biomarkers.variables('spatial')`` from measured strides.

    Parameters
    ----------
    max_turning_deg
        Strides that turn the foot by more do not count.

    Attributes
    ----------
    variables_
        Rows and columns as ``InsoleVariables.variables_``: always the same rows.

    Notes
    -----
    ``error_random`` = error_sigma / sqrt(n) and a share of the value that does not shrink, both of
    the dictionary: what ``tools.validate pyshoe`` and ``gaitmap_example`` measured.
    """

    variables_: pd.DataFrame

    def __init__(self, *, max_turning_deg: float = 20.0) -> None:
        self.max_turning_deg = max_turning_deg

    def compute(
        self, strides: pd.DataFrame, *, sides: Sequence[Side], reasons: dict[Side, str]
    ) -> Self:
        """Compute the variables from ``strides`` (``side``, ``is_valid``, and of StrideGeometry).

        ``sides`` are the feet that were recorded; ``reasons`` says per foot why its way is not
        known, '' or absent if it is. DataError if a column is missing.
        """
        require_columns(strides, "strides", "side", "is_valid", "turning_deg", *COLUMN_OF.values())
        straight = ~(strides["turning_deg"].abs() > self.max_turning_deg)
        counted = strides.loc[strides["is_valid"].astype(bool) & straight]
        rows = []
        for variable in variables("spatial"):
            for side in SIDES:
                mine = counted.loc[counted["side"] == side, COLUMN_OF[variable.name]]
                values = mine.to_numpy(dtype=float)
                values = values[np.isfinite(values)]
                reason = ""
                if side not in sides:
                    reason = f"the {side} foot was not recorded"
                elif reasons.get(side):
                    reason = reasons[side]
                elif len(values) < variable.needs.min_strides:
                    needed = variable.needs.min_strides
                    reason = f"{len(values)} {side} strides carry it; {needed} are needed"
                rows.append(_row(variable, side, values, reason))
        self.variables_ = pd.DataFrame(rows, columns=COLUMNS)
        return self


def _row(variable: Variable, side: Side, values: np.ndarray, reason: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, float("nan"))
    row |= {"name": variable.name, "side": side, "unit": variable.unit}
    row |= {"n": len(values), "reason": reason, "label": ""}
    if reason:
        return row
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    robust = MAD_TO_SD * float(np.median(np.abs(values - np.median(values))))
    random = variable.error_sigma / np.sqrt(len(values))
    row |= {"value": mean, "error": float(np.hypot(random, variable.error_share * mean))}
    row |= {"error_random": float(random), "error_clock": 0.0, "sd": sd}
    # A coefficient of variation needs a natural zero; angles have none.
    if variable.unit != "deg" and mean:
        row |= {"cv_pct": 100.0 * sd / mean, "robust_cv_pct": 100.0 * robust / np.median(values)}
    if variable.plausible is not None:
        low, high = variable.plausible
        if not low <= mean <= high:
            row["label"] = f"outside the plausible {low:g}-{high:g} {variable.unit}"
    return row
