"""A motion played on soles: captured or composed, with the forces that it asks for."""

from __future__ import annotations

from functools import cached_property
from typing import get_args

import numpy as np

from solekit.layouts import SIDES, FloatArray, Layout, Side
from solekit_hil.walker.angles import joint_angles
from solekit_hil.walker.body import Motion
from solekit_hil.walker.compliant import CompliantSole
from solekit_hil.walker.crossing import crossings
from solekit_hil.walker.foot_shape import CLEARANCE, FootShape
from solekit_hil.walker.ground import Ground, ground_under
from solekit_hil.walker.interface import (
    Body,
    Crossings,
    Event,
    Float32Array,
    Kind,
    Sample,
)
from solekit_hil.walker.person import GRAVITY_M_S2
from solekit_hil.walker.sampling import sampled
from solekit_hil.walker.segments import foot_imu, segment_imu
from solekit_hil.walker.smooth import unit
from solekit_hil.walker.touch import Sole, sole_of

CUTOFF_HZ = 8.0  # of the body's motion, for its forces
_WRAP_S = 8.0  # of a cyclic motion, put before and after it: more than a contact lasts
_RAISED_DEG = 35.0  # the heel is fully raised
_HEEL_OFF_DEG, _FLAT_DEG = -4.0, 2.0


