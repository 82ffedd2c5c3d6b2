"""What the host makes of one foot's pressure: bad cells, descriptors per stance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from solekit.errors import DataError
from solekit.layouts import FloatArray, Side
from solekit.pressure import CellCheck, PlantarPressure
from solekit.pressure.cells import interpolate
from solekit.pressure.descriptors import FOOT_QUANTITIES, QUANTITIES

if TYPE_CHECKING:
    from solekit.recording.foot import FootRecording

COLUMNS = ["side", "region", "quantity", "mean", "sd", "n", "reason"]
RAW_MAX_CODE, CODE_MAX = 4095.0, 255.0


@dataclass(frozen=True, eq=False)
class SolePressure:
    """Plantar pressure of the feet of one recording.

    ``table`` has the columns COLUMNS: mean and SD over the stances of valid strides, or the
    ``reason`` in their place. ``stances`` has one row per stance and region with ``side`` and
    ``ic_s``. ``warnings`` are sentences about the cells.
    """

    table: pd.DataFrame
    stances: pd.DataFrame
    warnings: list[str]


def pressure_of(feet: Iterable[FootRecording], strides: pd.DataFrame) -> SolePressure:
    """Return the plantar pressure in the valid ``strides`` (``side``, ``ic_s``, ``to_s``)."""
    tables, stances, warnings = [], [], []
    for foot in feet:
        valid = strides["is_valid"].to_numpy(dtype=bool)
        mine = strides.loc[valid & (strides["side"] == foot.side), ["ic_s", "to_s"]]
        load, found = checked_load(foot)
        warnings += [f"The {foot.side} sole: {sentence}." for sentence in found]
        unit = "n" if foot.info.is_calibrated else "counts"
        described = PlantarPressure().describe(
            load,
            t_s=foot.t_s,
            layout=foot.info.layout,
            side=cast(Side, foot.side),
            contacts=mine,
            unit=unit,
            rate_hz=foot.info.rate_hz,
        )
        tables.append(_with_reasons(described).assign(side=foot.side))
        if len(described.regions_):
            ic_s = mine["ic_s"].to_numpy(dtype=float)[described.regions_["stance"].to_numpy()]
            stances.append(described.regions_.assign(side=foot.side, ic_s=ic_s))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
    each = pd.concat(stances, ignore_index=True) if stances else pd.DataFrame()
    return SolePressure(table.loc[:, COLUMNS], each, warnings)


def checked_load(foot: FootRecording) -> tuple[FloatArray, list[str]]:
    """Return frames (n, n_cells) with bad cells filled, in newtons or counts, and the findings.

    Without walking the cells cannot be judged; they stay as they are.
    """
    is_raw = foot.form == "raw12"
    if foot.info.is_calibrated:
        load = foot.force_n
        # The rules are about codes: what one is in newtons is known.
        codes = load / foot.info.force_lsb_n
    else:
        above = np.maximum(foot.counts.astype(float) - foot.info.base, 0.0) if is_raw else None
        load = codes = foot.counts.astype(float) if above is None else above
    top = RAW_MAX_CODE - float(foot.info.base.max()) if is_raw else CODE_MAX
    if is_raw and foot.info.is_calibrated:
        top = float((RAW_MAX_CODE - foot.info.base.astype(float)).min() * foot.info.gain.min())
        top /= 65536.0
    try:
        check = CellCheck(max_code=max(top - 0.5, 1.0)).inspect(codes, layout=foot.info.layout)
    except DataError as error:
        return load, [str(error)]
    found = [reason for reason in check.reasons_ if not reason.startswith(("judged", "gains"))]
    if not found:
        return load, []
    filled = interpolate(load, check.flags_, foot.info.layout)
    return filled.load, [*found, *([filled.reason] if filled.reason else [])]


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
