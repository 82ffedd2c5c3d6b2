"""Walkers and their strides, for the tests beside this file."""

from __future__ import annotations

from typing import Any

import numpy as np

from solekit import layouts
from solekit_hil import walker as walkers

STEPPING = tuple(walkers.STEPPING)
PLAYED = tuple(motion for motion in walkers.MOTIONS if motion not in walkers.STEPPING)
CYCLIC = tuple(motion for motion in STEPPING if motion not in ("stand", "walk-stop"))


_kept: dict[str, Any] = {}  # every test wants these, more than the package keeps


def build(motion="walk", seed=1, name="cells-4", **kwargs) -> Any:
    if (seed, name, kwargs) != (1, "cells-4", {}):
        return build_anew(motion, seed, name, **kwargs)
    if motion not in _kept:
        _kept[motion] = build_anew(motion)
    return _kept[motion]


def build_anew(motion="walk", seed=1, name="cells-4", **kwargs) -> Any:
    pair: dict[layouts.Side, layouts.Layout] = {s: layouts.named(name, s) for s in layouts.SIDES}
    return walkers.build(motion, seed=seed, layouts=pair, **kwargs)


def forces_bw(walker, t_s):
    """Return the force of each foot in body weights, (n,), without its distribution."""
    return {s: walker.force_n(s, np.asarray(t_s)) / walker.body_weight_n for s in layouts.SIDES}


def times_of(walker, side, kind, t0_s=0.0, t1_s=300.0):
    events = walker.events(t0_s, t1_s)
    return np.array([e.t_s for e in events if e.side == side and e.kind == kind])


def strides(walker, side, t1_s=300.0):
    """Return ic, to and the next ic of every stride, each (n,)."""
    ic = times_of(walker, side, "ic", 0, t1_s)
    to = times_of(walker, side, "to", 0, t1_s)
    return ic[:-1], to[np.searchsorted(to, ic[:-1])], ic[1:]
