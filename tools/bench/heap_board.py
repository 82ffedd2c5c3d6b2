# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
"""What the heap benchmark runs on the 32-bit MicroPython: prints JSON lines.

argv: a folder for log and settings, a file of raw frames (u16, 660 each), minutes to simulate, 1
to load every part of a real board or 0 for the App with its grid and its cable alone.
"""

import gc
import json
import sys
import time
from array import array

gc.threshold(1024)  # as a board's main does: what imports leave behind must not scatter the heap

FOLDER, FRAMES, MINUTES, WHOLE = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "1"
FRAMES_PER_S = 30
_level = 0


def put(**values):
    """Print one JSON line."""
    print(json.dumps(values))


def level():
    """Return the bytes in use after a collection."""
    gc.collect()
    return gc.mem_alloc()


def part(name):
    """Print what the part that was just made has taken."""
    global _level
    now = level()
    put(part=name, bytes=now - _level)
    _level = now


class Clock:
    """Virtual time."""

    ticks = 1000000

    def ticks_us(self):
        return self.ticks


class Port:
    """A host that listens, and asks twice a minute; ``write`` takes all."""

    def __init__(self):
        self.incoming = None
        self.n_bytes = 0

    def write(self, view):
        self.n_bytes += len(view)
        return len(view)

    def read(self, n):
        data = self.incoming
        self.incoming = None
        return data


class Board:
    """Frames of the virtual walker, again and again; the register readout scans if it is there.

    ``scan_into`` reads them from a file into the sampler's own buffer: no heap.
    """

    imu_age_us = 0
    imu_period_us = 0

    def __init__(self):
        self.file = open(FRAMES, "rb")
        self.grid = self.imu = self.gauge = None
        self.counts = None
        self.ticks = 0

    def scan_into(self, raw):
        if self.grid is not None:
            self.grid.scan_into(self.counts)
        if self.file.readinto(raw) < len(raw):
            self.file.seek(0)
            self.file.readinto(raw)

    def read_imu_into(self, words):
        if self.imu is None:
            return 4
        self.ticks = (self.ticks + 33333) & 0x3FFFFFFF
        return self.imu.read_into(words, self.ticks)

    def battery(self):
        return (4100, 95) if self.gauge is None else self.gauge.read()


class I2c:
    """Answers as chips would that are always ready: LSM6DSOX with four samples, MAX17048."""

    def __init__(self):
        self.registers = bytearray(256)
        self.registers[0x0F] = 0x6C
        self.registers[0x3A] = 8  # words that wait: four samples
        self.registers[0x09] = 0x12

    def readfrom_mem_into(self, address, register, buf):
        i = 0
        while i < len(buf):
            buf[i] = self.registers[(register + i) & 255]
            i += 1
        i = 0
        while register == 0x78 and i < len(buf):
            buf[i] = 0x10 if i % 14 else 0x08  # acceleration, gyroscope
            i += 7

    def writeto_mem(self, address, register, data):
        self.registers[register] = data[0]


class Radio:
    """As much of MicroPython's ``bluetooth`` as a link needs while nobody connects."""

    class BLE:
        def __init__(self):
            self.n = 8

        def __getattr__(self, name):
            return self.take

        def take(self, *args, **options):
            return b""

        def gatts_register_services(self, services):
            out = []
            for _, characteristics in services:
                handles = []
                for _ in characteristics:
                    self.n += 3
                    handles.append(self.n)
                out.append(tuple(handles))
            return tuple(out)

    @staticmethod
    def UUID(text):  # noqa: N802 - as MicroPython calls it
        return text


def make_pin(gpio, level):
    return None


def zero():
    return 0


def difference(a, b):
    return 1000


def no_sleep(us):
    pass


