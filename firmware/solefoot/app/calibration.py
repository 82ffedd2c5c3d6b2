"""Calibration on the foot: zero, gain, equalise.

A job is a watcher of the sampler: ``frame`` sees every frame and allocates nothing; once it
``is_full`` its ``finish`` writes the table in place. Integers only. Loaded when first needed.
"""

import gc
from array import array

from solecore.gait.contacts import STANCE

ZERO_US: int = 3000000
LEVEL_US: int = 1000000
MAX_FRAMES: int = 300  # of a mean: 300 x MOVING fits an i16
MOVING: int = 100  # raw counts from the first frame: more is no noise
STRAY_PCT: int = 2  # of the cells may do so all the same: they are broken
LOADED: int = 64  # raw counts above the known zero that set the upper cells apart: load
LOADED_NEW: int = 400  # the same before the first zero: films differ without load
NO_LOAD: int = 32  # raw counts: less is no level to learn a gain from
EQUALISE_FRAMES: int = 600  # with load
MAX_LEVELS: int = 16
MAX_RATIO: int = 16  # of a level to the first
DOUBTFUL: int = 5  # times more or less than the others: no gain, but a fault
_FULL_GAIN: int = 65535
_FIRST: int = 1024  # the first level in the sums of squares
_PART: int = 16  # bits of fraction
_LOADED_CELL: int = 512  # 2 calibrated counts, times 256


class NotDoneError(ValueError):
    """A calibration that found no sound result; the text says why."""


def isqrt(value):
    """Return the whole part of the square root."""
    root = 0
    bit = 1 << 30
    while bit > value:
        bit >>= 2
    while bit:
        if value >= root + bit:
            value -= root + bit
            root = (root >> 1) + bit
        else:
            root >>= 1
        bit >>= 2
    return root


def _room(code, n):
    gc.collect()  # what the last request left must not scatter these
    return array(code, bytes(n * {"H": 2, "h": 2, "I": 4}[code]))


