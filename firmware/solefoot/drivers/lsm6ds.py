"""LSM6DSOX and LSM6DS3TR-C: one register map for the sensors, two kinds of FIFO.

Registers and bits from ST's data sheets, from memory and checked against public headers; not run
on a chip. +-16 g and +-2000 deg/s; interrupt pin 1 wakes.
"""

from solefoot.drivers.imu import BURST, SETTLE_US, XYZ, Imu, word_of

_WHO_AM_I: int = 0x0F
_CTRL1_XL: int = 0x10  # acceleration: rate, range
_CTRL2_G: int = 0x11
_CTRL3_C: int = 0x12
_CTRL6_C: int = 0x15
_OUT_TEMP: int = 0x20
_WAKE_UP_SRC: int = 0x1B
_FIFO_STATUS1: int = 0x3A
_WAKE_UP_THS: int = 0x5B
_WAKE_UP_DUR: int = 0x5C
_MD1_CFG: int = 0x5E

_RESET: int = 0x05  # with the address counting on
_BLOCK_UPDATE: int = 0x44
_RANGE_16_G: int = 0x04
_RANGE_2_G: int = 0x00
_RANGE_2000_DPS: int = 0x0C
_CONTINUOUS: int = 6
_LOW_POWER: int = 0x10
_WAKE_ON_INT1: int = 0x20
_CODE_26_HZ: int = 2


class _Lsm6(Imu):
    rates_hz = (26, 52, 104, 208)
    gyro_lsb_urad_s = 1222  # 0.07 deg/s
    _id_register = _WHO_AM_I
    _config_register = _CTRL1_XL

    def __init__(
        self, registers, sleep_us, rate_hz: int = 104, accel_only: bool = False, axes=XYZ
    ) -> None:
        registers.prepare(0)
        Imu.__init__(self, registers, sleep_us, rate_hz, accel_only, axes)

    def temperature_c10(self) -> int:
        """Return the chip's temperature in tenths of a degree Celsius."""
        pair = bytearray(2)
        self._registers.read_into(_OUT_TEMP, pair)
        return 250 + (word_of(pair[0], pair[1]) * 10 >> 8)

    def _start(self):
        write = self._registers.write
        self._open_chip()
        write(_CTRL3_C, _RESET)
        self._sleep_us(1000)
        write(_CTRL3_C, _BLOCK_UPDATE)

    def _run(self):
        write = self._registers.write
        code = self.rates_hz.index(self.rate_hz) + _CODE_26_HZ
        self._config = code << 4 | _RANGE_16_G
        write(_CTRL1_XL, self._config)
        write(_CTRL2_G, 0 if self.accel_only else code << 4 | _RANGE_2000_DPS)
        self._sleep_us(SETTLE_US)
        self._fill(code)

    def _sleep(self, threshold_mg):
        threshold = threshold_mg * 64 // 2000
        if not 0 < threshold < 64:
            raise ValueError("%s threshold_mg=%r, 32 to 1999" % (self.name, threshold_mg))
        write = self._registers.write
        self._empty()
        write(_CTRL2_G, 0)
        write(_CTRL6_C, _LOW_POWER)
        write(_CTRL1_XL, _CODE_26_HZ << 4 | _RANGE_2_G)
        self._sleep_us(SETTLE_US)
        write(_WAKE_UP_DUR, 0)
        write(_WAKE_UP_THS, threshold)
        self._latch(True)
        write(_MD1_CFG, _WAKE_ON_INT1)

    def _leave_sleep(self):
        write = self._registers.write
        write(_MD1_CFG, 0)
        self._latch(False)
        self._registers.read(_WAKE_UP_SRC)
        write(_CTRL6_C, 0)

    def _flush(self):
        self._empty()
        self._go_on()

    def _fill(self, code):
        """Let the FIFO take every sample at the rate of ``code``."""
        raise NotImplementedError

    def _empty(self):
        raise NotImplementedError

    def _go_on(self):
        raise NotImplementedError

    def _latch(self, on):
        """Switch interrupts that stay on, or off."""
        raise NotImplementedError


