"""Timed up and go: rise, walk out, turn, walk back, sit down."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
import pandas as pd
from scipy import ndimage

from solekit.algorithm import Algorithm
from solekit.balance.chair_stand import ChairStand
from solekit.errors import DataError
from solekit.layouts import FloatArray
from solekit.strides.events import require_columns

PHASES = ("rise", "walk_out", "turn", "walk_back", "sit")
COLUMNS = ["phase", "start_s", "end_s", "duration_s", "steps", "reason"]
_STRIDE_S = 1.1  # swings of the foot average out over a stride
_FAR_BY = 0.75  # of the walk: a half turn after it is the turn to sit
_STILL = 0.15  # of the speed of turning: what is slower is walking straight on
_SEATED_S = 1.0  # a longer rest on the chair ends a trial
NO_TURN = "no yaw rate of a foot was given: the turn cannot be told"


class TimedUpAndGo(Algorithm):
    """The phases of a timed up and go, and its total time.

    From the chair to the chair: the load under both feet tells rising and sitting, gait events
    tell walking, the yaw rate of a foot tells the turn at the far end.

    Parameters
    ----------
    chair
        How rising and sitting are found.
    turn_share
        The turn is where this share of the half turn happens, around its middle.
    min_turn_deg
        Less turning between the walks is no turn.

    Attributes
    ----------
    phases_
        One row per phase (rise, walk_out, turn, walk_back, sit): ``start_s``, ``end_s``,
        ``duration_s``, ``steps`` (initial contacts of both feet), ``reason`` ('' or why the phase
        is NaN).
    total_s_
        From the onset of rising to sitting; NaN if refused.
    steps_
        Initial contacts in between.
    reason_
        Why there is no total, '' if there is one.

    Notes
    -----
    Test: Podsiadlo and Richardson 1991 (J Am Geriatr Soc 39:142). The test's clock starts at the
    word "go", which the feet do not hear: the total lacks the time to react. Phases: Solekit (own
    definition).
    """

    phases_: pd.DataFrame
    total_s_: float
    steps_: int
    reason_: str

    def __init__(
        self,
        *,
        chair: ChairStand | None = None,
        turn_share: float = 0.9,
        min_turn_deg: float = 120.0,
    ) -> None:
        self.chair = chair
        self.turn_share = turn_share
        self.min_turn_deg = min_turn_deg

    def segment(
        self,
        load: FloatArray,
        *,
        t_s: FloatArray,
        events: pd.DataFrame,
        yaw_rad_s: FloatArray | None = None,
        yaw_t_s: FloatArray | None = None,
    ) -> Self:
        """Find the phases in ``load`` (n,), that of both feet together, at ``t_s`` (n,).

        ``events`` has ``kind`` ('ic', ...) and ``t_s`` of both feet; ``yaw_rad_s`` is the rate of
        a foot about the vertical at ``yaw_t_s`` (by default ``t_s``). DataError if shapes do not
        fit.
        """
        require_columns(events, "events", "kind", "t_s")
        yaw_t_s = t_s if yaw_t_s is None else yaw_t_s
        if yaw_rad_s is not None and yaw_rad_s.shape != yaw_t_s.shape:
            raise DataError(f"{yaw_rad_s.shape[0]} yaw rates for {yaw_t_s.shape[0]} times")
        if yaw_rad_s is not None and not np.all(np.isfinite(yaw_rad_s)):
            raise DataError("a yaw rate is not finite; drop its samples and give yaw_t_s")
        self.total_s_, self.steps_ = math.nan, 0
        nothing = [(phase, *[math.nan] * 3, 0, "") for phase in PHASES]
        self.phases_ = pd.DataFrame(nothing, columns=COLUMNS)
        chair = (self.chair or ChairStand()).with_params(n_stands=1)
        chair.segment(load, t_s=t_s)
        self.reason_ = chair.reason_
        if self.reason_:
            return self._refused()
        # Walking unloads no pair of feet for long: one rise at the start, one sitting at the end.
        onset_s = float(chair.stands_["onset_s"].iloc[0])
        stand_s = float(chair.stands_["stand_s"].iloc[0])
        lower_s, sit_s = (float(chair.stands_[name].iloc[-1]) for name in ("lower_s", "sit_s"))
        if not math.isfinite(sit_s):
            self.reason_ = "nobody sits down at the end"
            return self._refused()
        rests_s = chair.stands_["onset_s"].to_numpy()[1:] - chair.stands_["sit_s"].to_numpy()[:-1]
        if np.any(rests_s > _SEATED_S):
            self.reason_ = "somebody sits in between: give one trial at a time"
            return self._refused()
        contacts = np.sort(events.loc[events["kind"] == "ic", "t_s"].to_numpy(dtype=float))
        walking = contacts[(contacts > onset_s) & (contacts < sit_s)]
        if len(walking) < 4:
            self.reason_ = f"{len(walking)} steps between rising and sitting: nobody walked"
            return self._refused()
        self.total_s_, self.steps_ = sit_s - onset_s, len(walking)
        leave_s = min(stand_s, float(walking[0]))
        arrive_s = max(lower_s, float(walking[-1]))
        turn = self._turn(yaw_rad_s, yaw_t_s, leave_s, arrive_s)
        why = NO_TURN if yaw_rad_s is None else ""
        if yaw_rad_s is not None and turn is None:
            why = f"no turn of {self.min_turn_deg:g} degrees between the walks"
        start_s, end_s = turn or (math.nan, math.nan)
        spans = (
            (onset_s, leave_s, ""),
            (leave_s, start_s, why),
            (start_s, end_s, why),
            (end_s, arrive_s, why),
            (arrive_s, sit_s, ""),
        )
        rows = []
        for phase, (a, b, reason) in zip(PHASES, spans, strict=True):
            steps = 0 if reason else int(np.sum((walking > a) & (walking <= b)))
            rows.append((phase, a, b, b - a, steps, reason))
        self.phases_ = pd.DataFrame(rows, columns=COLUMNS)
        return self

    def _refused(self) -> Self:
        self.phases_["reason"] = self.reason_
        return self

    def _turn(
        self, yaw_rad_s: FloatArray | None, t_s: FloatArray, from_s: float, to_s: float
    ) -> tuple[float, float] | None:
        """Return when the half turn at the far end begins and ends, None without one."""
        if yaw_rad_s is None:
            return None
        inside = (t_s >= from_s) & (t_s <= to_s)
        t, rate = t_s[inside], yaw_rad_s[inside]
        if len(t) < 3:
            return None
        angle = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2 * np.diff(t))])
        # Swings of the foot average out over a stride; the far turn is the first that comes round.
        width = max(1, round(_STRIDE_S / float(np.median(np.diff(t)))))
        angle = ndimage.uniform_filter1d(angle, width, mode="nearest")
        angle = angle - angle[0]
        half = np.flatnonzero(np.abs(angle) >= math.pi / 2)
        if not len(half) or t[half[0]] > from_s + _FAR_BY * (to_s - from_s):
            return None
        middle = int(half[0])
        angle = angle * np.sign(angle[middle])
        # The heading after it: where the angle stays longest, by the speed at which it changes.
        speed = np.gradient(angle, t)
        still = speed < _STILL * speed[middle]
        before, after = np.flatnonzero(still[:middle]), np.flatnonzero(still[middle:])
        first = int(before[-1]) if len(before) else 0
        last = middle + int(after[0]) if len(after) else len(t) - 1
        whole = angle[last] - angle[first]
        if whole < math.radians(self.min_turn_deg):
            return None
        share = (angle[first : last + 1] - angle[first]) / whole
        rest = (1.0 - self.turn_share) / 2.0
        begin = first + int(np.flatnonzero(share >= rest)[0])
        end = first + int(np.flatnonzero(share >= 1.0 - rest)[0])
        return float(t[begin]), float(t[end])
