"""LSM6DSOX and LSM6DS3TR-C down to their registers, for the drivers to talk to.

Modelled, after the public data sheets: identification, software reset, address increment; rates
from 12.5 to 416 Hz, ranges, 70 ms of nonsense while the gyroscope turns on; temperature; output
registers; the FIFO in continuous mode (bypass empties it) with level, watermark, full and overrun,
tags with slot and parity or the pattern; wake-up by the slope of the acceleration, latched or not,
on INT1; brown-outs. Both sensors must run at one rate and be batched at it. Not modelled: filters
and their delay, other FIFO modes, compression, time stamps, decimation, self-test, tap, tilt.
From memory and public headers; nothing was checked on a chip.
"""

from __future__ import annotations

import math
from collections import deque

from solekit_hil.electronics.bus_imu import G_M_S2, ImuPart, low_high

RATES_HZ = {1: 12.5, 2: 26.0, 3: 52.0, 4: 104.0, 5: 208.0, 6: 416.0}
ACCEL_RANGE_G = (2, 16, 4, 8)
GYRO_RANGE_DPS = (250, 500, 1000, 2000)
GYRO_ON_US = 70_000
READ_ONLY = {0x0F, *range(0x1A, 0x2E), *range(0x3A, 0x40), *range(0x78, 0x7F)}


