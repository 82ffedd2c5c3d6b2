"""What every IMU driver does the same way: axes, samples in order, true rate, faults.

A driver adds what its chip needs: ``_start``, ``_run``, ``_level``, ``_burst``, ``_flush``.
"""

from array import array

from solecore.wire import codes

XYZ = (0, 1, 2, 1, 1, 1)  # sources of x, y, z among the chip's axes, then their signs
BURST: int = 8  # samples of one transfer: 0.3 ms a sample at 400 kHz

_TICKS_MASK: int = (1 << 30) - 1
_PAUSE_US: int = 5000000  # nobody sampled: what waits in the FIFO is old
_LONGEST_US: int = 600000  # a wait from which the clock can go on: products stay below 2**30
_SILENT_US: int = 500000  # and 8 periods
_CHECK_READS: int = 32
SETTLE_US: int = 100000  # filters and gyroscope after power-on
_READINGS: int = 2048  # that the line of the clock reaches back, at most
_FIRST_READINGS: int = 12  # weight of the nominal period


class SampleClock:
    """The true period of a chip's samples and the age of the newest, from counts and times.

    A line through samples counted over time of reading, by least squares as it grows and over the
    last 1000 to 2000 readings after that. The newest sample is taken to be half a period old on
    average: when a reading falls is unrelated to the chip's clock. ``period`` is in 1/4096 us,
    ``age_us16`` in 1/16 us; 25 Hz and more.
    """

    def __init__(self, rate_hz: int) -> None:
        self.period = 1024000000 // rate_hz * 4
        self._least = self.period - self.period // 8
        self._most = self.period + self.period // 8
        self.age_us16 = 0
        self._readings = 0  # behind the period
        self._samples = 0
        self.resume()

    def resume(self) -> None:
        """Find the age anew, with the period known so far: samples were lost, or nobody looked."""
        self.age_us16 = self.period >> 9
        self._age_readings = _FIRST_READINGS

    def step(self, n_new: int, elapsed_us: int) -> None:
        """Take note of ``n_new`` samples in the ``elapsed_us`` since the last step."""
        if elapsed_us > _LONGEST_US:
            self.resume()
            return
        period = self.period
        age = self.age_us16 + (elapsed_us << 4) - ((n_new * (period >> 2)) >> 6)
        error = age - (period >> 9)
        bound = period >> 7  # two periods
        if error > 2 * bound or error < -2 * bound:
            self.resume()
            return
        bound = min(bound, 600000)
        error = bound if error > bound else -bound if error < -bound else error
        if not self._readings:
            self._readings = _FIRST_READINGS
            self._samples = _FIRST_READINGS * (n_new or 1)
        k = self._readings + 1
        n = self._samples + n_new
        self.age_us16 = age - error * 4 // (self._age_readings + 4)
        period += (error * 1536 + (k * n >> 1)) // (k * n)
        least, most = self._least, self._most
        self.period = least if period < least else most if period > most else period
        if k >= _READINGS:
            k >>= 1
            n >>= 1
        self._readings = k
        self._samples = n
        self._age_readings = min(self._age_readings + 1, k)


