"""IMUs down to their registers: what the drivers use of LSM6DSOX, LSM6DS3TR-C and BMI270.

Modelled after the public data sheets, from memory, unchecked on chips: identification, reset,
rates, ranges, continuous FIFO with level and overrun, temperature, wake on motion, brown-outs
that put every register back. Not modelled: filters, self-test, compression, time stamps.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable

import numpy as np

G_M_S2 = 9.80665
Sample = Callable[[float], "np.ndarray"]


class ImuChip:
    """A chip that measures ``sample(t_s)`` (gyro rad/s x3, accel m/s2 x3, chip axes).

    ``now_us()`` is true time; the chip runs fast by ``rate_error`` (0.02 = 2 %).
    """

    fifo_samples = 0
    accel_lsb_m_s2 = 16 * G_M_S2 / 32768
    gyro_lsb_rad_s = 0.07 * np.pi / 180
    spi_dummies = 0

    def __init__(
        self,
        sample: Sample,
        now_us: Callable[[], float],
        *,
        rate_error: float = 0.0,
        noise_counts: float = 0.0,
        bias: tuple[float, ...] = (0.0,) * 6,
        temperature_c: float = 25.0,
        seed: int = 0,
    ) -> None:
        self._sample = sample
        self._now_us = now_us
        self._rate_error = rate_error
        self._noise = noise_counts
        self._bias = np.asarray(bias, float)
        self.temperature_c = temperature_c
        self._random = np.random.default_rng(seed)
        self.n_taken = 0  # samples that the chip has measured
        self.brown_out()

    def brown_out(self) -> None:
        """Lose the supply for a moment: all registers are as after power-on."""
        self.registers = bytearray(128)
        self.fifo: deque[bytes] = deque()
        self.is_overrun = False
        self._next_us: float | None = None
        self._reset()

    def _reset(self) -> None:
        raise NotImplementedError

    def _rate_hz(self) -> float:
        """Return the rate at which the FIFO fills, 0 while it does not."""
        raise NotImplementedError

    def choose_spi(self) -> bool:
        """Return True: these chips answer to either bus at once."""
        return True

    def advance(self) -> None:
        """Measure what is due by now."""
        rate_hz = self._rate_hz()
        now = self._now_us()
        if not rate_hz:
            self._next_us = None
            return
        period = 1e6 / (rate_hz * (1 + self._rate_error))
        if self._next_us is None:
            self._next_us = now + period
        while self._next_us <= now:
            self._take(self._next_us)
            self._next_us += period

    def _take(self, t_us: float) -> None:
        scale = np.repeat([self.gyro_lsb_rad_s, self.accel_lsb_m_s2], 3)
        counts = (np.asarray(self._sample(t_us * 1e-6), float) + self._bias) / scale
        if self._noise:
            counts = counts + self._random.normal(0, self._noise, 6)
        words = np.clip(np.rint(counts), -32768, 32767).astype("<i2")
        self.n_taken += 1
        self._keep(words.tobytes())

    def _keep(self, words: bytes) -> None:
        """Put a sample (gyro, accel) into the FIFO; the oldest makes room."""
        if len(self.fifo) >= self.fifo_samples:
            self.fifo.popleft()
            self.is_overrun = True
        self.fifo.append(words)


class _Lsm6ds(ImuChip):
    """Registers that both ST chips share."""

    who_am_i = 0
    rates = {0x1: 12.5, 0x2: 26.0, 0x3: 52.0, 0x4: 104.0, 0x5: 208.0, 0x6: 416.0}  # noqa: RUF012

    def _reset(self) -> None:
        self.registers[0x0F] = self.who_am_i
        self.registers[0x12] = 0x04  # CTRL3_C: register addresses increment

    def _accel_rate_hz(self) -> float:
        return self.rates.get(self.registers[0x10] >> 4, 0.0)

    def write(self, register: int, value: int) -> int:
        """Take a byte; return the register that a burst writes next."""
        self.advance()
        if register == 0x12 and value & 0x01:  # SW_RESET
            self.brown_out()
            return register
        if register not in (0x0F,):
            self.registers[register] = value
        if not self._is_continuous():
            self.fifo.clear()
            self.is_overrun = False
            self._drop_partial()
        self.advance()
        return register + 1

    def _is_continuous(self) -> bool:
        raise NotImplementedError

    def _drop_partial(self) -> None:
        """Forget what has been read of the oldest sample."""

    def _rate_hz(self) -> float:
        accel, gyro = self.registers[0x10] >> 4, self.registers[0x11] >> 4
        ranges_fit = self.registers[0x10] >> 2 & 3 == 1 and self.registers[0x11] >> 2 & 3 == 3
        if accel == gyro and ranges_fit and self._is_continuous():
            return self._accel_rate_hz()
        return 0.0

    def _temperature(self, register: int) -> int:
        raw = struct.pack("<h", round((self.temperature_c - 25) * 256))
        return raw[register - 0x20]

    def moves(self, mg: float) -> bool:
        """Return whether INT1 is high while the accelerometer sees a change of ``mg``."""
        routed = self.registers[0x58] & 0x80 and self.registers[0x5E] & 0x20
        threshold_mg = (self.registers[0x5B] & 0x3F) * 16000 / 64
        return bool(routed and self._accel_rate_hz() and mg > threshold_mg > 0)


class Lsm6dsoxChip(_Lsm6ds):
    """LSM6DSOX: 3 kB of tagged words."""

    who_am_i = 0x6C
    fifo_samples = 219  # 438 words of 7 bytes

    def _is_continuous(self) -> bool:
        batched = self.registers[0x09] >> 4 and self.registers[0x09] & 0x0F
        return bool(self.registers[0x0A] & 7 == 6 and batched)

    def _reset(self) -> None:
        super()._reset()
        self._word = b""  # what is being read at 0x78 to 0x7E
        self._queue: deque[bytes] = deque()
        self._n_tags = 0

    def _drop_partial(self) -> None:
        self._queue.clear()

    def _refill(self) -> None:
        """Turn whole samples into words with tags: gyroscope first."""
        while self.fifo:
            data = self.fifo.popleft()
            count = self._n_tags % 4 << 1
            self._n_tags += 1
            self._queue.append(bytes((1 << 3 | count,)) + data[:6])
            self._queue.append(bytes((2 << 3 | count,)) + data[6:])

    def read(self, register: int) -> tuple[int, int]:
        """Return the byte at ``register`` and the register that a burst reads next."""
        self.advance()
        if register in (0x20, 0x21):
            return self._temperature(register), register + 1
        n_words = 2 * len(self.fifo) + len(self._queue)
        if register == 0x3A:
            return n_words & 0xFF, 0x3B
        if register == 0x3B:
            flags = 0x48 if self.is_overrun else 0
            self.is_overrun = False  # the latch clears when it is read
            return n_words >> 8 & 3 | flags, 0x3C
        if register == 0x78:
            if not self._queue:
                self._refill()
            self._word = self._queue.popleft() if self._queue else bytes(7)
        if 0x78 <= register <= 0x7E:
            return self._word[register - 0x78], 0x78 if register == 0x7E else register + 1
        return self.registers[register], register + 1


class Lsm6ds3trcChip(_Lsm6ds):
    """LSM6DS3TR-C: 4 kB of bare 16-bit words in a pattern of six."""

    who_am_i = 0x6A
    fifo_samples = 341

    def _is_continuous(self) -> bool:
        decimated = self.registers[0x08] & 7 == 1 and self.registers[0x08] >> 3 & 7 == 1
        rate = self.registers[0x0A] >> 3 & 0x0F == self.registers[0x10] >> 4
        return bool(self.registers[0x0A] & 7 == 6 and decimated and rate)

    def _reset(self) -> None:
        super()._reset()
        self._at = 0  # bytes read of the oldest sample

    def _drop_partial(self) -> None:
        self._at = 0

    def _keep(self, words: bytes) -> None:
        if len(self.fifo) >= self.fifo_samples:
            self._at = 0  # a sample that was half read is overwritten whole here
        super()._keep(words)

    def read(self, register: int) -> tuple[int, int]:
        """Return the byte at ``register`` and the register that a burst reads next."""
        self.advance()
        if register in (0x20, 0x21):
            return self._temperature(register), register + 1
        n_words = 6 * len(self.fifo) - self._at // 2
        if register == 0x3A:
            return n_words & 0xFF, 0x3B
        if register == 0x3B:
            flags = (0x40 if self.is_overrun else 0) | (0x10 if not n_words else 0)
            self.is_overrun = False
            return n_words >> 8 & 7 | flags, 0x3C
        if register == 0x3C:
            return self._at // 2, 0x3D
        if register in (0x3E, 0x3F):
            if not self.fifo:
                return 0, 0x3F if register == 0x3E else 0x3E
            byte = self.fifo[0][self._at]
            self._at += 1
            if self._at == 12:
                self.fifo.popleft()
                self._at = 0
            return byte, 0x3F if register == 0x3E else 0x3E
        return self.registers[register], register + 1


class Bmi270Chip(ImuChip):
    """BMI270: answers by I2C until CS falls once; measures only with its configuration loaded."""

    fifo_samples = 170  # 2 kB
    gyro_lsb_rad_s = 2000 / 32768 * np.pi / 180
    spi_dummies = 1
    config_bytes = 8192

    def _reset(self) -> None:
        self.registers[0x00] = 0x24
        self.registers[0x40], self.registers[0x42] = 0xA8, 0xA9
        self.registers[0x41], self.registers[0x43] = 2, 0
        self.registers[0x48], self.registers[0x49] = 2, 0x10
        self.registers[0x7C] = 3
        self._config = bytearray(self.config_bytes)
        self._n_config = 0
        self._is_ready = False
        self._is_spi = False
        self._at = 0
        self._features = bytearray(128)

    def choose_spi(self) -> bool:
        """Return whether SPI had been chosen before this CS."""
        was, self._is_spi = self._is_spi, True
        return was

    def _rate_hz(self) -> float:
        r = self.registers
        both = r[0x7D] & 0x06 == 0x06 and r[0x49] == 0xC0
        fits = r[0x40] & 0x0F == r[0x42] & 0x0F and r[0x41] == 3 and r[0x43] == 0
        if self._is_ready and both and fits:
            return {8: 100.0, 9: 200.0}.get(r[0x40] & 0x0F, 0.0)
        return 0.0

    def read(self, register: int) -> tuple[int, int]:
        """Return the byte at ``register`` and the register that a burst reads next."""
        self.advance()
        level = 12 * len(self.fifo) - self._at
        if register == 0x21:
            return (1 if self._is_ready else 2 if self._n_config else 0), register + 1
        if register in (0x22, 0x23):
            raw = struct.pack("<h", round((self.temperature_c - 23) * 512))
            return raw[register - 0x22], register + 1
        if register in (0x24, 0x25):
            return level >> 8 * (register - 0x24) & 0xFF, register + 1
        if register == 0x26:
            if not self.fifo:
                return 0x80, register
            byte = self.fifo[0][self._at]
            self._at += 1
            if self._at == 12:
                self.fifo.popleft()
                self._at = 0
            return byte, register
        if 0x30 <= register <= 0x3F:
            return self._features[16 * (self.registers[0x2F] & 7) + register - 0x30], register + 1
        return self.registers[register], register + 1

    def write(self, register: int, value: int) -> int:
        """Take a byte; return the register that a burst writes next."""
        self.advance()
        if register == 0x7E:
            if value == 0xB6:
                self.brown_out()
            elif value == 0xB0:
                self.fifo.clear()
                self._at = 0
            return register
        if register == 0x5E:  # the address counts words and goes on by itself within a burst
            if not self.registers[0x7C] & 1 and not self.registers[0x59]:
                at = 2 * (self.registers[0x5B] & 0x0F | self.registers[0x5C] << 4)
                at += self._n_config % 32
                self._config[at % self.config_bytes] = value
                self._n_config += 1
            return register
        if register == 0x59 and value & 1:
            self._is_ready = self._n_config == self.config_bytes and any(self._config[-16:])
        if 0x30 <= register <= 0x3F:
            self._features[16 * (self.registers[0x2F] & 7) + register - 0x30] = value
        elif register != 0x00:
            self.registers[register] = value
        self.advance()
        return register + 1

    def moves(self, mg: float) -> bool:
        """Return whether INT1 is high while the accelerometer sees a change of ``mg``."""
        any_motion = self._features[16 + 0x0C : 16 + 0x10]
        threshold_mg = (any_motion[2] | (any_motion[3] & 7) << 8) * 1000 / 2048
        routed = self.registers[0x53] & 8 and self.registers[0x56] & 0x40
        is_on = any_motion[3] & 0x80 and any_motion[1] & 0xE0 == 0xE0
        measures = self._is_ready and self.registers[0x7D] & 4
        return bool(routed and is_on and measures and mg > threshold_mg > 0)
