"""What a board does beside sampling: collect garbage, mind the battery, feed the dog, sleep."""

import gc

from solecore.gait import ticks as _ticks
from solecore.gait.contacts import STANCE

COLLECT_US: int = 1000000  # collect in the first swing after so long
COLLECT_ANYWAY_US: int = 5000000  # and if there is none: who stands still makes no swing
BATTERY_US: int = 10000000
LOW_MV: int = 3400  # under load; below it flash writes become a risk
HIGH_MV: int = 3550
SLEEP_US: int = 60000000


class Idleness:
    """Decide when to sleep: no load and no host for ``SLEEP_US``."""

    def __init__(self, ticks: int) -> None:
        self._since = ticks

    def is_over(self, ticks: int, is_loaded: bool, has_host: bool) -> bool:
        """Return whether it is time to sleep; to be asked at least every few minutes."""
        if is_loaded or has_host:
            self._since = ticks
            return False
        return _ticks.diff(ticks, self._since) >= SLEEP_US


class BatteryWatch:
    """Tell a low battery from a good one, with a gap between the two."""

    def __init__(self) -> None:
        self.is_low = False

    def has_changed(self, mv: int) -> bool:
        """Take a reading in millivolts (0: unknown); return whether ``is_low`` is another now."""
        if not mv or (mv <= HIGH_MV if self.is_low else mv >= LOW_MV):
            return False
        self.is_low = not self.is_low
        return True


class Upkeep:
    """All of it for one App, a turn at a time."""

    def __init__(self, app) -> None:
        self._app = app
        self._feed = getattr(app.board, "feed", None)
        now = app.clock.ticks_us()
        self._collected = self._looked = now
        self._idleness = Idleness(now)
        self._battery = BatteryWatch()

    def turn(self) -> None:
        """Do what is due."""
        app = self._app
        if self._feed is not None:
            self._feed()
        now = app.sampler.now()
        is_loaded = app.sampler.detector.state == STANCE
        since = _ticks.diff(now, self._collected)
        if since > COLLECT_ANYWAY_US or (since > COLLECT_US and not is_loaded):
            self._collect(now)
        if _ticks.diff(now, self._looked) > BATTERY_US:
            self._looked = now
            if self._battery.has_changed(app.board.battery()[0]):
                app.power(self._battery.is_low)
        if self._idleness.is_over(now, is_loaded, app.has_host):
            app.wants_sleep = True

    def _collect(self, now):
        clock = self._app.clock
        self._collected = now
        before = clock.ticks_us()
        gc.collect()
        pause = _ticks.diff(clock.ticks_us(), before)
        if pause > self._app.gc_pause_us:
            self._app.gc_pause_us = pause
