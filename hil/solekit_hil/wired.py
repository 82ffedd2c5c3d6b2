"""A virtual board of the real drivers: film, grid circuit, mux, converter, buses and chips.

``sim:walk?electronics=1``. What reaches the App has gone through the very drivers of
``solefoot.drivers``; the parts behind them are models.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np

from solefoot.app import calibration as jobs
from solefoot.app.settings import Settings, flat_calibration
from solefoot.drivers.scan.cells import CellList
from solefoot.drivers.scan.pin import PinGrid
from solefoot.drivers.scan.readout import CELLS, ZERO_POTENTIAL, Circuit, Readout
from solefoot.drivers.scan.wiring import Mux, Wiring
from solekit.layouts import FloatArray, Layout
from solekit_hil.board.foot import FRAME, VirtualFoot
from solekit_hil.electronics.adc import Adc
from solekit_hil.electronics.clock import SimTime
from solekit_hil.electronics.faults import Faults
from solekit_hil.electronics.film import Film
from solekit_hil.electronics.grid import CellFront, Grid

DRIVE_MV = 1650  # half of the supply, and so is the virtual ground
LINE_DOHM = 25  # row driver and column switch, 0.1 ohm: an ADG706, not a 4067
FULL_SHARE = 0.95  # of the converter's range at the heaviest cell
SPREAD = 1.3  # a sensitive cell against a typical one
LEVELS = (0.1, 0.25, 0.5, 0.8)  # of the largest pressure, on the press
ZERO_FRAMES, LEVEL_FRAMES = 12, 8  # of the calibration: its seconds, shortened
FIRST_T_S = -1e6  # when the film was new: calibration comes before the walk


class Sole:
    """Film, circuit and readout of one insole; ``peak_kpa`` nearly fills the converter."""

    def __init__(
        self, layout: Layout, *, peak_kpa: float, seed: int, faults: Faults | None = None
    ) -> None:
        self._area_mm2 = layout.area_mm2
        self._time = SimTime()
        self._film = Film(layout.n_cells, seed=seed)
        heaviest_s = SPREAD * Film(1, spread=0.0).conductance_s(np.array([peak_kpa]), 0.0)[0]
        circuit = Circuit(
            ZERO_POTENTIAL if layout.rows else CELLS,
            drive_mv=DRIVE_MV,
            reference_mv=DRIVE_MV,
            r_ohm=round(FULL_SHARE / heaviest_s),
            r_row_dohm=LINE_DOHM if layout.rows else 0,
            r_col_dohm=LINE_DOHM,
            falls=1,
        )
        self._front: Grid | CellFront
        self.readout: Readout
        if layout.rows:
            wiring = Wiring(layout.rows, layout.cols, Mux(range(5)), Mux(range(5, 10)))
            self._front = Grid(wiring, circuit, clock=self._time, faults=faults)
            adc = Adc(self._time, self._front.volts, seed=seed)
            self.readout = PinGrid(
                wiring, circuit, self._front.make_pin, adc.read_u16, self._time.sleep_us
            )
        else:
            lines = Mux(range((layout.n_cells - 1).bit_length()))
            self._front = CellFront(
                layout.n_cells,
                circuit,
                lines=lines,
                is_divider=False,
                clock=self._time,
                faults=faults,
            )
            adc = Adc(self._time, self._front.volts, seed=seed)
            self.readout = CellList(
                layout.n_cells,
                circuit,
                (adc.read_u16,),
                self._time.sleep_us,
                lines,
                self._front.make_pin,
            )
        self.scan_into = self.readout.scan_into

    def load(self, force_n: FloatArray, t_s: float) -> None:
        """Put ``force_n`` (n_cells,) on the cells at ``t_s``, not before the last time."""
        kpa = force_n / self._area_mm2 * 1e3
        self._front.load(self._film.conductance_s(kpa, t_s))


def calibrate(layout: Layout, settings: Settings, sole: Sole, *, peak_kpa: float) -> None:
    """Run the procedure of the foot itself: zero, then the gain under a press at four levels.

    The jobs are those that CALIBRATE runs, their seconds shortened to a few frames.
    """
    calibration = settings.calibration
    force_lsb_un = calibration.force_lsb_un
    result = _Result()
    raw = array("H", bytes(2 * layout.n_cells))
    t_s = FIRST_T_S

    def run(job: jobs.Mean, kpa: float) -> None:
        nonlocal t_s
        job.n_wanted = ZERO_FRAMES if isinstance(job, jobs.Zero) else LEVEL_FRAMES
        while not job.is_full:
            sole.load(kpa * layout.area_mm2 * 1e-3, t_s)
            t_s += settings.period_us * 1e-6
            sole.scan_into(raw)
            job.frame(raw, None, None)
        job.finish(calibration, result)
        t_s += 1000.0  # the film forgets

    calibration.table[:] = flat_calibration(layout.n_cells).table
    calibration.force_lsb_un = calibration.steps = 0
    run(jobs.Zero(settings), 0.0)
    levels = jobs.Levels(settings)
    area_mm2 = float(np.mean(layout.area_mm2))
    for share in LEVELS:
        kpa = share * peak_kpa
        run(jobs.Gain(settings, levels, round(kpa * area_mm2 * 1e3), force_lsb_un), kpa)
    calibration.identify()


class _Result:
    noise = 0
    n_doubtful = 0
