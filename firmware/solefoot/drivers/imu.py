"""What every IMU with a FIFO has in common: axes, its own clock, errors that do not stop it."""

# pyright: reportAttributeAccessIssue=false
from array import array

TICKS_MASK: int = 0x3FFFFFFF
AXES = (0, 1, 2, 1, 1, 1)  # which chip axis is x, y, z of the foot, and their signs
OK: int = 0
ABSENT: int = 1
WRONG_ID: int = 2
BROWN_OUT: int = 3
NO_DATA: int = 4
_BASELINE: int = 4096  # samples between two anchors of the rate: 40 s at 100 Hz
_LEAST: int = 50  # samples below which the nominal rate is the better guess


class FifoClock:
    """When the samples of a FIFO were taken, by the caller's ticks.

    The rate is samples by time over a long baseline, good to one sample in all of it. The newest
    sample cannot be older than a period, nor younger than the read: that bounds its age.
    """

    def __init__(self, nominal_us: int) -> None:
        self._nominal16 = nominal_us * 16
        self._span = array("I", [0, 0])  # us since either anchor
        self._count = array("I", [0, 0])  # and samples
        self.restart()

    def restart(self) -> None:
        """Forget everything: samples were lost, or the chip began anew."""
        self.period_us16 = self._nominal16
        self._last = -1
        self._age16 = 0
        for i in range(2):
            self._span[i] = self._count[i] = 0

    @property
    def period_us(self) -> int:
        """Microseconds between two samples, rounded."""
        return (self.period_us16 + 8) >> 4

    @property
    def age_us(self) -> int:
        """How old the newest sample was at the last read."""
        return self._age16 >> 4

    def take(self, n: int, ticks: int) -> None:
        """Take note that ``n`` new samples were there at ``ticks``, and none is left."""
        if self._last < 0:
            if n:
                self._last = ticks
            return
        step = (ticks - self._last) & TICKS_MASK
        self._last = ticks
        if step > 2000000:  # nobody has asked for seconds: the FIFO may have overrun
            self.restart()
            return
        for i in range(2):
            self._span[i] += step
            self._count[i] += n
        if self._count[1] >= _BASELINE:  # the younger anchor is the older one from now on
            for values in (self._span, self._count):
                values[0] = values[1]
                values[1] = 0
        count = self._count[0]
        if count >= _LEAST:
            span = self._span[0]
            whole = span // count
            self.period_us16 = (whole << 4) + ((span - whole * count) << 4) // count
        age = self._age16 + (step << 4) - n * self.period_us16
        if age < 0:
            age = 0
        elif age > self.period_us16:
            age = self.period_us16
        self._age16 = age


class FifoImu:
    """Six axes through a FIFO; a chip defines ``_setup``, ``_read`` and ``_is_set_up``.

    ``axes``: six small ints, the chip's axis for x, y, z (forward, left, up) and the signs.
    ``n_axes`` 6: gyroscope, then acceleration; 3: acceleration only.
    """

    NAME = "IMU"
    accel_lsb_um_s2 = 4788  # 16 g in 32768
    gyro_lsb_urad_s = 1222  # 0.07 deg/s

    def __init__(self, registers, rate_hz, sleep_ms, axes=AXES, n_axes=6) -> None:
        if rate_hz not in self.RATES:
            raise ValueError(
                "%s: %r Hz is not one of %s" % (self.NAME, rate_hz, sorted(self.RATES))
            )
        if n_axes not in (3, 6):
            raise ValueError("%s: %r axes; it gives 6, or 3 of acceleration" % (self.NAME, n_axes))
        if len(axes) != 6 or sorted(axes[:3]) != [0, 1, 2] or not _are_signs(axes[3:]):
            raise ValueError("%s: axes %r are not 0, 1, 2 and three signs" % (self.NAME, axes))
        self._r = registers
        self._rate_hz = rate_hz
        self._sleep_ms = sleep_ms
        self._axes = tuple(axes)
        self._n_axes = n_axes
        self._clock = FifoClock(1000000 // rate_hz)
        self.n_overruns = 0
        self.n_restarts = -1
        self.restart()

    @property
    def imu_period_us(self) -> int:
        """Measured microseconds between two samples."""
        return self._clock.period_us

    @property
    def imu_age_us(self) -> int:
        """Age of the newest sample at the last read."""
        return self._clock.age_us

    def restart(self) -> None:
        """Set the chip up from nothing; OSError if it is not there."""
        try:
            self._r.wake()
            found = self._r.read(self.ID_REGISTER)
        except OSError:
            raise OSError("%s does not answer at %s" % (self.NAME, self._r.name)) from None
        if found != self.ID:
            raise OSError(
                "%s at %s: chip id 0x%02x, expected 0x%02x"
                % (self.NAME, self._r.name, found, self.ID)
            )
        self._setup()
        self._clock.restart()
        self.n_restarts += 1

    def read_into(self, words, ticks) -> int:
        """Fill ``words`` (i16) with whole samples, oldest first; return how many.

        ``ticks`` is now. What does not fit stays in the FIFO. OSError: no answer this time.
        """
        room = len(words) // self._n_axes
        n = self._read(words, room)
        if n < room:
            self._clock.take(n, ticks)
        elif n:
            self._clock.restart()  # more is waiting: the age of the newest is not known
        return n

    def check(self) -> int:
        """Return OK, or what is wrong: ABSENT, WRONG_ID, BROWN_OUT, NO_DATA."""
        try:
            if self._r.read(self.ID_REGISTER) != self.ID:
                return WRONG_ID
            if not self._is_set_up():
                return BROWN_OUT
            self._flush()
            self._sleep_ms(3000 // self._rate_hz + 5)
            return OK if self._level() else NO_DATA
        except OSError:
            return ABSENT

    def _put(self, words, at, data, offset):
        """Write three words of ``data`` in the axes of the foot."""
        axes = self._axes
        i = 0
        while i < 3:
            k = offset + 2 * axes[i]
            v = data[k] | data[k + 1] << 8
            if v > 32767:
                v -= 65536
            if axes[3 + i] < 0:
                v = 32767 if v == -32768 else -v
            words[at + i] = v
            i += 1


def _are_signs(values):
    for value in values:
        if value not in (1, -1):
            return False
    return True
