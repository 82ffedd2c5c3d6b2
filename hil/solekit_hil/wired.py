"""A virtual insole of the real drivers: ``sim:walk?electronics=1``, with ``fault=...`` if asked.

What reaches the App has gone through the very drivers of ``solefoot.drivers``; the film, the
circuit, the converter, the buses and the chips behind them are models. A frame is scanned at one
instant of the walk: the skew between its rows is not modelled here.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from solecore.wire.messages import TICKS_MASK
from solefoot.app import calibration as jobs
from solefoot.app.settings import Settings, flat_calibration
from solefoot.drivers.battery import Max17048
from solefoot.drivers.bus import I2cRegisters
from solefoot.drivers.lsm6ds import Lsm6dsox
from solefoot.drivers.scan.readout import CELLS, ZERO_POTENTIAL, Circuit
from solefoot.drivers.scan.wiring import Mux, Shift, Wiring
from solekit import numpy_kernels
from solekit.layouts import Layout
from solekit_hil.board.foot import FRAME, VirtualFoot, settings_from
from solekit_hil.defects import Defects
from solekit_hil.electronics.bus import I2cBus
from solekit_hil.electronics.faults import Faults
from solekit_hil.electronics.film import Film
from solekit_hil.electronics.gauge import Max17048Chip
from solekit_hil.electronics.lsm6ds import Lsm6dsoxChip
from solekit_hil.electronics.pressure import PressureSide, film_of
from solekit_hil.feet import open_log

Step = tuple[int, int, bytes]

DRIVE_MV = 1650  # half of the supply, and so is the virtual ground
LINE_DOHM = 25  # row driver and column switch, 0.1 ohm: as of an ADG706, not of a 4067
FULL_SHARE = 0.95  # of the converter's range that the heaviest cell fills
SPREAD = 1.3  # a sensitive cell against a typical one
LEVELS = (0.1, 0.25, 0.5, 0.8)  # of the largest pressure, on the press
ZERO_FRAMES, LEVEL_FRAMES = 12, 8  # of the calibration: its seconds, shortened
FIRST_T_S = -1e6  # when the film was new: it was calibrated long before the walk
FORGET_S = 1e4  # and rested after each level
IMU_HZ = 104
IMU_ADDRESS, GAUGE_ADDRESS = 0x6A, 0x36
RATE_ERROR = 0.02  # the chip's clock lies within this share of the nominal one
SETUP_US = 200_000  # before the first frame, for the chips
BLOCK = 128


def open_side(
    layout: Layout,
    *,
    peak_kpa: float,
    seed: int,
    faults: Faults | None = None,
    film: Film | None = None,
) -> PressureSide:
    """Return the pressure side of an insole whose converter ``peak_kpa`` nearly fills."""
    options: dict[str, Any] = {"seed": seed, "faults": faults, "film": film}
    typical = film_of(layout, spread=0.0, noise=0.0)
    typical_s = typical.conductance_s(np.full(layout.n_cells, peak_kpa), 0.0).max()
    circuit = Circuit(
        ZERO_POTENTIAL if layout.rows else CELLS,
        drive_mv=DRIVE_MV,
        reference_mv=DRIVE_MV,
        r_ohm=round(FULL_SHARE / (SPREAD * typical_s)),
        r_row_dohm=LINE_DOHM if layout.rows else 0,
        r_col_dohm=LINE_DOHM,
        falls=1,
    )
    if not layout.rows:
        return PressureSide(layout, circuit=circuit, is_divider=False, **options)
    # Address lines that can stick belong to muxes: then the rows have one, too.
    has_row_mux = faults is not None and faults.stuck_row_bit is not None
    rows = Mux((1, 2, 3, 10, 11)) if has_row_mux else Shift(1, 2, 3)
    wiring = Wiring(layout.rows, layout.cols, rows, Mux((4, 5, 6, 7), (8, 9)))
    return PressureSide(layout, circuit=circuit, wiring=wiring, **options)


def calibrate(layout: Layout, settings: Settings, side: PressureSide, *, peak_kpa: float) -> None:
    """Run the procedure of the foot itself: zero, then the gain under a press at four levels.

    The jobs are those that CALIBRATE runs, their seconds shortened to a few frames. The force per
    count stays what it was.
    """
    calibration = settings.calibration
    lsb_un = calibration.force_lsb_un
    result = _Result()
    raw = array("H", bytes(2 * layout.n_cells))
    t_s = FIRST_T_S

    def run(job: jobs.Zero | jobs.Gain, kpa: float) -> None:
        nonlocal t_s
        job.n_wanted = ZERO_FRAMES if isinstance(job, jobs.Zero) else LEVEL_FRAMES
        while not job.is_full:
            side.load(kpa * layout.area_mm2 * 1e-3, t_s)
            t_s += settings.period_us * 1e-6
            side.scan_into(raw)
            job.frame(raw, None, None)
        job.finish(calibration, result)
        t_s += FORGET_S

    calibration.table[:] = flat_calibration(layout.n_cells).table
    calibration.force_lsb_un = calibration.steps = 0
    run(jobs.Zero(settings), 0.0)
    levels = jobs.Levels(settings)
    for share in LEVELS:
        kpa = share * peak_kpa
        force_un = round(kpa * float(np.mean(layout.area_mm2)) * 1e3)
        run(jobs.Gain(settings, levels, force_un, lsb_un), kpa)
    calibration.identify()


class _Result:
    noise = 0
    n_doubtful = 0


class Motion:
    """What an IMU on the foot feels at any time, from blocks of the walker a millisecond apart.

    ``felt(t_s)`` is the walker's ``imu``; ``true_s(foot_us)`` is the walker's time.
    """

    def __init__(
        self, felt: Callable[[Any], Any], side: str, true_s: Callable[[float], float]
    ) -> None:
        self._felt = felt
        self._side = side
        self._true_s = true_s
        self._first = 0
        self._block = np.zeros((0, 6))

    def __call__(self, foot_s: float) -> np.ndarray:
        """Return gyro (rad/s), then acceleration (m/s2), (6,)."""
        at = max(0.0, self._true_s(foot_s * 1e6)) * 1e3
        k = int(at)
        if not 0 <= k - self._first < len(self._block) - 1:
            self._first = k
            imu = self._felt((k + np.arange(BLOCK)) * 1e-3)[self._side]
            self._block = np.concatenate((imu[:, 3:], imu[:, :3]), axis=1)
        before, after = self._block[k - self._first : k - self._first + 2]
        return before + (at - k) * (after - before)


def imu_per_frame(period_us: int) -> int:
    """Return the samples that the IMU has at most taken in a frame."""
    return math.ceil(IMU_HZ * (1 + RATE_ERROR) * period_us * 1e-6)


class WiredBoard:
    """Pressure side, IMU and battery gauge of one insole as the App wants its board."""

    def __init__(
        self, side: PressureSide, motion: Motion, settings: Settings, *, start_us: int, seed: int
    ) -> None:
        self.side = side
        self.scan_into = side.scan_into
        self.now_us = start_us - SETUP_US
        rate_error = np.random.default_rng((seed, 7)).uniform(-RATE_ERROR, RATE_ERROR)
        self.chip = Lsm6dsoxChip(
            motion, lambda: self.now_us, rate_error=rate_error, noise_counts=2.0, seed=seed
        )
        self.bus = I2cBus({IMU_ADDRESS: self.chip, GAUGE_ADDRESS: Max17048Chip()})
        self.imu = None
        if settings.imu_axes:
            registers = I2cRegisters(self.bus, IMU_ADDRESS)
            self.imu = Lsm6dsox(registers, self._sleep_us, IMU_HZ, settings.imu_axes == 3)
        self.gauge = Max17048(self.bus)
        self.imu_age_us = 0
        self.imu_period_us = 0

    def _sleep_us(self, us: float) -> None:
        self.now_us += us

    def read_imu_into(self, words: array) -> int:
        """Fill ``words`` with the samples since the last frame; a lost IMU is started anew."""
        imu = self.imu
        if imu is None:
            return 0
        try:
            if imu.needs_restart:
                imu.restart()
            n = imu.read_into(words, int(self.now_us) & TICKS_MASK)
        except OSError:
            return 0
        self.imu_age_us = imu.imu_age_us
        self.imu_period_us = imu.imu_period_us
        return n

    def battery(self) -> tuple[int, int]:
        """Return millivolts and percent; 0 and 255 where the gauge does not answer."""
        try:
            return self.gauge.read()
        except OSError:
            return 0, 255


class WiredFoot:
    """A foot of ``solekit_hil.feet`` whose frames are newtons on its cells (f32).

    ``true_s`` turns the foot's microseconds into the walker's time.
    """

    def __init__(
        self,
        spec: dict[str, Any],
        geometry: array,
        calibration: array,
        *,
        layout: Layout,
        side: str,
        peak_kpa: float,
        felt: Callable[[Any], Any],
        true_s: Callable[[float], float],
        start_us: int,
        seed: int,
        defects: Defects,
        film: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        settings = settings_from(spec, geometry, calibration)
        # Lines are swapped when an insole is made: it was calibrated so. All else came later.
        made = Faults(
            swapped_rows=defects.faults.swapped_rows, swapped_cols=defects.faults.swapped_cols
        )
        sheets = [film_of(layout, seed=seed, **film) for _ in range(2)]
        press = open_side(layout, peak_kpa=peak_kpa, seed=seed, faults=made, film=sheets[0])
        calibrate(layout, settings, press, peak_kpa=peak_kpa)
        sole = open_side(
            layout, peak_kpa=peak_kpa, seed=seed, faults=defects.faults, film=sheets[1]
        )
        raw = array("H", bytes(2 * layout.n_cells))
        sole.readout.measure(sole.clock.ticks_us, sole.clock.ticks_diff, raw)
        settings.readout = sole.readout.describe()
        if settings.imu_per_frame:
            settings.imu_period_us = round(1e6 / IMU_HZ)
        motion = Motion(felt, side, true_s)
        self.board = WiredBoard(sole, motion, settings, start_us=start_us, seed=seed)
        kernels = (numpy_kernels, "numpy", True)
        log = open_log(spec)
        self.foot = VirtualFoot(settings, spec["ticks"], kernels, board=self.board, log=log)
        self._defects = defects
        self._start_us = start_us
        self._second = 0
        self._is_browned_out = False

    def run(self, steps: list[Step]) -> list[bytes]:
        """Take ``steps``."""
        return [self._step(kind, us, payload) for kind, us, payload in steps]

    def _step(self, kind: int, us: int, payload: bytes) -> bytes:
        board = self.board
        board.now_us = max(board.now_us, us)
        if kind == FRAME:
            self._break(us)
            board.side.load(np.frombuffer(payload, "<f4").astype(float), us * 1e-6)
            payload = b""
        self.foot.turn(kind, us & TICKS_MASK, payload)
        return self.foot.sent()

    def _break(self, us: int) -> None:
        """Let happen what the defects say: a brown-out once, a lost transfer every second."""
        defects = self._defects
        since_s = (us - self._start_us) * 1e-6
        if defects.brown_out_s is not None and not self._is_browned_out:
            self._is_browned_out = since_s >= defects.brown_out_s
            if self._is_browned_out:
                self.board.chip.brown_out()
        if defects.has_nack and int(since_s) != self._second:
            self._second = int(since_s)
            self.board.bus.n_nacks = 1

    def close(self) -> None:
        """Nothing to free."""
