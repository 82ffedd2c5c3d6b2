"""BMI270 down to its registers, for the driver to talk to.

Modelled, after the public data sheet: identification; I2C until CS falls once, a dummy byte before
what is read over SPI; silence for 2 ms after a reset; the upload of a configuration and its
verdict 20 ms later; power, rates from 25 to 400 Hz, ranges, 45 ms of nonsense while the gyroscope
turns on, sensitivity of x to z (GYR_CAS); temperature; the FIFO without headers, its level, full
and watermark flags, overwriting of whole frames, flush; any-motion on INT1; brown-outs. Not
modelled: filters and their delay, headers, time frames, half-read frames, sensors at two rates,
the waiting times of power save, features but any-motion.
From memory and public headers; nothing was checked on a chip. The configuration is no vendor's.
"""

from __future__ import annotations

import math
from collections import deque

from solekit_hil.electronics.bus_imu import G_M_S2, ImuPart, low_high

CONFIGURATION = bytes((7 * i + (i >> 8)) & 0xFF for i in range(8192))  # stands for the vendor's
RATES_HZ = {6: 25.0, 7: 50.0, 8: 100.0, 9: 200.0, 10: 400.0}
ACCEL_RANGE_G = (2, 4, 8, 16)
GYRO_RANGE_DPS = (2000, 1000, 500, 250, 125)
GYRO_ON_US = 45_000
RESET_US = 2_000
LOAD_US = 20_000
FIFO_BYTES = 2048
POWER_ON = {0x00: 0x24, 0x40: 0xA8, 0x41: 2, 0x42: 0xA9, 0x45: 0x88, 0x48: 2, 0x49: 0x10, 0x7C: 3}
READ_ONLY = {*range(0x00, 0x2F)}


