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


def _slot(j):
    """Return where point ``j`` of a contact lies.

    When there are twice as many points as places, each later one takes the place of one that lies
    between two kept ones: none is ever moved.
    """
    while j >= _POINTS:
        half = _POINTS
        step = 1
        while j >= 2 * half:
            half *= 2
            step *= 2
        j += step - half
    return j


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
        self._n_seen = 0
        self._every = 1  # how far the points kept are apart

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
        j = self._n_seen
        self._n_seen = j + 1
        if j & (self._every - 1):
            return
        if j == _POINTS * self._every:  # full: every other point makes room for a new one
            self._every *= 2
        j = _slot(j)
        # The sixteenths of the remainder apart: 16 * sum passes 2**30 on a large, loaded sole.
        self._x[j] = ((sum_x // force) << 4) + ((sum_x % force) << 4) // force
        self._y[j] = ((sum_y // force) << 4) + ((sum_y % force) << 4) // force

    def end(self, ticks, wraps):
        """Close the stance at toe off; one whose IC is unknown leaves nothing."""
        if not self.is_open:
            return
        self.is_open = False
        self.has_ended = True
        self.stance_us = _ticks.elapsed(ticks, wraps, self.ic_ticks, self.ic_wraps)
        i = 0
        while i < 6:
            self.cop[i] = 0
            i += 1
        if self._n_seen:
            last = (self._n_seen - 1) // self._every
            self._put(0, 0)
            self._put(2, (last + 1) // 2 * self._every)
            self._put(4, last * self._every)

    def _put(self, i, j):
        self.cop[i] = self._x[_slot(j)]
        self.cop[i + 1] = self._y[_slot(j)]

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
