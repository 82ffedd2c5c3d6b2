"""What every board does the same way: its parts as the App wants them, its clock, its cable."""

import select
import sys
import time

import machine
import micropython
from machine import Pin

ticks_us = time.ticks_us  # modulo 2**30 on every port with 31-bit small integers
ticks_diff = time.ticks_diff
sleep_us = time.sleep_us

_BATTERY_US: int = 10_000_000


def make_pin(gpio, level):
    """Return an output that begins at ``level``."""
    return Pin(gpio, Pin.OUT, value=level)


class Clock:
    """The board's own time."""

    ticks_us = staticmethod(time.ticks_us)

    def idle(self) -> None:
        """Wait for whatever comes next; the radio gets its turn."""
        machine.idle()


_dog_timer = None  # kept: what nobody holds is collected


def keep_fed(feed, timer) -> None:
    """Let hardware timer number ``timer`` feed the watchdog: the console has no loop to do it."""
    global _dog_timer
    _dog_timer = machine.Timer(
        timer, mode=machine.Timer.PERIODIC, period=2000, callback=lambda _: feed()
    )


class Cable:
    """The USB port as a byte stream: it is the interpreter's console at other times."""

    def __init__(self) -> None:
        micropython.kbd_intr(-1)  # byte 3 is data now
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._poll = select.poll()
        self._poll.register(self._in, select.POLLIN)

    def write(self, view):
        """Send ``view``; return the number of bytes taken."""
        return self._out.write(view)

    def read(self, n):
        """Return what has come in, at most ``n`` bytes; None if nothing has."""
        if not self._poll.poll(0):
            return None
        data = bytearray()
        while len(data) < n and self._poll.poll(0):
            data.extend(self._in.read(1))
        return bytes(data)

    def release(self) -> None:
        """Give the port back to the console: Ctrl-C is Ctrl-C again."""
        micropython.kbd_intr(3)


class Parts:
    """Readout, IMU, battery and watchdog of one board, as ``App`` wants its board."""

    def __init__(self, readout, imu, gauge, feed) -> None:
        self.readout = readout
        self.scan_into = readout.scan_into
        self.imu = imu
        self.gauge = gauge
        self.feed = feed
        self.n_imu_errors = 0
        self.imu_age_us = 0
        self.imu_period_us = 0
        self._battery = (0, 255)
        self._battery_ticks = None

    def read_imu_into(self, words) -> int:
        """Fill ``words`` with the samples since the last frame; return how many."""
        imu = self.imu
        if imu is None:
            return 0
        try:
            if imu.needs_restart:  # a brown-out, a loose wire
                imu.restart()
            n = imu.read_into(words, ticks_us())
        except OSError:
            self.n_imu_errors += 1
            return 0
        self.imu_age_us = imu.imu_age_us
        self.imu_period_us = imu.imu_period_us
        return n

    def battery(self):
        """Return millivolts and percent (0 and 255: unknown), asked every ten seconds."""
        now = ticks_us()
        if self.gauge is not None and (
            self._battery_ticks is None or ticks_diff(now, self._battery_ticks) > _BATTERY_US
        ):
            self._battery_ticks = now
            try:
                self._battery = self.gauge.read()
            except OSError:
                self._battery = (0, 255)
        return self._battery

    def unix_us(self) -> int:
        """Return the time of the board's clock; 0: nobody has set it, or there is none."""
        gmtime = getattr(time, "gmtime", None)
        if gmtime is None or gmtime()[0] < 2024:
            return 0
        # The epoch of a port is 1970 or 2000.
        return (_now_s() + (946684800 if gmtime(0)[0] == 2000 else 0)) * 1000000


_now_s = getattr(time, "time", int)