class Bmi270Chip(ImuPart):
    """A BMI270 that accepts ``configuration``; ``cross``: sensitivity of x to z, in 1/512."""

    spi_dummies = 1

    def __init__(
        self, sample, now_us, *, configuration: bytes = CONFIGURATION, cross: int = 0, **options
    ) -> None:
        self._wanted = configuration
        self._cross = cross
        super().__init__(sample, now_us, **options)
        self._deaf_until_us = -math.inf  # powered long ago

    def _reset(self) -> None:
        self._registers = bytearray(128)
        for register, value in POWER_ON.items():
            self._registers[register] = value
        self._pages = [bytearray(16) for _ in range(8)]
        self._memory = bytearray(len(self._wanted))
        self._at = 0  # byte of the upload
        self._loaded_us = math.inf
        self._is_spi = False
        self._deaf_until_us = self._reset_us + RESET_US
        self._frames: deque[bytes] = deque()
        self._n_read = 0  # bytes of the oldest frame
        self._flags = [0, 0]  # INT_STATUS_0 and _1
        self._was_mg: list[float] | None = None
        self._n_moving = 0
        self._pulse = False

    def choose_spi(self) -> bool:
        """Return whether SPI had been chosen before this CS."""
        self.advance()
        was, self._is_spi = self._is_spi, True
        return was

    @property
    def int1(self) -> bool:
        """Level of the interrupt pin 1 (active high; open drain is not modelled)."""
        self.advance()
        drives = self._registers[0x53] & 0x0A == 0x0A
        latched = self._registers[0x55] & 1
        any_motion = self._flags[0] & 0x40 if latched else self._pulse
        return bool(drives and self._registers[0x56] & 0x40 and any_motion)

    def _is_loaded(self) -> bool:
        return self._now_us() >= self._loaded_us and self._memory == self._wanted

    def _rate_hz(self) -> float:
        on = self._registers[0x7D] & 0x04 and self._memory == self._wanted
        return RATES_HZ.get(self._registers[0x40] & 15, 0.0) if on else 0.0

    def _batched(self) -> tuple[bool, bool]:
        """Return whether the FIFO takes gyroscope and acceleration."""
        r = self._registers
        if r[0x49] & 0x30 or r[0x45] != 0x88 or r[0x7C] & 1:
            return False, False
        gyro = bool(r[0x49] & 0x80 and r[0x7D] & 2)
        if gyro and r[0x42] & 15 != r[0x40] & 15:
            return False, False
        return gyro, bool(r[0x49] & 0x40)

    def _take(self, t_us: float) -> None:
        r = self._registers
        gyro_dps = GYRO_RANGE_DPS[min(r[0x43] & 7, 4)]
        accel_g = ACCEL_RANGE_G[r[0x41] & 3]
        counts = self._counts(t_us, math.radians(gyro_dps / 32768), accel_g * G_M_S2 / 32768)
        counts[0] = max(-32768, min(32767, counts[0] + (counts[2] * self._cross >> 9)))
        if t_us < self._gyro_since_us + GYRO_ON_US:
            counts[:3] = (0x5555,) * 3
        gyro, accel = self._batched()
        if gyro or accel:
            words = (counts[:3] if gyro else []) + (counts[3:] if accel else [])
            self._push(b"".join(map(low_high, words)))
        self._feel([count * accel_g * 1000 / 32768 for count in counts[3:]])

    def _push(self, frame: bytes) -> None:
        if (len(self._frames) + 1) * len(frame) > FIFO_BYTES:
            self._flags[1] |= 1
            if self._registers[0x48] & 1:
                return
            for _ in range(2):  # some frames at once make room
                self._frames.popleft()
            self._n_read = 0
        self._frames.append(frame)
        mark = self._registers[0x46] | (self._registers[0x47] & 0x1F) << 8
        self._flags[1] |= 2 if 0 < mark <= self._level() else 0

    def _feel(self, mg: list[float]) -> None:
        was, self._was_mg = self._was_mg, mg
        page = self._pages[1]
        threshold_mg = (page[14] | (page[15] & 7) << 8) * 1000 / 2048
        axes = page[13] >> 5
        slopes = [abs(a - b) for a, b in zip(mg, was, strict=True)] if was else [0.0] * 3
        moves = any(axes >> k & 1 and slopes[k] > threshold_mg for k in range(3))
        enabled = page[15] & 0x80 and self._registers[0x40] & 15 >= 7
        self._n_moving = self._n_moving + 1 if enabled and moves else 0
        per_20_ms = max(1, round(0.02 * self._rate_hz()))
        self._pulse = self._n_moving >= max(1, page[12] | (page[13] & 0x1F) << 8) * per_20_ms
        bit = (page[15] >> 3 & 15) - 1
        if self._pulse and bit >= 0:
            self._flags[0] |= 1 << bit

    def _level(self) -> int:
        return sum(map(len, self._frames)) - self._n_read

    def read(self, register: int) -> tuple[int, int]:
        """Return the byte at ``register`` and the register that a burst reads next."""
        self.advance()
        if self._now_us() < self._deaf_until_us:
            return 0, register + 1
        if register == 0x26:
            return self._pop(), register
        if register in (0x1C, 0x1D):
            value, self._flags[register - 0x1C] = self._flags[register - 0x1C], 0
            return value, register + 1
        if register == 0x21:
            loading = math.isinf(self._loaded_us) or self._now_us() < self._loaded_us
            return (0 if loading else 1 if self._is_loaded() else 2), register + 1
        if register in (0x22, 0x23):
            on = self._registers[0x7D] & 8 and self._is_loaded()
            word = round((self.temperature_c - 23) * 512) if on else -32768
            return low_high(word)[register & 1], register + 1
        if register in (0x24, 0x25):
            return low_high(self._level())[register & 1], register + 1
        if 0x30 <= register <= 0x3F:
            page = self._registers[0x2F] & 7
            if page == 0 and register == 0x3C and self._is_loaded():
                return self._cross & 0x7F, register + 1
            return self._pages[page][register - 0x30], register + 1
        return self._registers[register], register + 1

    def _pop(self) -> int:
        if not self._frames:
            return 0x80
        byte = self._frames[0][self._n_read]
        self._n_read += 1
        if self._n_read == len(self._frames[0]):
            self._frames.popleft()
            self._n_read = 0
        return byte

    def write(self, register: int, value: int) -> int:
        """Take a byte; return the register that a burst writes next."""
        self.advance()
        if self._now_us() < self._deaf_until_us:
            return register + 1
        r = self._registers
        if register == 0x7E:
            if value == 0xB6:
                self.brown_out()
            elif value == 0xB0:
                self._frames.clear()
                self._n_read = 0
            return register + 1
        if register == 0x5E:
            if not r[0x7C] & 1 and not r[0x59] & 1 and self._at < len(self._memory):
                self._memory[self._at] = value
                self._at += 1
            return register
        if 0x30 <= register <= 0x3F:
            self._pages[r[0x2F] & 7][register - 0x30] = value
            return register + 1
        if register in READ_ONLY:
            return register + 1
        if register == 0x59 and value & 1 and not r[0x59] & 1:
            self._loaded_us = self._now_us() + LOAD_US
        if register == 0x7D:
            if not value & 2:
                self._gyro_since_us = math.inf
            elif math.isinf(self._gyro_since_us):
                self._gyro_since_us = self._now_us()
        r[register] = value
        if register in (0x5B, 0x5C):
            self._at = 2 * (r[0x5B] & 15 | r[0x5C] << 4)
        if register == 0x49:
            self._frames.clear()  # frames of another kind
            self._n_read = 0
        self._retime()
        return register + 1
