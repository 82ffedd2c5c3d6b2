"""A virtual pair in lock-step: one true time, two feet with own clocks, air in between."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from solecore.codec.forms import misfit
from solecore.version import __version__
from solecore.wire import messages as m
from solefoot.app.profiles import PROFILES
from solefoot.app.settings import forms_that_fit
from solekit import layouts
from solekit.errors import DataError, TransportSpecError
from solekit.layouts import Layout
from solekit_hil import walker as walkers
from solekit_hil.board.foot import DOWNLINK, FRAME, SERVE
from solekit_hil.feet import Foot, LocalFoot, MicroPythonFoot, Step
from solekit_hil.filewalker import FileWalker
from solekit_hil.radio.air import Air
from solekit_hil.sensors import VirtualSensor, geometry_table, imu_words, side_index
from solekit_hil.uri import FORMS, JUMPS, PRESS, STANCES, TUG, VirtualSpec

LOST_AFTER_S = 1.0  # silence after which a link that was cut for good counts as lost
UPDATE_KB = 24  # of heap: the code of an update, its messages, the signature
LOG_KB = 32  # of heap: the code of the flash log, its blocks, a message being read
WALK_AHEAD = 64  # frames that the walker computes at once
START_BEFORE_WRAP_US = (
    5_000_000  # the ticks wrap in the first seconds, so that wraps are exercised
)

Tables = tuple[array, array]  # geometry, calibration
MakeFoot = Callable[[str, dict[str, Any], Tables, int], Foot]  # of side, fields, tables, heap_kb


@dataclass
class _Side:
    """One foot of the pair and its two directions of air."""

    name: str
    foot: Foot
    up: Any  # Air, or the radio in its place
    down: Any
    sensor: VirtualSensor
    rate: float  # foot microseconds per true microsecond
    offset_us: int  # foot time at true time 0
    period_us: int
    imu_axes: int
    imu_per_frame: int
    n_frames: int = 0
    last_foot_us: int = 0

    def foot_us(self, true_us: float) -> int:
        """Return the foot's time at ``true_us``."""
        return self.offset_us + round(true_us * self.rate)

    def forward(self, foot_us: int) -> int:
        """Return ``foot_us``, or the latest time used if rounding has put that before it."""
        self.last_foot_us = max(self.last_foot_us, foot_us)
        return self.last_foot_us

    def frame_us(self, k: np.ndarray | int) -> np.ndarray:
        """Return the true time of frame ``k``."""
        return np.asarray(k, dtype=float) * self.period_us / self.rate


