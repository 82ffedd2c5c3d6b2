"""What the host makes of one foot's pressure: bad cells, descriptors per stance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from solekit.errors import DataError
from solekit.layouts import SIDES, FloatArray, Side
from solekit.pressure import Butterfly, CellCheck, CentreOfPressure, GaitLine, PlantarPressure
from solekit.pressure.butterfly import FootLoad
from solekit.pressure.cells import interpolate
from solekit.pressure.descriptors import FOOT_QUANTITIES, QUANTITIES

if TYPE_CHECKING:
    from solekit.recording.foot import FootRecording

COLUMNS = ["side", "region", "quantity", "mean", "sd", "n", "reason", "error_95"]
# Of what carries a force, and with it the error of the calibration.
_OF_CELLS, _OF_SOLE = ("_kpa", "_kpa_s"), ("_n", "_n_s")
GAIT_LINE = ("start_pct", "end_pct", "length_mm", "width_mm", "path_mm", "velocity_mm_s")
RAW_MAX_CODE, CODE_MAX = 4095.0, 255.0
CODES = ("raw8", "coded8")  # forms whose counts the insole has calibrated


@dataclass(frozen=True, eq=False)
class SolePressure:
    """Plantar pressure of the feet of one recording.

    ``table`` has the columns COLUMNS: mean and SD over the stances of valid strides, or the
    ``reason`` in their place; ``error_95`` is half the 95 % interval that the calibration leaves a
    force or a pressure, NaN where nobody has told. ``stances`` has one row per stance and region
    with ``side`` and ``ic_s``. ``warnings`` are sentences about the cells.
    """

    table: pd.DataFrame
    stances: pd.DataFrame
    warnings: list[str]


def pressure_of(
    feet: Sequence[FootRecording], strides: pd.DataFrame, *, clock_interval_s: float = math.inf
) -> SolePressure:
    """Return the plantar pressure in the valid ``strides`` (``side``, ``ic_s``, ``to_s``).

    ``clock_interval_s`` is how closely the clocks of the feet agree: what joins them needs it.
    """
    tables, stances, warnings = [], [], []
    soles: dict[Side, FootLoad] = {}
    for foot in feet:
        valid = strides["is_valid"].to_numpy(dtype=bool)
        mine = strides.loc[valid & (strides["side"] == foot.side), ["ic_s", "to_s"]]
        load, one, found = _checked(foot)
        warnings += [f"The {foot.side} sole: {sentence}." for sentence in found]
        unit = "n" if foot.is_newtons else "counts"
        described = PlantarPressure().describe(
            load,
            t_s=foot.t_s,
            layout=foot.info.layout,
            side=cast(Side, foot.side),
            contacts=mine,
            unit=unit,
            one=one,
            rate_hz=foot.info.rate_hz,
        )
        told = _with_reasons(described).assign(side=foot.side)
        tables.append(told.assign(error_95=_error_95(told, foot)))
        cop = CentreOfPressure().compute(load, layout=foot.info.layout)
        lines = GaitLine().resample(
            cop.cop_x_mm_,
            cop.cop_y_mm_,
            t_s=foot.t_s,
            ic_s=mine["ic_s"].to_numpy(dtype=float),
            to_s=mine["to_s"].to_numpy(dtype=float),
            layout=foot.info.layout,
        )
        tables.append(_gait_line(lines).assign(side=foot.side))
        soles[cast(Side, foot.side)] = FootLoad(
            foot.t_s,
            cop.force_n_ * one,
            cop.cop_x_mm_,
            cop.cop_y_mm_,
            mine["ic_s"].to_numpy(dtype=float),
            mine["to_s"].to_numpy(dtype=float),
        )
        if len(described.regions_):
            ic_s = mine["ic_s"].to_numpy(dtype=float)[described.regions_["stance"].to_numpy()]
            stances.append(described.regions_.assign(side=foot.side, ic_s=ic_s))
    tables += _butterfly(soles, feet, clock_interval_s)
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
    each = pd.concat(stances, ignore_index=True) if stances else pd.DataFrame()
    return SolePressure(table.reindex(columns=COLUMNS), each, warnings)


def force_error_share(foot: FootRecording) -> float:
    """Return half the 95 % interval of the foot's force as a share of it, under load; NaN."""
    if foot.calibration is None or not foot.t_s.size:
        return math.nan
    load = foot.load
    is_loaded = load > 0.5 * np.percentile(load, 95)
    share = foot.force_error_n[is_loaded] / load[is_loaded]
    return float(np.median(share)) if len(share) else math.nan


