"""A virtual insole of the real drivers: ``sim:walk?electronics=1``, with ``fault=...`` if asked.

What reaches the App has gone through the very drivers of ``solefoot.drivers``; the film, the
circuit, the converter, the buses and the chips behind them are models. A frame is scanned at one
instant of the walk: the skew between its rows is not modelled here.
"""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from solecore.wire.messages import TICKS_MASK
from solefoot.app import calibration as jobs
from solefoot.app.settings import Settings, flat_calibration
from solefoot.drivers.scan.readout import CELLS, ZERO_POTENTIAL, Circuit
from solefoot.drivers.scan.wiring import Mux, Shift, Wiring
from solekit import numpy_kernels
from solekit.layouts import Layout
from solekit_hil.board.foot import FRAME, VirtualFoot, settings_from
from solekit_hil.defects import Defects
from solekit_hil.electronics.faults import Faults
from solekit_hil.electronics.film import Film
from solekit_hil.electronics.pressure import PressureSide

Step = tuple[int, int, bytes]

DRIVE_MV = 1650  # half of the supply, and so is the virtual ground
LINE_DOHM = 25  # row driver and column switch, 0.1 ohm: as of an ADG706, not of a 4067
FULL_SHARE = 0.95  # of the converter's range that the heaviest cell fills
SPREAD = 1.3  # a sensitive cell against a typical one
LEVELS = (0.1, 0.25, 0.5, 0.8)  # of the largest pressure, on the press
ZERO_FRAMES, LEVEL_FRAMES = 12, 8  # of the calibration: its seconds, shortened
FIRST_T_S = -1e6  # when the film was new: it was calibrated long before the walk
FORGET_S = 1e4  # and rested after each level


def open_side(
    layout: Layout, *, peak_kpa: float, seed: int, faults: Faults | None = None
) -> PressureSide:
    """Return the pressure side of an insole whose converter ``peak_kpa`` nearly fills."""
    typical_s = Film(1, spread=0.0, noise=0.0).conductance_s(np.array([peak_kpa]), 0.0)[0]
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
        return PressureSide(layout, seed=seed, faults=faults, circuit=circuit, is_divider=False)
    # Address lines that can stick belong to muxes: then the rows have one, too.
    has_row_mux = faults is not None and faults.stuck_row_bit is not None
    rows = Mux((1, 2, 3, 10, 11)) if has_row_mux else Shift(1, 2, 3)
    wiring = Wiring(layout.rows, layout.cols, rows, Mux((4, 5, 6, 7), (8, 9)))
    return PressureSide(layout, seed=seed, faults=faults, circuit=circuit, wiring=wiring)


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


class WiredBoard:
    """Film, circuit, readout of one insole as the App wants its board."""

    imu_age_us = 0
    imu_period_us = 0

    def __init__(self, side: PressureSide, settings: Settings) -> None:
        self.side = side
        self.scan_into = side.scan_into
        self.words = array("h", bytes(2 * settings.imu_axes * settings.imu_per_frame))
        self._n_samples = settings.imu_per_frame

    def read_imu_into(self, words: array) -> int:
        """Fill ``words``."""
        words[: len(self.words)] = self.words
        return self._n_samples

    def battery(self) -> tuple[int, int]:
        """Return millivolts and percent."""
        return 4100, 95


class WiredFoot:
    """A foot of ``solekit_hil.feet`` whose frames are newtons on cells and motion of an IMU.

    The payload of a FRAME step: f32 newtons of every cell, then the words of the IMU.
    """

    def __init__(
        self,
        spec: dict[str, Any],
        geometry: array,
        calibration: array,
        *,
        layout: Layout,
        peak_cell_n: float,
        seed: int,
        defects: Defects,
        log: Any = None,
    ) -> None:
        settings = settings_from(spec, geometry, calibration)
        peak_kpa = peak_cell_n / float(layout.area_mm2.min()) * 1e3
        # Lines are swapped when an insole is made: it was calibrated so. All else came later.
        made = Faults(
            swapped_rows=defects.faults.swapped_rows, swapped_cols=defects.faults.swapped_cols
        )
        press = open_side(layout, peak_kpa=peak_kpa, seed=seed, faults=made)
        calibrate(layout, settings, press, peak_kpa=peak_kpa)
        side = open_side(layout, peak_kpa=peak_kpa, seed=seed, faults=defects.faults)
        readout = side.readout
        raw = array("H", bytes(2 * layout.n_cells))
        readout.measure(side.clock.ticks_us, side.clock.ticks_diff, raw)
        settings.readout = readout.describe()
        self.board = WiredBoard(side, settings)
        kernels = (numpy_kernels, "numpy", True)
        self.foot = VirtualFoot(settings, spec["ticks"], kernels, board=self.board, log=log)
        self._n_cells = layout.n_cells

    def run(self, steps: list[Step]) -> list[bytes]:
        """Take ``steps``."""
        return [self._step(kind, us, payload) for kind, us, payload in steps]

    def _step(self, kind: int, us: int, payload: bytes) -> bytes:
        if kind == FRAME:
            force_n = np.frombuffer(payload, "<f4", self._n_cells).astype(float)
            self.board.side.load(force_n, us * 1e-6)
            self.board.words[:] = array("h", payload[4 * self._n_cells :])
            payload = b""
        self.foot.turn(kind, us & TICKS_MASK, payload)
        return self.foot.sent()

    def close(self) -> None:
        """Nothing to free."""