class Mean:
    """Mean of every cell over ``duration_us`` at rest, as the first frame and what came on top."""

    def __init__(self, settings, duration_us) -> None:
        n = settings.geometry.n_cells
        frames = max(8, duration_us // settings.period_us)
        self._every = (frames + MAX_FRAMES - 1) // MAX_FRAMES
        self.n_wanted = frames // self._every
        self.n_frames = 0
        self._skip = 0
        self._n = n
        self._first = _room("H", n)
        self._sum = _room("h", n)
        self._square = 0  # of all deviations, over 16
        self._most = n * STRAY_PCT // 100
        self._has_moved = False

    @property
    def is_full(self) -> bool:
        """Whether the frames are there, or can no longer come."""
        return self._has_moved or self.n_frames >= self.n_wanted

    def frame(self, raw, _cells, _detector) -> None:
        """Add one frame."""
        if self._skip:
            self._skip -= 1
            return
        if self._has_moved or self.n_frames >= self.n_wanted:
            return
        self._skip = self._every - 1
        first = self._first
        total = self._sum
        n = self._n
        i = 0
        if self.n_frames == 0:
            while i < n:
                first[i] = raw[i]
                i += 1
        else:
            square = 0
            n_strays = 0
            while i < n:
                d = raw[i] - first[i]
                if d:
                    if d > MOVING:
                        d = MOVING
                        n_strays += 1
                    elif d < -MOVING:
                        d = -MOVING
                        n_strays += 1
                    total[i] += d
                    square += d * d
                i += 1
            self._square += square >> 4
            if n_strays > self._most:
                self._has_moved = True
        self.n_frames += 1

    def check(self) -> None:
        """Raise NotDoneError if it was no rest."""
        if self._has_moved:
            raise NotDoneError(
                "the cells moved by more than %d counts: keep the load as it is" % MOVING
            )

    def mean(self, i):
        """Return the mean of cell ``i``."""
        n = self.n_frames
        value = self._first[i] + (self._sum[i] + (n >> 1)) // n
        return value if value > 0 else 0

    def noise16(self):
        """Return the SD of a cell, all together, in 1/16 raw count."""
        n = self.n_frames
        about_means = self._square << 4
        for i in range(self._n):
            about_means -= self._sum[i] * self._sum[i] // n
        return isqrt(max(0, about_means * 256 // (self._n * (n - 1))))


class Zero(Mean):
    """Base, noise and dead-band without load."""

    def __init__(self, settings) -> None:
        Mean.__init__(self, settings, ZERO_US)

    def finish(self, calibration, result) -> None:
        """Write the base and the dead-band; NotDoneError while there is load."""
        self.check()
        n = self._n
        table = calibration.table
        known = calibration.steps & calibration.ZEROED
        spread = self._spread(table if known else None)
        if spread > (LOADED if known else LOADED_NEW):
            raise NotDoneError(
                "some cells read %d counts above others: take the load off the insole" % spread
            )
        gain = 0
        for i in range(n):
            table[i] = self.mean(i)
            gain += table[n + i]
        result.noise = self.noise16()
        # 3 SD in calibrated counts, rounded up.
        band = (3 * result.noise * (gain // n) + (1 << 20) - 1) >> 20
        table[2 * n] = min(255, max(2, band))
        calibration.steps |= calibration.ZEROED
        calibration.mark_zero()

    def _spread(self, base):
        """Return how far the upper cells lie above the lower ones, one in twenty left out."""
        bins = array("H", bytes(2 * 256))
        for i in range(self._n):
            value = self.mean(i)
            if base is not None:
                value = value - base[i] + 512
            bins[min(255, max(0, value) >> 4)] += 1
        out = self._n // 20
        low = 0
        count = bins[0]
        while count <= out:
            low += 1
            count += bins[low]
        high = 255
        count = bins[255]
        while count <= out:
            high -= 1
            count += bins[high]
        return (high - low) << 4


class Levels:
    """Known uniform loads one after the other; the gain of a cell is their least squares."""

    def __init__(self, settings) -> None:
        n = settings.geometry.n_cells
        self._n = n
        self._areas = settings.geometry.table  # behind x and y
        self._first_un = 0
        self._n_levels = 0
        self._fx = _room("I", n)
        self._xx = _room("I", n)

    def check(self, force_un) -> None:
        """Raise NotDoneError for a level that cannot be added."""
        if not force_un:
            raise NotDoneError("value is the force on one cell in micronewtons, not 0")
        if self._n_levels >= MAX_LEVELS:
            raise NotDoneError("%d levels are enough; keep or reset" % MAX_LEVELS)
        if self._first_un and force_un // MAX_RATIO >= self._first_un:
            raise NotDoneError(
                "%d uN is over %d times the first level, %d uN"
                % (force_un, MAX_RATIO, self._first_un)
            )

    def add(self, force_un, mean, base) -> None:
        """Add the level of ``force_un`` on a cell of mean area, which read ``mean``."""
        n = self._n
        total = 0
        for i in range(n):
            total += max(0, mean.mean(i) - base[i])
        if total < NO_LOAD * n:
            raise NotDoneError(
                "the cells rose by %d counts, too little for a level" % (total // n)
            )
        self._first_un = self._first_un or force_un
        self._n_levels += 1
        f = force_un * _FIRST // self._first_un
        areas = self._areas
        area = 0
        for i in range(2 * n, 3 * n):
            area += areas[i]
        area //= n
        for i in range(n):
            x = max(0, mean.mean(i) - base[i])
            self._fx[i] += f * areas[2 * n + i] // area * x
            self._xx[i] += x * x

    def solve(self, table, lsb_un):
        """Write the gains; return the force of a count and the number of doubtful cells.

        ``lsb_un`` 0: chosen so that 16 raw counts of a typical cell are one calibrated count.
        """
        n = self._n
        low, high = 0, 1 << 30
        for _ in range(2):  # the mean, then that of those which are not far from it
            total = n_used = 0
            for i in range(n):
                response = self._response(i)
                if low <= response <= high and response:
                    total += response
                    n_used += 1
            typical = total // n_used
            low, high = typical // DOUBTFUL, typical * DOUBTFUL
        un = (self._first_un << _PART) // _FIRST  # divided by a response: of a raw count
        lsb_un = lsb_un or max(1, un * 16 // typical)
        n_doubtful = 0
        for i in range(n):
            response = self._response(i)
            if not low <= response <= high:
                response = typical
                n_doubtful += 1
            table[n + i] = min(_FULL_GAIN, un * 65536 // (response * lsb_un))
        return lsb_un, n_doubtful

    def _response(self, i):
        """Return the raw counts of cell i per load by least squares, as a fixed-point number."""
        return (self._xx[i] << _PART) // self._fx[i] if self._fx[i] else 0


class Gain(Mean):
    """One more level of ``levels``: ``force_un`` on every cell."""

    def __init__(self, settings, levels, force_un, lsb_un) -> None:
        levels.check(force_un)
        Mean.__init__(self, settings, LEVEL_US)
        self._levels = levels
        self._force_un = force_un
        self._lsb_un = lsb_un

    def finish(self, calibration, result) -> None:
        """Write the gains that all levels so far give."""
        self.check()
        table = calibration.table
        self._levels.add(self._force_un, self, table)
        lsb_un, result.n_doubtful = self._levels.solve(
            table, self._lsb_un or calibration.force_lsb_un
        )
        calibration.force_lsb_un = lsb_un
        calibration.steps |= calibration.GAINED


class Equalise:
    """Gain of each cell against the median of its neighbourhood, from frames with load."""

    def __init__(self, settings, n_wanted) -> None:
        self._cols = settings.geometry.cols
        if not self._cols:
            raise NotDoneError("cells of %s have no neighbours; use gain" % settings.geometry.name)
        self.n_wanted = min(60000, n_wanted or EQUALISE_FRAMES)
        self.n_frames = 0
        self._n = settings.geometry.n_cells
        self._table = settings.calibration.table
        self._sum = _room("I", self._n)

    @property
    def is_full(self) -> bool:
        """Whether the frames are there."""
        return self.n_frames >= self.n_wanted

    def frame(self, raw, _cells, detector) -> None:
        """Add one frame with load."""
        if detector.state != STANCE or self.n_frames >= self.n_wanted:
            return
        total = self._sum
        base = self._table
        n = self._n
        i = 0
        while i < n:
            above = raw[i] - base[i]
            if above > 0:
                total[i] += above
            i += 1
        self.n_frames += 1

    def finish(self, calibration, result) -> None:
        """Write the gains."""
        n, cols = self._n, self._cols
        table = self._table
        mean = self._sum
        for i in range(n):  # calibrated counts, times 256
            mean[i] = (mean[i] // self.n_frames) * table[n + i] >> 8
        result.n_doubtful = 0
        n_done = 0
        for i in range(n):
            around = neighbours(mean, i, cols, n)
            around = [value for value in around if value >= _LOADED_CELL]
            if len(around) < 6:
                continue
            around.append(mean[i])
            around.sort()
            middle = around[len(around) >> 1]
            gain = table[n + i] * middle // mean[i] if mean[i] else 0
            if mean[i] * DOUBTFUL < middle or mean[i] > DOUBTFUL * middle or gain > _FULL_GAIN:
                result.n_doubtful += 1
            else:
                table[n + i] = gain
                n_done += 1
        if not n_done:
            raise NotDoneError("no cell had load on all sides: walk while it runs")
        calibration.steps |= calibration.EQUALISED


def neighbours(values, i, cols, n):
    """Return the values around cell ``i`` of a grid, at most eight."""
    out = []
    col = i % cols
    for at in (i - cols, i, i + cols):
        if 0 <= at < n:
            if col:
                out.append(values[at - 1])
            if at != i:
                out.append(values[at])
            if col < cols - 1:
                out.append(values[at + 1])
    return out
