"""Two clocks brought together by a stomp: a foot lifted high and put down hard.

The key points see a foot come down, the sole feels it land. Both give landings, per foot: in the
key points the moment at which the lowest point of the foot reaches the floor, in the pressure the
moment at which the load begins to rise. Landings weigh how hard they are, so a stomp outweighs
steps; the lag at which both series agree best is the offset of the clocks, and the hardest
matched landings say how sure it is. A second stomp at the end also gives the rate.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.data.keypoints import KeypointFile
from solekit.errors import DataError
from solekit.layouts import SIDES, FloatArray, Layout, Side
from solekit.sync import landings
from solekit.sync.clock_tie import ClockTie
from solekit.sync.landings import Landings
from solekit_hil import walker as walkers
from solekit_hil.walker.body import INDEX, Motion
from solekit_hil.walker.interface import Walker

# Of the virtual person's stomp: stand, lift, hold, fall with constant acceleration, stand.
_BODY_RATE_HZ, _HEIGHT_M, _JOIN_S = 120.0, 0.25, 1.0
_PHASES_S = (1.0, 0.6, 0.25, 0.2, 1.2)


def synchronised(
    points: KeypointFile,
    t_s: Mapping[Side, FloatArray],
    force_n: Mapping[Side, FloatArray],
    *,
    first_s: float | None = None,
) -> ClockTie:
    """Return the clock of a key point file against the load of the soles, (n,) per side.

    ``first_s`` looks only at so many first seconds of both for the offset (then goes on from
    there). DataError where no landing is seen, where two offsets fit alike, or where the
    uncertainty exceeds ``landings.MAX_UNCERTAINTY_S``.
    """
    seen: dict[str, Landings] = {side: foot_landings(points, side) for side in SIDES}
    felt: dict[str, Landings] = {
        side: landings.load_landings(times, force_n[side]) for side, times in t_s.items()
    }
    for what, found in (("key points", seen), ("recording", felt)):
        if not any(len(of.t_s) for of in found.values()):
            raise DataError(
                f"the {what} show no foot that lands; begin every recording with a stomp: "
                "lift a foot high, put it down hard, stand still for a second"
            )
    lag = landings.best_lag(_first(seen, first_s), _first(felt, first_s), outside="key points")
    period = [float(np.median(np.diff(points.t_s)))]
    period.append(max(float(np.median(np.diff(times))) for times in t_s.values()))
    sampling = float(np.linalg.norm(period)) / np.sqrt(12)
    return landings.refined(
        seen,
        felt,
        lag,
        sampling_s=sampling,
        shared_s=landings.floor_error_s,
        check=landings.check_speed,
        outside="key points",
    )


def foot_landings(points: KeypointFile, side: Side) -> Landings:
    """Return landings of a foot seen by its key points, weighed by its speed at the floor."""
    return landings.height_landings(points.t_s, _height(points, side))


def _height(points: KeypointFile, side: Side) -> FloatArray:
    """Return how high the lowest point of a foot is over its own usual lowest place, (n,)."""
    columns = []
    for name in ("heel", "big_toe", "small_toe", "ankle"):
        z = points.point_m(f"{side}_{name}")[:, 2]
        if np.isfinite(z).mean() > 0.5 and not (name == "ankle" and columns):
            columns.append(z - np.nanpercentile(z, 5))
    if not columns:
        return np.full(len(points.t_s), np.nan)
    table = np.stack(columns)
    is_there = np.isfinite(table).all(axis=0)
    return np.where(is_there, np.where(is_there, table, 0.0).min(axis=0), np.nan)


def _first(found: dict[str, Landings], first_s: float | None) -> dict[str, Landings]:
    if first_s is None:
        return found
    begin = min(of.t_s[0] for of in found.values() if len(of.t_s))
    keep = {side: of.t_s < begin + first_s for side, of in found.items()}
    return {s: Landings(of.t_s[keep[s]], of.weight[keep[s]]) for s, of in found.items()}


def stomping(
    motion: str,
    *,
    seconds: float,
    seed: int,
    layouts: dict[Side, Layout],
    side: Side = "right",
    is_closed: bool = False,
) -> Walker:
    """Return a virtual person who stomps and then does ``motion`` for so many seconds.

    ``is_closed`` adds a second stomp at the end. The forces follow from the motion.
    """
    person = walkers.Person.from_seed(seed)
    walker = walkers.build(motion, seed=seed, layouts=layouts, person=person)
    standing = walkers.build("stand", seed=seed, layouts=layouts, person=person)
    pose = standing.body(np.zeros(1)).keypoints_m[0]
    t_s = np.arange(round(seconds * _BODY_RATE_HZ)) / _BODY_RATE_HZ
    moved = walker.body(t_s).keypoints_m
    first = _stomp(pose + _shift(pose, moved[0]), side)
    parts = [first, _joined(first[-1], moved[0]), moved]
    if is_closed:
        last = _stomp(pose + _shift(pose, moved[-1]), side)
        parts += [_joined(moved[-1], last[0]), last]
    body = Motion(_BODY_RATE_HZ, np.concatenate(parts), person.mass_kg)
    return walkers.play(body, layouts=layouts, person=person)


def _stomp(pose: FloatArray, side: Side) -> FloatArray:
    """Return a stomp from and to a standing pose (21, 3), (n, 21, 3)."""
    stand, lift, hold, fall, rest = (np.arange(round(s * _BODY_RATE_HZ)) for s in _PHASES_S)
    raised = _eased(lift / len(lift))
    fallen = 1 - (fall / len(fall)) ** 2
    height = _HEIGHT_M * np.concatenate([0.0 * stand, raised, 0.0 * hold + 1, fallen, 0.0 * rest])
    points = np.repeat(pose[None], len(height), axis=0)
    for name in ("ankle", "heel", "small_toe", "big_toe"):
        points[:, INDEX[f"{side}_{name}"], 2] += height
    points[:, INDEX[f"{side}_knee"], 0] += height
    points[:, INDEX[f"{side}_knee"], 2] += height / 2
    return points


def _shift(pose: FloatArray, target: FloatArray) -> FloatArray:
    move = target[INDEX["pelvis"]] - pose[INDEX["pelvis"]]
    return move * np.array([1.0, 1.0, 0.0])


def _joined(start: FloatArray, end: FloatArray) -> FloatArray:
    """Return the way from one pose to another, (n, 21, 3)."""
    n = round(_JOIN_S * _BODY_RATE_HZ)
    return start + (end - start) * _eased(np.arange(n) / n)[:, None, None]


def _eased(u: FloatArray) -> FloatArray:
    return u * u * u * (10 + u * (6 * u - 15))
