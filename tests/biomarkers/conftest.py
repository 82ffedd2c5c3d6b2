"""Synthetic walking whose every phase is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from solekit.biomarkers import InsoleVariables
from solekit.strides import EventStrides


def make_walk(
    n_contacts: int = 12,
    *,
    stride_s: float | np.ndarray = 1.0,
    stance_s: tuple[float, float] = (0.62, 0.58),
    right_after_s: float = 0.48,
    start_s: float = 0.0,
    sides: tuple[str, ...] = ("left", "right"),
) -> pd.DataFrame:
    """Return ``n_contacts`` contacts and toe offs of each foot.

    With the default numbers, left: initial 6, single 42, terminal 14, swing 38 % of the stride;
    right: initial 14, single 38, terminal 6, swing 42 %. ``stride_s`` may have one value per
    stride, shape (n_contacts - 1,).
    """
    strides_s = np.broadcast_to(stride_s, (n_contacts - 1,))
    left_ic_s = start_s + np.concatenate([[0.0], np.cumsum(strides_s)])
    ic_s = {"left": left_ic_s, "right": left_ic_s + right_after_s}
    to_s = {"left": ic_s["left"] + stance_s[0], "right": ic_s["right"] + stance_s[1]}
    rows = [
        (side, kind, t_s)
        for side in sides
        for kind, times_s in (("ic", ic_s[side]), ("to", to_s[side]))
        for t_s in times_s
    ]
    return pd.DataFrame(rows, columns=["side", "kind", "t_s"])


def compute_variables(
    events, *, rate_hz=100.0, clock_interval_s=0.0, sides=None, gaps=None, **params
):
    found = EventStrides().segment(events, gaps=gaps, sides=sides)
    return InsoleVariables(**params).compute(
        found, events=events, rate_hz=rate_hz, clock_interval_s=clock_interval_s, sides=sides
    )


def find_row(found, name, side=""):
    table = found.variables_
    return table[(table["name"] == name) & (table["side"] == side)].iloc[0]


def make_varied_walk(n_contacts, *, sd_s=0.03, seed=0, **more):
    """Return a walk whose strides vary as a person's do."""
    strides_s = np.random.default_rng(seed).normal(1.0, sd_s, n_contacts - 1)
    return make_walk(n_contacts, stride_s=strides_s, **more)


@pytest.fixture(scope="session")
def walk():
    return make_walk


@pytest.fixture(scope="session")
def varied_walk():
    return make_varied_walk


@pytest.fixture(scope="session")
def compute():
    return compute_variables


@pytest.fixture(scope="session")
def row():
    return find_row
