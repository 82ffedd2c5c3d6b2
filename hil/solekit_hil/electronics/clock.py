"""One simulated time for all parts of a foot's electronics."""

from __future__ import annotations

TICKS_PERIOD = 1 << 30


class SimTime:
    """Time that moves when somebody waits or a part is busy; ``now_us`` is a float."""

    def __init__(self, now_us: float = 0.0) -> None:
        self.now_us = now_us

    def sleep_us(self, us: float) -> None:
        """Let ``us`` microseconds pass."""
        self.now_us += us

    def ticks_us(self) -> int:
        """Return the ticks that MicroPython would show."""
        return int(self.now_us) % TICKS_PERIOD

    @staticmethod
    def ticks_diff(end: int, start: int) -> int:
        """Return ``end`` - ``start`` in the sense of MicroPython."""
        half = TICKS_PERIOD // 2
        return (end - start + half) % TICKS_PERIOD - half
