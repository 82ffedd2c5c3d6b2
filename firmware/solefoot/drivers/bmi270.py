"""Bosch BMI270: +-16 g, +-2000 deg/s, FIFO without headers.

The chip measures nothing before it has been given its maker's configuration of 8 kB at every
start. That file is not ours to ship: it comes with the maker's own driver and lies beside the
application as ``bmi270.bin``. Register facts are those of the data sheet, from memory; not yet run
on a chip.
"""

# pyright: reportAttributeAccessIssue=false
from solefoot.drivers.imu import AXES, FifoImu

_STATUS_INTERNAL: int = 0x21
_TEMPERATURE: int = 0x22
_FIFO_LENGTH: int = 0x24
_FIFO_DATA: int = 0x26
_FEAT_PAGE: int = 0x2F
_ANY_MOTION: int = 0x3C  # on page 1
_ACC_CONF: int = 0x40
_ACC_RANGE: int = 0x41
_GYR_CONF: int = 0x42
_GYR_RANGE: int = 0x43
_FIFO_CONFIG_0: int = 0x48
_FIFO_CONFIG_1: int = 0x49
_INT1_IO: int = 0x53
_INT1_MAP_FEATURE: int = 0x56
_INIT_CTRL: int = 0x59
_INIT_ADDRESS: int = 0x5B
_INIT_DATA: int = 0x5E
_PWR_CONF: int = 0x7C
_PWR_CTRL: int = 0x7D
_COMMAND: int = 0x7E
_SOFT_RESET: int = 0xB6
_FLUSH: int = 0xB0
_ACC_PERFORMANCE: int = 0xA0  # filter performance, normal bandwidth
_GYR_PERFORMANCE: int = 0xE0
_RANGE_16_G: int = 3
_RANGE_2000_DPS: int = 0
_ALL_ON: int = 0x0E  # gyroscope, accelerometer, temperature
_ACC_ON: int = 0x04
_FIFO_ACC_GYR: int = 0xC0  # both, no headers
_FIFO_BYTES: int = 2048
_SAMPLE: int = 12
_MOST: int = 24
_CHUNK: int = 32


class Bmi270(FifoImu):
    """``open_config()`` returns the maker's configuration as a binary file."""

    NAME = "BMI270"
    ID_REGISTER = 0x00
    ID = 0x24
    RATES = {100: 8, 200: 9}
    gyro_lsb_urad_s = 1065  # 2000 deg/s in 32768: 0.061 deg/s

    def __init__(self, registers, rate_hz, sleep_ms, open_config, axes=AXES, n_axes=6) -> None:
        self._open_config = open_config
        self._buf = bytearray(_MOST * _SAMPLE)
        view = memoryview(self._buf)
        self._views = [view[: n * _SAMPLE] for n in range(_MOST + 1)]
        self._length = bytearray(2)
        FifoImu.__init__(self, registers, rate_hz, sleep_ms, axes, n_axes)

    def _setup(self):
        r = self._r
        r.write(_COMMAND, _SOFT_RESET)
        self._sleep_ms(2)
        r.wake()  # a reset forgets which interface was chosen
        r.write(_PWR_CONF, 0)  # awake, else the upload is too fast for it
        self._sleep_ms(1)
        r.write(_INIT_CTRL, 0)
        self._upload()
        r.write(_INIT_CTRL, 1)
        self._sleep_ms(20)
        if r.read(_STATUS_INTERNAL) & 0x0F != 1:
            raise OSError("BMI270 does not take its configuration: is bmi270.bin whole?")
        rate = self.RATES[self._rate_hz]
        r.write(_ACC_CONF, _ACC_PERFORMANCE | rate)
        r.write(_ACC_RANGE, _RANGE_16_G)
        r.write(_GYR_CONF, _GYR_PERFORMANCE | rate)
        r.write(_GYR_RANGE, _RANGE_2000_DPS)
        r.write(_FIFO_CONFIG_0, 0)  # the oldest makes room; no time frames
        r.write(_FIFO_CONFIG_1, _FIFO_ACC_GYR)
        r.write(_PWR_CTRL, _ALL_ON)
        self._sleep_ms(50)
        r.write(_COMMAND, _FLUSH)

    def _upload(self):
        r = self._r
        try:
            file = self._open_config()
        except OSError:
            raise OSError(
                "BMI270 needs its maker's configuration: put bmi270.bin onto the board"
            ) from None
        words = 0
        try:
            while True:
                chunk = file.read(_CHUNK)
                if not chunk:
                    break
                r.write(_INIT_ADDRESS, words & 0x0F)
                r.write(_INIT_ADDRESS + 1, words >> 4)
                r.write_from(_INIT_DATA, chunk)
                words += len(chunk) // 2
        finally:
            file.close()

    def _is_set_up(self):
        r = self._r
        return (
            r.read(_ACC_CONF) == _ACC_PERFORMANCE | self.RATES[self._rate_hz]
            and r.read(_PWR_CTRL) == _ALL_ON
        )

    def _flush(self):
        self._r.write(_COMMAND, _FLUSH)
        self._clock.restart()

    def _level(self):
        length = self._length
        self._r.read_into(_FIFO_LENGTH, length)
        return length[0] | (length[1] & 0x3F) << 8

    def _read(self, words, room):
        level = self._level()
        if level > _FIFO_BYTES - _SAMPLE:  # full: whole frames have been overwritten
            self.n_overruns += 1
            self._clock.restart()
        n = level // _SAMPLE
        if n > room:
            n = room
        if n > _MOST:
            n = _MOST
        if not n:
            return 0
        buf = self._buf
        self._r.read_into(_FIFO_DATA, self._views[n])
        step = self._n_axes
        i = 0
        while i < n:
            if step == 6:
                self._put(words, i * step, buf, _SAMPLE * i)
            self._put(words, i * step + step - 3, buf, _SAMPLE * i + 6)
            i += 1
        return n

    def temperature_c10(self) -> int:
        """Return the temperature of the chip in tenths of a degree."""
        r = self._r
        v = r.read(_TEMPERATURE) | r.read(_TEMPERATURE + 1) << 8
        return 230 + ((v - 65536 if v > 32767 else v) * 10 >> 9)

    def sleep_until_motion(self, threshold_mg: int) -> None:
        """Keep only the accelerometer; INT1 rises when it moves by ``threshold_mg``."""
        steps = threshold_mg * 2048 // 1000
        if not 0 < steps < 2048:
            raise ValueError("BMI270: motion of %d mg, from 1 to 999" % threshold_mg)
        r = self._r
        r.write(_PWR_CTRL, _ACC_ON)
        r.write(_FEAT_PAGE, 1)
        settings = bytearray(4)
        settings[0] = 5  # samples in a row
        settings[1] = 0xE0  # all three axes
        settings[2] = steps & 0xFF
        settings[3] = 0x80 | steps >> 8  # on
        r.write_from(_ANY_MOTION, settings)
        r.write(_INT1_IO, 0x0A)  # output, high when it happens
        r.write(_INT1_MAP_FEATURE, 0x40)

    def wake(self) -> None:
        """Measure again after ``sleep_until_motion``."""
        self.restart()
