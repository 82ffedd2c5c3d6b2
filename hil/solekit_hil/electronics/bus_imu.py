"""What the IMU chips of ``lsm6ds`` and ``bmi270`` share: true time, motion, noise, brown-outs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

G_M_S2 = 9.80665
Sample = Callable[[float], "Sequence[float] | np.ndarray"]


class ImuPart:
    """A chip that feels ``sample(t_s)``: gyro rad/s x3, then accel m/s2 x3, in its own axes.

    ``now_us()`` is true time; the chip runs fast by ``rate_error`` (0.02: 2 %). ``noise_counts``
    is the SD at the range set, ``bias`` in the units of ``sample``. ``brown_outs_us`` are times to
    come at which the supply fails for a moment. ``taken`` counts samples since power-on of the
    model, whatever happens to them.
    """

    spi_dummies = 0

    def __init__(
        self,
        sample: Sample,
        now_us: Callable[[], float],
        *,
        rate_error: float = 0.0,
        noise_counts: float = 0.0,
        bias: Sequence[float] = (0.0,) * 6,
        temperature_c: float = 25.0,
        seed: int = 0,
    ) -> None:
        self._sample = sample
        self._now_us = now_us
        self._rate_error = rate_error
        self._noise_counts = noise_counts
        self._bias = tuple(bias)
        self.temperature_c = temperature_c
        self._rng = np.random.default_rng((seed, 11))
        self.brown_outs_us: list[float] = []
        self.n_taken = 0
        self.brown_out()

    def brown_out(self, at_us: float | None = None) -> None:
        """Lose the supply for a moment, now or at ``at_us``: all is as after power-on."""
        self._reset_us = self._now_us() if at_us is None else at_us
        self._period_us = 0.0
        self._next_us = math.inf
        self._gyro_since_us = math.inf
        self._reset()

    def _reset(self) -> None:
        """Put registers and FIFO into the state of power-on."""
        raise NotImplementedError

    def _rate_hz(self) -> float:
        """Return the nominal rate at which samples are taken now, 0: none."""
        raise NotImplementedError

    def _take(self, t_us: float) -> None:
        """Do with a sample what the registers say."""
        raise NotImplementedError

    def advance(self) -> None:
        """Let happen what is due by now."""
        now = self._now_us()
        while True:
            fail_us = min(self.brown_outs_us, default=math.inf)
            if min(fail_us, self._next_us) > now:
                return
            if fail_us <= self._next_us:
                self.brown_outs_us.remove(fail_us)
                self.brown_out(fail_us)
                continue
            t_us = self._next_us
            self._next_us += self._period_us
            self.n_taken += 1
            self._take(t_us)

    def _retime(self) -> None:
        """Take note of a rate that may have been changed by a write."""
        rate_hz = self._rate_hz() * (1 + self._rate_error)
        period_us = 1e6 / rate_hz if rate_hz else 0.0
        if period_us != self._period_us:
            self._period_us = period_us
            self._next_us = self._now_us() + period_us if rate_hz else math.inf

    def _counts(self, t_us: float, gyro_lsb_rad_s: float, accel_lsb_m_s2: float) -> list[int]:
        """Return six counts, clipped to 16 bits."""
        lsb = (gyro_lsb_rad_s,) * 3 + (accel_lsb_m_s2,) * 3
        counts = []
        for value, bias, step in zip(self._sample(t_us * 1e-6), self._bias, lsb, strict=True):
            exact = (float(value) + bias) / step
            if self._noise_counts:
                exact += self._rng.normal(0.0, self._noise_counts)
            counts.append(max(-32768, min(32767, round(exact))))
        return counts

    @property
    def newest_us(self) -> float:
        """True time of the sample taken last."""
        self.advance()
        return self._next_us - self._period_us


def low_high(word: int) -> bytes:
    """Return the two bytes of a signed word, lower first."""
    return (word & 0xFFFF).to_bytes(2, "little")
