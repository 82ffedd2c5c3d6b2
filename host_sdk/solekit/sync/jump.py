"""A physical check of the clocks of both feet: jump, land on both at once, and compare.

Both feet leave the floor and land nearly together. What is left between the landings is the error
of the clocks, plus the frames, plus the person: people put one foot down some 10 ms before the
other. The mean of several jumps takes the latter two away, not the first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from solekit.analysis import MAX_CLOCK_INTERVAL_S
from solekit.layouts import SIDES, FloatArray, Side
from solekit.sync.landings import Landings, load_landings
from solekit.sync.tie import loads_of

if TYPE_CHECKING:
    from solekit.recording import Recording

# How far apart a person puts two feet down that are to land together (standard deviation), and
# the part of it that is habit and stays in the mean of many jumps.
PERSON_S, HABIT_S = 0.010, 0.003
_TOGETHER_S = 0.15  # landings of the feet further apart are no common one
_FLIGHT_S = 0.08  # both feet carry nothing for so long before
_UNLOADED = 0.05  # of a foot's usual largest load
_HALF_S = 0.1  # to both sides of a landing the acceleration is searched for it
_IMPACT = 0.5  # of the largest change of acceleration: the foot has hit the floor
_Z = 2.0

Verdict = Literal["agree", "disagree", "cannot tell"]


@dataclass(frozen=True)
class JumpCheck:
    """What landings say about the clocks of both feet.

    ``difference_s``: right minus left landing, mean of ``n_landings``; ``uncertainty_s`` its
    standard deviation; ``stated_s`` what the clocks claim (half-width). ``reason`` is a sentence.
    """

    verdict: Verdict
    reason: str
    difference_s: float
    uncertainty_s: float
    stated_s: float
    n_landings: int


def check_jump(recording: Recording) -> JumpCheck:
    """Compare the landings of both feet in ``recording`` with what its clocks claim."""
    # Newtons are not needed: onsets are shares of each foot's own load.
    loads = loads_of(recording)
    for side in SIDES:
        if side not in loads:
            return _untold(f"the {side} foot has no frames", recording.clock_interval_s)
    t_s: dict[Side, FloatArray] = {side: t for side, (t, _) in loads.items()}
    load: dict[Side, FloatArray] = {side: values for side, (_, values) in loads.items()}
    imu: dict[Side, tuple[FloatArray, FloatArray]] = {}
    for side in SIDES:
        foot = recording.feet[side]
        if foot.info.imu_axes and len(foot.imu) > 1:
            accel = foot.imu[[f"accel_{axis}_m_s2" for axis in "xyz"]].to_numpy(float)
            imu[side] = foot.imu["t_s"].to_numpy(float), accel
    return compare_landings(t_s, load, stated_s=recording.clock_interval_s, imu=imu)


def compare_landings(
    t_s: Mapping[Side, FloatArray],
    load: Mapping[Side, FloatArray],
    *,
    stated_s: float,
    imu: Mapping[Side, tuple[FloatArray, FloatArray]] | None = None,
) -> JumpCheck:
    """Compare landings of both feet: load (n,) at ``t_s`` (n,) per side, in any unit.

    ``stated_s`` is the half-width that the clocks claim; ``imu`` holds times (k,) and
    acceleration (k, 3) per side, in any axes. Where both feet have it, the impacts it shows count
    as much as the loads.
    """
    landed = {side: load_landings(t_s[side], load[side]) for side in SIDES}
    pairs = [
        (left, right)
        for left, right in _together(landed["left"], landed["right"])
        if all(_was_in_flight(t_s[side], load[side], min(left, right)) for side in SIDES)
    ]
    if not pairs:
        return _untold(
            "no moment at which both feet land out of the air together; jump once or more, land "
            "on both feet, stand still before and after",
            stated_s,
        )
    by_load = np.array([right - left for left, right in pairs])
    frame_s = [float(np.median(np.diff(t_s[side]))) for side in SIDES]
    read_s = math.hypot(*frame_s) / math.sqrt(12)
    n = len(pairs)
    difference, apart = by_load, 0.0
    if imu is not None and all(side in imu for side in SIDES):
        hits = np.array([[_impact_s(*imu[side], at) for at in pairs] for side in SIDES])
        by_impact = hits[1] - hits[0]
        if np.isfinite(by_impact).all():
            difference = (by_load + by_impact) / 2
            apart = abs(float(np.mean(by_load - by_impact))) / 2
    spread = max(PERSON_S, float(np.std(difference, ddof=1)) if n > 2 else 0.0)
    uncertainty_s = math.sqrt((spread**2 + read_s**2) / n + HABIT_S**2 + apart**2)
    least_s = max(2 * MAX_CLOCK_INTERVAL_S, stated_s, *frame_s)
    return _judged(float(np.mean(difference)), uncertainty_s, stated_s, n, least_s)


def _judged(
    difference_s: float, uncertainty_s: float, stated_s: float, n: int, least_s: float
) -> JumpCheck:
    """Return the verdict; ``least_s`` is the error of the clocks that must be found to tell."""

    def ms(value_s: float) -> str:
        return f"{1e3 * value_s:.1f} ms"

    found = (
        f"{n} common landing{'s' if n > 1 else ''}: right {ms(abs(difference_s))} "
        f"{'after' if difference_s >= 0 else 'before'} left, good to ± {ms(_Z * uncertainty_s)}"
    )
    verdict: Verdict
    if not math.isfinite(stated_s):
        verdict, why = "cannot tell", "the clocks claim nothing: they are not joined"
    elif abs(difference_s) > stated_s + _Z * uncertainty_s:
        verdict, why = "disagree", f"more than the ± {ms(stated_s)} that the clocks claim allow"
    elif _Z * uncertainty_s > least_s:
        verdict, why = "cannot tell", "too unsure to find a clock that is wrong; jump three times"
    else:
        verdict, why = "agree", f"within the ± {ms(stated_s)} that the clocks claim"
    return JumpCheck(verdict, f"{found}; {why}", difference_s, uncertainty_s, stated_s, n)


def _untold(reason: str, stated_s: float) -> JumpCheck:
    return JumpCheck("cannot tell", reason, math.nan, math.inf, stated_s, 0)


def _together(left: Landings, right: Landings) -> list[tuple[float, float]]:
    """Return landings of the feet that are each other's nearest, and near."""
    if not left.t_s.size or not right.t_s.size:
        return []
    gaps = np.abs(np.subtract.outer(left.t_s, right.t_s))
    out = []
    for i, k in enumerate(np.argmin(gaps, axis=1).tolist()):
        if gaps[i, k] <= _TOGETHER_S and int(np.argmin(gaps[:, k])) == i:
            out.append((float(left.t_s[i]), float(right.t_s[k])))
    return out


def _was_in_flight(t_s: FloatArray, load: FloatArray, landed_s: float) -> bool:
    """Return whether a foot carried nothing just before both had landed."""
    before = load[(t_s >= landed_s - _FLIGHT_S) & (t_s < landed_s)]
    return bool(before.size) and bool(before.max() <= 2 * _UNLOADED * np.percentile(load, 99))


def _impact_s(t_s: FloatArray, accel: FloatArray, landed_s: tuple[float, float]) -> float:
    """Return when the acceleration first changes abruptly about a landing; NaN if it never does.

    The change between samples counts, so that no axis and no calibration matters.
    """
    near = np.flatnonzero((t_s >= min(landed_s) - _HALF_S) & (t_s <= max(landed_s) + _HALF_S))
    if near.size < 4:
        return math.nan
    change = np.linalg.norm(np.diff(accel[near], axis=0), axis=1)
    if change.max() <= 3 * np.median(change):
        return math.nan
    return float(t_s[near[int(np.argmax(change >= _IMPACT * change.max())) + 1]])
