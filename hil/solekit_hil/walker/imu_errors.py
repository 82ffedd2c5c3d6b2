"""What a real IMU makes of a motion: range, noise, bias, scale, and a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solekit.layouts import FloatArray
from solekit_hil.walker.interface import Float32Array


@dataclass(frozen=True)
class ImuErrors:
    """Errors of one IMU; acceleration in m/s2, then rate in rad/s, per axis where there are six.

    ``noise`` is the standard deviation of a sample, ``rate_error`` how much faster the chip's
    clock runs (0.01: 1 %).
    """

    bias: tuple[float, ...] = (0.0,) * 6
    scale: tuple[float, ...] = (1.0,) * 6
    noise_m_s2: float = 0.0
    noise_rad_s: float = 0.0
    range_m_s2: float = 16 * 9.80665
    range_rad_s: float = float(np.deg2rad(2000))
    rate_error: float = 0.0

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> ImuErrors:
        """Return the errors of a chip as the data sheet of the LSM6DSOX allows.

        Zero levels of 20 mg and 1 deg/s, 1 % of scale, noise at 100 Hz, a clock within 2 %.
        """

        def near(size: float) -> list[float]:
            return np.clip(rng.normal(0.0, size, 3), -2 * size, 2 * size).tolist()

        bias = (*near(0.1), *near(float(np.deg2rad(0.5))))
        scale = tuple(1 + error for error in (*near(0.005), *near(0.005)))
        return cls(
            bias=bias,
            scale=scale,
            noise_m_s2=0.015,
            noise_rad_s=0.001,
            rate_error=float(rng.uniform(-0.02, 0.02)),
        )

    def true_s(self, t_s: FloatArray) -> FloatArray:
        """Return when the chip really took the samples that its clock puts at ``t_s``."""
        return t_s / (1 + self.rate_error)

    def felt(self, imu: Float32Array, rng: np.random.Generator) -> Float32Array:
        """Return what the chip says for ``imu`` (n, 6)."""
        size = np.repeat([self.noise_m_s2, self.noise_rad_s], 3)
        most = np.repeat([self.range_m_s2, self.range_rad_s], 3)
        said = imu * np.array(self.scale) + np.array(self.bias)
        said = said + size * rng.standard_normal(imu.shape)
        return np.clip(said, -most, most).astype(np.float32)