class World:
    """Everything virtual about one pair; ``advance`` moves its time."""

    def __init__(
        self, spec: VirtualSpec, *, is_mpy: bool, make_foot: MakeFoot | None = None
    ) -> None:
        self._make_foot = make_foot
        self.spec = spec
        self.is_message_based = spec.air == "ble"
        self.now_us = 0
        source = _source(spec)
        self.walker = source
        self.duration_s: float = source.duration_s
        self._start_us: int = getattr(source, "start_us", 0)
        self.sides: dict[str, _Side] = {}
        try:
            for name in spec.sides:
                if name in source.layouts:
                    self.sides[name] = self._build(name, is_mpy)
        except BaseException:
            self.close()
            raise
        self._ahead: dict[str, tuple[int, list[bytes]]] = {}

    def _build(self, name: str, is_mpy: bool) -> _Side:
        spec, source = self.spec, self.walker
        rng = random.Random(f"{spec.seed} {name}")
        layout: Layout = source.layouts[name]
        profile = PROFILES.get(layout.name)
        period_us = round(1e6 / spec.rate_hz) if spec.rate_hz else 0
        period_us = (
            period_us
            or getattr(source, "period_us", 0)
            or (profile.period_us if profile else 10000)
        )
        form = _form(spec, layout, profile)
        has_imu = getattr(source, "has_imu", True)
        lsb = math.ceil(source.peak_cell_force_n(name) * 1e6 / 255)
        sensor = VirtualSensor(layout, lsb, spec.noise, rng.getrandbits(32))
        weight = (
            round(source.body_weight_n * 1e6 / lsb)
            if spec.body_weight and source.body_weight_n
            else 0
        )
        imu_axes = (profile.imu_axes if profile else 6) if has_imu else 0
        imu_per_frame = _imu_per_frame(profile, period_us) if has_imu else 0
        if spec.electronics and imu_per_frame:
            from solekit_hil import wired  # many models that nobody else needs

            imu_per_frame = wired.imu_per_frame(period_us)
        skew = spec.ppm * (1 if name == "left" else -1)
        offset_us = (1 << 30) - START_BEFORE_WRAP_US - rng.randrange(1_000_000)
        fields: dict[str, Any] = {
            "layout": layout.name,
            "rows": layout.rows,
            "cols": layout.cols,
            "length": round(layout.length_mm * 10),
            "width": round(layout.width_mm * 10),
            "period_us": period_us,
            "form": form,
            "imu_axes": imu_axes,
            "imu_per_frame": imu_per_frame,
            "side": side_index(name),
            "serial": f"VIRTUAL-{spec.seed:04d}-{name[0].upper()}",
            "boot": 1 + rng.randrange(60000),
            "calibration_id": 1,
            "force_lsb_un": lsb,
            "firmware": __version__,
            "body_weight": weight,
            "noise": 4,
            "outbox_bytes": 8000,
            "log": spec.log,
            "flash": spec.flash,
            "ticks": offset_us & m.TICKS_MASK,
        }
        tables = geometry_table(layout), sensor.calibration(spec.dead_band)
        heap_kb = spec.heap_kb or _heap_kb(layout, spec)
        foot: Foot
        if self._make_foot is not None:
            foot = self._make_foot(name, fields, tables, heap_kb)
        elif spec.air == "ble":
            return self._radio(name, fields, tables, sensor, offset_us, 1 + skew * 1e-6)
        elif spec.electronics:
            foot = self._wired(name, fields, tables, offset_us, 1 + skew * 1e-6)
        elif is_mpy:
            foot = MicroPythonFoot(fields, *tables, bits=spec.bits, heap_kb=heap_kb)
        else:
            foot = LocalFoot(fields, *tables)
        return _Side(
            name,
            foot,
            up=Air(spec.faults, rng.getrandbits(32)),
            down=Air(replace(spec.faults, corrupt=0.0), rng.getrandbits(32)),
            sensor=sensor,
            rate=1 + skew * 1e-6,
            offset_us=offset_us,
            period_us=period_us,
            imu_axes=imu_axes,
            imu_per_frame=imu_per_frame,
        )

    def _wired(
        self, name: str, fields: dict[str, Any], tables: Any, offset_us: int, rate: float
    ) -> Foot:
        """Return a foot of real drivers on modelled parts; its time is ours, ``rate`` as fast."""
        from solekit_hil import wired

        layout = self.walker.layouts[name]
        peak_n = self.walker.peak_cell_force_n(name)
        return wired.WiredFoot(
            fields,
            *tables,
            layout=layout,
            side=name,
            peak_kpa=peak_n / float(layout.area_mm2.min()) * 1e3,
            felt=self.walker.imu,
            true_s=lambda us: (us - offset_us) / rate * 1e-6,
            start_us=offset_us,
            seed=2 * self.spec.seed + fields["side"],
            defects=self.spec.defects,
            film=dict(self.spec.film),
        )

    def _radio(
        self,
        name: str,
        fields: dict[str, Any],
        tables: Tables,
        sensor: VirtualSensor,
        offset_us: int,
        rate: float,
    ) -> _Side:
        """Return a side whose foot and air are those of a modelled radio."""
        from solekit_hil.radio import ble_world

        ble_world.check(self.spec.faults)
        foot = ble_world.BleFoot(
            fields,
            *tables,
            true_us=lambda us: (us - offset_us) / rate,
            stack=self.spec.stack,
            mtu=self.spec.mtu,
            interval_us=round(self.spec.interval_ms * 1000),
            cut=self.spec.faults.cut,
        )
        return _Side(
            name,
            foot,
            up=foot,
            down=ble_world.Downlink(foot),
            sensor=sensor,
            rate=rate,
            offset_us=offset_us,
            period_us=fields["period_us"],
            imu_axes=fields["imu_axes"],
            imu_per_frame=fields["imu_per_frame"],
        )

    @property
    def lost(self) -> dict[str, str]:
        """The sides whose link was cut for good: a host notices after a while."""
        cut = self.spec.faults.cut
        if cut is None or math.isfinite(cut[1]) or self.now_us < (cut[0] + LOST_AFTER_S) * 1e6:
            return {}
        return dict.fromkeys(self.sides, f"the virtual link was cut at {cut[0]:g} s")

    def send(self, side: str, data: bytes) -> None:
        """Let the host send ``data`` to the foot of ``side`` now."""
        self.sides[side].down.put(self.now_us, data)

    def advance(self, to_us: int) -> list[tuple[int, str, bytes]]:
        """Move time to ``to_us``; return ``(true us, side, bytes)`` that reached the host."""
        arrived: list[tuple[int, str, bytes]] = []
        for side in self.sides.values():
            steps = self._steps(side, to_us)
            for (t_us, _), sent in zip(
                steps, side.foot.run([step for _, step in steps]), strict=True
            ):
                if sent:
                    side.up.put(t_us, sent)
            arrived += [(t_us, side.name, data) for t_us, data in side.up.take(to_us)]
        self.now_us = to_us
        arrived.sort(key=lambda item: item[0])
        return arrived

    def _steps(self, side: _Side, to_us: int) -> list[tuple[int, Step]]:
        """Return what happens at ``side`` up to ``to_us``, in order of true time."""
        happens: list[tuple[int, int, int, bytes]] = []  # true time, kind, foot time, payload
        first_us = side.foot_us(self._start_us)
        while True:
            t_us = float(side.frame_us(side.n_frames)) + self._start_us
            if t_us > to_us or t_us > self.duration_s * 1e6:
                break
            # The foot keeps its frame period exactly, on its own clock.
            foot_us = first_us + side.n_frames * side.period_us
            happens.append((int(t_us), FRAME, foot_us, self._frame(side)))
            side.n_frames += 1
        for t_us, data in side.down.take(to_us):
            happens.append((t_us, DOWNLINK, side.foot_us(t_us), data))
        happens.append((to_us, SERVE, side.foot_us(to_us), b""))
        happens.sort(key=lambda item: (item[0], item[1]))
        return [
            (t_us, (kind, side.forward(foot_us), payload))
            for t_us, kind, foot_us, payload in happens
        ]

    def _frame(self, side: _Side) -> bytes:
        """Return the payload of the side's next frame; a block of them is computed at once."""
        first, payloads = self._ahead.get(side.name, (0, []))
        if side.n_frames - first >= len(payloads):
            first = side.n_frames
            frames = np.arange(first, first + WALK_AHEAD)
            t_s = (side.frame_us(frames) + self._start_us) / 1e6
            if self.spec.electronics:
                cells, _, _ = self.walker.sample(t_s)
                payloads = [row.tobytes() for row in cells[side.name].astype("<f4")]
                self._ahead[side.name] = (first, payloads)
                return payloads[0]
            per_frame = max(1, side.imu_per_frame)
            back = np.arange(per_frame - 1, -1, -1) * (side.period_us // per_frame * 1e-6)
            fine_s = (t_s[:, None] - back).ravel()
            cells, _, _ = self.walker.sample(t_s)
            counts = side.sensor.counts(cells[side.name], frames)
            payloads = [row.tobytes() for row in counts]
            if side.imu_axes:
                imu = self.walker.imu(fine_s)[side.name]
                words = imu_words(imu, side.imu_axes).reshape(WALK_AHEAD, -1)
                payloads = [a + row.tobytes() for a, row in zip(payloads, words, strict=True)]
            self._ahead[side.name] = (first, payloads)
        return payloads[side.n_frames - first]

    def close(self) -> None:
        """Free both feet."""
        for side in self.sides.values():
            side.foot.close()


def _imu_per_frame(profile: Any, period_us: int) -> int:
    """Return the IMU samples of a frame: the profile's IMU rate also at another frame rate."""
    if profile is None:
        return 1
    return max(1, round(profile.imu_per_frame * period_us / profile.period_us))


def _heap_kb(layout: Layout, spec: VirtualSpec) -> int:
    """Return the heap of a MicroPython insole: what our largest own layout must do with.

    No microcontroller has 64 bits; there everything is twice as large.
    """
    own = 100 if layout.n_cells <= 660 else 140
    extra = (LOG_KB if spec.log else 0) + (UPDATE_KB if spec.flash else 0)
    return (own + extra) * spec.bits // 32


def _form(spec: VirtualSpec, layout: Layout, profile: Any) -> int:
    """Return the form on the wire: the asked one, the profile's, or what fits the recording."""
    if spec.form:
        reason = misfit(FORMS[spec.form], layout.n_cells)
        if reason:
            raise TransportSpecError(f"form={spec.form}: {reason}")
        return FORMS[spec.form]
    if profile:
        return profile.form
    if forms_that_fit(layout.n_cells) >> m.RAW12 & 1:
        return m.RAW12
    reason = misfit(m.RAW8, layout.n_cells)
    if reason:
        raise DataError(f"{reason}; add layout=grid-30x22 to resample, which conserves the force")
    return m.RAW8


def _source(spec: VirtualSpec) -> Any:
    """Return the walker of ``spec``: a motion, or a recording played on virtual cells."""
    if spec.path is not None:
        return FileWalker(spec.path, layout=spec.layout)
    pair: dict[layouts.Side, Layout] = {
        side: layouts.named(spec.layout, side) for side in layouts.SIDES
    }
    if spec.motion == STANCES:
        from solekit_hil.stances import StanceWalker  # only those who calibrate need it

        return StanceWalker(seed=spec.seed, layouts=pair)
    if spec.motion == PRESS:
        from solekit_hil.press import PressWalker

        return PressWalker(seed=spec.seed, layouts=pair)
    if spec.motion == JUMPS:
        from solekit_hil.jumps import jumper  # only those who check clocks need it

        return _Measured(jumper(seed=spec.seed, layouts=pair))
    if spec.motion == TUG:
        from solekit_hil.tug import up_and_go  # only those who test the protocol need it

        # Who sits again stays seated for as long as anybody records.
        return _Measured(up_and_go(seed=spec.seed, layouts=pair).walker, duration_s=math.inf)
    return _Measured(walkers.build(spec.motion, seed=spec.seed, layouts=pair))


class _Measured:
    """A walker, and the largest force that one of its cells sees."""

    has_imu = True

    def __init__(self, walker: Any, *, duration_s: float | None = None) -> None:
        self.layouts: dict[str, Layout] = walker.layouts
        self.duration_s: float = walker.duration_s if duration_s is None else duration_s
        self.body_weight_n: float = walker.body_weight_n
        self.sample = walker.sample
        self.imu = walker.imu
        self.events = walker.events
        self._walker = walker

    def peak_cell_force_n(self, side: str) -> float:
        """Return the force that the virtual calibration maps to full scale, with some headroom."""
        return 1.15 * self._walker.peak_cell_force_n(side)
