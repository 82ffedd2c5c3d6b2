"""``sim:tug``: a person who rises from a chair, walks 3 m, turns, walks back, turns and sits down.

A straight walk with standing before and after it is bent along a closed way: two straights and
two half turns. What stands still on the straight walk stands still on the bent one. Before and
after, the same body sits, as in ``sim:sit-to-stand``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from solekit.layouts import SIDES, FloatArray, Layout, Side
from solekit_hil import walker as walkers
from solekit_hil.walker.body import INDEX, KEYPOINTS, Motion, centre_of_mass
from solekit_hil.walker.composed import BENT, SEATED, Pose
from solekit_hil.walker.foot import IMU_AT, FootState
from solekit_hil.walker.person import Motion as Gait
from solekit_hil.walker.person import Style
from solekit_hil.walker.played import PlayedWalker
from solekit_hil.walker.posture import Carriage, Feet, settled
from solekit_hil.walker.seeded import SeededWalker, shape_of

RATE_HZ = 120.0
WALK_M = 3.0  # of each straight, Podsiadlo and Richardson 1991
TURN_M = 1.6  # of way for half a turn
SEATED_S = 6.0  # before
_REST_S = 3.0  # after; the last sample is then held
_PAUSE_S = 12.0  # of the straight walk's standing: more than what is used of it
_GAIT = Gait("bouts", speed=0.75, cadence=0.92, pause_s=_PAUSE_S)
_BEND_S, _RISE_S, _SIT_S = 0.7, 0.9, 0.7
_UPRIGHT_S = 0.25  # before the first step, and after the last
_ELBOW, _SPREAD = 0.35, 0.12  # of who stands
_STEP_M = 1e-3  # of the table of the way


@dataclass(frozen=True, eq=False)
class UpAndGo:
    """The walker, and the truth of each phase: start and end in seconds.

    ``rise`` and ``sit`` are from the first to the last movement. In between the pelvis tells:
    ``turn`` and ``turn_to_sit`` are the middle nine tenths of each half turn.
    """

    walker: PlayedWalker
    phases_s: dict[str, tuple[float, float]]

    @property
    def total_s(self) -> float:
        """From the first movement of rising to the last of sitting down."""
        return self.phases_s["sit"][1] - self.phases_s["rise"][0]


def up_and_go(*, seed: int, layouts: dict[Side, Layout]) -> UpAndGo:
    """Return the person of ``seed`` who does one timed up and go and then stays seated."""
    person = walkers.Person.from_seed(seed)
    style = Style.of(person, _GAIT)
    way_m = 2 * (WALK_M + TURN_M)
    n_steps = 2 * round((way_m / (style.speed_m_s * style.step_s) + 1) / 2)
    # The first and the last step are half as long as the others, from both feet and to both.
    style = replace(
        style,
        motion=replace(_GAIT, bout_s=(n_steps + 0.5) * style.step_s),
        speed_m_s=way_m / ((n_steps - 1) * style.step_s),
    )
    up_s = SEATED_S + _BEND_S + _RISE_S
    first_s = up_s + _UPRIGHT_S
    down_s = first_s + style.motion.bout_s + _UPRIGHT_S
    end_s = down_s + _RISE_S + _SIT_S
    t_s = np.arange(round((end_s + _REST_S) * RATE_HZ)) / RATE_HZ
    straight = SeededWalker("tug", seed=seed, layouts=layouts, person=person, style=style)
    points = straight.body(t_s + _PAUSE_S - first_s).keypoints_m
    points[:, :, 0] -= points[0, INDEX["left_ankle"], 0]
    course = _course(
        t_s,
        [0.0, SEATED_S, SEATED_S + _BEND_S, up_s, down_s, down_s + _RISE_S, end_s, t_s[-1]],
        [SEATED, SEATED, BENT, {}, {}, BENT, SEATED, SEATED],
    )
    points = _posed(points, style, course)
    turned = _way(points[:, INDEX["pelvis"], 0])[1] / np.pi
    walker = PlayedWalker(
        Motion(RATE_HZ, _bent(points), person.mass_kg),
        layouts=layouts,
        shapes={side: shape_of(person, layout) for side, layout in layouts.items()},
        elsewhere=course["chair"],
    )
    turns = [float(t_s[np.argmax(turned >= share)]) for share in (0.05, 0.95, 1.05, 1.95)]
    edges = (SEATED_S, up_s, *turns, down_s, end_s)
    phases = {
        "rise": edges[0:2],
        "walk_out": edges[1:3],
        "turn": edges[2:4],
        "walk_back": edges[3:5],
        "turn_to_sit": edges[4:6],
        "sit": edges[6:8],
    }
    return UpAndGo(walker, phases)


def _course(t_s: FloatArray, times_s: list[float], poses: list[Pose]) -> dict[str, FloatArray]:
    """Return what each pose changes of standing, (n,) by name, with the least jerk between."""
    at = np.clip(np.searchsorted(times_s, t_s, side="right") - 1, 0, len(times_s) - 2)
    start_s, end_s = np.array(times_s)[at], np.array(times_s)[at + 1]
    u = (t_s - start_s) / (end_s - start_s)
    ease = u * u * u * (10 + u * (6 * u - 15))
    values = {name: np.array([pose.get(name, 0.0) for pose in poses]) for name in SEATED}
    return {name: v[at] + (v[at + 1] - v[at]) * ease for name, v in values.items()}


def _posed(points: FloatArray, style: Style, course: dict[str, FloatArray]) -> FloatArray:
    """Return ``points`` (n, 21, 3) with the poses of ``course`` where the person does not walk.

    The walk's own standing stays where a pose is that of standing: only the difference between
    the two is added, so that nothing jumps.
    """
    person, height_m = style.person, style.person.height_m
    sits = np.flatnonzero(np.any([values != 0 for values in course.values()], axis=0))
    now = {name: values[sits] for name, values in course.items()}
    still = np.zeros(len(sits))
    states: dict[Side, FootState] = {}
    headings: dict[Side, tuple[float, float]] = {}
    for side in SIDES:
        out = style.toe_out_rad if side == "left" else -style.toe_out_rad
        headings[side] = float(np.cos(out)), float(np.sin(out))
        ahead = np.array([*headings[side], 0.0])
        heel = points[sits, INDEX[f"{side}_heel"]]
        states[side] = FootState(heel + IMU_AT * person.foot_length_m * ahead, still, still)
    feet = Feet(states, headings, person.foot_length_m)

    def settle(part: float) -> FloatArray:
        ahead, up = part * now["body_ahead"], part * now["body_up"]
        carriage = Carriage(
            lean=np.deg2rad(person.lean_deg) + part * now["lean"],
            tilt=still,
            turn=still,
            twist=still,
            drop=still,
            arm={side: part * now[f"{side}_arm"] for side in SIDES},
            spread=dict.fromkeys(SIDES, still + _SPREAD),
            elbow=dict.fromkeys(SIDES, still + _ELBOW),
        )
        moved = height_m * np.column_stack([ahead, still, up])
        return settled(centre + moved, carriage, feet, height_m)

    centre = centre_of_mass(points[sits])
    out_points = points.copy()
    out_points[sits] += settle(1.0) - settle(0.0)
    return out_points


def _way(along_m: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the place (n, 2) and the heading (n,) in radians ``along_m`` (n,) of the way.

    The heading changes with the least jerk; before the way and after it, it goes straight on.
    """
    table_m = np.arange(-2.0, 2 * (WALK_M + TURN_M) + 2.0, _STEP_M)
    heading = np.zeros_like(table_m)
    for start_m in (WALK_M, 2 * WALK_M + TURN_M):
        u = np.clip((table_m - start_m) / TURN_M, 0.0, 1.0)
        heading += np.pi * u * u * u * (10 + u * (6 * u - 15))
    ahead = np.column_stack([np.cos(heading), np.sin(heading)])
    steps = (ahead[1:] + ahead[:-1]) / 2 * _STEP_M
    place = np.concatenate([[[table_m[0], 0.0]], steps]).cumsum(axis=0)
    at = np.column_stack([np.interp(along_m, table_m, axis) for axis in place.T])
    return at, np.interp(along_m, table_m, heading)


