"""Examples of the algorithms that every recording passes: see ``test_algorithms``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from solecore.layouts import geometry
from solekit.identity import InsoleInfo

Example = tuple[str, tuple[Any, ...], dict[str, Any]]  # action, arguments, keyword arguments


def some_events() -> pd.DataFrame:
    ic_s = np.arange(12.0)
    times_s = {
        ("left", "ic"): ic_s,
        ("left", "to"): ic_s + 0.6,
        ("right", "ic"): ic_s + 0.5,
        ("right", "to"): ic_s + 1.1,
    }
    return pd.concat(
        [pd.DataFrame({"side": s, "kind": k, "t_s": t}) for (s, k), t in times_s.items()],
        ignore_index=True,
    )


def strides_example() -> Example:
    gaps = pd.DataFrame({"side": ["left"], "start_s": [5.0], "end_s": [5.2]})
    turns = pd.DataFrame({"start_s": [8.0], "end_s": [8.3]})
    return "segment", (some_events(),), {"gaps": gaps, "turns": turns}


def variables_example() -> Example:
    from solekit.strides import EventStrides

    events = some_events()
    inputs = {"events": events, "rate_hz": 100.0, "clock_interval_s": 0.002}
    return "compute", (EventStrides().segment(events),), inputs


def fluctuation_example() -> Example:
    return "analyse", (np.random.default_rng(0).normal(size=300),), {}


def timeline_example() -> Example:
    from solekit.timeline import Bounds

    foot_s = np.linspace(0.0, 60.0, 200)
    bounds = Bounds(foot_s, foot_s + 5.02, foot_s[::10] + 0.1, foot_s[::10] + 5.09)
    return "fit", (bounds,), {}


def contacts_example() -> Example:
    tables = np.concatenate((geometry("cells-4", False).table, np.zeros(9, np.uint16)))
    hello = {"rows": 0, "cols": 0, "length": 2600, "width": 900, "n_cells": 4, "period": 33333}
    info = InsoleInfo({**hello, "text": b"x\0cells-4"}, tables[:12], tables[12:])
    load = np.clip(200 * np.sin(np.arange(300) / 5), 0, None)[:, None].repeat(4, axis=1)
    foot_us = np.arange(300) * 33333
    return "detect", (load.astype(np.uint8),), {"foot_us": foot_us, "info": info, "form": "raw8"}


def fusion_example() -> Example:
    events = some_events()
    foot = events.loc[events["side"] == "left", ["kind", "t_s"]].reset_index(drop=True)
    gaps = pd.DataFrame({"start_s": [3.4], "end_s": [4.8]})
    return "fuse", (foot, foot.assign(t_s=foot["t_s"] + 0.02)), {"gaps": gaps}


def spatial_example() -> Example:
    from solekit.biomarkers.spatial import COLUMN_OF

    columns = {name: np.linspace(1.0, 1.1, 12) for name in COLUMN_OF.values()}
    strides = pd.DataFrame({"side": ["left", "right"] * 6, "is_valid": True, **columns})
    inputs = {"sides": ("left", "right"), "reasons": {"left": "", "right": "no gyroscope"}}
    return "compute", (strides.assign(turning_deg=2.0),), inputs


EXAMPLES: dict[str, Callable[[], Example]] = {
    "EventStrides": strides_example,
    "FootContacts": contacts_example,
    "FusedContacts": fusion_example,
    "InsoleVariables": variables_example,
    "SpatialVariables": spatial_example,
    "DetrendedFluctuation": fluctuation_example,
    "PolygonTimeline": timeline_example,
}
