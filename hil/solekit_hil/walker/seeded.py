"""The walker on its feet: a person, a schedule of contacts, two feet, their soles and the body."""

from __future__ import annotations

import zlib
from functools import cached_property
from typing import get_args

import numpy as np

from solekit.layouts import SIDES, FloatArray, Layout, Side
from solekit_hil.walker.compliant import CompliantSole
from solekit_hil.walker.crossing import crossings
from solekit_hil.walker.foot import Foot
from solekit_hil.walker.foot_shape import CLEARANCE, FootShape
from solekit_hil.walker.gaitline import FLAT, gait_line
from solekit_hil.walker.interface import (
    Body,
    Crossings,
    Event,
    Float32Array,
    Kind,
    Sample,
)
from solekit_hil.walker.person import GRAVITY_M_S2, MOTIONS, Person, Style
from solekit_hil.walker.sampling import sampled
from solekit_hil.walker.schedule import make
from solekit_hil.walker.smooth import wave
from solekit_hil.walker.whole import WholeBody

_SWAY = 0.02  # of the weight, from foot to foot
_LEAN = 0.02  # of the roll, heel to toes
# Walking backward is walking forward with the time reversed: what each event was. The toes come
# first, so the forefoot is on from the beginning and the heel off at the end.
_REVERSED: dict[Kind, Kind] = {
    "ic": "to",
    "heel_on": "heel_off",
    "forefoot_on": "to",
    "heel_off": "ic",
    "to": "ic",
}