class Imu:
    """A chip with a FIFO; gyroscope x, y, z, then acceleration x, y, z, or the latter alone.

    ``imu_age_us`` is the age of the newest sample returned, ``imu_period_us`` the true period
    (nominal until some seconds have passed), ``period_us16`` the same in 1/16 us; the delay of the
    chip's filters is in neither. ``n_overruns`` counts how often the FIFO ran over, ``n_slips``
    samples that came incomplete, ``n_errors`` failed transfers, ``n_restarts`` what it says.
    """

    name = "IMU"
    chip_id: int = 0
    rates_hz = ()
    accel_lsb_um_s2: int = 4788  # 16 g / 32768
    gyro_lsb_urad_s: int = 0
    _id_register: int = 0
    _config_register: int = 0
    _config: int = 0

    def __init__(self, registers, sleep_us, rate_hz, accel_only, axes) -> None:
        if rate_hz not in self.rates_hz:
            raise ValueError("%s rate_hz=%r, one of %s" % (self.name, rate_hz, self.rates_hz))
        self._axes = _checked(axes)
        self._registers = registers
        self._sleep_us = sleep_us
        self.rate_hz = rate_hz
        self.accel_only = accel_only
        self.n_words = 3 if accel_only else 6
        self.n_overruns = 0
        self.n_slips = 0
        self.n_errors = 0
        self.n_restarts = 0
        self.needs_restart = False
        self.is_asleep = False
        self.imu_age_us = 0
        self._clock = SampleClock(rate_hz)
        self._raw = array("h", bytes(2 * BURST * self.n_words))
        self._is_open = False  # a reading has been taken
        self._ticks = 0
        self._left = 0  # samples in the FIFO after the last reading
        self._silent_us = 0
        self._n_reads = 0
        self._start()
        self._run()

    @property
    def period_us16(self) -> int:
        """The true period of the samples in 1/16 us."""
        return self._clock.period >> 8

    @property
    def imu_period_us(self) -> int:
        """The true period of the samples in us."""
        return self._clock.period + 2048 >> 12

    def read_into(self, words, ticks_us: int) -> int:
        """Fill ``words`` with whole samples, oldest first; return how many.

        OSError: nothing was read; where ``needs_restart`` says so it stays like that until
        ``restart``. The first reading, also after a pause, empties the FIFO and returns 0.
        """
        if self.is_asleep:
            return 0
        if self.needs_restart:
            raise OSError("%s: lost its settings, restart it" % self.name)
        elapsed_us = (ticks_us - self._ticks) & _TICKS_MASK
        n = 0
        try:
            if not self._is_open or elapsed_us > _PAUSE_US:
                self._begin(ticks_us)
                return 0
            level = self._level()
            if level > self._left or level == -1:
                self._silent_us = 0
            else:
                self._silent_us += elapsed_us
            self._n_reads += 1
            if level < -1 or self._n_reads >= _CHECK_READS or self._is_silent():
                self._look()
            if level < 0:
                self.n_overruns += 1
                self._begin(ticks_us)
                return 0
            self._ticks = ticks_us
            new = level - self._left
            self._left = level
            self._clock.step(new if new > 0 else 0, elapsed_us)
            room = len(words) // self.n_words
            if room > level:
                room = level
            while n < room:
                k = min(room - n, BURST)
                n += self._burst(words, n, k)
                self._left -= k
                room = min(room, n + self._left)
        except OSError:
            self.n_errors += 1
            if not n:
                raise
        age = self._clock.age_us16
        age = 0 if age < 0 else age >> 4
        self.imu_age_us = age + (self._left * (self._clock.period >> 6) >> 6)
        return n

    def restart(self) -> None:
        """Reset the chip and set it up anew; OSError if it is gone."""
        self.needs_restart = True
        self.is_asleep = False
        self._is_open = False
        self._start()
        self._run()
        self.n_restarts += 1
        self.needs_restart = False

    def check(self) -> int:
        """Return 0 or what is wrong (``codes``): absent, settings lost, no data, NACKs."""
        n_nacks = 0
        found = -1
        while n_nacks < 3:
            try:
                found = self._registers.read(self._id_register)
                break
            except OSError:
                n_nacks += 1
        self.n_errors += n_nacks
        if found != self.chip_id:
            return codes.IMU_ABSENT
        try:
            if self.needs_restart or not self._is_configured():
                return codes.IMU_BROWN_OUT
            self._sleep_us(3000000 // self.rate_hz)
            level = self._level()
        except OSError:
            self.n_errors += 1
            return codes.I2C_NACK
        if level < 0:
            self._is_open = False  # it ran over while nobody read
        if not level:
            return codes.IMU_NO_DATA
        return codes.I2C_NACK if n_nacks else 0

    def sleep_until_motion(self, threshold_mg: int) -> None:
        """Stop sampling, save power and raise the interrupt pin 1 when something moves.

        The pin stays high until ``wake``. ValueError names the thresholds that the chip has.
        """
        self._sleep(threshold_mg)
        self.is_asleep = True

    def wake(self) -> None:
        """Sample again."""
        self._leave_sleep()
        self._run()
        self._is_open = False
        self.is_asleep = False

    def _open_chip(self):
        """Raise OSError with the chip's name unless it is there."""
        try:
            found = self._registers.read(self._id_register)
        except OSError as error:
            problem = "no answer (%s)" % error
        else:
            if found == self.chip_id:
                return
            problem = "id 0x%02x, expected 0x%02x" % (found, self.chip_id)
        raise OSError(
            "%s not found at %s: %s; check the wiring"
            % (self.name, self._registers.where, problem)
        )

    def _is_configured(self):
        return self._registers.read(self._config_register) == self._config

    def _is_silent(self):
        return self._silent_us > _SILENT_US and self._silent_us > 8 * self.imu_period_us

    def _look(self):
        """Raise OSError if the chip has lost its settings or gives no samples."""
        self._n_reads = 0
        if self._is_configured() and not self._is_silent():
            return
        self.needs_restart = True
        raise OSError("%s: lost its settings or its samples, restart it" % self.name)

    def _begin(self, ticks_us):
        self._flush()
        self._is_open = True
        self._ticks = ticks_us
        self._left = 0
        self._silent_us = 0
        self._n_reads = 0
        self._clock.resume()

    def _put(self, base, words, at):
        """Write the sample at ``base`` of the raw words in the axes of the board."""
        raw, axes = self._raw, self._axes
        end = at + self.n_words
        while at < end:
            i = 0
            while i < 3:
                value = raw[base + axes[i]]
                if axes[i + 3] < 0:
                    value = 32767 if value == -32768 else -value
                words[at + i] = value
                i += 1
            base += 3
            at += 3

    # What a chip adds.

    def _start(self):
        """Find the chip and reset it."""
        raise NotImplementedError

    def _run(self):
        """Set range and rate and begin to fill the FIFO."""
        raise NotImplementedError

    def _level(self) -> int:
        """Return the samples in the FIFO; -1: it ran over; -2: that cannot be."""
        raise NotImplementedError

    def _burst(self, words, at, n) -> int:
        """Read ``n`` samples to sample ``at`` of ``words``; return how many were whole."""
        raise NotImplementedError

    def _flush(self):
        """Empty the FIFO."""
        raise NotImplementedError

    def _sleep(self, threshold_mg):
        raise NotImplementedError

    def _leave_sleep(self):
        raise NotImplementedError


def _checked(axes):
    axes = tuple(axes)
    sources, signs = axes[:3], axes[3:]
    if sorted(sources) != [0, 1, 2] or len(signs) != 3 or any(s not in (1, -1) for s in signs):
        raise ValueError("axes %r, three of 0, 1, 2 and three signs, e.g. %r" % (axes, XYZ))
    x, y, _ = sources
    turn = 1 if (y - x) % 3 == 1 else -1  # of the permutation
    if turn * signs[0] * signs[1] * signs[2] < 0:
        raise ValueError("axes %r are a mirror image: no chip can be mounted like that" % (axes,))
    return axes


def word_of(low: int, high: int) -> int:
    """Return the signed number of two bytes."""
    value = low | high << 8
    return value - 65536 if value > 32767 else value
