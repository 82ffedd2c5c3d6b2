"""An AD7606-class converter behind a grid: eight stages, one group of columns, one SPI frame."""

from __future__ import annotations

import numpy as np

from solekit_hil.electronics.grid import Grid
from solekit_hil.electronics.lines import Pin

N_CHANNELS = 8
CONVERT_US = 4.0
SPI_US = 17.0  # 16 bytes at 8 MHz and the call


class Ad7606:
    """``cs`` and ``convert`` are pins, ``busy()`` and ``readinto(buf)`` what a board hands in.

    Channel k sees column 8 * group + k of ``grid``; ``full_v`` is one polarity of the range, the
    negative one where the circuit falls with load.
    ``noise_lsb`` in steps of 16 bits, chosen.
    """

    def __init__(
        self, grid: Grid, *, full_v: float = 5.0, noise_lsb: float = 1.0, seed: int = 0
    ) -> None:
        self._grid = grid
        self._clock = grid.clock
        self._per_volt = 32768 / full_v
        self._rest_v = full_v if grid.circuit.falls else 0.0
        self._noise_lsb = noise_lsb
        self._rng = np.random.default_rng((seed, 3))
        self._busy_until_us = 0.0
        self._held = bytes(2 * N_CHANNELS)
        self.cs = Pin()
        self.convert = Pin()
        self.convert.connect(lambda: None, self._edge)
        self.is_stuck = False  # a converter that never gets ready

    def busy(self) -> int:
        """Return 1 while it converts; asking takes a microsecond."""
        self._clock.now_us += 1
        return int(self.is_stuck or self._clock.now_us < self._busy_until_us)

    def readinto(self, buf) -> None:
        """Clock the last conversion out, if the chip is selected."""
        self._clock.now_us += SPI_US
        buf[:] = self._held if not self.cs.level else b"\xff" * len(buf)

    def _edge(self, pin: Pin) -> None:
        if not pin.level:
            return
        self._busy_until_us = self._clock.now_us + CONVERT_US
        volts = np.zeros(N_CHANNELS)
        group = self._grid.group()
        if group >= 0:
            seen = self._grid.all_volts()[N_CHANNELS * group : N_CHANNELS * (group + 1)]
            volts[: len(seen)] = seen - self._rest_v
        codes = volts * self._per_volt + self._noise_lsb * self._rng.standard_normal(N_CHANNELS)
        self._held = np.clip(np.rint(codes), -32768, 32767).astype(">i2").tobytes()
