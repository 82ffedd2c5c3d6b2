"""Legs that carry each other's labels: found by how they move on, and by how people step."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from scipy import ndimage

from solekit.evenly import runs
from solekit.layouts import SIDES, BoolArray, FloatArray
from solekit.video.landmarks import Landmarks
from solekit.video.view import facing

LEG = ("knee", "ankle", "heel", "foot_index", "small_toe")
_MAX_GAP_S = 0.2  # what was not seen for longer is not continued
# What a change between "as labelled" and "exchanged" must explain, as -log of how likely it is:
# once in 100 frames; and each exchanged frame, one in 20.
_CHANGE, _EXCHANGED = 4.6, 3.0
_TEST_FRAMES = 3
_SMOOTH_S = 0.1  # of the distance of the ankles: steps are longer
_STEP = 0.5  # of the walk's large ankle distances, at least, is a step
_LARGE_PERCENT = 90
_NEAR = 0.6  # of a step: closer the ankles may pass each other
_MIN_STEPS = 3
_LEAST = 0.15  # leg lengths between the ankles; people who step shorter stand
# Of the time from step to step, at most, the ankles are near each other when one passes the other.
# A sine, as walking is nearly, is below 0.3 of its height for 19 %; a foot that stops beside the
# other (a sine squared) for 37 %.
_PASSING = 0.28


def exchange(found: Landmarks, rows: BoolArray) -> Landmarks:
    """Return the same with left and right leg (below the hip) exchanged in ``rows`` (n,)."""
    order = np.arange(len(found.names))
    for part in LEG:
        if found.has(f"left_{part}", f"right_{part}"):
            left, right = found.names.index(f"left_{part}"), found.names.index(f"right_{part}")
            order[[left, right]] = right, left
    return replace(
        found,
        xy_px=np.where(rows[:, None, None], found.xy_px[:, order], found.xy_px),
        score=np.where(rows[:, None], found.score[:, order], found.score),
    )


def swapped_legs(found: Landmarks) -> BoolArray:
    """Return in which frames (n,) the legs carry each other's labels.

    Short exchanges break how the legs move on, long ones how people step: left and right lead in
    turn. Each is undone by what it breaks, in this order.
    """
    swapped = discontinuous(found)
    return swapped ^ out_of_turn(exchange(found, swapped))


def discontinuous(found: Landmarks) -> BoolArray:
    """Return the frames (n,) whose legs move on smoothly only with exchanged labels.

    Both ways of labelling each frame are compared over the whole recording: knees and ankles
    move on as they moved before (constant velocity), so the likeliest sequence is the one with the
    least acceleration, found by dynamic programming (Viterbi). Deviations are measured in the
    track's own scatter with a heavy-tailed law, so that one bad point does not decide. Which of
    two consistent labellings is right cannot be known from the tracks: most frames decide.
    """
    parts = [p for p in ("knee", "ankle") if found.has(f"left_{p}", f"right_{p}")]
    n = len(found.t_s)
    swapped = np.zeros(n, dtype=bool)
    if not parts:
        return swapped
    legs = np.stack(
        [np.stack([found.point(f"{s}_{p}") for p in parts], 1) for s in ("left", "right")], 1
    )  # (n, side, part, 2)
    rows = np.flatnonzero(np.isfinite(legs).all(axis=(1, 2, 3)))
    gaps = np.diff(found.t_s[rows]) > _MAX_GAP_S + 1e-9
    for piece in np.split(rows, np.flatnonzero(gaps) + 1):
        if len(piece) >= _TEST_FRAMES:
            swapped[piece] = _likeliest(legs[piece], found.t_s[piece])
    # A frame in which a leg is missing follows its neighbours.
    if len(rows):
        nearest = np.clip(np.searchsorted(rows, np.arange(n)), 0, len(rows) - 1)
        before = np.maximum(nearest - 1, 0)
        agree = swapped[rows[nearest]] & swapped[rows[before]]
        partial = ~np.isin(np.arange(n), rows)
        swapped[partial] = agree[partial]
    return swapped


def _likeliest(legs: FloatArray, t_s: FloatArray) -> BoolArray:
    """Return the likeliest labelling (n,) of ``legs`` (n, 2, parts, 2)."""
    n = len(legs)
    both = np.stack([legs, legs[:, ::-1]])  # (state, n, side, part, 2)
    steps = np.diff(t_s)
    ratio = (steps[1:] / steps[:-1])[:, None, None, None]
    # Deviation from going on, for all states of the three frames: (a, b, c, n - 2, ...).
    first, second, third = (
        both[:, None, None, :-2],
        both[None, :, None, 1:-1],
        both[None, None, :, 2:],
    )
    away = third - second - ratio * (second - first)
    square = (away**2).sum(axis=(-1, -3))  # over x, y and the sides
    scatter = np.median(square.min(axis=(0, 1, 2)), axis=0) + 1e-9
    cost = np.log1p(square / scatter).sum(axis=-1)  # (2, 2, 2, n - 2)
    total = np.array([[0.0, _CHANGE], [_CHANGE, 0.0]])
    total = total + _EXCHANGED * np.array([[0, 1], [1, 2]])
    back = np.zeros((n - 2, 2, 2), dtype=int)
    for i in range(n - 2):
        paths = total[:, :, None] + cost[..., i]
        paths = paths + _CHANGE * (1 - np.eye(2))[None] + _EXCHANGED * np.array([0, 1])
        back[i] = paths.argmin(axis=0)
        total = paths.min(axis=0)
    second_last, last = np.unravel_index(int(total.argmin()), (2, 2))
    states = [int(last), int(second_last)]
    for i in range(n - 3, -1, -1):
        states.append(int(back[i, states[-1], states[-2]]))
    out = np.array(states[::-1], dtype=bool)
    return ~out if out.mean() > 0.5 else out


def out_of_turn(found: Landmarks) -> BoolArray:
    """Return the frames (n,) of steps that the same leg leads as the step before.

    Walking, each leg passes the other in every step, so the leg that is ahead alternates. Between
    two moments at which the ankles pass each other labels that break the turn are exchanged; most
    of the time decides which turn is right. Where the ankles stay near each other (a pause, or a
    person who sets one foot beside the other), after a gap or a turn either leg may be next, and
    the count begins anew; fewer than three steps in a row are left as they are.
    """
    n = len(found.t_s)
    out = np.zeros(n, dtype=bool)
    legs_px = np.array([found.leg_px(side) for side in SIDES])
    if not np.isfinite(legs_px).all():
        return out
    apart = (found.point("left_ankle") - found.point("right_ankle"))[:, 0] / legs_px.mean()
    apart = _bridged(apart, found)
    width = max(1, round(_SMOOTH_S * found.rate_hz))
    way = facing(found)
    for start, stop in zip(*runs(np.isfinite(apart)), strict=True):
        cuts = np.flatnonzero(np.diff(way[start:stop])) + 1
        for rows in np.split(np.arange(start, stop), cuts):
            out[rows] = _wrong_turns(ndimage.uniform_filter1d(apart[rows], width, mode="nearest"))
    return out


def _bridged(values: FloatArray, found: Landmarks) -> FloatArray:
    """Return ``values`` (n,) with gaps of up to _MAX_GAP_S bridged by straight lines."""
    known = np.isfinite(values)
    if not known.any():
        return values
    out = np.interp(found.t_s, found.t_s[known], values[known])
    for start, stop in zip(*runs(~known), strict=True):
        at_end = start == 0 or stop == len(known)
        if at_end or found.t_s[stop] - found.t_s[start - 1] > _MAX_GAP_S + 1e-9:
            out[start:stop] = np.nan
    return out


def same_lead_share(found: Landmarks) -> float:
    """Return in which share of the steps the same leg leads as the step before; NaN without steps.

    Near 0 in walking. A large share is a person who sets one foot beside the other, or legs that
    are labelled as they appear: the picture alone does not tell which.
    """
    apart = _bridged((found.point("left_ankle") - found.point("right_ankle"))[:, 0], found)
    apart = apart[np.isfinite(apart)]
    if len(apart) < _TEST_FRAMES:
        return float("nan")
    width = max(1, round(_SMOOTH_S * found.rate_hz))
    smooth = ndimage.uniform_filter1d(apart, width, mode="nearest")
    distance = np.abs(smooth)
    step = _STEP * float(np.percentile(distance, _LARGE_PERCENT))
    peaks = [peak for walk in _walks(distance, step) for _, peak, _ in walk]
    signs = np.sign(smooth[peaks])
    return float(np.mean(signs[1:] == signs[:-1])) if len(signs) > 1 else float("nan")


def _wrong_turns(apart: FloatArray) -> BoolArray:
    """Return where (n,) the leg ahead is out of turn; ``apart`` in leg lengths, smooth."""
    wrong = np.zeros(len(apart), dtype=bool)
    distance = np.abs(apart)
    step = max(_LEAST, _STEP * float(np.percentile(distance, _LARGE_PERCENT)))
    for steps in _walks(distance, step):
        signs = np.array([np.sign(apart[peak]) for _, peak, _ in steps])
        frames = np.array([stop - start for start, _, stop in steps])
        turn = (-1.0) ** np.arange(len(steps))
        share = float(frames[signs == turn].sum() / frames.sum())
        if len(steps) < _MIN_STEPS or share == 0.5:
            continue
        turn = turn if share > 0.5 else -turn
        for (start, _, stop), sign, right in zip(steps, signs, turn, strict=True):
            wrong[start:stop] = sign != right
    return wrong


def _walks(distance: FloatArray, step: float) -> list[list[tuple[int, int, int]]]:
    """Return walks without a halt, each a list of steps (start, peak, stop).

    In a step the ankles part by ``step`` and come near each other again.
    """
    starts, stops = runs(distance >= _NEAR * step)
    away = [
        (int(a), a + int(np.argmax(distance[a:b])), int(b))
        for a, b in zip(starts, stops, strict=True)
        if distance[a:b].max() >= step
    ]
    if not away:
        return []
    walks = [[(0, away[0][1], len(distance))]]
    for (_, peak, stop), (start, next_peak, _) in pairwise(away):
        middle = stop + int(np.argmin(distance[stop : start + 1]))
        first, _, _ = walks[-1][-1]
        walks[-1][-1] = (first, peak, middle)
        now = (middle, next_peak, len(distance))
        if start - stop <= _PASSING * (next_peak - peak):
            walks[-1].append(now)
        else:
            walks.append([now])
    return walks
