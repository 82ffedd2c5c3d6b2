"""Who walks, and what each motion makes of that person's gait."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from solekit.layouts import SIDES, FloatArray, Side

GRAVITY_M_S2 = 9.80665


@dataclass(frozen=True)
class Person:
    """One person at comfortable speed; feet fit the soles. Phases are shares of the stance."""

    mass_kg: float = 72.0
    height_m: float = 1.72
    foot_share: float = 0.152  # length of the foot, of the height (Drillis and Contini 1964)
    fit: float = 0.97  # length of the foot, of the sole that fits it
    arch: float = 0.5  # 0 flat, 1 high
    pad_stiffness: float = 1.0
    foot_width: float = 1.0
    hallux: float = 1.0
    toe_out_deg: float = 6.0
    step_width_m: float = 0.10
    stance: float = 0.0  # longer contacts than most at the same speed, share of the stride
    effort: float = 1.0  # factor of the force's peaks
    gait_line: float = 0.0  # nearer to the toes than most, share of the length
    lean_deg: float = 3.0  # of the trunk, forward
    arm_swing: float = 1.0
    speed_m_s: float = 1.3
    cadence_per_min: float = 112.0
    run_speed_m_s: float = 2.8
    run_cadence_per_min: float = 166.0
    run_contact_s: float = 0.25
    stride_cv: float = 0.02
    asymmetry: float = 0.0  # single support, left longer when positive
    load_share_left: float = 0.5  # in standing
    peak_tilt: float = 0.0  # first hump of the force higher than the second when positive
    strike_deg: float = 20.0  # toes up at initial contact
    push_deg: float = 60.0  # toes down at toe off
    forefoot_on: float = 0.14
    heel_off: float = 0.6
    weak_side: Side = "right"

    @property
    def foot_length_m(self) -> float:
        """Length of the foot."""
        return self.foot_share * self.height_m

    @classmethod
    def from_seed(cls, seed: int) -> Person:
        """Return a plausible adult, the same for the same seed."""
        rng = np.random.default_rng([seed, 0x5EED])

        def between(low: float, high: float) -> float:
            return float(rng.uniform(low, high))

        brisk = between(-1.0, 1.0)  # who walks faster takes more steps
        mass_kg = between(50.0, 100.0)
        # Body mass index within 18 to 34: heavier people are taller, but not by much.
        stature = between(-0.07, 0.07)
        height_m = 1.72 + 0.3 * (mass_kg - 72.0) / 100.0 + stature
        height_m = min(max(height_m, (mass_kg / 34.0) ** 0.5), (mass_kg / 18.0) ** 0.5)
        return cls(
            mass_kg=mass_kg,
            speed_m_s=1.3 + 0.13 * brisk,
            cadence_per_min=110.0 + 5.0 * brisk + between(-7.0, 6.0),
            run_speed_m_s=between(2.4, 3.2),
            run_cadence_per_min=between(158.0, 174.0),
            run_contact_s=between(0.24, 0.26),
            stride_cv=between(0.017, 0.023),
            asymmetry=between(-0.015, 0.015),
            load_share_left=between(0.48, 0.52),
            peak_tilt=between(-0.2, 0.2),
            strike_deg=between(16.0, 24.0),
            push_deg=between(54.0, 66.0),
            forefoot_on=between(0.12, 0.17),
            heel_off=between(0.56, 0.64),
            weak_side=SIDES[int(rng.integers(2))],
            height_m=height_m,
            foot_share=between(0.146, 0.158),
            fit=between(0.93, 0.99),
            arch=between(0.15, 0.85),
            pad_stiffness=between(0.7, 1.4),
            foot_width=between(0.92, 1.08),
            hallux=between(0.5, 1.3),
            toe_out_deg=between(0.0, 12.0),
            step_width_m=between(0.06, 0.14),
            stance=between(-0.012, 0.02),
            effort=between(0.6, 1.6),
            gait_line=between(-0.03, 0.03),
            lean_deg=between(0.0, 7.0),
            arm_swing=between(0.5, 1.4),
        )


@dataclass(frozen=True)
class Motion:
    """How a motion differs from comfortable walking; factors unless a unit says otherwise."""

    kind: Literal["walk", "bouts", "stand", "run"] = "walk"
    speed: float = 1.0
    cadence: float = 1.0
    pitch: float = 1.0  # of the foot
    strike: float = 1.0  # of the shock at initial contact
    floor: float = 0.0  # least force of a foot, in body weights
    weakness: float = 0.0  # single support given up by the weak side
    forefoot_on: float | None = None  # phases of the stance, the person's own if None
    heel_off: float | None = None
    direction: tuple[float, float] = (1.0, 0.0)  # of the walk: ahead, to the left
    slope: float = 0.0  # of the stairs, up positive
    lift_m: float = 0.045  # of the foot in swing, over what its turning lifts
    raised_deg: float = 0.0  # heels off the ground all the time
    crouch: float = 0.0  # how much lower the hips are, share of the height
    apart_m: float = 0.0  # the feet, more than in walking
    hump: float = 1.0
    is_backward: bool = False
    bout_s: float = 10.0  # of walking, in bouts
    pause_s: float = 3.0  # of standing, before and after each


MOTIONS: dict[str, Motion] = {
    "walk": Motion(),
    "slow": Motion(speed=0.62, cadence=0.8, pitch=0.95, strike=0.6),
    "fast": Motion(speed=1.35, cadence=1.15, pitch=1.1, strike=1.5),
    "stand": Motion("stand"),
    "walk-stop": Motion("bouts"),
    "limp": Motion(speed=0.7, cadence=0.88, pitch=0.9, strike=0.7, weakness=0.15),
    "shuffle": Motion(
        speed=0.35,
        cadence=0.9,
        pitch=0.1,
        strike=0.1,
        floor=0.04,
        forefoot_on=0.06,
        heel_off=0.85,
    ),
    "run": Motion("run", pitch=1.05, strike=2.5, forefoot_on=0.2, heel_off=0.5, lift_m=0.08),
    # Walking backward is walking forward with the time reversed (Thorstensson 1986).
    "backward": Motion(speed=0.6, cadence=0.88, pitch=0.8, strike=0.0, is_backward=True),
    "sideways": Motion(
        speed=0.35,
        cadence=0.85,
        pitch=0.12,
        strike=0.4,
        hump=0.7,
        direction=(0.0, 1.0),
        lift_m=0.05,
        apart_m=0.30,
        crouch=0.02,
        forefoot_on=0.06,
        heel_off=0.8,
    ),
    "in-place": Motion(
        speed=0.0,
        cadence=0.9,
        pitch=0.15,
        strike=0.4,
        hump=0.8,
        lift_m=0.12,
        forefoot_on=0.1,
        heel_off=0.8,
    ),
    "tiptoe": Motion(speed=0.7, cadence=1.0, pitch=0.25, strike=0.3, raised_deg=32.0),
    "crouch": Motion(speed=0.75, cadence=0.95, pitch=0.8, strike=0.7, hump=0.6, crouch=0.1),
    "stairs-up": Motion(
        speed=0.4,
        cadence=0.85,
        pitch=0.15,
        strike=0.3,
        slope=0.6,
        lift_m=0.09,
        forefoot_on=0.05,
        heel_off=0.7,
        crouch=0.02,
    ),
    "stairs-down": Motion(
        speed=0.42,
        cadence=0.92,
        pitch=0.2,
        strike=1.0,
        slope=-0.6,
        lift_m=0.07,
        forefoot_on=0.05,
        heel_off=0.75,
        crouch=0.03,
        hump=1.2,
    ),
}


@dataclass(frozen=True)
class Style:
    """Gait of one person in one motion."""

    motion: Motion
    person: Person
    speed_m_s: float
    step_s: float
    stance_share: float
    hump: float  # force above body weight at the peaks, in body weights
    forefoot_on: float
    heel_off: float
    strike_rad: float
    push_rad: float
    hold: dict[Side, float] = field(hash=False)  # factor of the single support per side
    effort: dict[Side, float] = field(hash=False)  # factor of the peaks per side
    direction: FloatArray = field(hash=False)  # of the walk, (3,)
    slope: float
    lift_m: float
    raised_rad: float
    half_width_m: float
    toe_out_rad: float

    @classmethod
    def of(cls, person: Person, motion: Motion) -> Style:
        """Return how ``person`` does ``motion``."""
        running = motion.kind == "run"
        speed = motion.speed * (person.run_speed_m_s if running else person.speed_m_s)
        steps = person.run_cadence_per_min if running else motion.cadence * person.cadence_per_min
        hold: dict[Side, float] = {"left": 1 + person.asymmetry, "right": 1 - person.asymmetry}
        effort: dict[Side, float] = {"left": 1.0, "right": 1.0}
        for side in SIDES:
            if motion.weakness:
                weak = side == person.weak_side
                hold[side] *= 1 - motion.weakness if weak else 1 + motion.weakness
                effort[side] *= 0.55 if weak else 1.0
        return cls(
            motion=motion,
            person=person,
            speed_m_s=speed,
            step_s=60.0 / steps,
            stance_share=min(max(0.672 - 0.035 * speed + person.stance, 0.58), 0.67),
            hump=min((0.03 + 0.06 * speed) * person.effort * motion.hump, 0.3),
            forefoot_on=motion.forefoot_on or person.forefoot_on,
            heel_off=motion.heel_off or person.heel_off,
            strike_rad=float(np.deg2rad(person.strike_deg * motion.pitch)),
            push_rad=float(np.deg2rad(person.push_deg * motion.pitch)),
            hold=hold,
            effort=effort,
            direction=np.array([*motion.direction, 0.0]),
            slope=motion.slope,
            lift_m=motion.lift_m * (0.2 if motion.floor else 1.0),
            raised_rad=float(np.deg2rad(motion.raised_deg)),
            half_width_m=(person.step_width_m + motion.apart_m) / 2,
            toe_out_rad=float(np.deg2rad(person.toe_out_deg)),
        )
