"""BMI270; it needs the vendor's configuration of 8 kB after each power-on, which is not ours.

Registers and bits from Bosch's data sheet, from memory and checked against public headers; not
run on a chip. +-16 g and +-2000 deg/s, FIFO without headers; interrupt pin 1 wakes.
"""

from solefoot.drivers.imu import BURST, SETTLE_US, XYZ, Imu, word_of

_CHIP_ID: int = 0x00
_INT_STATUS_1: int = 0x1D
_INTERNAL_STATUS: int = 0x21
_TEMPERATURE: int = 0x22
_FIFO_DATA: int = 0x26
_FEAT_PAGE: int = 0x2F
_GYR_CAS: int = 0x3C  # of page 0
_ANYMO_1: int = 0x3C  # of page 1
_ACC_CONF: int = 0x40
_ACC_RANGE: int = 0x41
_GYR_CONF: int = 0x42
_GYR_RANGE: int = 0x43
_FIFO_DOWNS: int = 0x45
_FIFO_CONFIG_0: int = 0x48
_FIFO_CONFIG_1: int = 0x49
_INT1_IO_CTRL: int = 0x53
_INT_LATCH: int = 0x55
_INT1_MAP_FEAT: int = 0x56
_INIT_CTRL: int = 0x59
_INIT_ADDR_0: int = 0x5B
_INIT_DATA: int = 0x5E
_PWR_CONF: int = 0x7C
_PWR_CTRL: int = 0x7D
_CMD: int = 0x7E

_SOFT_RESET: int = 0xB6
_FIFO_FLUSH: int = 0xB0
_INIT_OK: int = 1
_CONFIG_BYTES: int = 8192
_FIFO_BYTES: int = 2048
_NEARLY_FULL: int = 2000  # whole frames are dropped to make room: a full FIFO never shows 2048
_CODE_25_HZ: int = 6
_CODE_50_HZ: int = 7
_RANGE_16_G: int = 3
_RANGE_2000_DPS: int = 0
_ACC_ON: int = 0x04
_GYR_ON: int = 0x02
_TEMP_ON: int = 0x08
_POWER_UP_US: int = 450