def open_readout(board):
    """Return what the reference board reads its grid with, on words in memory."""
    from solefoot.drivers.scan import kernels, plan
    from solefoot.drivers.scan.readout import ZERO_POTENTIAL, Circuit
    from solefoot.drivers.scan.register import RegisterGrid
    from solefoot.drivers.scan.wiring import Mux, Shift, Wiring

    words = plan.GpioWords(array("I", bytes(16)), 2, 3, 1)
    grid = RegisterGrid(
        Wiring(30, 22, Shift(3, 4, 10), Mux((5, 6, 7, 8, 9))),
        Circuit(ZERO_POTENTIAL, drive_mv=1650, reference_mv=1650, falls=1),
        *(make_pin, words, kernels.load(), array("I", bytes(4)), 0, zero, difference),
    )
    grid._plan[plan.COMMAND] |= 0x10000  # in memory "done" is what was written
    board.counts = array("H", bytes(2 * 660))
    return grid


def main():
    global _level
    _level = level()
    put(part="interpreter and this bench", bytes=_level)
    from solecore import kernels

    best = kernels.best()
    part("kernels")
    __import__("solecore.wire.messages")
    part("messages")
    from solecore.layouts import GRID_30X22, geometry
    from solefoot.app.profiles import profile
    from solefoot.app.settings import Settings

    settings = Settings(geometry(GRID_30X22, False), profile(GRID_30X22), 0, "HEAP", 1)
    part("settings, calibration table")
    from solefoot.app.app import App

    part("App, code")
    from solefoot.links.stream import StreamLink

    port = Port()
    link = StreamLink(port, best[0])
    part("cable link")
    clock = Clock()
    board = Board()
    extras = ()
    log = None
    if WHOLE:
        from solefoot.app.power import Power
        from solefoot.app.service import Service

        extras = (Power(), Service())
        part("service, power")
        from solefoot.app.store import Store

        settings.store = Store(FOLDER + "/data")
        part("store")
        from solefoot.app.log import FlashLog
        from solefoot.app.logstore import FileStore

        log = FlashLog(FileStore(FOLDER + "/log", 2000000), 1, best[0])
        part("flash log")
        board.grid = open_readout(board)
        part("readout by registers")
        from solefoot.drivers.bus import I2cRegisters
        from solefoot.drivers.lsm6ds import Lsm6dsox

        board.imu = Lsm6dsox(I2cRegisters(I2c(), 0x6A), no_sleep)
        part("IMU driver")
        from solefoot.drivers.battery import Max17048

        board.gauge = Max17048(I2c(), 0x36)
        part("fuel gauge")
        from solefoot.links.ble import BleLink

        about = "\0".join(("HEAP", GRID_30X22, "0", best[1]))
        radio = BleLink(Radio, clock, settings.store, 2, 0, 0, about, False)
        part("radio link")
        from solefoot.links.several import Links

        link = Links([link, radio])
        part("both links as one")
        from solefoot.app.slots import Slots
        from solefoot.app.update import Update

        extras += (Update(Slots(FOLDER), "a", b"", "x86", "bench"),)
        part("update")
    app = App(board, link, clock, settings, best, extras, log)
    from solefoot.app.upkeep import Upkeep

    upkeep = Upkeep(app)
    part("App, its buffers")
    app.start(settings.form, 0)
    gc.collect()
    gc.threshold(-1)
    start = level()
    put(total=start, free=gc.mem_free())
    run(app, upkeep, port, clock, settings.period_us, best[0])
    put(seq=list(app.sampler.seq), sent=port.n_bytes, drift=level() - start)


def run(app, upkeep, port, clock, period_us, kernels):
    """Walk for MINUTES of virtual time; print the level every tenth of it."""
    from solecore.wire import messages as m
    from solecore.wire.frame import encode_frame

    asked = encode_frame(m.PING.pack(1), kernels)
    n_frames = MINUTES * 60 * FRAMES_PER_S
    tenth = n_frames // 6
    pause = 0
    least = gc.mem_free()
    for i in range(1, n_frames + 1):
        clock.ticks = (clock.ticks + period_us) & m.TICKS_MASK
        if i % FRAMES_PER_S == 0:
            port.incoming = asked
        app.sample()
        app.serve()
        if i % FRAMES_PER_S == 0:
            upkeep.turn()
            least = min(least, gc.mem_free())
            before = time.ticks_us()
            gc.collect()
            pause = max(pause, time.ticks_diff(time.ticks_us(), before))
        if i % tenth == 0:
            put(minute=i // (60 * FRAMES_PER_S), bytes=level())
    put(pause_us=pause, least_free=least)


main()
