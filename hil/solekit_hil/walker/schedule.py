"""When the feet meet the ground and how much each carries.

Forces are in body weights. Over every step the impulse is exactly body weight times duration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solekit.layouts import SIDES, FloatArray, Side
from solekit_hil.walker import steps
from solekit_hil.walker.person import Style
from solekit_hil.walker.smooth import ease, ramp, unit

_BULGE_MEAN = 8 / 15  # mean of bulge()
_DIP_MEAN = 16 / 35  # mean of dip()
_BOUNCE_MEAN = 0.6  # mean of bounce()
_SETTLE_S = 0.5  # sway fades in and out of standing in this time


@dataclass(frozen=True, eq=False)
class Contacts:
    """Contacts of one foot within a period, all (n,).

    ``roll_s`` is how long the foot takes from heel to toe; a longer contact stands flat between.
    ``advance_m`` is how far the foot goes in the swing that follows, ``first_m`` where it stands
    in the first contact.
    """

    ic_s: FloatArray
    to_s: FloatArray
    roll_s: FloatArray
    advance_m: FloatArray
    first_m: float = 0.0


class Schedule(Protocol):
    """Contacts and forces of both feet; all times within one period."""

    period_s: float
    contacts: dict[Side, Contacts]

    def force_bw(self, t_s: FloatArray, sway: FloatArray) -> dict[Side, FloatArray]:
        """Return the force of each foot; ``sway`` goes from the right to the left foot."""
        ...

    def calm(self, t_s: FloatArray) -> FloatArray:
        """Return how much the person stands, from 0 while stepping to 1."""
        ...


def make(style: Style, rng: np.random.Generator) -> Schedule:
    """Return the schedule of a motion."""
    kind = style.motion.kind
    if kind == "run":
        return Bounces(style, rng)
    if kind == "stand":
        return Standing(style)
    make_steps = steps.bouts if kind == "bouts" else steps.endless
    return Transfers(style, make_steps(style, rng))


class Transfers:
    """Walking: weight passes from foot to foot, then one foot (or both) holds.

    In a transfer (double support) the total force is shared by a smooth step; in a hold (single
    support) it dips, so that each foot has the two humps of walking.
    """

    def __init__(self, style: Style, table: steps.Steps) -> None:
        self.period_s, start, transfer, hold, to_left, hump, stands = table
        self._floor = style.motion.floor
        self._stands = bool(stands.any())
        tilt = style.person.peak_tilt
        before = np.roll(hump, 1) * (1 - tilt)
        after = hump * (1 + tilt)
        following = hump * (1 - tilt)
        excess = ((before + after) / 2 + _BULGE_MEAN * hump) * transfer
        excess = excess + (after + following) / 2 * hold
        # Standing has no dip that could pay for the last transfer, so the step before does.
        paid = np.where(stands, 0.0, excess + np.roll(np.where(stands, excess, 0.0), -1))
        shape = (before, after, following, hump, paid / (_DIP_MEAN * hold))
        columns = (start, transfer, hold, np.roll(to_left, 1), to_left, *shape, stands)
        rows = np.array(columns, dtype=float)
        self._rows = cyclic(rows, self.period_s)

        ahead = np.append(start[1:], start[0] + self.period_s)
        behind = np.append(start[-1] - self.period_s, start[:-1])
        edge = stands | np.roll(stands, 1) | np.roll(stands, -1)
        # In bouts all strides are alike, or the feet would not end side by side.
        stride = 2 * style.step_s if self._stands else ahead - behind
        advance = style.speed_m_s * np.where(edge, style.step_s, stride)
        nominal = 2 * style.step_s * style.stance_share
        self.contacts: dict[Side, Contacts] = {}
        for side, share in zip(SIDES, (to_left, 1 - to_left), strict=True):
            lifted = share == 0
            ic = start[np.roll(lifted, 1)]
            to = (start + transfer)[lifted]
            onward = advance[lifted]
            if to[0] < ic[0]:  # the contact that the period cuts in two
                to = np.append(to[1:], to[0] + self.period_s)
                onward = np.roll(onward, -1)
            roll = np.where(to - ic < 1.5 * nominal, to - ic, nominal)
            # A foot of an endless walk stands where the walk is when it lands; in bouts, both
            # stand side by side at first.
            first = float(onward[-1]) if self._stands else style.speed_m_s * float(ic[0])
            self.contacts[side] = Contacts(ic, to, roll, onward, first)

    def force_bw(self, t_s: FloatArray, sway: FloatArray) -> dict[Side, FloatArray]:
        """Return the force of each foot; ``sway`` goes from the right to the left foot."""
        row = self._rows[:, latest(self._rows[0], t_s)]
        start, transfer, hold, share0, share1, before, after, following, hump, depth, _ = row
        since = t_s - start
        u = unit(since / transfer)
        x = unit((since - transfer) / hold)
        total = 1 + before + (after - before) * ease(u) + (following - after) * ease(x)
        total = total + hump * bulge(u)  # both feet together push more than either alone
        shared = total - depth * dip(x) - 2 * self._floor
        share = share0 + (share1 - share0) * handover(u) + sway
        left = self._floor + share * shared
        return {"left": left, "right": self._floor + (1 - share) * shared}

    def calm(self, t_s: FloatArray) -> FloatArray:
        """Return how much the person stands, from 0 while stepping to 1."""
        if not self._stands:
            return np.zeros_like(t_s)
        start, transfer, hold, *_, stands = self._rows[:, latest(self._rows[0], t_s)]
        held = t_s - start - transfer
        return stands * ramp(held, 0, _SETTLE_S) * ramp(hold - held, 0, _SETTLE_S)


class Standing:
    """Quiet standing on both feet, for ever."""

    def __init__(self, style: Style) -> None:
        self.period_s = np.inf
        nothing = Contacts(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0))
        self.contacts: dict[Side, Contacts] = dict.fromkeys(SIDES, nothing)
        self._share_left = style.person.load_share_left

    def force_bw(self, t_s: FloatArray, sway: FloatArray) -> dict[Side, FloatArray]:
        """Return the force of each foot; ``sway`` goes from the right to the left foot."""
        left = self._share_left + sway
        return {"left": left, "right": np.ones_like(t_s) - left}

    def calm(self, t_s: FloatArray) -> FloatArray:
        """Return 1."""
        return np.ones_like(t_s)


class Bounces:
    """Running: one foot or none on the ground."""

    def __init__(self, style: Style, rng: np.random.Generator) -> None:
        n = steps.N_STEPS
        person = style.person
        step = style.step_s * (1 + person.stride_cv * steps.wander(rng, n))
        contact = person.run_contact_s * (1 + 0.02 * steps.bounded(rng, n))
        self.period_s = float(step.sum())
        ic = np.cumsum(step) - step / 2
        onward = np.append(ic[1:], ic[0] + self.period_s) - ic
        rows = np.array([ic, contact, onward / (_BOUNCE_MEAN * contact)])
        stride = onward + np.roll(onward, -1)
        self.contacts: dict[Side, Contacts] = {}
        self._rows: dict[Side, FloatArray] = {}
        for first, side in enumerate(SIDES):
            of = slice(first, None, 2)
            to = ic[of] + contact[of]
            first_m = style.speed_m_s * ic[first].item()
            way = style.speed_m_s * stride[of]
            self.contacts[side] = Contacts(ic[of], to, contact[of], way, first_m)
            self._rows[side] = cyclic(rows[:, of], self.period_s)

    def force_bw(self, t_s: FloatArray, sway: FloatArray) -> dict[Side, FloatArray]:  # noqa: ARG002
        """Return the force of each foot."""
        force: dict[Side, FloatArray] = {}
        for side, rows in self._rows.items():
            ic, contact, peak = rows[:, latest(rows[0], t_s)]
            force[side] = peak * bounce(unit((t_s - ic) / contact))
        return force

    def calm(self, t_s: FloatArray) -> FloatArray:
        """Return 0: a runner does not stand."""
        return np.zeros_like(t_s)


def handover(u: FloatArray) -> FloatArray:
    """Return the share that the foot in front has taken at ``u`` of the double support."""
    return ease(unit(u * (1.25 - 0.25 * u)))  # it lands quicker than the other foot leaves


def bulge(u: FloatArray) -> FloatArray:
    """Return what double support adds to the total force, 1 at its middle."""
    arch = 4 * u * (1 - u)
    return arch * arch


def dip(x: FloatArray) -> FloatArray:
    """Return the unloading in single support, 1 at its middle."""
    arch = 4 * x * (1 - x)
    return arch * arch * arch


def bounce(u: FloatArray) -> FloatArray:
    """Return the force of a running contact, 1 at its middle."""
    arch = 4 * u * (1 - u)
    return 0.5 * arch * (1 + arch)


def latest(starts: FloatArray, t_s: FloatArray) -> NDArray[np.intp]:
    """Return the index of the latest of ``starts`` that is not after ``t_s``."""
    return np.maximum(np.searchsorted(starts, t_s, side="right") - 1, 0)


def cyclic(rows: FloatArray, period_s: float, *, n_pad: int = 1, n_times: int = 1) -> FloatArray:
    """Return ``rows`` (n_columns, n) with ``n_pad`` from the neighbouring periods.

    The first ``n_times`` columns are times.
    """
    shift = np.zeros((len(rows), 1))
    shift[:n_times] = period_s
    return np.hstack([rows[:, -n_pad:] - shift, rows, rows[:, :n_pad] + shift])
