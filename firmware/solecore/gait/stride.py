"""What is kept of a contact: durations, peak, pressure-time integral, the path of the CoP."""

from array import array

from solecore.gait import ticks as _ticks

MAX_INTEGRAL: int = 0x3FFFFFFF
MAX_STRIDE_US: int = 3000000  # a later contact begins a new walk
_POINTS: int = 64
FLAT_US: int = 25000  # heel and forefoot within this of each other: a flat landing

UNKNOWN: int = 0
HEEL: int = 1
FLAT: int = 2
FOREFOOT: int = 3


class StrideAccumulator:
    """Values of the contact in progress, and of the one that a later contact completes."""

    def __init__(self) -> None:
        self._x = array("H", [0] * _POINTS)
        self._y = array("H", [0] * _POINTS)
        self.cop = array("H", [0] * 6)  # x, y at start, middle, end; 1/16 of the geometry's unit
        self._heel_ticks = 0
        self._fore_ticks = 0
        self.begin(0, 0)
        self.is_open = False

    def begin(self, ticks, wraps):
        """Start a contact at its initial contact."""
        self.is_open = True  # a contact whose IC is known is in progress
        self.has_ended = False  # a contact whose toe off is known waits to be reported
        self.ic_ticks = ticks
        self.ic_wraps = wraps
        self.stance_us = 0
        self.peak = 0
        self.integral = 0
        self.n_active = 0
        self.strike = UNKNOWN
        self._n = 0
        self._every = 1
        self._skip = 0

    def add(self, force, sum_x, sum_y, n_active):
        """Take one frame of stance; ``sum_x`` and ``sum_y`` are force times u8 coordinate."""
        if force > self.peak:
            self.peak = force
        self.integral = (
            self.integral + force if force <= MAX_INTEGRAL - self.integral else MAX_INTEGRAL
        )
        if n_active > self.n_active:
            self.n_active = n_active
        if force == 0:
            return
        self._skip += 1
        if self._skip < self._every:
            return
        self._skip = 0
        if self._n == _POINTS:  # full: keep every other point and take half as many from now on
            i = 0
            while i < _POINTS // 2:
                self._x[i] = self._x[2 * i]
                self._y[i] = self._y[2 * i]
                i += 1
            self._n = _POINTS // 2
            self._every *= 2
        # The sixteenths of the remainder apart: 16 * sum passes 2**30 on a large, loaded sole.
        self._x[self._n] = ((sum_x // force) << 4) + ((sum_x % force) << 4) // force
        self._y[self._n] = ((sum_y // force) << 4) + ((sum_y % force) << 4) // force
        self._n += 1

    def end(self, ticks, wraps):
        """Close the stance at toe off; one whose IC is unknown leaves nothing."""
        if not self.is_open:
            return
        self.is_open = False
        self.has_ended = True
        self.stance_us = _ticks.elapsed(ticks, wraps, self.ic_ticks, self.ic_wraps)
        cop = self.cop
        n = self._n
        i = 0
        while i < 6:
            cop[i] = 0
            i += 1
        if n:
            cop[0] = self._x[0]
            cop[1] = self._y[0]
            cop[2] = self._x[n // 2]
            cop[3] = self._y[n // 2]
            cop[4] = self._x[n - 1]
            cop[5] = self._y[n - 1]

    def heel_down(self, ticks):
        """Note when the heel came down."""
        self._heel_ticks = ticks
        if self.strike == UNKNOWN:
            self.strike = HEEL
        elif self.strike == FOREFOOT:
            self._compare(ticks, self._fore_ticks)

    def forefoot_down(self, ticks):
        """Note when the forefoot came down."""
        self._fore_ticks = ticks
        if self.strike == UNKNOWN:
            self.strike = FOREFOOT
        elif self.strike == HEEL:
            self._compare(self._heel_ticks, ticks)

    def _compare(self, heel, fore):
        later = _ticks.diff(fore, heel)
        if later <= FLAT_US or _ticks.diff(heel, fore) <= FLAT_US:
            self.strike = FLAT
        else:
            self.strike = HEEL if later < MAX_STRIDE_US else FOREFOOT
