"""Swings tell what creep has left: a foot in the air carries nothing, whatever its cells say.

The slow parts of creep are the same in a swing as in the stance beside it, so what a cell reads in
swings comes off its stances, too. It needs no model of creep and no knowledge of what was before.
"""

from __future__ import annotations

import numpy as np

from solekit.layouts import BoolArray, FloatArray

LOW_SHARE = 0.25  # of the way from the least to the largest load nearby: no stance
WINDOW_S = 8.0  # nearby
MAX_LEFT = 0.35  # the least load nearby is at most that share of the largest
SWING_S = (0.2, 1.0)  # shorter is noise, longer is somebody who stands on the other foot
EDGE_SHARE = 0.25  # of a swing at each end: landing, toe off
MIN_SWINGS = 4  # in a row
APART_S = 2.5  # swings of one walk follow each other so closely
FORGET_S = 10.0  # beyond a walk, what its swings told fades
SMOOTH = 5  # swings whose median counts


def left_in_swings(pressure: FloatArray, t_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what cells read in swings, (n, n_cells), between them too, and how far to trust it.

    ``pressure`` (n, n_cells) at ``t_s`` (n,). The trust, (n,), is 1 within walks, falls to 0 in
    ten seconds beyond, and is 0 where there are no swings; what is returned is taken times it.
    """
    swings = _swings(pressure.sum(axis=1), t_s)
    left, trust = np.zeros(pressure.shape), np.zeros(len(t_s))
    for walk in _walks(swings, t_s):
        at_s = np.array([t_s[part].mean() for part in walk])
        told = np.array([pressure[part].mean(axis=0) for part in walk])
        told = _smoothed(told)
        near = (t_s > at_s[0] - FORGET_S) & (t_s < at_s[-1] + FORGET_S)
        knots_s = np.concatenate(([at_s[0] - FORGET_S], at_s, [at_s[-1] + FORGET_S]))
        known = np.interp(t_s[near], knots_s, np.pad(np.ones(len(walk)), 1))
        # Two walks may touch: the one that is nearer tells.
        better = known > trust[near]
        rows = np.flatnonzero(near)[better]
        trust[rows] = known[better]
        for cell in range(pressure.shape[1]):
            left[rows, cell] = np.interp(t_s[rows], at_s, told[:, cell]) * trust[rows]
    return left, trust


def _swings(load: FloatArray, t_s: FloatArray) -> list[slice]:
    """Return the inner frames of each stretch that may be a swing."""
    low = _is_low(load, t_s)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], low, [False])).astype(int)))
    found = []
    for start, stop in edges.reshape(-1, 2):
        if start == 0 or stop == len(t_s):
            continue
        n = stop - start
        lasts_s = float(t_s[stop] - t_s[start])
        if SWING_S[0] <= lasts_s <= SWING_S[1] and n >= 2:
            cut = min(int(np.ceil(EDGE_SHARE * n)), (n - 1) // 2)
            found.append(slice(start + cut, stop - cut))
    return found


def _is_low(load: FloatArray, t_s: FloatArray) -> BoolArray:
    """Return where the load is low against what is nearby, (n,)."""
    low = np.zeros(len(t_s), bool)
    if not len(t_s):
        return low
    block = ((t_s - t_s[0]) // (WINDOW_S / 2)).astype(int)
    starts = np.searchsorted(block, np.arange(block[-1] + 2))
    for k in range(block[-1] + 1):
        own = slice(starts[k], starts[k + 1])
        nearby = load[starts[max(k - 1, 0)] : starts[min(k + 2, len(starts) - 1)]]
        if not len(nearby) or own.start == own.stop:
            continue
        least, most = np.percentile(nearby, (5, 95))
        if most > 0 and least < MAX_LEFT * most:
            low[own] = load[own] < least + LOW_SHARE * (most - least)
    return low


def _walks(swings: list[slice], t_s: FloatArray) -> list[list[slice]]:
    """Return the swings of each walk: a few that follow each other."""
    walks: list[list[slice]] = []
    for part in swings:
        if walks and t_s[part.start] - t_s[walks[-1][-1].stop] < APART_S:
            walks[-1].append(part)
        else:
            walks.append([part])
    return [walk for walk in walks if len(walk) >= MIN_SWINGS]


def _smoothed(told: FloatArray) -> FloatArray:
    """Return the running median, (n_swings, n_cells), over some swings."""
    half = min(SMOOTH, len(told)) // 2
    padded = np.pad(told, ((half, half), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=0)
    return np.median(windows, axis=-1)
