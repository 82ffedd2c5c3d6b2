"""Motions composed of key poses: squats, lunges, warming up, sitting down and standing up.

Between two poses everything moves as people do, with the least jerk; what a pose does not name
stays as in standing. Times and extents vary from one repetition to the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solekit.layouts import SIDES, FloatArray, Side
from solekit_hil.walker.body import Motion
from solekit_hil.walker.foot import BALL_AT, IMU_AT, FootState
from solekit_hil.walker.person import Person
from solekit_hil.walker.posture import Carriage, Feet, settled

RATE_HZ = 120.0
_CENTRE = 0.562  # height of the centre of mass of who stands at ease, of the height
_APART_M = 0.08  # of each foot, more than in walking
_LIFT_M = 0.07  # of a foot that steps
_SECONDS = 120.0  # of repetitions, then they begin anew

Pose = dict[str, float]
# Lengths in shares of the height, angles in radians. body_*: centre of mass, from the middle of
# the feet (ahead, left) and from standing (up); left_*, right_*: place ahead and pitch of a foot;
# chair: share of the weight that it carries.
_STAND: Pose = {
    **dict.fromkeys(("body_ahead", "body_left", "body_up", "lean", "tilt", "turn", "chair"), 0.0),
    **dict.fromkeys(("left_ahead", "right_ahead", "left_pitch", "right_pitch"), 0.0),
    **dict.fromkeys(("left_arm", "right_arm"), 0.05),
    **dict.fromkeys(("left_spread", "right_spread"), 0.12),
    **dict.fromkeys(("left_elbow", "right_elbow"), 0.25),
}


def _both(**values: float) -> Pose:
    return {f"{side}_{name}": value for name, value in values.items() for side in SIDES}


def _lunge(side: Side) -> list[tuple[float, Pose]]:
    rear = "right" if side == "left" else "left"
    forward = {f"{side}_ahead": 0.36, "body_ahead": 0.21, "body_up": -0.05, "lean": 0.1}
    deep = {**forward, "body_up": -0.16, f"{rear}_pitch": -0.75, "body_ahead": 0.27}
    return [(0.8, forward), (0.9, deep), (0.3, deep), (0.8, forward), (0.9, {}), (0.5, {})]


_CROUCHED = {"body_up": -0.19, "lean": 0.75, **_both(arm=1.3, elbow=0.1)}
SEATED = {"body_up": -0.185, "body_ahead": -0.14, "lean": 0.08, "chair": 0.8, **_both(arm=0.4)}
BENT = {"body_up": -0.185, "body_ahead": -0.03, "lean": 0.75, "chair": 0.25, **_both(arm=0.5)}
_BENT_OVER = {"lean": 1.3, "body_up": -0.17, **_both(arm=1.4)}
POSES: dict[str, list[tuple[float, Pose]]] = {
    "squat": [(1.1, _CROUCHED), (0.25, _CROUCHED), (1.0, {}), (0.5, {})],
    "lunge": [*_lunge("left"), *_lunge("right")],
    "sit-to-stand": [
        *((0.8, {}), (0.9, BENT), (0.7, SEATED), (1.2, SEATED)),
        *((0.7, BENT), (0.9, {})),
    ],
    "warm-up": [
        *((0.9, _both(arm=3.0, elbow=0.05)), (0.9, _both(spread=1.4)), (0.7, {})),
        *((1.2, {"tilt": 0.4, "body_left": 0.02, "right_spread": 2.6}), (1.1, {})),
        *((1.2, {"tilt": -0.4, "body_left": -0.02, "left_spread": 2.6}), (1.1, {})),
        *((1.0, {"turn": 0.7, **_both(spread=1.2, elbow=1.2)}),),
        *((1.6, {"turn": -0.7, **_both(spread=1.2, elbow=1.2)}), (1.0, {})),
        *((1.2, _BENT_OVER), (0.4, _BENT_OVER)),
        *((1.0, {}), (0.6, {"body_up": 0.015, "body_ahead": 0.02, **_both(pitch=-0.5)})),
        *((0.6, {"body_ahead": 0.0}), (0.6, {"body_left": 0.05, "body_up": -0.015})),
        *((0.8, {"body_left": -0.05, "body_up": -0.015}), (0.6, {})),
    ],
}


@dataclass(frozen=True, eq=False)
class Composed:
    """A cyclic motion, and the share of the weight that a chair carries, (n,)."""

    motion: Motion
    chair: FloatArray


def compose(name: str, person: Person, rng: np.random.Generator) -> Composed:
    """Return repetitions of a motion of ``POSES`` by a person, for some two minutes."""
    times, poses = _script(name, person, rng)
    n = round(times[-1] * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    at = np.searchsorted(times, t, side="right") - 1
    u = (t - times[at]) / (times[at + 1] - times[at])
    ease = u * u * u * (10 + u * (6 * u - 15))
    course = {
        key: np.array([pose[key] for pose in poses])[at] * (1 - ease)
        + np.array([pose[key] for pose in poses])[at + 1] * ease
        for key in _STAND
    }
    sway = _sway(rng, n)
    height = person.height_m
    half = person.step_width_m / 2 + _APART_M
    states: dict[Side, FootState] = {}
    for side in SIDES:
        steps = np.array([pose[f"{side}_ahead"] for pose in poses])
        moves = (steps[at + 1] != steps[at]) * 64 * (u * (1 - u)) ** 3 * _LIFT_M
        aside = half if side == "left" else -half
        pitch = course[f"{side}_pitch"]
        states[side] = _state(course[f"{side}_ahead"] * height, aside, moves, pitch, person)
    feet = Feet(states, dict.fromkeys(SIDES, (1.0, 0.0)), person.foot_length_m)
    centre = np.column_stack(
        [
            course["body_ahead"] * height + sway[0],
            course["body_left"] * height + sway[1],
            (_CENTRE + course["body_up"]) * height,
        ]
    )
    lean = course["lean"] + np.deg2rad(person.lean_deg)
    carriage = Carriage(
        lean=lean,
        tilt=course["tilt"],
        turn=0.3 * course["turn"],
        twist=course["turn"],
        drop=np.zeros(n),
        arm={side: course[f"{side}_arm"] for side in SIDES},
        spread={side: course[f"{side}_spread"] for side in SIDES},
        elbow={side: course[f"{side}_elbow"] for side in SIDES},
    )
    points = settled(centre, carriage, feet, height)
    return Composed(Motion(RATE_HZ, points, person.mass_kg), course["chair"])


def _script(name: str, person: Person, rng: np.random.Generator) -> tuple[FloatArray, list[Pose]]:
    """Return the times of all key poses and the poses; the last is the first."""
    pace = 112.0 / person.cadence_per_min  # who walks briskly does all briskly
    times, poses = [0.0], [dict(_STAND)]
    while times[-1] < _SECONDS:
        extent = 1 + 0.08 * float(np.clip(rng.standard_normal(), -2, 2))
        for seconds, asked in POSES[name]:
            slower = 1 + 0.08 * float(np.clip(rng.standard_normal(), -2, 2))
            times.append(times[-1] + seconds * pace * slower)
            # A chair has its height, a foot its place.
            fixed = name == "sit-to-stand"
            poses.append(
                {
                    key: rest + (asked.get(key, rest) - rest) * (1.0 if fixed else extent)
                    for key, rest in _STAND.items()
                }
            )
    poses[-1] = dict(_STAND)
    return np.array(times), poses


def _state(
    ahead: FloatArray, aside_m: float, lift: FloatArray, pitch: FloatArray, person: Person
) -> FootState:
    """Return a foot at a place, turned about its ball by a pitch (heel up: negative)."""
    arm = (BALL_AT - IMU_AT) * person.foot_length_m
    at = np.column_stack(
        [
            ahead + arm * (1 - np.cos(pitch)),
            np.full_like(ahead, aside_m),
            lift - arm * np.sin(pitch),
        ]
    )
    return FootState(at, pitch, np.zeros_like(pitch))


def _sway(rng: np.random.Generator, n: int) -> list[FloatArray]:
    """Return the sway of standing, ahead and to the left, in metres, without a seam."""
    t = np.arange(n) / n
    waves = []
    for size in (0.004, 0.003):
        rates = rng.integers(10, 60, 5)  # per repetition of the whole
        phases = rng.uniform(0, 2 * np.pi, 5)
        total = sum(np.sin(2 * np.pi * r * t + p) for r, p in zip(rates, phases, strict=True))
        waves.append(size * np.asarray(total) / np.sqrt(5))
    return waves
