"""From the walker's newtons to the counts that a board would read."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solecore.wire.messages import SIDES
from solefoot.app.settings import ACCEL_LSB_UM_S2, GYRO_LSB_URAD_S
from solekit.errors import DataError
from solekit.layouts import Layout

RAW_PER_COUNT = 16  # 12-bit counts in one 8-bit count at the gain of the virtual calibration
MAX_RAW = 4095


@dataclass(frozen=True)
class VirtualSensor:
    """A film and an ADC without secrets: linear, with white noise.

    ``force_lsb_un`` is the force of one calibrated count in micronewtons, ``noise_counts`` the SD
    of the noise in calibrated counts.
    """

    layout: Layout
    force_lsb_un: int
    noise_counts: float
    seed: int

    def calibration(self, dead_band: int) -> array:
        """Return the calibration table that undoes this sensor: base 0 unless there is noise."""
        n = self.layout.n_cells
        table = array("H", bytes(2 * (2 * n + 1)))
        base = self.base
        for i in range(n):
            table[i] = base
            table[n + i] = 65536 // RAW_PER_COUNT
        table[2 * n] = dead_band
        return table

    @property
    def base(self) -> int:
        """Raw counts without load: room for the noise to swing."""
        return round(4 * RAW_PER_COUNT * self.noise_counts)

    def counts(
        self, force_n: NDArray[np.float64], frames: NDArray[np.int64]
    ) -> NDArray[np.uint16]:
        """Return raw counts, shape (n, n_cells); ``frames`` number the rows and seed the noise."""
        raw = (
            np.asarray(force_n, dtype=np.float64) * (1e6 * RAW_PER_COUNT / self.force_lsb_un)
            + self.base
        )
        if self.noise_counts:
            for row, frame in zip(raw, frames, strict=True):
                noise = np.random.Generator(
                    np.random.Philox(key=self.seed, counter=int(frame) + 1)
                )
                row += noise.standard_normal(row.shape[0]) * (self.noise_counts * RAW_PER_COUNT)
        return np.clip(np.rint(raw), 0, MAX_RAW).astype("<u2")


def imu_words(imu: NDArray[np.float64], n_axes: int) -> NDArray[np.int16]:
    """Return the words of a 16 g, 2000 deg/s IMU; ``imu`` (n, 6) is m/s2 and rad/s.

    Six axes come gyroscope first, as such chips burst them; three are the acceleration.
    """
    accel = imu[:, :3] * (1e6 / ACCEL_LSB_UM_S2)
    words = (
        accel
        if n_axes == 3
        else np.concatenate((imu[:, 3:] * (1e6 / GYRO_LSB_URAD_S), accel), axis=1)
    )
    return np.clip(np.rint(words), -32768, 32767).astype("<i2")


def geometry_table(layout: Layout) -> array:
    """Return the layout as the insole stores it: u16 x, y (0.1 mm), area (0.1 mm2)."""
    columns = np.concatenate((layout.x_mm * 10, layout.y_mm * 10, layout.area_mm2 * 10))
    if columns.max() > 65535 or columns.min() < 0:
        raise DataError(f"layout {layout.name!r} does not fit the insole's table (6.5 m, 65 cm2)")
    return array("H", np.rint(columns).astype("<u2").tobytes())


def side_index(side: str) -> int:
    """Return the wire value of ``side``."""
    return SIDES.index(side)
