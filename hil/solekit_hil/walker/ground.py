"""What the ground does to each foot: the force of the whole body, shared by those that touch.

The sum is mechanics (dynamics.py). How two feet share it, and where under a foot the force acts,
mechanics leaves open; the rules for both are here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solekit.layouts import SIDES, BoolArray, FloatArray, Side
from solekit_hil.walker.body import FOOT_BREADTH, Motion, centre_of_mass
from solekit_hil.walker.dynamics import Wrench, wrench
from solekit_hil.walker.schedule import handover
from solekit_hil.walker.touch import Contact, Sole, contacts_of, mask_of, sole_of, spans_of

FRICTION = 0.8  # of a dry floor: more would slip
_STEP_S = 0.45  # a longer double support is standing
_RESTS = 0.03  # of the load stays on a foot that stands
_RAMP_S = 0.12  # in standing a foot takes or gives its load within
_FADE = 0.1  # of a double support
_LEVER = 0.6  # how much of a step's double support the lever tells, the rest is its usual course
_STILL_M_S = 0.3  # a slower body lets its centre of pressure be computed, a faster one does not
# Where the force is under a foot, as shares of its length, by the pitch of the sole (toes up
# positive, degrees): a raised heel or raised toes cannot carry. The body's centre over the foot
# chooses between the two limits.
_PITCH_DEG = (-90.0, -40.0, -25.0, -8.0, -3.0, 0.0, 3.0, 8.0, 15.0, 90.0)
_HINDMOST = (0.70, 0.70, 0.74, 0.74, 0.60, 0.25, 0.12, 0.0, 0.0, 0.0)
_FOREMOST = (0.82, 0.82, 0.88, 0.84, 0.80, 0.72, 0.45, 0.20, 0.06, 0.06)
_FLAT, _FOLLOWS = 0.435, 0.293  # a flat foot: centre of pressure = FLAT + FOLLOWS * body's centre
# The gait line bends outwards in the middle: shares of the length, and of the width outwards.
_LINE_AT, _LINE_OUT = (0.0, 0.3, 0.55, 0.75, 1.0), (0.0, 0.06, 0.10, 0.02, -0.10)


@dataclass(frozen=True, eq=False)
class Ground:
    """Per foot the force of the ground (n, 3) in newtons and where it acts (n, 3) in metres.

    ``cop_m`` is NaN where the foot is unloaded. ``along`` is the place as a share of the foot's
    length from the heel, ``across`` as a share of its width from the middle to the wearer's right.
    """

    force_n: dict[Side, FloatArray]
    cop_m: dict[Side, FloatArray]
    along: dict[Side, FloatArray]
    across: dict[Side, FloatArray]
    contacts: dict[Side, list[Contact]]


def ground_under(
    motion: Motion, *, cutoff_hz: float, elsewhere: FloatArray | None = None
) -> Ground:
    """Return forces and centres of pressure of both feet on level ground.

    ``elsewhere`` (n,) is the share of the force that a chair or a rail carries.
    """
    soles: dict[Side, Sole] = {side: sole_of(motion, side) for side in SIDES}
    contacts = contacts_of(motion, soles)
    total = wrench(motion, cutoff_hz=cutoff_hz)
    n = len(motion.points_m)
    touches: dict[Side, BoolArray] = {side: mask_of(contacts[side], n) for side in SIDES}
    along: dict[Side, FloatArray] = {}
    across: dict[Side, FloatArray] = {}
    place: dict[Side, FloatArray] = {}
    still = _stillness(motion, soles, touches)
    for side in SIDES:
        along[side] = _along(motion, soles[side], total, still)
        across[side] = np.interp(along[side], _LINE_AT, _LINE_OUT) * (-1 if side == "left" else 1)
        place[side] = _place(soles[side], along[side], across[side])
    left = share_of_left(contacts, touches, place, total, motion.rate_hz)
    share: dict[Side, FloatArray] = {"left": left, "right": 1 - left}
    force: dict[Side, FloatArray] = {}
    for side in SIDES:
        mine = share[side] if elsewhere is None else share[side] * (1 - elsewhere)
        force[side] = _allowed(total.force_n * mine[:, None], touches[side])
        gone = force[side][:, 2] <= 0
        place[side][gone] = np.nan
    return Ground(force, place, along, across, contacts)


def other(side: Side) -> Side:
    """Return the other side."""
    return "right" if side == "left" else "left"


def share_of_left(
    contacts: dict[Side, list[Contact]],
    touches: dict[Side, BoolArray],
    place: dict[Side, FloatArray],
    total: Wrench,
    rate_hz: float,
) -> FloatArray:
    """Return how much of the force the left foot carries, (n,), 0.5 where no foot touches.

    In a step (one foot lands, then the other leaves) the load passes over smoothly, sooner at
    first than at last. Otherwise both stand, and the lever decides: the force lies between the
    feet nearer to the one that carries more.
    """
    left, right = touches["left"], touches["right"]
    share = np.where(left == right, 0.5, left.astype(float))
    both = left & right
    between = place["left"] - place["right"]
    lever = ((total.centre_m - place["right"]) * between).sum(axis=1)
    lever = lever / np.maximum((between * between).sum(axis=1), 1e-4)
    lever = np.clip(np.nan_to_num(lever, nan=0.5), 0.0, 1.0)
    for start, end in spans_of(both):
        spans = {side: _around(contacts[side], start) for side in SIDES}
        landed = max(SIDES, key=lambda side: spans[side].ic_s)
        leaves = min(SIDES, key=lambda side: spans[side].to_s)
        t = np.arange(start, end) / rate_hz
        begin, finish = spans[landed].ic_s, spans[leaves].to_s
        if landed != leaves and finish - begin < _STEP_S and start > 0 and end < len(both):
            u = np.clip((t - begin) / max(finish - begin, 1 / rate_hz), 0.0, 1.0)
            taken = handover(u)
            taken = taken if landed == "left" else 1 - taken
            # At its ends one foot bears nothing, whatever the lever says.
            told = _LEVER * np.minimum(1.0, np.minimum(u, 1 - u) / _FADE)
            share[start:end] = taken + told * (lever[start:end] - taken)
            continue
        weight = {
            side: np.clip((t - spans[side].ic_s) / _RAMP_S, 0, 1)
            * np.clip((spans[side].to_s - t) / _RAMP_S, 0, 1)
            for side in SIDES
        }
        if start == 0:
            weight = {side: np.maximum(weight[side], t < _RAMP_S) for side in SIDES}
        if end == len(both):
            weight = {side: np.maximum(weight[side], t > t[-1] - _RAMP_S) for side in SIDES}
        # Who stands on both feet leaves a little on each, and no foot bears more than its ramp.
        least, most = 1 - weight["right"], weight["left"]
        told = np.clip(lever[start:end], _RESTS, 1 - _RESTS)
        share[start:end] = np.where(
            least <= most, np.minimum(np.maximum(told, least), most), (least + most) / 2
        )
    return share


def _around(contacts: list[Contact], at: int) -> Contact:
    return next(contact for contact in contacts if contact.first <= at <= contact.last)


def _stillness(
    motion: Motion, soles: dict[Side, Sole], touches: dict[Side, BoolArray]
) -> FloatArray:
    """Return how far the computed centre of pressure may be trusted, 0..1, (n,)."""
    rate = motion.rate_hz
    body = np.gradient(centre_of_mass(motion.points_m), axis=0) * rate
    # On a treadmill the ground moves: what counts is the speed against the foot that stands.
    ground = np.zeros_like(body)
    for side in SIDES:
        foot = np.gradient(soles[side].ball, axis=0) * rate
        ground = np.where(touches[side][:, None], foot, ground)
    speed = np.linalg.norm((body - ground)[:, :2], axis=1)
    return _STILL_M_S**2 / (_STILL_M_S**2 + speed**2)


def _along(motion: Motion, sole: Sole, total: Wrench, trust: FloatArray) -> FloatArray:
    """Return where the force is along the foot, a share of its length from the heel, (n,)."""

    def share(at: FloatArray) -> FloatArray:
        return ((at - sole.heel) * sole.ahead).sum(axis=1) / sole.length_m

    kinematic = _FLAT + _FOLLOWS * share(centre_of_mass(motion.points_m))
    dynamic = np.where(np.isfinite(total.centre_m[:, 0]), share(total.centre_m), kinematic)
    y = kinematic + trust * (dynamic - kinematic)
    low = np.interp(sole.pitch_deg, _PITCH_DEG, _HINDMOST)
    high = np.interp(sole.pitch_deg, _PITCH_DEG, _FOREMOST)
    return np.clip(y, low, high)


def _place(sole: Sole, along: FloatArray, across: FloatArray) -> FloatArray:
    at = sole.heel + (along * sole.length_m)[:, None] * sole.ahead
    at = at - (across * FOOT_BREADTH * sole.length_m)[:, None] * sole.leftward
    return np.column_stack([at[:, :2], np.zeros(len(at))])


def _allowed(force_n: FloatArray, touches: BoolArray) -> FloatArray:
    """Return the force without pull and without more friction than a floor has."""
    lift = np.maximum(force_n[:, 2], 0.0) * touches
    level = force_n[:, :2] * touches[:, None]
    size = np.linalg.norm(level, axis=1)
    level = level * np.minimum(1.0, FRICTION * lift / np.maximum(size, 1e-9))[:, None]
    return np.column_stack([level, lift])