class PlayedWalker:
    """A motion as a walker; implements ``Walker``.

    A cyclic motion begins where it ends and is repeated for ever; any other has a duration, and
    stays as it is before and after. ``elsewhere`` (n,) is the share of the weight that something
    else than the ground carries (a chair).
    """

    layouts: dict[Side, Layout]
    body_weight_n: float
    duration_s: float

    def __init__(
        self,
        motion: Motion,
        *,
        layouts: dict[Side, Layout],
        shapes: dict[Side, FootShape],
        is_cyclic: bool = False,
        elsewhere: FloatArray | None = None,
    ) -> None:
        self.layouts = dict(layouts)
        self.body_weight_n = motion.mass_kg * GRAVITY_M_S2
        n = len(motion.points_m)
        self._period_s = n / motion.rate_hz
        self.duration_s = np.inf if is_cyclic else (n - 1) / motion.rate_hz
        self._n_before = round(_WRAP_S * motion.rate_hz) if is_cyclic else 0
        pad = ((self._n_before, self._n_before),) + ((0, 0),) * (motion.points_m.ndim - 1)
        points = np.pad(motion.points_m, pad, mode="wrap") if is_cyclic else motion.points_m
        rest = None if elsewhere is None else np.pad(elsewhere, pad[0], mode="wrap")
        self._motion = Motion(motion.rate_hz, points, motion.mass_kg)
        self._ground: Ground = ground_under(self._motion, cutoff_hz=CUTOFF_HZ, elsewhere=rest)
        self._feet: dict[Side, Sole] = {side: sole_of(self._motion, side) for side in SIDES}
        self._shapes = shapes
        self._soles: dict[Side, CompliantSole] = {
            side: CompliantSole(layout, side, shapes[side]) for side, layout in layouts.items()
        }
        self._imu: dict[Side, FloatArray] = {
            side: foot_imu(points, side, motion.rate_hz).astype(float) for side in layouts
        }

    def sample(self, t_s: FloatArray | float) -> Sample:
        """Return cells, IMU and truth at ``t_s``, a scalar or shape (n,), in any order."""
        return sampled(self, t_s, self._soles, self._pressed)

    def _pressed(self, side: Side, t_s: FloatArray) -> tuple[Float32Array, FloatArray, FloatArray]:
        force_n = self.force_n(side, t_s)
        layout, ground = self.layouts[side], self._ground
        fit = self._shapes[side].length_mm / layout.length_mm * (1 - 2 * CLEARANCE)
        along, across = self._at(ground.along[side], t_s), self._at(ground.across[side], t_s)
        place = np.stack(
            [(0.5 + across) * layout.width_mm, (CLEARANCE + along * fit) * layout.length_mm],
            axis=1,
        )
        raised = unit(-self._at(self._feet[side].pitch_deg, t_s) / _RAISED_DEG)
        cells, cop_mm = self._soles[side].press(force_n, place, raised)
        return cells, force_n, cop_mm

    def imu(self, t_s: FloatArray) -> dict[Side, Float32Array]:
        """Return the IMUs alone, (n, 6) per side, same bits as ``sample``."""
        return {side: self._at(felt, t_s).astype(np.float32) for side, felt in self._imu.items()}

    def body(self, t_s: FloatArray) -> Body:
        """Return the truth about the whole body at ``t_s`` (n,)."""
        t = np.asarray(t_s, dtype=float)
        points = self._at(self._motion.points_m, t)
        force: dict[Side, FloatArray] = {
            side: self._at(self._ground.force_n[side], t) for side in SIDES
        }
        cop: dict[Side, FloatArray] = {
            side: self._at(self._ground.cop_m[side], t) for side in SIDES
        }
        return Body(points, force, cop, joint_angles(points))

    def segment_imu(self, segment: str, t_s: FloatArray) -> Float32Array:
        """Return what an IMU on a segment of the body feels, (n, 6)."""
        felt = segment_imu(self._motion.points_m, segment, self._motion.rate_hz).astype(float)
        return self._at(felt, np.asarray(t_s, dtype=float)).astype(np.float32)

    def peak_cell_force_n(self, side: Side) -> float:
        """Return the largest force that a cell of a side sees in the first minute."""
        return self._peaks[side]

    @cached_property
    def _peaks(self) -> dict[Side, float]:
        cells, _, _ = self.sample(np.arange(0, min(60.0, self._period_s), 0.1))
        return {side: max(float(array.max()), 1e-3) for side, array in cells.items()}

    def force_n(self, side: Side, t_s: FloatArray) -> FloatArray:
        """Return the force of one foot without its distribution, same bits as ``sample``."""
        return self._at(self._ground.force_n[side][:, 2], t_s)

    def events(self, t0_s: float, t1_s: float) -> list[Event]:
        """Return the events of all feet with t0_s <= t < t1_s, in order of time."""
        found: list[tuple[float, int, Event]] = []
        turns = [0]
        if np.isinf(self.duration_s):
            first, last = np.floor(t0_s / self._period_s), np.floor(t1_s / self._period_s)
            turns = range(int(first), int(last) + 1)
        for side in self.layouts:
            for order, (kind, own_s) in enumerate(self._events(side)):
                for turn in turns:
                    t = own_s + turn * self._period_s
                    if t0_s <= t < t1_s:
                        found.append((t, order, Event(side, kind, t)))
        return [event for _, _, event in sorted(found, key=lambda item: item[:2])]

    def _events(self, side: Side) -> list[tuple[Kind, float]]:
        """Return the events of a side within one period, contact by contact."""
        rate = self._motion.rate_hz
        start_s = self._n_before / rate
        pitch = self._feet[side].pitch_deg
        found: list[tuple[Kind, float]] = []
        for contact in self._ground.contacts[side]:
            part = pitch[contact.first : contact.last + 1]
            flat = np.flatnonzero(part < _FLAT_DEG)
            heel = np.flatnonzero(part > _HEEL_OFF_DEG)
            if contact.first == 0 or contact.last == len(pitch) - 1 or not len(heel):
                continue
            on_s = (contact.first + (int(flat[0]) if len(flat) else 0)) / rate
            off_s = (contact.first + int(heel[-1])) / rate
            times = (contact.ic_s, contact.ic_s, on_s, off_s, contact.to_s)
            found += [(k, t - start_s) for k, t in zip(get_args(Kind), times, strict=True)]
        return [(kind, t) for kind, t in found if 0 <= t < self._period_s]

    def crossings(self, side: Side, level_n: float, t0_s: float, t1_s: float) -> Crossings:
        """Return when the force of a foot crosses ``level_n`` within [t0_s, t1_s)."""
        return crossings(lambda t: self.force_n(side, t), level_n, t0_s, t1_s)

    def _at(self, values: FloatArray, t_s: FloatArray) -> FloatArray:
        """Return ``values`` (n, ...) at times, straight between samples."""
        if np.isinf(self.duration_s):
            within = t_s - np.floor(t_s / self._period_s) * self._period_s
        else:
            within = np.minimum(np.maximum(t_s, 0.0), self.duration_s)
        x = within * self._motion.rate_hz + self._n_before
        i = np.minimum(x.astype(np.int64), len(values) - 2)
        part = (x - i).reshape(-1, *[1] * (values.ndim - 1))
        return values[i] * (1 - part) + values[i + 1] * part
