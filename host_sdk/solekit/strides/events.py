"""The event table that strides are made of: checked, sorted, without doubles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from solekit.errors import DataError
from solekit.layouts import SIDES, FloatArray, Side

Kind = Literal["ic", "to"]
KINDS: tuple[Kind, Kind] = ("ic", "to")
MIN_SWING_S = 0.1  # no foot swings in less, not even in a sprint: the force only dipped


@dataclass(frozen=True, eq=False)
class EventTimes:
    """Distinct events of one foot and one kind, ascending.

    ``t_s`` and ``sigma_s`` have shape (n_events,); ``sigma_s`` is the 1-sigma timing error of each
    event and NaN where nobody stated one.
    """

    t_s: FloatArray
    sigma_s: FloatArray


FootEvents = dict[tuple[Side, Kind], EventTimes]


def read_events(events: pd.DataFrame) -> FootEvents:
    """Return the initial contacts and toe offs of both feet; DataError on a broken table.

    ``events`` has ``side`` ('left'/'right'), ``kind`` ('ic', 'to'; others are ignored), ``t_s`` on
    one clock, and may have ``sigma_s``; any order. An event listed twice counts once. A toe off
    followed by a contact of the same foot within ``MIN_SWING_S`` is one stance with a dip: both
    are left out. (A detector on the foot cannot know when it reports the toe off.)
    """
    require_columns(events, "events", "side", "kind", "t_s")
    used = events.loc[events["kind"].isin(KINDS)]
    require_sides(used, "events")
    t_s = finite(used, "events", "t_s")
    sigma_s = np.full(len(used), np.nan)
    if "sigma_s" in used.columns:
        sigma_s = used.loc[:, "sigma_s"].to_numpy(dtype=float, na_value=np.nan)
        if np.any(sigma_s < 0) or np.any(np.isinf(sigma_s)):
            raise DataError("events: sigma_s must be a finite 1-sigma error of at least 0 s")
    result: FootEvents = {}
    for side in SIDES:
        for kind in KINDS:
            mine = ((used["side"] == side) & (used["kind"] == kind)).to_numpy(dtype=bool)
            distinct, first = np.unique(t_s[mine], return_index=True)
            result[side, kind] = EventTimes(distinct, sigma_s[mine][first])
        join_dips(result, side)
    return result


def join_dips(times: FootEvents, side: Side) -> None:
    """Leave out of ``times`` the swings of ``side`` that are too short to be one."""
    contacts, toe_offs = times[side, "ic"], times[side, "to"]
    follower = np.searchsorted(contacts.t_s, toe_offs.t_s, side="right")
    padded = np.append(contacts.t_s, np.inf)
    is_dip = padded[follower] - toe_offs.t_s < MIN_SWING_S
    keep = np.ones(len(contacts.t_s), dtype=bool)
    keep[follower[is_dip]] = False
    times[side, "ic"] = EventTimes(contacts.t_s[keep], contacts.sigma_s[keep])
    times[side, "to"] = EventTimes(toe_offs.t_s[~is_dip], toe_offs.sigma_s[~is_dip])


def recorded_feet(times: FootEvents, sides: Sequence[Side] | None) -> tuple[Side, ...]:
    """Return ``sides`` left first, by default the feet with events; DataError if unknown."""
    if sides is None:
        return tuple(s for s in SIDES if len(times[s, "ic"].t_s) or len(times[s, "to"].t_s))
    unknown = [side for side in sides if side not in SIDES]
    if unknown:
        raise DataError(f"sides: {unknown[0]!r} is neither 'left' nor 'right'")
    return tuple(side for side in SIDES if side in sides)


def other_side(side: Side) -> Side:
    """Return the other foot."""
    return "right" if side == "left" else "left"


def require_columns(table: pd.DataFrame, name: str, *columns: str) -> None:
    """Raise DataError if ``table`` lacks one of ``columns``."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise DataError(f"{name} has no column {missing[0]!r}; it needs {', '.join(columns)}")


def require_sides(table: pd.DataFrame, name: str) -> None:
    """Raise DataError unless the column ``side`` holds only 'left' and 'right'."""
    wrong = table.loc[~table["side"].isin(SIDES), "side"]
    if len(wrong):
        raise DataError(f"{name}: side {wrong.iloc[0]!r} is neither 'left' nor 'right'")


def finite(table: pd.DataFrame, name: str, column: str) -> FloatArray:
    """Return ``column`` as floats, shape (n_rows,); DataError on a value that is not finite."""
    values = table[column].to_numpy(dtype=float, na_value=np.nan)
    if not np.all(np.isfinite(values)):
        raise DataError(f"{name}: {column} has a value that is not finite")
    return values
