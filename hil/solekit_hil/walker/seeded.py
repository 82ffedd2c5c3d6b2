"""The walker: a person, a schedule, two feet and their soles."""

from __future__ import annotations

import zlib

import numpy as np

from solekit.layouts import FloatArray, Layout, Side
from solekit_hil.walker.foot import Foot
from solekit_hil.walker.interface import KINDS, Crossings, Event, Float32Array, Sample, Truth
from solekit_hil.walker.person import GRAVITY_M_S2, MOTIONS, Person, Style
from solekit_hil.walker.schedule import make
from solekit_hil.walker.smooth import wave
from solekit_hil.walker.sole import FLAT, Sole, roll

_SEARCH_S = 1e-3  # a force stays beyond a level for longer than this
_SWAY = 0.02  # of the weight, from foot to foot
_LEAN = 0.02  # of the roll, heel to toes


class SeededWalker:
    """Prescribed forces and foot motion that vary with the seed; implements ``Walker``."""

    layouts: dict[Side, Layout]
    body_weight_n: float
    duration_s: float

    def __init__(
        self, motion: str, *, seed: int, layouts: dict[Side, Layout], person: Person
    ) -> None:
        self.layouts = dict(layouts)
        self.body_weight_n = person.mass_kg * GRAVITY_M_S2
        self.duration_s = np.inf
        self.motion = motion
        self.seed = seed
        self.person = person
        self.style = Style.of(person, MOTIONS[motion])
        rng = np.random.default_rng([seed, zlib.crc32(motion.encode())])
        self._schedule = make(self.style, rng)
        period = self._schedule.period_s
        contacts = self._schedule.contacts
        self._feet: dict[Side, Foot] = {}
        self._soles: dict[Side, Sole] = {}
        for side, layout in layouts.items():
            self._feet[side] = Foot(contacts[side], self.style, period)
            self._soles[side] = Sole(layout, side)
        self._dragged = self._roll(np.array([FLAT]))
        self._waves = rng.uniform(0.0, 1.0, (2, 2, 4))  # sway, lean: rates and phases

    def sample(self, t_s: FloatArray | float) -> Sample:
        """Return cells, IMU and truth at ``t_s``, a scalar or shape (n,), in any order."""
        t = np.asarray(t_s, dtype=float)
        if t.ndim > 1:
            raise ValueError(f"t_s must be a scalar or have one axis, not shape {t.shape}")
        is_scalar = t.ndim == 0
        t = np.atleast_1d(t)
        within = self._within(t)
        calm = self._schedule.calm(within)
        lean = _LEAN * calm * self._slow(1, t)
        force = self._schedule.force_bw(within, _SWAY * calm * self._slow(0, t))
        floor = self.style.motion.floor
        cells: dict[Side, Float32Array] = {}
        imu: dict[Side, Float32Array] = {}
        force_n: dict[Side, FloatArray] = {}
        cop_mm: dict[Side, FloatArray] = {}
        for side, foot in self._feet.items():
            force_n[side] = force[side] * self.body_weight_n
            shares = self._roll(foot.phase(within, lean))
            load = [share * ((force[side] - floor) * self.body_weight_n) for share in shares]
            if floor:
                rest_n = floor * self.body_weight_n
                load = [a + b * rest_n for a, b in zip(load, self._dragged, strict=True)]
            cells[side] = self._soles[side].cells(load)
            cop_mm[side] = self._soles[side].cop_mm(load, force_n[side])
            imu[side] = foot.imu(within)
        if is_scalar:
            cells = {side: array[0] for side, array in cells.items()}
            imu = {side: array[0] for side, array in imu.items()}
            force_n = {side: array[0] for side, array in force_n.items()}
            cop_mm = {side: array[0] for side, array in cop_mm.items()}
        return cells, imu, Truth(force_n, cop_mm, self)

    def force_n(self, side: Side, t_s: FloatArray) -> FloatArray:
        """Return the force of one foot without its distribution, same bits as ``sample``."""
        within = self._within(t_s)
        sway = _SWAY * self._schedule.calm(within) * self._slow(0, t_s)
        return self._schedule.force_bw(within, sway)[side] * self.body_weight_n

    def events(self, t0_s: float, t1_s: float) -> list[Event]:
        """Return the events of all feet with t0_s <= t < t1_s, in order of time."""
        found: list[tuple[float, int, Event]] = []
        for side, foot in self._feet.items():
            for order, kind in enumerate(KINDS):
                times = foot.event_s.get(kind, np.zeros(0))
                if not len(times):
                    continue
                period = self._schedule.period_s
                first, last = np.floor(t0_s / period) - 1, np.floor(t1_s / period)
                times = (times + period * np.arange(first, last + 1)[:, None]).ravel()
                for t in times[(times >= t0_s) & (times < t1_s)].tolist():
                    found.append((t, order, Event(side, kind, t)))
        return [event for _, _, event in sorted(found, key=lambda item: item[:2])]

    def crossings(self, side: Side, level_n: float, t0_s: float, t1_s: float) -> Crossings:
        """Return when the force of a foot crosses ``level_n`` within [t0_s, t1_s)."""
        t = np.linspace(t0_s, t1_s, max(2, int(np.ceil((t1_s - t0_s) / _SEARCH_S)) + 1))
        above = self.force_n(side, t) > level_n
        at = np.flatnonzero(above[1:] != above[:-1])
        low, high, rising = t[at], t[at + 1], above[at + 1]
        for _ in range(60):
            middle = (low + high) / 2
            is_after = (self.force_n(side, middle) > level_n) == rising
            low, high = np.where(is_after, low, middle), np.where(is_after, middle, high)
        return Crossings(rise_s=high[rising], fall_s=high[~rising])

    def _within(self, t_s: FloatArray) -> FloatArray:
        period = self._schedule.period_s
        return t_s if np.isinf(period) else t_s - np.floor(t_s / period) * period

    def _roll(self, phase: FloatArray) -> list[FloatArray]:
        return roll(phase, self.style.forefoot_on, self.style.heel_off)

    def _slow(self, which: int, t_s: FloatArray) -> FloatArray:
        """Return a slow, irregular movement within -1..1."""
        total = np.zeros_like(t_s)
        for rate, phase in self._waves[which].T.tolist():
            total = total + wave(t_s * (0.1 + 0.5 * rate) + phase)
        return total / self._waves.shape[2]
