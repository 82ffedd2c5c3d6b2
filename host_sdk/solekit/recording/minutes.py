"""Summaries of the minutes, which an insole that is alone keeps when its frames no longer fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from solecore.wire import messages as m
from solekit.identity import InsoleInfo
from solekit.link import Data

MINUTE_COLUMNS = [
    *("side", "t_s", "n_frames", "n_contacts", "n_strides", "stride_s", "stance_s"),
    *("cadence_steps_min", "peak_force_n", "loaded_pct", "drift_mean_counts"),
    *("drift_max_counts", "battery_v", "temperature_c"),
]
_UNKNOWN_TEMPERATURE = -32768


def minute_table(
    items: Sequence[Data], info: InsoleInfo, to_host_s: Callable[[Any], NDArray[np.float64]]
) -> pd.DataFrame:
    """Return one row per minute that the insole summed up: columns MINUTE_COLUMNS.

    ``items`` are messages of the stream minutes; ``to_host_s`` maps the foot's microseconds to the
    host clock. ``t_s`` is the begin; ``stride_s``, ``stance_s`` and ``peak_force_n`` are means
    over the minute's contacts, NaN without any (the force also for an uncalibrated insole);
    ``cadence_steps_min`` is twice the stride rate while walking; ``loaded_pct`` the share of the
    frames under load; ``battery_v`` and ``temperature_c`` are NaN where the insole does not know.
    """
    items = [item for item in items if item.message[0] == m.MINUTE.msg_id]
    told = [m.MINUTE.unpack(item.message) for item in items]
    column = {
        name: np.array([fields[name] for fields in told], dtype=float)
        for name in (
            *("n_frames", "n_contacts", "n_strides", "stride_mean", "stance_mean", "peak_mean"),
            *("loaded", "drift_mean", "drift_max", "battery", "temperature"),
        )
    }
    stride_s = _known(column["stride_mean"], column["n_strides"] > 0) * 1e-6
    temperature = column["temperature"]
    lsb_n = info.force_lsb_n if info.is_calibrated else np.nan
    return pd.DataFrame(
        {
            "side": pd.Series([info.side] * len(items), dtype="str"),
            "t_s": to_host_s([item.foot_us for item in items]) if items else np.zeros(0),
            **{name: column[name].astype(int) for name in ("n_frames", "n_contacts", "n_strides")},
            "stride_s": stride_s,
            "stance_s": _known(column["stance_mean"], column["n_contacts"] > 0) * 1e-6,
            "cadence_steps_min": 120.0 / stride_s,
            "peak_force_n": _known(column["peak_mean"], column["n_contacts"] > 0) * lsb_n,
            "loaded_pct": 100.0 * column["loaded"] / np.maximum(column["n_frames"], 1),
            "drift_mean_counts": column["drift_mean"].astype(int),
            "drift_max_counts": column["drift_max"].astype(int),
            "battery_v": _known(column["battery"], column["battery"] > 0) * 1e-3,
            "temperature_c": _known(temperature, temperature != _UNKNOWN_TEMPERATURE) * 0.1,
        },
        columns=MINUTE_COLUMNS,
    )


def _known(values: NDArray[np.float64], is_known: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(is_known, values, np.nan)