class Lsm6dsox(_Lsm6):
    """LSM6DSOX (or LSM6DSO): a FIFO of 512 tagged words."""

    name = "LSM6DSOX"
    chip_id = 0x6C

    _FIFO_CTRL3 = 0x09
    _FIFO_CTRL4 = 0x0A
    _CTRL9_XL = 0x18
    _TAP_CFG0 = 0x56
    _TAP_CFG2 = 0x58
    _FIFO_DATA_OUT_TAG = 0x78

    _NO_I3C = 0xE2
    _FIFO_WORDS = 512
    _TAG_GYRO = 1
    _TAG_ACCEL = 2
    _NONE = -1

    def __init__(
        self, registers, sleep_us, rate_hz: int = 104, accel_only: bool = False, axes=XYZ
    ) -> None:
        size = 7 if accel_only else 14
        self._bytes = bytearray(BURST * size)
        view = memoryview(self._bytes)
        self._views = [view[:n] for n in range(0, len(view) + 1, 7)]
        self._status = bytearray(2)
        # Slots of words that wait for their other half, of the next transfer.
        self._gyro_slot = self._accel_slot = self._NONE
        _Lsm6.__init__(self, registers, sleep_us, rate_hz, accel_only, axes)

    def _start(self):
        _Lsm6._start(self)
        self._registers.write(self._CTRL9_XL, self._NO_I3C)

    def _fill(self, code):
        self._registers.write(self._FIFO_CTRL3, code if self.accel_only else code << 4 | code)
        self._go_on()

    def _empty(self):
        self._registers.write(self._FIFO_CTRL4, 0)
        self._gyro_slot = self._accel_slot = self._NONE

    def _go_on(self):
        self._registers.write(self._FIFO_CTRL4, _CONTINUOUS)

    def _latch(self, on):
        self._registers.write(self._TAP_CFG0, 0x01 if on else 0)
        self._registers.write(self._TAP_CFG2, 0x80 if on else 0)

    def _level(self):
        status = self._status
        self._registers.read_into(_FIFO_STATUS1, status)
        n = status[0] | (status[1] & 3) << 8
        if n > self._FIFO_WORDS:
            return -2
        if status[1] & 0x48:  # full now, or was since the last look
            return -1
        return n if self.accel_only else n + self._n_waiting() >> 1

    def _n_waiting(self):
        return 1 if self._gyro_slot >= 0 or self._accel_slot >= 0 else 0

    def _burst(self, words, at, n):
        data, raw = self._bytes, self._raw
        per_sample = self.n_words
        n_tagged = n if self.accel_only else 2 * n - self._n_waiting()
        self._registers.read_into(self._FIFO_DATA_OUT_TAG, self._views[n_tagged])
        end = at + n
        i = at
        start = 0
        while start < 7 * n_tagged:
            tag = data[start] >> 3
            slot = data[start] >> 1 & 3
            base = 0
            if self.accel_only:
                if tag == self._TAG_ACCEL:
                    self._gyro_slot = slot
                    self._accel_slot = slot
            elif tag == self._TAG_GYRO:
                self.n_slips += self._gyro_slot >= 0
                self._gyro_slot = slot
            elif tag == self._TAG_ACCEL:
                self.n_slips += self._accel_slot >= 0
                self._accel_slot = slot
                base = 3
            if tag == self._TAG_GYRO or tag == self._TAG_ACCEL:
                k = 0
                while k < 3:
                    value = data[start + 1 + 2 * k] | data[start + 2 + 2 * k] << 8
                    raw[base + k] = value - 65536 if value > 32767 else value
                    k += 1
                if self._gyro_slot >= 0 and self._gyro_slot == self._accel_slot:
                    if i < end:
                        self._put(0, words, i * per_sample)
                        i += 1
                    self._gyro_slot = self._accel_slot = self._NONE
            start += 7
        return i - at


class Lsm6ds3trc(_Lsm6):
    """LSM6DS3TR-C: a FIFO of 2048 words, gyroscope and acceleration in turn, without tags."""

    name = "LSM6DS3TR-C"
    chip_id = 0x6A

    _FIFO_CTRL3 = 0x08
    _FIFO_CTRL5 = 0x0A
    _FIFO_DATA_OUT = 0x3E
    _TAP_CFG = 0x58

    def __init__(
        self, registers, sleep_us, rate_hz: int = 104, accel_only: bool = False, axes=XYZ
    ) -> None:
        self._status = bytearray(4)
        self._fifo_mode = 0
        self._views = []
        _Lsm6.__init__(self, registers, sleep_us, rate_hz, accel_only, axes)
        view = memoryview(self._raw)
        self._views = [view[: self.n_words * n] for n in range(BURST + 1)]
        self._word = view[:1]

    def _fill(self, code):
        self._registers.write(self._FIFO_CTRL3, 0x01 if self.accel_only else 0x09)
        self._fifo_mode = code << 3 | _CONTINUOUS
        self._go_on()

    def _empty(self):
        self._registers.write(self._FIFO_CTRL5, 0)

    def _go_on(self):
        self._registers.write(self._FIFO_CTRL5, self._fifo_mode)

    def _latch(self, on):
        self._registers.write(self._TAP_CFG, 0x81 if on else 0)

    def _level(self):
        status = self._status
        self._registers.read_into(_FIFO_STATUS1, status)
        n = status[0] | (status[1] & 7) << 8
        if status[1] & 0x40:
            return -1
        place = status[2] | (status[3] & 3) << 8  # of the next word in the pattern
        if place >= self.n_words:
            return -2
        if place and n:
            self.n_slips += 1
            while place < self.n_words and n:
                self._registers.read_into(self._FIFO_DATA_OUT, self._word)
                place += 1
                n -= 1
        return n // self.n_words

    def _burst(self, words, at, n):
        size = self.n_words
        self._registers.read_into(self._FIFO_DATA_OUT, self._views[n])
        i = 0
        while i < n:
            self._put(i * size, words, (at + i) * size)
            i += 1
        return n
