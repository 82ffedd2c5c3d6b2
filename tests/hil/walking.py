"""Walkers and their strides, for the tests beside this file."""

from __future__ import annotations

import numpy as np

from solekit import layouts
from solekit_hil import walker as walkers


def build(motion="walk", seed=1, name="cells-16", **kwargs):
    pair = {side: layouts.named(name, side) for side in layouts.SIDES}
    return walkers.build(motion, seed=seed, layouts=pair, **kwargs)


def times_of(walker, side, kind, t0_s=0.0, t1_s=300.0):
    events = walker.events(t0_s, t1_s)
    return np.array([e.t_s for e in events if e.side == side and e.kind == kind])


def strides(walker, side, t1_s=300.0):
    """Return ic, to and the next ic of every stride, each (n,)."""
    ic = times_of(walker, side, "ic", 0, t1_s)
    to = times_of(walker, side, "to", 0, t1_s)
    return ic[:-1], to[np.searchsorted(to, ic[:-1])], ic[1:]
