"""Is a sole's picture the right way round? Walking tells, by where the foot carries load."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Self, cast

import numpy as np
from numpy.typing import NDArray

from solekit.algorithm import Algorithm
from solekit.contacts import PressureContacts
from solekit.errors import DataError
from solekit.feet import imu_of
from solekit.layouts import SIDES, FloatArray, Layout, Side
from solekit.motion_side import MotionSide

if TYPE_CHECKING:
    from solekit.recording.foot import FootRecording

Verdict = Literal["agrees", "mirrored", "unknown"]


class SideCheck(Algorithm):
    """Whether the load of one foot lies as on the side that its insole tells.

    Parameters
    ----------
    min_stances
        Fewer stances give no verdict.
    max_stances
        So many are looked at, spread over the recording.
    min_shift
        The median shift must exceed this, in widths of the sole.
    min_share
        So large a share of the stances must point the same way.
    push_off_share
        Push-off is this last share of a stance.
    min_span
        Midfoot and forefoot must each have cells at least so far apart across, in widths of the
        sole: below that the places of the cells decide, not the load on them.

    Attributes
    ----------
    verdict_
        'agrees', 'mirrored', or 'unknown' with its reason.
    shift_
        Median over the stances of how far the load moves medially from the midfoot to the
        forefoot at push-off, in widths of the sole; NaN without a stance.
    shifts_
        The same of each stance, shape (n_stances,).
    share_
        Share of the stances that point the way of the median.
    reason_
        Why there is no verdict, in a sentence; '' if there is one.

    Notes
    -----
    Under the arch a foot carries its load laterally (the medial arch hardly touches), and at
    push-off medially, under the first metatarsal head and the great toe: Cavanagh, Rodgers &
    Iiboshi (1987) for standing, Hennig & Rosenbaum (1991) and Hughes, Clark & Klenerman (1990) for
    walking; the gait line runs accordingly. The difference of the two means needs no zero across
    the sole, so a sole that lies askew does not matter. The thresholds are Solekit (own
    definition). A wrong alarm costs more than silence: whatever is near zero is 'unknown'.

    What pressure cannot show: an insole whose side *and* geometry are both those of the other foot
    has a sound picture of the other foot. And under a sole of few cells that are themselves
    bent like a foot, the wrong foot may look undecided or even sound; a sole whose geometry
    alone is the wrong way round is seen there too. For both there is ``MotionSide``.
    """

    verdict_: Verdict
    shift_: float
    shifts_: FloatArray
    share_: float
    reason_: str

    def __init__(
        self,
        *,
        min_stances: int = 8,
        max_stances: int = 60,
        min_shift: float = 0.06,
        min_share: float = 0.9,
        push_off_share: float = 0.25,
        min_span: float = 0.2,
    ) -> None:
        self.min_stances = min_stances
        self.max_stances = max_stances
        self.min_shift = min_shift
        self.min_share = min_share
        self.push_off_share = push_off_share
        self.min_span = min_span

    def judge(
        self, load: NDArray[np.number], *, t_s: FloatArray, layout: Layout, side: Side
    ) -> Self:
        """Judge ``load`` (n, n_cells) at ``t_s`` (n,), in any unit; ``side`` is what is told.

        DataError for arrays that do not fit each other.
        """
        t_s = np.asarray(t_s, dtype=float)
        load = np.asarray(load)
        if load.shape != (len(t_s), layout.n_cells):
            raise DataError(
                f"load has shape {load.shape}; {len(t_s)} times and the {layout.n_cells} cells of "
                f"layout {layout.name!r} ask for {(len(t_s), layout.n_cells)}"
            )
        if side not in SIDES:
            raise DataError(f"side {side!r} is not one of {', '.join(SIDES)}")
        self.shifts_ = np.zeros(0)
        self.shift_ = self.share_ = math.nan
        self.verdict_, self.reason_ = "unknown", ""
        midfoot = ~layout.heel & ~layout.forefoot
        medial = (layout.x_mm if side == "left" else -layout.x_mm) / layout.width_mm
        for name, part in (("midfoot", midfoot), ("forefoot", layout.forefoot)):
            if not part.any() or np.ptp(medial[part]) < self.min_span:
                self.reason_ = f"the {name} has too few cells across to tell left from right"
                return self
        stances, self.reason_ = self._stances(load, t_s)
        if not self.reason_:
            self.shifts_ = self._shifts(load, stances, medial, midfoot, layout.forefoot)
            self._decide()
        return self

    def _stances(self, load: NDArray[np.number], t_s: FloatArray) -> tuple[NDArray[np.intp], str]:
        """Return first and past-the-last frame of whole stances, (n, 2), or why there are none."""
        none = np.zeros((0, 2), dtype=np.intp)
        if len(t_s) < 2:
            return none, "there is no load to judge by"
        found = PressureContacts().detect(load.sum(axis=1, dtype=float), t_s=t_s)
        if found.reason_:
            return none, found.reason_
        kinds = found.events_["kind"].to_numpy()
        at_s = found.events_["t_s"].to_numpy(dtype=float)
        begins = np.flatnonzero((kinds[:-1] == "ic") & (kinds[1:] == "to"))
        if len(begins) > self.max_stances:
            begins = begins[np.linspace(0, len(begins) - 1, self.max_stances).round().astype(int)]
        edges = np.searchsorted(t_s, np.stack([at_s[begins], at_s[begins + 1]], axis=1))
        # Push-off alone must hold a frame.
        edges = edges[(edges[:, 1] - edges[:, 0]) * self.push_off_share >= 1]
        if len(edges) < self.min_stances:
            return none, f"{len(edges)} whole stances are fewer than {self.min_stances}"
        return edges, ""

    def _shifts(
        self,
        load: NDArray[np.number],
        stances: NDArray[np.intp],
        medial: FloatArray,
        midfoot: NDArray[np.bool_],
        forefoot: NDArray[np.bool_],
    ) -> FloatArray:
        """Return medial mean at push-off less that of the midfoot, for stances where both load."""
        # What a cell shows between the stances is no load: it sticks, or its zero has moved.
        is_swing = np.ones(len(load), dtype=bool)
        for start, stop in stances:
            is_swing[start:stop] = False
        between = np.flatnonzero(is_swing)
        between = between[:: max(1, len(between) // 500)]
        rest = np.median(load[between], axis=0) if between.size else np.zeros(load.shape[1])
        shifts = []
        for start, stop in stances:
            above = np.maximum(load[start:stop] - rest, 0.0)
            late = above[math.floor(len(above) * (1 - self.push_off_share)) :]
            mid_load, fore_load = above[:, midfoot].sum(axis=0), late[:, forefoot].sum(axis=0)
            if mid_load.sum() > 0 and fore_load.sum() > 0:
                mid = float(mid_load @ medial[midfoot] / mid_load.sum())
                shifts.append(float(fore_load @ medial[forefoot] / fore_load.sum()) - mid)
        return np.array(shifts, dtype=float)

    def _decide(self) -> None:
        n = len(self.shifts_)
        if n < self.min_stances:
            self.reason_ = f"only {n} stances load both midfoot and forefoot"
            return
        self.shift_ = float(np.median(self.shifts_))
        self.share_ = float(np.mean(np.sign(self.shifts_) == np.sign(self.shift_)))
        if abs(self.shift_) < self.min_shift or self.share_ < self.min_share:
            self.reason_ = (
                f"the load moves {self.shift_:+.2f} widths medially, in {self.share_:.0%} of the "
                "stances: that is undecided"
            )
            return
        self.verdict_ = "agrees" if self.shift_ > 0 else "mirrored"


def doubts(feet: Sequence[FootRecording]) -> list[str]:
    """Return what walking says against the sides of ``feet``, as sentences; [] if nothing."""
    told = {foot.side: _against(foot) for foot in feet if foot.t_s.size}
    if len(told) == len(SIDES) and all(told.values()):
        how = " and ".join(dict.fromkeys(words[1] for words in told.values()))
        return [
            f"Left and right seem to be swapped: both soles {how} as the other foot does in "
            "walking. Check which insole is in which shoe, and the side of each."
        ]
    return [
        f"The {foot.side} sole ({foot.info.serial}) {told[foot.side][0]}."
        for foot in feet
        if told.get(foot.side)
    ]


# What is said of one sole, and what two of them do.
_LOADED = (
    "carries its load as the other foot does in walking: it lies the wrong way round, or its side "
    "or geometry is wrong",
    "carry their load",
)
_MOVED = (
    "moves as the other foot does in walking: it is in the other shoe, or its side and geometry "
    "are both those of the other foot (a foot that turns inwards can look the same)",
    "move",
)


def _against(foot: FootRecording) -> tuple[str, ...]:
    """Return what walking says against the side of ``foot``, of one and of both; () if nothing."""
    load = foot.force_n if foot.info.is_calibrated else foot.counts
    side = cast(Side, foot.side)
    check = SideCheck().judge(load, t_s=foot.t_s, layout=foot.info.layout, side=side)
    if check.verdict_ == "mirrored":
        return _LOADED
    imu = imu_of(foot)
    if imu is None or len(imu[0]) < 2:
        return ()
    seen = MotionSide().judge(imu[1], imu[2], t_s=imu[0]).side_
    return _MOVED if seen not in (None, side) else ()