def _error_95(told: pd.DataFrame, foot: FootRecording) -> FloatArray:
    """Return half the 95 % interval of each row of ``told``; NaN for what is no force."""
    out = np.full(len(told), np.nan)
    if foot.calibration is None:
        return out
    share = force_error_share(foot)
    one_cell = 1.96 * float(np.median(foot.calibration.curves.cell_share_sd))
    for k, (name, mean) in enumerate(zip(told["quantity"], told["mean"], strict=True)):
        if name.endswith(_OF_CELLS):
            out[k] = abs(mean) * math.hypot(share, one_cell)
        elif name.endswith(_OF_SOLE):
            out[k] = abs(mean) * share
    return out


def _gait_line(lines: GaitLine) -> pd.DataFrame:
    """Return mean and SD over stances of what describes a gait line."""
    kept = lines.stances_.loc[lines.stances_["reason"] == "", list(GAIT_LINE)]
    rows = []
    for name in GAIT_LINE:
        values = kept[name].to_numpy(dtype=float)
        mean, sd = (
            (float(np.mean(values)), float(np.std(values, ddof=1)))
            if len(values) > 1
            else (np.nan, np.nan)
        )
        why = "" if len(values) > 1 else "fewer than two stances with a gait line"
        row = {"region": "foot", "quantity": f"gait_line_{name}", "mean": mean, "sd": sd}
        rows.append({**row, "n": len(values), "reason": why})
    return pd.DataFrame(rows)


def _butterfly(
    soles: dict[Side, FootLoad], feet: Sequence[FootRecording], clock_interval_s: float
) -> list[pd.DataFrame]:
    """Return mean and SD over strides of the butterfly diagram of both feet, if there are two."""
    if len(soles) < len(SIDES):
        return []
    layout = feet[0].info.layout
    interval_s = min(clock_interval_s, 1e3)
    found = Butterfly().compute(
        soles["left"], soles["right"], layout=layout, clock_interval_s=interval_s
    )
    if found.reason_:
        row = {"region": "both feet", "quantity": "butterfly", "mean": np.nan, "sd": np.nan}
        return [pd.DataFrame([{**row, "n": 0, "reason": found.reason_, "side": ""}])]
    table = found.summary_.assign(region="both feet", reason="", side="")
    return [table.assign(quantity="butterfly_" + table["quantity"])]


def checked_load(foot: FootRecording) -> tuple[FloatArray, list[str]]:
    """Return frames (n, n_cells) with bad cells filled, in newtons or counts, and the findings.

    Without walking the cells cannot be judged; they stay as they are.
    """
    load, one, found = _checked(foot)
    return load.astype(float) * one, found


def _checked(foot: FootRecording) -> tuple[NDArray[np.number], float, list[str]]:
    """Return what ``checked_load`` does, the load not yet times ``one``: newtons of a 1 in it."""
    is_raw = foot.form == "raw12"
    has_own_newtons = foot.info.is_calibrated and foot.calibration is None
    one = 1.0
    if has_own_newtons:
        # The rules are about codes: what one is in newtons is known.
        one = foot.info.force_lsb_n
        codes = load = foot.counts if foot.form in CODES else foot.force_n / one
    else:
        above = np.maximum(foot.counts.astype(float) - foot.info.base, 0.0) if is_raw else None
        codes = foot.counts.astype(float) if above is None else above
        load = codes if foot.calibration is None else foot.force_n
    top = RAW_MAX_CODE - float(foot.info.base.max()) if is_raw else CODE_MAX
    if is_raw and has_own_newtons:
        top = float((RAW_MAX_CODE - foot.info.base.astype(float)).min() * foot.info.gain.min())
        top /= 65536.0
    try:
        check = CellCheck(max_code=max(top - 0.5, 1.0)).inspect(codes, layout=foot.info.layout)
    except DataError as error:
        return load, one, [str(error)]
    found = [reason for reason in check.reasons_ if not reason.startswith(("judged", "gains"))]
    if not found:
        return load, one, []
    filled = interpolate(load, check.flags_, foot.info.layout)
    return filled.load, one, [*found, *([filled.reason] if filled.reason else [])]


def _with_reasons(described: PlantarPressure) -> pd.DataFrame:
    """Return the means, and a row with its reason for each quantity and region that is absent."""
    table = described.means_.assign(reason="")
    quantities = (*QUANTITIES, *FOOT_QUANTITIES)
    rows = []
    for name, reason in described.reasons_.items():
        if name in quantities:
            table = table.loc[table["quantity"] != name]
            rows.append({"region": "foot", "quantity": name, "reason": reason})
        else:
            rows.append({"region": name, "quantity": "", "reason": reason})
    refused = pd.DataFrame(rows, columns=["region", "quantity", "reason"])
    refused = refused.assign(mean=np.nan, sd=np.nan, n=0)
    return pd.concat([table, refused], ignore_index=True) if len(refused) else table
