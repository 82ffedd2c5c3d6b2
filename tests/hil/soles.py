"""A walk on the modelled electronics of one sole, for the tests beside this file."""

from __future__ import annotations

from array import array

import numpy as np

from solecore.gait.contacts import ContactDetector
from solecore.layouts import geometry
from solefoot.app.profiles import profile
from solefoot.app.selftest import Walk
from solefoot.app.settings import Settings
from solekit import layouts, numpy_kernels
from solekit_hil import walker as walkers
from solekit_hil.electronics.faults import Faults
from solekit_hil.wired import calibrate, open_side

DURATION_S = 60  # at most: a test ends when it has enough


class Sole:
    """One insole of a person, calibrated on the press as it was made (``made``: its swaps)."""

    def __init__(
        self,
        seed=1,
        layout="grid-30x22",
        side="left",
        motion="walk",
        made: Faults | None = None,
    ) -> None:
        self.layout = layouts.named(layout, side)
        pair = {name: layouts.named(layout, name) for name in layouts.SIDES}
        walker = walkers.build(motion, seed=seed, layouts=pair)
        self.settings = Settings(
            geometry(layout, side == "right"), profile(layout), 0, f"S-{seed}", 1
        )
        self.t_s = np.arange(0, DURATION_S, self.settings.period_us * 1e-6)
        self.force_n = walker.sample(self.t_s)[0][side].astype(float)
        self.seed = seed
        self.peak_kpa = 1.15 * float((self.force_n / self.layout.area_mm2).max()) * 1e3
        self.settings.calibration.force_lsb_un = round(1.15 * self.force_n.max() * 1e6 / 255)
        calibrate(self.layout, self.settings, self._side(made), peak_kpa=self.peak_kpa)

    def _side(self, faults: Faults | None):
        return open_side(self.layout, peak_kpa=self.peak_kpa, seed=self.seed, faults=faults)

    def frames(self, faults: Faults | None = None):
        """Yield ``(time, raw, cells, detector)`` of the walk."""
        side = self._side(faults)
        k, n = numpy_kernels, self.layout.n_cells
        raw, cells = array("H", bytes(2 * n)), bytearray(n)
        sums = array("I", bytes(4 * k.N_SUMS))
        zones = self.settings.geometry.zones()
        detector = ContactDetector(self.settings.period_us)
        for t_s, force_n in zip(self.t_s, self.force_n, strict=True):
            side.load(force_n, t_s)
            side.scan_into(raw)
            k.calibrate(raw, self.settings.calibration.table, cells, n)
            k.sums(cells, zones, sums, n)
            detector.step(sums[0], sums[1], sums[2], 1000 + int(t_s * 1e6), 0)
            yield t_s, raw, cells, detector

    def faults(self, faults: Faults | None = None) -> list[tuple[int, int, int]]:
        """Return what the self-test finds in a walk with ``faults``."""
        job = Walk(self.settings)
        for _, raw, cells, detector in self.frames(faults):
            job.frame(raw, cells, detector)
            if job.is_full:
                return job.faults()
        raise AssertionError("the walk was too short for the test")

    def mean_load_n(self) -> np.ndarray:
        """Return the mean force of each cell over the walk, (n_cells,)."""
        return self.force_n.mean(axis=0)
