"""From events to strides, steps and gait phases: the definitions, written once.

A left stride with the right foot's events, in order of time::

    IC_L      TO_R          IC_R      TO_L               IC_L
     |ds_init. |   ss        |ds_term. |    swing         |
     |------------- stance ------------|                  |

``PHASES`` gives each duration as a sum of event times, so that values and their error propagation
rest on the same lines. ds_initial + ss + ds_terminal + swing = stride, always.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from solekit.layouts import SIDES, BoolArray, FloatArray, Side
from solekit.strides.events import EventTimes, FootEvents, other_side
from solekit.strides.spans import Spans

# Event times of one stride: its own, and those of the other foot that divide it.
EVENT_COLUMNS = ("ic_s", "to_s", "next_ic_s", "prev_other_ic_s", "other_to_s", "other_ic_s")

PHASES: dict[str, dict[str, float]] = {
    "stride": {"next_ic_s": 1.0, "ic_s": -1.0},
    "stance": {"to_s": 1.0, "ic_s": -1.0},
    "swing": {"next_ic_s": 1.0, "to_s": -1.0},
    "step": {"ic_s": 1.0, "prev_other_ic_s": -1.0},
    "ds_initial": {"other_to_s": 1.0, "ic_s": -1.0},
    "ss": {"other_ic_s": 1.0, "other_to_s": -1.0},
    "ds_terminal": {"to_s": 1.0, "other_ic_s": -1.0},
}
SHARES = ("stance", "swing", "ds_initial", "ss", "ds_terminal")  # also given in % of the stride
FOUR_PHASES = ("ds_initial", "ss", "ds_terminal", "swing")
SUM_TOLERANCE_S = 1e-6

RUNNING = "running: no double support"


def duration(strides: pd.DataFrame, terms: dict[str, float]) -> FloatArray:
    """Return the sum of coefficient x event time per stride, in s, shape (n_strides,)."""
    total = np.zeros(len(strides))
    for column, factor in terms.items():
        total += factor * strides[column].to_numpy(dtype=float)
    return total


def pair_contacts(events: FootEvents, side: Side, *, max_swing_s: float) -> pd.DataFrame:
    """Return one row per two successive contacts of ``side``: its events, and how many there are.

    An event column is NaN unless exactly one event can stand there. The toe off of the other foot
    is the one before its contact, so in running it lies before ``ic_s``.
    """
    ic_s, to_s = events[side, "ic"].t_s, events[side, "to"].t_s
    other = other_side(side)
    other_ic_s, other_to_s = events[other, "ic"].t_s, events[other, "to"].t_s
    start_s, end_s = ic_s[:-1], ic_s[1:]
    own_to, n_to = _only_between(to_s, start_s, end_s, left="right")
    contact, n_other_ic = _only_between(other_ic_s, start_s, end_s, left="left")
    earlier = np.searchsorted(other_ic_s, contact, side="left") - 1  # NaN sorts last: unused there
    previous = np.where(earlier >= 0, _take(other_ic_s, earlier), -np.inf)
    previous = np.maximum(previous, np.nan_to_num(contact, nan=0.0) - max_swing_s)
    lift, n_other_to = _only_between(other_to_s, previous, contact, left="right")
    return pd.DataFrame(
        {
            "side": np.full(len(start_s), side, dtype=object),
            "ic_s": start_s,
            "to_s": own_to,
            "next_ic_s": end_s,
            "prev_other_ic_s": np.full(len(start_s), np.nan),
            "other_to_s": np.where(np.isnan(contact), np.nan, lift),
            "other_ic_s": contact,
            "n_to": n_to,
            "n_other_ic": n_other_ic,
            "n_other_to": np.where(np.isnan(contact), 0, n_other_to),
        }
    )


def pair_steps(contacts: dict[Side, EventTimes], gaps: dict[Side, Spans]) -> pd.DataFrame:
    """Return one row per two successive contacts of either foot.

    Columns: ``side`` (the foot that lands at ``end_s``), ``start_s``, ``end_s``, ``step_s``,
    ``reason`` ('' for a step).
    """
    t_s = np.concatenate([contacts[side].t_s for side in SIDES])
    is_right = np.repeat([False, True], [len(contacts[side].t_s) for side in SIDES])
    order = np.lexsort((is_right, t_s))
    t_s, is_right = t_s[order], is_right[order]
    start_s, end_s = t_s[:-1], t_s[1:]
    reason = np.full(len(start_s), "", dtype=object)
    reason[is_right[1:] == is_right[:-1]] = "same foot twice"
    for side in SIDES:
        reason[gaps[side].meets(start_s, end_s)] = "touches a gap"
    return pd.DataFrame(
        {
            "side": np.where(is_right[1:], "right", "left").astype(object),
            "start_s": start_s,
            "end_s": end_s,
            "step_s": end_s - start_s,
            "reason": reason,
        }
    )


def support_reasons(
    strides: pd.DataFrame, gaps: dict[Side, Spans], sides: tuple[Side, ...]
) -> np.ndarray:
    """Return per stride why it has no double and single support ('' where it has), shape (n,)."""
    reasons = np.full(len(strides), "", dtype=object)
    if len(sides) < len(SIDES):
        reasons[:] = "one foot only"
        return reasons
    first_s = np.fmin(strides["ic_s"].to_numpy(), strides["other_to_s"].to_numpy())
    end_s = strides["next_ic_s"].to_numpy()
    is_right = (strides["side"] == "right").to_numpy(dtype=bool)
    in_gap = np.where(
        is_right, gaps["left"].meets(first_s, end_s), gaps["right"].meets(first_s, end_s)
    )
    give_reason(reasons, in_gap, "touches a gap of the other foot")
    give_reason(reasons, strides["n_to"].to_numpy() != 1, "no single toe off")
    n_contacts, n_lifts = strides["n_other_ic"].to_numpy(), strides["n_other_to"].to_numpy()
    give_reason(reasons, n_contacts == 0, "no contact of the other foot in the stride")
    give_reason(reasons, n_contacts > 1, "more than one contact of the other foot in the stride")
    give_reason(reasons, n_lifts == 0, "no toe off of the other foot before its contact")
    give_reason(reasons, n_lifts > 1, "toe offs of the other foot without a contact between")
    parts = {name: duration(strides, PHASES[name]) for name in (*FOUR_PHASES, "stride")}
    give_reason(reasons, (parts["ds_initial"] < 0) | (parts["ds_terminal"] < 0), RUNNING)
    rest_s = sum((parts[name] for name in FOUR_PHASES), -parts["stride"])
    give_reason(
        reasons, np.abs(rest_s) > SUM_TOLERANCE_S, "the phases do not add up to the stride"
    )
    return reasons


def own_doubts(
    strides: pd.DataFrame, gaps: dict[Side, Spans], *, min_stride_s: float, max_stride_s: float
) -> list[tuple[str, BoolArray, str | np.ndarray]]:
    """Return why strides do not count whatever was walked around them, the first that fits.

    One ``(rule, mask, reason)`` each, with ``mask`` of shape (n,): gap, duration, and two toe_off.
    """
    ic_s, next_ic_s = strides["ic_s"].to_numpy(), strides["next_ic_s"].to_numpy()
    stride_s = next_ic_s - ic_s
    in_gap = np.where(
        strides["side"] == "right",
        gaps["right"].meets(ic_s, next_ic_s),
        gaps["left"].meets(ic_s, next_ic_s),
    )
    in_limits = (stride_s >= min_stride_s) & (stride_s <= max_stride_s)
    limits = f"outside {min_stride_s:g}-{max_stride_s:g} s"
    too_long = np.array([f"stride {value:.3g} s {limits}" for value in stride_s], dtype=object)
    n_to = strides["n_to"].to_numpy()
    return [
        ("gap", in_gap, "touches a gap"),
        ("duration", ~in_limits, too_long),
        ("toe_off", n_to == 0, "no toe off between two contacts"),
        ("toe_off", n_to > 1, "more than one toe off between two contacts"),
    ]


def give_reason(reasons: np.ndarray, mask: BoolArray, reason: str | np.ndarray) -> None:
    """Write ``reason`` (one, or one per row) where ``mask`` holds and none stands, shape (n,)."""
    free = mask & (reasons == "")
    reasons[free] = reason if isinstance(reason, str) else reason[free]


def _only_between(
    times_s: FloatArray, from_s: FloatArray, to_s: FloatArray, *, left: str
) -> tuple[FloatArray, np.ndarray]:
    """Return the one time between ``from_s`` and ``to_s`` (else NaN), and how many there are.

    ``left`` is 'left' to count a time equal to ``from_s``, 'right' to leave it out; a time equal
    to ``to_s`` never counts.
    """
    first = np.searchsorted(times_s, from_s, side="left" if left == "left" else "right")
    count = np.maximum(np.searchsorted(times_s, to_s, side="left") - first, 0)
    return np.where(count == 1, _take(times_s, first), np.nan), count


def _take(times_s: FloatArray, index: np.ndarray) -> FloatArray:
    """Return ``times_s[index]``, NaN where the index lies outside."""
    if not len(times_s):
        return np.full(len(index), np.nan)
    inside = (index >= 0) & (index < len(times_s))
    return np.where(inside, times_s[np.clip(index, 0, len(times_s) - 1)], np.nan)