def _bent(points: FloatArray) -> FloatArray:
    """Return ``points`` (n, 21, 3) of a straight walk along the way.

    Each foot is moved and turned as one piece about its toes, which rest longest on the ground,
    and all that hangs on the pelvis about the pelvis; a knee goes half with either.
    """
    out = np.empty_like(points)
    own = {f"{side}_{name}" for side in SIDES for name in _FOOT}
    body = [INDEX[name] for name in KEYPOINTS if name not in own]
    out[:, body] = _carried(points[:, body], points[:, INDEX["pelvis"]])
    for side in SIDES:
        foot = [INDEX[f"{side}_{name}"] for name in _FOOT]
        toes = points[:, INDEX[f"{side}_big_toe"]]
        out[:, foot] = _carried(points[:, foot], toes)
        knee = INDEX[f"{side}_knee"]
        lower = _carried(points[:, [knee]], toes)[:, 0]
        out[:, knee] = (out[:, knee] + lower) / 2
    return out


_FOOT = ("ankle", "heel", "big_toe", "small_toe")


def _carried(points: FloatArray, about: FloatArray) -> FloatArray:
    """Return ``points`` (n, m, 3) moved and turned with ``about`` (n, 3) as it goes the way."""
    at, heading = _way(about[:, 0])
    cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
    ahead, left = points[:, :, 0] - about[:, None, 0], points[:, :, 1]
    return np.stack(
        [
            at[:, None, 0] + cos * ahead - sin * left,
            at[:, None, 1] + sin * ahead + cos * left,
            points[:, :, 2],
        ],
        axis=2,
    )