class _Lsm6Chip(ImuPart):
    who_am_i = 0

    def _reset(self) -> None:
        self._registers = bytearray(128)
        self._registers[0x0F] = self.who_am_i
        self._registers[0x12] = 0x04
        self._out = [0] * 6
        self._was_mg: list[float] | None = None
        self._woke = False
        self._pulse = False
        self._is_overrun = False
        self._empty()

    def _empty(self) -> None:
        raise NotImplementedError

    def _is_batching(self) -> bool:
        raise NotImplementedError

    def _batch(self, gyro: list[int] | None, accel: list[int]) -> None:
        """Put the words of one slot into the FIFO."""
        raise NotImplementedError

    def _fifo(self, register: int) -> tuple[int, int] | None:
        """Return what a FIFO register reads and the next one, None if it is no such register."""
        raise NotImplementedError

    def _interrupts(self) -> tuple[bool, bool]:
        """Return whether interrupts are enabled, and latched."""
        raise NotImplementedError

    def choose_spi(self) -> bool:
        """Return True: the chip answers to either bus at once."""
        return True

    @property
    def int1(self) -> bool:
        """Level of the interrupt pin 1."""
        self.advance()
        enabled, latched = self._interrupts()
        routed = bool(self._registers[0x5E] & 0x20)
        return enabled and routed and (self._woke if latched else self._pulse)

    def _code(self, register: int) -> int:
        return self._registers[register] >> 4

    def _rate_hz(self) -> float:
        return RATES_HZ.get(self._code(0x10), 0.0)

    def _take(self, t_us: float) -> None:
        gyro_dps = GYRO_RANGE_DPS[self._registers[0x11] >> 2 & 3]
        accel_g = ACCEL_RANGE_G[self._registers[0x10] >> 2 & 3]
        counts = self._counts(t_us, math.radians(gyro_dps * 3.5e-5), accel_g * G_M_S2 / 32768)
        gyro_on = self._code(0x11) == self._code(0x10)
        if t_us < self._gyro_since_us + GYRO_ON_US:
            counts[:3] = (0x5555,) * 3
        self._out = counts
        if self._is_batching():
            self._batch(counts[:3] if gyro_on else None, counts[3:])
        self._feel([count * accel_g * 1000 / 32768 for count in counts[3:]], accel_g)

    def _feel(self, mg: list[float], range_g: int) -> None:
        was, self._was_mg = self._was_mg, mg
        step_mg = range_g * 1000 / (256 if self._registers[0x5C] & 0x10 else 64)
        threshold_mg = (self._registers[0x5B] & 0x3F) * step_mg
        slope_mg = max(abs(a - b) / 2 for a, b in zip(mg, was, strict=True)) if was else 0.0
        self._pulse = self._interrupts()[0] and slope_mg > threshold_mg
        self._woke = self._woke or self._pulse

    def read(self, register: int) -> tuple[int, int]:
        """Return the byte at ``register`` and the register that a burst reads next."""
        self.advance()
        on = register + 1 if self._registers[0x12] & 0x04 else register
        found = self._fifo(register)
        if found is not None:
            return found
        if register == 0x1B:
            value, self._woke = 8 * self._woke, False
            return value, on
        if register in (0x20, 0x21):
            word = round((self.temperature_c - 25) * 256)
            return low_high(word)[register & 1], on
        if 0x22 <= register < 0x2E:
            return low_high(self._out[(register - 0x22) // 2])[register & 1], on
        return self._registers[register], on

    def write(self, register: int, value: int) -> int:
        """Take a byte; return the register that a burst writes next."""
        self.advance()
        if register == 0x12 and value & 1:
            self.brown_out()  # all registers, as at power-on
            return register + 1
        if register not in READ_ONLY:
            if register == 0x11:
                if not value >> 4:
                    self._gyro_since_us = math.inf
                elif math.isinf(self._gyro_since_us):
                    self._gyro_since_us = self._now_us()
            self._registers[register] = value
            if not self._is_continuous():
                self._empty()
            self._retime()
        return register + 1 if self._registers[0x12] & 0x04 else register

    def _is_continuous(self) -> bool:
        raise NotImplementedError


class Lsm6dsoxChip(_Lsm6Chip):
    """LSM6DSOX: 512 words of a tag and six bytes."""

    who_am_i = 0x6C
    n_most = 512

    def _reset(self) -> None:
        self._slot = 0
        super()._reset()
        self._registers[0x18] = 0xE0

    def _empty(self) -> None:
        self._words: deque[bytes] = deque()
        self._word = bytes(7)
        self._is_overrun = self._is_full = False

    def _is_continuous(self) -> bool:
        return self._registers[0x0A] & 7 == 6

    def _is_batching(self) -> bool:
        accel, gyro = self._registers[0x09] & 15, self._registers[0x09] >> 4
        same = accel == self._code(0x10) and gyro in (0, accel)
        return self._is_continuous() and same and self._code(0x11) in (0, accel)

    def _batch(self, gyro: list[int] | None, accel: list[int]) -> None:
        if gyro is not None and self._registers[0x09] >> 4:
            self._put(1, gyro)
        self._put(2, accel)
        self._slot = (self._slot + 1) % 4

    def _put(self, sensor: int, counts: list[int]) -> None:
        tag = sensor << 3 | self._slot << 1
        tag |= tag.bit_count() & 1
        if len(self._words) == self.n_most:
            self._words.popleft()
            self._is_overrun = True
        self._words.append(bytes((tag,)) + b"".join(map(low_high, counts)))

    def _fifo(self, register: int) -> tuple[int, int] | None:
        n = len(self._words)
        if register == 0x3A:
            return n & 0xFF, 0x3B
        if register == 0x3B:
            mark = self._registers[0x07] | (self._registers[0x08] & 1) << 8
            value = n >> 8 & 3 | (8 if self._is_overrun else 0)
            value |= 0x20 if n >= self.n_most - 2 else 0
            value |= 0x40 if n == self.n_most else 0
            value |= 0x80 if 0 < mark <= n else 0
            self._is_overrun = False  # the latched flag goes with the reading
            return value, 0x3C
        if register == 0x78:
            self._word = self._words.popleft() if self._words else bytes(7)
        if 0x78 <= register <= 0x7E:
            return self._word[register - 0x78], 0x78 if register == 0x7E else register + 1
        return None

    def _interrupts(self) -> tuple[bool, bool]:
        return bool(self._registers[0x58] & 0x80), bool(self._registers[0x56] & 1)


class Lsm6ds3trcChip(_Lsm6Chip):
    """LSM6DS3TR-C: a FIFO of 4 kB without tags; the pattern says whose turn it is."""

    who_am_i = 0x6A
    n_most = 2046  # words; the level has 11 bits

    def _empty(self) -> None:
        self._words: deque[int] = deque()
        self._place = 0
        self._is_overrun = False

    def _is_continuous(self) -> bool:
        return self._registers[0x0A] & 7 == 6

    def _has_gyro(self) -> bool:
        return self._registers[0x08] >> 3 & 7 == 1

    def _is_batching(self) -> bool:
        fifo_code = self._registers[0x0A] >> 3 & 15
        same = fifo_code == self._code(0x10) and self._code(0x11) in (0, fifo_code)
        return self._is_continuous() and same and self._registers[0x08] & 7 == 1

    def _batch(self, gyro: list[int] | None, accel: list[int]) -> None:
        words = ((gyro or [0, 0, 0]) if self._has_gyro() else []) + accel
        while len(self._words) + len(words) > self.n_most:
            for _ in words:  # a whole turn of the pattern: the place stays
                self._words.popleft()
            self._is_overrun = True
        self._words.extend(words)

    def _fifo(self, register: int) -> tuple[int, int] | None:
        n = len(self._words)
        if register == 0x3A:
            return n & 0xFF, 0x3B
        if register == 0x3B:
            mark = self._registers[0x06] | (self._registers[0x07] & 7) << 8
            value = n >> 8 & 7 | (0x10 if not n else 0) | (0x40 if self._is_overrun else 0)
            value |= 0x20 if n >= self.n_most - 6 else 0
            return value | (0x80 if 0 < mark <= n else 0), 0x3C
        if register == 0x3C:
            return self._place, 0x3D
        if register == 0x3D:
            return 0, 0x3E
        if register == 0x3E:
            return (low_high(self._words[0])[0] if n else 0), 0x3F
        if register == 0x3F:
            if not n:
                return 0, 0x3E
            self._is_overrun = False
            self._place = (self._place + 1) % (6 if self._has_gyro() else 3)
            return low_high(self._words.popleft())[1], 0x3E
        return None

    def _interrupts(self) -> tuple[bool, bool]:
        return bool(self._registers[0x58] & 0x80), bool(self._registers[0x58] & 1)
