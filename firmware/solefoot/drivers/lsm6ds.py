"""ST LSM6DSOX and LSM6DS3TR-C: +-16 g, +-2000 deg/s, FIFO in continuous mode.

Register facts are those of the data sheets, from memory; not yet run on a chip.
"""

# pyright: reportAttributeAccessIssue=false
from solefoot.drivers.imu import AXES, FifoImu

_CTRL1_XL: int = 0x10
_CTRL2_G: int = 0x11
_CTRL3_C: int = 0x12
_OUT_TEMP: int = 0x20
_FIFO_STATUS: int = 0x3A
_WAKE_UP_THS: int = 0x5B
_WAKE_UP_DUR: int = 0x5C
_MD1_CFG: int = 0x5E
_RESET: int = 0x01
_BDU_AND_INCREMENT: int = 0x44
_ACCEL_16_G: int = 0x04
_GYRO_2000_DPS: int = 0x0C
_WAKE_TO_INT1: int = 0x20
_INTERRUPTS: int = 0x80
_ACCEL_26_HZ: int = 0x20
_CONTINUOUS: int = 0x06
_MOST: int = 24  # samples of one burst


class _Lsm6ds(FifoImu):
    """What both chips share."""

    ID_REGISTER = 0x0F
    RATES = {104: 0x40, 208: 0x50}  # the code lies in the high nibble

    def __init__(self, registers, rate_hz, sleep_ms, axes=AXES, n_axes=6) -> None:
        size = _MOST * self.SAMPLE
        self._buf = bytearray(size)
        view = memoryview(self._buf)
        # One view for each length: a slice would allocate at every read.
        self._views = [view[: n * self.WORD] for n in range(size // self.WORD + 1)]
        self._status = bytearray(2)
        FifoImu.__init__(self, registers, rate_hz, sleep_ms, axes, n_axes)

    def _setup(self):
        r = self._r
        r.write(_CTRL3_C, _RESET)
        self._sleep_ms(1)
        r.write(_CTRL3_C, _BDU_AND_INCREMENT)
        self._set_fifo(0)  # bypass: empty
        r.write(_CTRL1_XL, self.RATES[self._rate_hz] | _ACCEL_16_G)
        r.write(_CTRL2_G, self.RATES[self._rate_hz] | _GYRO_2000_DPS)
        self._sleep_ms(80)  # the gyroscope's turn-on time
        self._set_fifo(_CONTINUOUS)

    def _is_set_up(self):
        rate = self.RATES[self._rate_hz]
        r = self._r
        return (
            r.read(_CTRL1_XL) == rate | _ACCEL_16_G and r.read(_CTRL2_G) == rate | _GYRO_2000_DPS
        )

    def _flush(self):
        self._set_fifo(0)
        self._set_fifo(_CONTINUOUS)
        self._clock.restart()

    def temperature_c10(self) -> int:
        """Return the temperature of the chip in tenths of a degree."""
        r = self._r
        v = r.read(_OUT_TEMP) | r.read(_OUT_TEMP + 1) << 8
        return 250 + ((v - 65536 if v > 32767 else v) * 10 >> 8)

    def sleep_until_motion(self, threshold_mg: int) -> None:
        """Keep only the accelerometer, slow; INT1 rises when it moves by ``threshold_mg``."""
        steps = threshold_mg * 64 // 16000
        if not 0 < steps < 64:
            raise ValueError("%s: motion of %d mg, from 250 to 15999" % (self.NAME, threshold_mg))
        r = self._r
        self._set_fifo(0)
        r.write(_CTRL2_G, 0)
        r.write(_CTRL1_XL, _ACCEL_26_HZ | _ACCEL_16_G)
        r.write(_WAKE_UP_THS, steps)
        r.write(_WAKE_UP_DUR, 0)
        r.write(_MD1_CFG, _WAKE_TO_INT1)
        r.write(self.TAP_CFG, _INTERRUPTS)

    def wake(self) -> None:
        """Measure again after ``sleep_until_motion``."""
        self.restart()


class Lsm6dsox(_Lsm6ds):
    """LSM6DSOX (and LSM6DSO): words of seven bytes, each with a tag."""

    NAME = "LSM6DSOX"
    ID = 0x6C
    TAP_CFG = 0x58
    WORD = 7
    SAMPLE = 14
    _FIFO_CTRL3 = 0x09
    _FIFO_CTRL4 = 0x0A
    _FIFO_TAG = 0x78

    def __init__(self, registers, rate_hz, sleep_ms, axes=AXES, n_axes=6) -> None:
        self._gyro = bytearray(6)  # of the sample whose acceleration is still to come
        self._has_gyro = False
        _Lsm6ds.__init__(self, registers, rate_hz, sleep_ms, axes, n_axes)

    def _set_fifo(self, mode):
        rate = self.RATES[self._rate_hz]
        self._r.write(self._FIFO_CTRL3, rate | rate >> 4)
        self._r.write(self._FIFO_CTRL4, mode)
        self._has_gyro = False

    def _level(self):
        status = self._status
        self._r.read_into(_FIFO_STATUS, status)
        if status[1] & 0x48:  # overrun, now or since the last look
            self.n_overruns += 1
            self._clock.restart()
        return status[0] | (status[1] & 3) << 8

    def _read(self, words, room):
        n_words = self._level()
        most = 2 * (room if room < _MOST else _MOST)
        if n_words > most:
            n_words = most
        if not n_words:
            return 0
        buf = self._buf
        self._r.read_into(self._FIFO_TAG, self._views[n_words])
        step = self._n_axes
        n = at = 0
        end = 7 * n_words
        while at < end:
            tag = buf[at] >> 3
            if tag == 1:
                i = 0
                while i < 6:
                    self._gyro[i] = buf[at + 1 + i]
                    i += 1
                self._has_gyro = True
            elif tag == 2 and (self._has_gyro or step == 3):
                if step == 6:
                    self._put(words, n * step, self._gyro, 0)
                self._put(words, n * step + step - 3, buf, at + 1)
                self._has_gyro = False
                n += 1
            at += 7
        return n


class Lsm6ds3trc(_Lsm6ds):
    """LSM6DS3TR-C: bare words of 16 bits in a pattern of six."""

    NAME = "LSM6DS3TR-C"
    ID = 0x6A
    TAP_CFG = 0x58
    WORD = 12
    SAMPLE = 12
    _FIFO_CTRL3 = 0x08
    _FIFO_CTRL5 = 0x0A
    _FIFO_PATTERN = 0x3C
    _FIFO_DATA = 0x3E

    def _set_fifo(self, mode):
        self._r.write(self._FIFO_CTRL3, 0x09)  # neither sensor is decimated
        self._r.write(self._FIFO_CTRL5, self.RATES[self._rate_hz] >> 1 | mode)

    def _level(self):
        status = self._status
        self._r.read_into(_FIFO_STATUS, status)
        if status[1] & 0x40:
            self.n_overruns += 1
            self._clock.restart()
            self._align()
        return status[0] | (status[1] & 7) << 8

    def _align(self):
        """Read on to the first word of a sample: an overrun may have cut one in two."""
        r = self._r
        for _ in range(6):
            if not r.read(self._FIFO_PATTERN):
                return
            r.read_into(self._FIFO_DATA, self._status)

    def _read(self, words, room):
        n = self._level() // 6
        if n > room:
            n = room
        if n > _MOST:
            n = _MOST
        if not n:
            return 0
        buf = self._buf
        self._r.read_into(self._FIFO_DATA, self._views[n])
        step = self._n_axes
        i = 0
        while i < n:
            if step == 6:
                self._put(words, i * step, buf, 12 * i)
            self._put(words, i * step + step - 3, buf, 12 * i + 6)
            i += 1
        return n
