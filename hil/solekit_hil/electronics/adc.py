"""A converter with integral nonlinearity, noise and quantisation, as MicroPython shows it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from solekit.layouts import FloatArray
from solekit_hil.electronics.clock import SimTime

_N_NOISE = 4093  # a prime: the same noise meets the same cell only after many frames


class Adc:
    """Converts ``volts()`` at ``now_us``; a conversion takes ``convert_us``.

    ``inl_lsb`` is the largest deviation of the curve, ``noise_lsb`` the SD, both in steps of
    ``bits``. The defaults of noise and INL are chosen, not measured.
    """

    def __init__(
        self,
        clock: SimTime,
        volts: Callable[[], float],
        *,
        full_v: float = 3.3,
        bits: int = 12,
        inl_lsb: float = 2.0,
        noise_lsb: float = 0.7,
        convert_us: float = 27.0,
        seed: int = 0,
    ) -> None:
        self._clock = clock
        self._volts = volts
        self.bits = bits
        self.convert_us = convert_us
        self._top = (1 << bits) - 1
        self._per_volt = self._top / full_v
        rng = np.random.default_rng((seed, 2))
        phase = rng.uniform(0, 2 * np.pi, 2)
        at = np.linspace(0, 1, self._top + 1)
        curve = np.sin(2 * np.pi * at + phase[0]) + 0.5 * np.sin(6 * np.pi * at + phase[1])
        self._inl: list[float] = (inl_lsb * curve / np.abs(curve).max()).tolist()
        self._noise: list[float] = (noise_lsb * rng.standard_normal(_N_NOISE)).tolist()
        self._inl_at, self._noise_at = np.array(self._inl), np.array(self._noise)
        self._k = 0

    def code(self) -> int:
        """Convert once; return 0 to 2**bits - 1."""
        exact = self._volts() * self._per_volt
        top = self._top
        exact = 0.0 if exact < 0 else top if exact > top else exact
        self._k = k = (self._k + 1) % _N_NOISE
        code = int(exact + self._inl[int(exact)] + self._noise[k] + 0.5)
        self._clock.now_us += self.convert_us
        return 0 if code < 0 else top if code > top else code

    def read_u16(self) -> int:
        """Convert once; return 0 to 65535 as MicroPython scales it."""
        return self.as_u16(self.code())

    def as_u16(self, code):
        """Return ``code``, one or an array, as MicroPython scales it."""
        bits = self.bits
        return code << 16 - bits | code >> 2 * bits - 16

    def codes(self, volts: FloatArray) -> npt.NDArray[np.int64]:
        """Return what ``code`` would for each of ``volts`` (n,); no time passes."""
        exact = np.clip(volts * self._per_volt, 0, self._top)
        k = (self._k + 1 + np.arange(len(exact))) % _N_NOISE
        self._k = int(k[-1])
        code = exact + self._inl_at[exact.astype(int)] + self._noise_at[k] + 0.5
        return np.clip(code.astype(int), 0, self._top)
