"""Pressure decides, the IMU confirms and fills in where pressure was not seen."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd

from solekit.algorithm import Algorithm
from solekit.layouts import FloatArray
from solekit.strides.events import KINDS, finite, require_columns
from solekit.strides.spans import read_spans

COLUMNS = ["kind", "t_s", "sigma_s", "source", "imu_s"]


class FusedContacts(Algorithm):
    """Gait events of one foot from its pressure and its IMU.

    Every event of pressure stays as it is; where the IMU has one of the same kind nearby, it is
    confirmed. The two define events differently, so the IMU's are first moved by the median lag
    between the two. An event of the IMU alone enters only where pressure was missing.

    Parameters
    ----------
    search_s
        Events further apart are not the same event; also the reach of the first matching.
    confirm_s
        After the lag is taken out, a confirmed event lies within this.
    min_matches
        Fewest matches of a kind that tell its lag; with fewer nothing is filled in.

    Attributes
    ----------
    events_
        ``kind``, ``t_s``, ``sigma_s`` (1-sigma), ``source`` ('both', 'pressure', 'imu'), ``imu_s``
        (the IMU's own time less the lag, NaN without one), ascending.
    lag_s_
        Median of IMU less pressure by kind; NaN where too few match.
    confirmed_share_
        Share of the events of pressure that the IMU confirms, NaN without events.

    Notes
    -----
    Solekit (own definition).
    """

    events_: pd.DataFrame
    lag_s_: dict[str, float]
    confirmed_share_: float

    def __init__(
        self, *, search_s: float = 0.2, confirm_s: float = 0.08, min_matches: int = 3
    ) -> None:
        self.search_s = search_s
        self.confirm_s = confirm_s
        self.min_matches = min_matches

    def fuse(
        self, pressure: pd.DataFrame, imu: pd.DataFrame, *, gaps: pd.DataFrame | None = None
    ) -> Self:
        """Join ``pressure`` and ``imu`` events (``kind``, ``t_s``, possibly ``sigma_s``).

        ``gaps`` (``start_s``, ``end_s``): pressure is missing there. DataError on a broken table.
        """
        for table, name in ((pressure, "pressure"), (imu, "imu")):
            require_columns(table, name, "kind", "t_s")
        missing = read_spans(gaps, "gaps")
        self.lag_s_ = {}
        parts = []
        for kind in KINDS:
            own, own_sigma = _events(pressure, "pressure", kind)
            other, other_sigma = _events(imu, "imu", kind)
            row, column = pairs(own, other, self.search_s)
            lag_s = float("nan")
            if len(row) >= self.min_matches:
                lag_s = float(np.median(other[column] - own[row]))
            self.lag_s_[kind] = lag_s
            moved = other - (lag_s if np.isfinite(lag_s) else 0.0)
            row, column = pairs(own, moved, self.confirm_s)
            imu_s = np.full(len(own), np.nan)
            imu_s[row] = moved[column]
            source = np.where(np.isnan(imu_s), "pressure", "both").astype(object)
            parts.append(_table(kind, own, own_sigma, source, imu_s))
            if np.isfinite(lag_s):
                free = np.ones(len(moved), dtype=bool)
                free[column] = False
                fill = np.flatnonzero(free & missing.meets(moved, moved))
                extra = np.full(len(fill), "imu", dtype=object)
                parts.append(_table(kind, moved[fill], other_sigma[fill], extra, moved[fill]))
        joined = pd.concat(parts).sort_values("t_s", kind="stable", ignore_index=True)
        self.events_ = joined.loc[:, COLUMNS]
        seen = self.events_[self.events_["source"] != "imu"]
        self.confirmed_share_ = float(np.mean(seen["source"] == "both")) if len(seen) else np.nan
        return self


def pairs(a: FloatArray, b: FloatArray, reach_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of ``a`` and ``b`` (ascending) that are each other's nearest within reach."""
    if not len(a) or not len(b):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    to_b, to_a = nearest(b, a), nearest(a, b)
    row = np.arange(len(a))
    mutual = (to_a[to_b] == row) & (np.abs(b[to_b] - a) <= reach_s)
    return row[mutual], to_b[mutual]


def nearest(ascending: FloatArray, t_s: FloatArray) -> np.ndarray:
    """Return the row of the value in ``ascending`` that is nearest to each of ``t_s``."""
    after = np.searchsorted(ascending, t_s).clip(1, max(1, len(ascending) - 1))
    if len(ascending) == 1:
        return np.zeros(len(t_s), dtype=np.int64)
    before = after - 1
    closer = t_s - ascending[before] <= ascending[after] - t_s
    return np.where(closer, before, after)


def _events(table: pd.DataFrame, name: str, kind: str) -> tuple[FloatArray, FloatArray]:
    mine = table.loc[table["kind"] == kind]
    t_s = finite(mine, name, "t_s")
    sigma_s = np.full(len(mine), np.nan)
    if "sigma_s" in mine.columns:
        sigma_s = mine["sigma_s"].to_numpy(dtype=float)
    order = np.argsort(t_s, kind="stable")
    return t_s[order], sigma_s[order]


def _table(
    kind: str, t_s: FloatArray, sigma_s: FloatArray, source: np.ndarray, imu_s: FloatArray
) -> pd.DataFrame:
    columns = {"t_s": t_s, "sigma_s": sigma_s, "source": source, "imu_s": imu_s}
    return pd.DataFrame({"kind": np.full(len(t_s), kind, dtype=object), **columns})
