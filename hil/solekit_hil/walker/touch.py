"""When feet touch the ground, from how their soles move."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from solekit.evenly import runs
from solekit.layouts import SIDES, BoolArray, FloatArray, Side
from solekit_hil.walker.body import Motion, centre_of_mass

BALL = 0.70  # of the sole's length: where the toes bend
_NEAR_M = 0.015  # a sole that is nearer to the ground may be on it
_SINKS_S, _SINKS_M = 0.10, 0.003  # pad and shoe give so far, so soon
_FALLS_S, _EARLY_S = 0.05, 0.006  # the speed of the fall is that shortly before
_LEFT_M = -0.006  # and let go while the stiff sole of the model is still below the floor
_SLOW_M_S = 0.3  # a foot in contact is no faster than the body and this
_FLAT_DEG, _LEVEL_M_S = 3.0, 0.1
_TIPTOE_DEG = 20.0  # who lands with the heel so high lands on the toes
_LEAST_S = 0.06  # shorter contacts and swings are noise


class Sole(NamedTuple):
    """One sole over time, all (n, 3) but ``pitch_deg`` (n,), toes up positive."""

    heel: FloatArray
    ball: FloatArray
    tip: FloatArray
    ahead: FloatArray  # level
    leftward: FloatArray  # level
    pitch_deg: FloatArray
    length_m: float

    @property
    def lowest_m(self) -> FloatArray:
        """Height of the lowest point, (n,)."""
        return np.minimum(np.minimum(self.heel[:, 2], self.ball[:, 2]), self.tip[:, 2])


class Contact(NamedTuple):
    """One contact: first and last sample of it, and the times with parts of a sample, in s."""

    first: int
    last: int
    ic_s: float
    to_s: float


def sole_of(motion: Motion, side: Side) -> Sole:
    """Return the sole of a foot from its key points."""
    heel, tip = motion.point_m(f"{side}_heel"), motion.point_m(f"{side}_big_toe")
    along = tip - heel
    length = np.linalg.norm(along, axis=1)
    pitch = np.rad2deg(np.arcsin(along[:, 2] / length))
    ahead = along * np.array([1.0, 1.0, 0.0])
    # A foot that points straight down keeps no heading of its own; it is so for an instant.
    ahead = ahead / np.maximum(np.linalg.norm(ahead, axis=1), 1e-6)[:, None]
    leftward = np.column_stack([-ahead[:, 1], ahead[:, 0], np.zeros(len(ahead))])
    return Sole(heel, heel + BALL * along, tip, ahead, leftward, pitch, float(np.median(length)))


def contacts_of(motion: Motion, soles: dict[Side, Sole]) -> dict[Side, list[Contact]]:
    """Return the contacts of both feet with level ground at z = 0.

    A contact begins where the lowest point of the sole comes down to its rest, and ends where the
    toes have left it. A foot that passes low and fast is in swing. One that the recording cuts
    begins or ends with it.
    """
    rate = motion.rate_hz
    ground = ground_speed_m_s(soles, rate)
    body = np.gradient(centre_of_mass(motion.points_m), axis=0) * rate - ground
    slow = np.linalg.norm(body[:, :2], axis=1) + _SLOW_M_S
    found: dict[Side, list[Contact]] = {}
    for side in SIDES:
        speed = np.gradient(soles[side].ball, axis=0) * rate - ground
        found[side] = _contacts(soles[side], np.linalg.norm(speed[:, :2], axis=1) < slow, rate)
    return found


def ground_speed_m_s(soles: dict[Side, Sole], rate_hz: float) -> FloatArray:
    """Return how fast the ground moves (a treadmill's belt), (3,): as flat feet do; 0 without."""
    speeds = []
    for sole in soles.values():
        speed = np.gradient(sole.ball, axis=0) * rate_hz
        flat = (np.abs(sole.pitch_deg) < _FLAT_DEG) & (sole.ball[:, 2] < _NEAR_M)
        flat &= np.abs(speed[:, 2]) < _LEVEL_M_S
        speeds.append(speed[flat])
    all_speeds = np.concatenate(speeds)
    if not len(all_speeds):
        return np.zeros(3)
    return np.median(all_speeds, axis=0) * np.array([1.0, 1.0, 0.0])


def mask_of(contacts: list[Contact], n: int) -> BoolArray:
    """Return the samples in contact, (n,)."""
    mask = np.zeros(n, bool)
    for contact in contacts:
        mask[contact.first : contact.last + 1] = True
    return mask


def _contacts(sole: Sole, slow: BoolArray, rate_hz: float) -> list[Contact]:
    low = sole.lowest_m
    n = len(low)
    near = (low < _NEAR_M) & slow
    least = _LEAST_S * rate_hz
    near = _without_short(~near, least, within=True)
    near = _without_short(~near, least, within=False)
    found = []
    for start, end in spans_of(near):
        ic = float(start) if start == 0 else _begin(sole, start, end, rate_hz)
        to = float(end - 1) if end == n else _end(sole, ic, end, rate_hz)
        if to - ic < least:
            continue
        first, last = int(np.ceil(ic)), int(np.floor(to))
        found.append(Contact(first, last, ic / rate_hz, to / rate_hz))
    return found


def _begin(sole: Sole, start: int, end: int, rate_hz: float) -> float:
    """Return where a contact begins: as it would end in reversed time if the toes come first."""
    if sole.pitch_deg[start] > -_TIPTOE_DEG:
        # Without the tip, unless it lands: the stiff sole drives it into the floor at push-off.
        lands = sole.tip[start, 2] < min(sole.heel[start, 2], sole.ball[start, 2]) - _NEAR_M
        rest = sole.lowest_m if lands else np.minimum(sole.heel[:, 2], sole.ball[:, 2])
        return _landing(rest, start, end, rate_hz)
    n = len(sole.pitch_deg)
    return n - 1 - _last_below(sole.tip[::-1, 2], float(n - end), n - start, _LEFT_M)


def _end(sole: Sole, ic: float, end: int, rate_hz: float) -> float:
    """Return where a contact ends: as it would begin in reversed time if the heel goes last."""
    if sole.pitch_deg[end - 1] <= _FLAT_DEG:
        return _last_below(sole.tip[:, 2], ic, end, _LEFT_M)
    n = len(sole.pitch_deg)
    start = int(np.ceil(ic))
    return n - 1 - _landing(sole.heel[::-1, 2], n - end, n - start, rate_hz)


def _landing(low: FloatArray, start: int, end: int, rate_hz: float) -> float:
    """Return where the sole begins to press into pad and shoe, in samples.

    Under load it sinks a few millimetres below where it came to the ground, within a tenth of a
    second. What falls fast is loaded sooner than its filtered markers show.
    """
    stop = min(end, start + round(_SINKS_S * rate_hz) + 1)
    lowest = start + int(np.argmin(low[start:stop]))
    before = max(start - round(_FALLS_S * rate_hz), 0)
    fall_m_s = max(0.0, -float(np.diff(low[before : lowest + 1]).min(initial=0.0)) * rate_hz)
    level = low[lowest] + _SINKS_M + _EARLY_S * fall_m_s
    above = np.flatnonzero(low[before : lowest + 1] > level)
    if not len(above):
        return float(start)
    return _crossing(low, before + int(above[-1]), 1, level)


def _last_below(tip: FloatArray, ic: float, end: int, level: float) -> float:
    start = int(np.ceil(ic))
    below = np.flatnonzero(tip[start:end] < level)
    if not len(below):  # lifted flat, or the toes never bent: the end of being near
        return float(end - 1)
    return _crossing(tip, start + int(below[-1]), 1, level)


def _crossing(values: FloatArray, at: int, step: int, level: float) -> float:
    """Return where between ``at`` and its neighbour the values cross ``level``, in samples."""
    other = at + step
    if not 0 <= other < len(values) or values[other] == values[at]:
        return float(at)
    part = (level - values[at]) / (values[other] - values[at])
    return at + step * float(np.clip(part, 0.0, 1.0))


def spans_of(mask: BoolArray) -> list[tuple[int, int]]:
    """Return first and behind-the-last index of every run of True."""
    starts, ends = runs(mask)
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _without_short(mask: BoolArray, least: float, *, within: bool) -> BoolArray:
    """Return ``mask`` without its short runs, those at the ends kept if ``within``."""
    out = mask.copy()
    for start, end in spans_of(mask):
        at_edge = start == 0 or end == len(mask)
        if end - start < least and not (within and at_edge):
            out[start:end] = False
    return out