class Bmi270(Imu):
    """BMI270; ``configuration`` is the vendor's file, open for reading bytes, or chunks of it.

    Chunks must be there again for a restart: a list, not a generator. All of it is read.
    """

    name = "BMI270"
    chip_id = 0x24
    rates_hz = (25, 50, 100, 200)
    gyro_lsb_urad_s = 1065  # 2000 / 32768 deg/s
    _id_register = _CHIP_ID
    _config_register = _PWR_CTRL

    def __init__(
        self,
        registers,
        sleep_us,
        configuration,
        rate_hz: int = 100,
        accel_only: bool = False,
        axes=XYZ,
    ) -> None:
        registers.prepare(1)
        self._configuration = configuration
        self._status = bytearray(9)
        self._cross = 0  # of z on x, in 1/512
        Imu.__init__(self, registers, sleep_us, rate_hz, accel_only, axes)
        view = memoryview(self._raw)
        self._views = [view[: self.n_words * n] for n in range(BURST + 1)]

    def temperature_c10(self) -> int:
        """Return the chip's temperature in tenths of a degree; OSError while it has none."""
        pair = bytearray(2)
        self._registers.read_into(_TEMPERATURE, pair)
        value = word_of(pair[0], pair[1])
        if value == -32768:
            raise OSError("BMI270: no temperature yet")
        return 230 + (value * 10 >> 9)

    def _start(self):
        registers = self._registers
        self._wake_bus()
        self._open_chip()
        registers.write(_CMD, _SOFT_RESET)
        self._sleep_us(2000)
        self._wake_bus()
        registers.write(_PWR_CONF, 0)
        self._sleep_us(_POWER_UP_US)
        registers.write(_INIT_CTRL, 0)
        self._upload()
        registers.write(_INIT_CTRL, 1)
        status = 0
        for _ in range(30):
            self._sleep_us(5000)
            status = registers.read(_INTERNAL_STATUS) & 15
            if status == _INIT_OK:
                break
        else:
            raise OSError(
                "BMI270 refuses its configuration (status %d): is bmi270.bin the vendor's file?"
                % status
            )
        registers.write(_FEAT_PAGE, 0)
        cross = registers.read(_GYR_CAS) & 127
        self._cross = cross - 128 if cross > 63 else cross

    def _wake_bus(self):
        """Read something: the first reading after power-on makes the chip listen to SPI."""
        try:
            self._registers.read(_CHIP_ID)
        except OSError:
            pass  # whoever asks next finds out
        self._sleep_us(_POWER_UP_US)

    def _upload(self):
        source = self._configuration
        if source is None:
            raise OSError(
                "BMI270: its configuration is missing; put the vendor's 8192 bytes as bmi270.bin "
                "beside main.py"
            )
        registers = self._registers
        address = bytearray(2)
        at = 0
        for chunk in _chunks(source):
            if len(chunk) & 1:
                raise ValueError("BMI270 configuration: a chunk of %d bytes, odd" % len(chunk))
            address[0] = at >> 1 & 15
            address[1] = at >> 5
            registers.write_from(_INIT_ADDR_0, address)
            registers.write_from(_INIT_DATA, chunk)
            at += len(chunk)
        if at != _CONFIG_BYTES:
            raise OSError(
                "BMI270: its configuration has %d bytes, expected %d; is bmi270.bin whole?"
                % (at, _CONFIG_BYTES)
            )

    def _run(self):
        write = self._registers.write
        code = self.rates_hz.index(self.rate_hz) + _CODE_25_HZ
        self._config = _ACC_ON | _TEMP_ON | (0 if self.accel_only else _GYR_ON)
        write(_ACC_CONF, 0xA0 | code)  # performance, normal bandwidth
        write(_ACC_RANGE, _RANGE_16_G)
        write(_GYR_CONF, 0xE0 | code)
        write(_GYR_RANGE, _RANGE_2000_DPS)
        write(_PWR_CTRL, self._config)
        self._sleep_us(SETTLE_US)
        write(_FIFO_DOWNS, 0x88)  # filtered, every sample
        write(_FIFO_CONFIG_0, 0)  # the oldest makes room
        write(_FIFO_CONFIG_1, 0x40 if self.accel_only else 0xC0)
        self._flush()

    def _flush(self):
        self._registers.write(_CMD, _FIFO_FLUSH)
        self._registers.read(_INT_STATUS_1)

    def _is_configured(self):
        registers = self._registers
        return registers.read(_INTERNAL_STATUS) & 15 == _INIT_OK and Imu._is_configured(self)

    def _level(self):
        status = self._status
        self._registers.read_into(_INT_STATUS_1, status)  # to the end of FIFO_LENGTH
        n = status[7] | (status[8] & 63) << 8
        if status[4] & 15 != _INIT_OK or n > _FIFO_BYTES:
            return -2
        if status[0] & 1 or n >= _NEARLY_FULL:
            return -1
        return n // (2 * self.n_words)

    def _burst(self, words, at, n):
        size = self.n_words
        raw, cross = self._raw, self._cross
        self._registers.read_into(_FIFO_DATA, self._views[n])
        i = 0
        while i < n:
            base = i * size
            if size == 6 and cross:
                x = raw[base] - (raw[base + 2] * cross >> 9)
                raw[base] = -32768 if x < -32768 else 32767 if x > 32767 else x
            self._put(base, words, (at + i) * size)
            i += 1
        return n

    def _sleep(self, threshold_mg):
        threshold = threshold_mg * 2048 // 1000
        if not 0 < threshold < 2048:
            raise ValueError("BMI270 threshold_mg=%r, 1 to 999" % (threshold_mg,))
        write = self._registers.write
        write(_FIFO_CONFIG_1, 0)
        write(_PWR_CTRL, _ACC_ON)
        write(_ACC_CONF, 0x20 | _CODE_50_HZ)  # low power
        self._any_motion(0x8000 | threshold)
        write(_INT1_IO_CTRL, 0x0A)  # output, high
        write(_INT_LATCH, 1)
        write(_INT1_MAP_FEAT, 0x40)
        write(_PWR_CONF, 1)
        self._sleep_us(_POWER_UP_US)

    def _leave_sleep(self):
        write = self._registers.write
        write(_PWR_CONF, 0)
        self._sleep_us(_POWER_UP_US)
        write(_INT1_MAP_FEAT, 0)
        self._any_motion(0)
        write(_INT_LATCH, 0)
        self._registers.read(_INT_STATUS_1 - 1)

    def _any_motion(self, word):
        # All axes, for 40 ms; bit 6 of INT_STATUS_0.
        data = bytearray((2, 0xE0, word & 255, word >> 8 | 7 << 3))
        self._registers.write(_FEAT_PAGE, 1)
        self._registers.write_from(_ANYMO_1, data)


def _chunks(source):
    """Yield the bytes of a file, in one buffer, or of whatever chunks there are."""
    if not hasattr(source, "readinto"):
        yield from source
        return
    source.seek(0)
    buf = bytearray(64)
    while True:
        n = source.readinto(buf)
        if not n:
            return
        yield buf if n == len(buf) else buf[:n]