class SeededWalker:
    """Steps with prescribed contacts and vertical forces; implements ``Walker``.

    Those vary with the seed; feet, soles and body follow from them. ``style`` stands for a motion
    that is not among ``MOTIONS``.
    """

    layouts: dict[Side, Layout]
    body_weight_n: float
    duration_s: float

    def __init__(
        self,
        motion: str,
        *,
        seed: int,
        layouts: dict[Side, Layout],
        person: Person,
        style: Style | None = None,
    ) -> None:
        self.layouts = dict(layouts)
        self.body_weight_n = person.mass_kg * GRAVITY_M_S2
        self.duration_s = np.inf
        self.motion = motion
        self.seed = seed
        self.person = person
        self.style = style or Style.of(person, MOTIONS[motion])
        rng = np.random.default_rng([seed, zlib.crc32(motion.encode())])
        self._schedule = make(self.style, rng)
        period, contacts = self._schedule.period_s, self._schedule.contacts
        self._feet: dict[Side, Foot] = {
            side: Foot(contacts[side], self.style, period, side) for side in SIDES
        }
        self._soles: dict[Side, CompliantSole] = {
            side: CompliantSole(layout, side, shape_of(person, layout))
            for side, layout in layouts.items()
        }
        self._waves = rng.uniform(0.0, 1.0, (2, 2, 4))  # sway, lean: rates and phases
        self._forward = -1.0 if self.style.motion.is_backward else 1.0

    @cached_property
    def _body(self) -> WholeBody:
        return WholeBody(self, self._feet, self.style, self._schedule.period_s)

    def sample(self, t_s: FloatArray | float) -> Sample:
        """Return cells, IMU and truth at ``t_s``, a scalar or shape (n,), in any order."""
        return sampled(self, t_s, self._soles, self._pressed)

    def _pressed(self, side: Side, t_s: FloatArray) -> tuple[Float32Array, FloatArray, FloatArray]:
        now = self._forward * t_s
        force_n = self.force_bw(side, now) * self.body_weight_n
        along, across = self.line(side, now)
        layout = self.layouts[side]
        fit = self.person.fit * (1 - 2 * CLEARANCE)
        place = np.stack(
            [across * layout.width_mm, (CLEARANCE + along * fit) * layout.length_mm], axis=1
        )
        foot = self._feet[side]
        raised = foot.raise_of(foot.pitch(self._within(now)))
        cells, cop_mm = self._soles[side].press(force_n, place, raised)
        return cells, force_n, cop_mm

    def imu(self, t_s: FloatArray) -> dict[Side, Float32Array]:
        """Return the IMUs alone, (n, 6) per side, same bits as ``sample``."""
        within = self._within(self._forward * t_s)
        felt: dict[Side, Float32Array] = {
            side: self._feet[side].imu(within) for side in self.layouts
        }
        if self._forward < 0:  # accelerations do not care which way time runs, rates do
            for words in felt.values():
                words[:, 3:] *= -1
        return felt

    def body(self, t_s: FloatArray) -> Body:
        """Return the truth about the whole body at ``t_s`` (n,)."""
        return self._body.at(self._forward * np.asarray(t_s, dtype=float))

    def segment_imu(self, segment: str, t_s: FloatArray) -> Float32Array:
        """Return what an IMU on a segment of the body feels, (n, 6)."""
        felt = self._body.segment_imu(segment, self._forward * np.asarray(t_s, dtype=float))
        felt[:, 3:] *= self._forward
        return felt

    def peak_cell_force_n(self, side: Side) -> float:
        """Return the largest force that a cell of a side sees in twenty seconds."""
        return self._peaks[side]

    @cached_property
    def _peaks(self) -> dict[Side, float]:
        cells, _, _ = self.sample(np.arange(0, 20, 0.04))
        return {side: float(array.max()) for side, array in cells.items()}

    def force_n(self, side: Side, t_s: FloatArray) -> FloatArray:
        """Return the force of one foot without its distribution, same bits as ``sample``."""
        return self.force_bw(side, self._forward * t_s) * self.body_weight_n

    def force_bw(self, side: Side, t_s: FloatArray) -> FloatArray:
        """Return the force of one foot in body weights, in the walker's own time."""
        within = self._within(t_s)
        sway = _SWAY * self._schedule.calm(within) * self._slow(0, t_s)
        return self._schedule.force_bw(within, sway)[side]

    def line(self, side: Side, t_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the centre of pressure as shares along and across a foot, in the own time."""
        within = self._within(t_s)
        lean = _LEAN * self._schedule.calm(within) * self._slow(1, t_s)
        shift, tiptoe = self.person.gait_line, self.style.raised_rad > 0
        phase = self._feet[side].phase(within, lean)
        along, across = gait_line(phase, side, shift=shift, tiptoe=tiptoe)
        floor = self.style.motion.floor
        if not floor:
            return along, across
        # A dragged foot lies flat with what it never gives up.
        flat = gait_line(np.full_like(phase, FLAT), side, shift=shift, tiptoe=tiptoe)
        rests = floor / self.force_bw(side, t_s)
        return along + rests * (flat[0] - along), across + rests * (flat[1] - across)

    def events(self, t0_s: float, t1_s: float) -> list[Event]:
        """Return the events of all feet with t0_s <= t < t1_s, in order of time."""
        found: list[tuple[float, int, Event]] = []
        for side in self.layouts:
            for order, kind in enumerate(get_args(Kind)):
                for t in self._times(side, kind, t0_s, t1_s):
                    found.append((t, order, Event(side, kind, t)))
        return [event for _, _, event in sorted(found, key=lambda item: item[:2])]

    def _times(self, side: Side, kind: Kind, t0_s: float, t1_s: float) -> list[float]:
        if self._forward < 0:
            kind = _REVERSED[kind]
            t0_s, t1_s = -t1_s, -t0_s
        times = self._feet[side].event_s.get(kind, np.zeros(0))
        if not len(times):
            return []
        period = self._schedule.period_s
        first, last = np.floor(t0_s / period) - 1, np.floor(t1_s / period)
        times = (times + period * np.arange(first, last + 1)[:, None]).ravel()
        if self._forward < 0:
            return sorted((-times[(times > t0_s) & (times <= t1_s)]).tolist())
        return times[(times >= t0_s) & (times < t1_s)].tolist()

    def crossings(self, side: Side, level_n: float, t0_s: float, t1_s: float) -> Crossings:
        """Return when the force of a foot crosses ``level_n`` within [t0_s, t1_s)."""
        return crossings(lambda t: self.force_n(side, t), level_n, t0_s, t1_s)

    def _within(self, t_s: FloatArray) -> FloatArray:
        period = self._schedule.period_s
        return t_s if np.isinf(period) else t_s - np.floor(t_s / period) * period

    def _slow(self, which: int, t_s: FloatArray) -> FloatArray:
        """Return a slow, irregular movement within -1..1."""
        total = np.zeros_like(t_s)
        for rate, phase in self._waves[which].T.tolist():
            total = total + wave(t_s * (0.1 + 0.5 * rate) + phase)
        return total / self._waves.shape[2]


def shape_of(person: Person, layout: Layout) -> FootShape:
    """Return the person's foot on a sole that fits it."""
    return FootShape(
        person.fit * layout.length_mm,
        arch=person.arch,
        pad_stiffness=person.pad_stiffness,
        width=person.foot_width,
        hallux=person.hallux,
    )
