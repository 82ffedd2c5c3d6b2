# ruff: noqa: F821, E402
# pyright: reportMissingImports=false, reportUndefinedVariable=false, reportAttributeAccessIssue=false
"""What runs on the emulated microcontroller: prints JSON, instructions of each frame and stage.

The files beside it: ``spec`` (JSON: n_frames), ``frames`` (u16 counts of every
frame), ``table`` (calibration).
"""

import gc
import json
from array import array

import micropython

gc.threshold(1024)  # as a board's main does: what imports leave behind must not scatter the heap

from solecore import _plain, _viper, kernels
from solecore._plain import SUM_ACTIVE, SUM_F, SUM_FORE, SUM_HEEL, SUM_X, SUM_Y
from solecore.codec.encoder import FrameEncoder
from solecore.gait.contacts import STANCE, ContactDetector
from solecore.gait.stride import StrideAccumulator
from solecore.layouts import GRID_30X22, geometry
from solecore.wire import messages as m
from solefoot.app.app import App
from solefoot.app.profiles import profile
from solefoot.app.service import Service
from solefoot.app.settings import Calibration, Settings
from solefoot.drivers.scan import kernels as scan_kernels
from solefoot.drivers.scan import plan
from solefoot.drivers.scan.readout import ZERO_POTENTIAL, Circuit
from solefoot.drivers.scan.register import RegisterGrid
from solefoot.drivers.scan.wiring import Mux, Shift, Wiring
from solefoot.links.stream import StreamLink

N_LONG = 40  # rounds of random input that viper must survive


@micropython.viper
def now() -> int:
    """Return the counter of the board: 25 MHz, 1.6 counts an instruction at -icount shift=6."""
    counter = ptr32(0x40028018)
    return counter[0] & 0x3FFFFFFF


def instructions(start, end):
    """Return those between two readings, without the readings themselves."""
    return ((end - start) & 0x3FFFFFFF) * 10 // 16 - OVERHEAD


OVERHEAD = 0
OVERHEAD = min([instructions(now(), now()) for _ in range(5)])


def read(name):
    """Return the bytes of a file, where they lie."""
    return open("/flash/" + name).data


class Clock:
    """Ticks that the bench sets."""

    def __init__(self):
        self.ticks = 0

    def ticks_us(self):
        return self.ticks


class Port:
    """Takes all and gives nothing."""

    def write(self, view):
        return len(view)

    def read(self, n):
        return None


class Board:
    """The register readout of the reference board on words in memory: a conversion takes no time.

    Its counts go nowhere; the bench puts a person's into the sampler's buffer.
    """

    imu_age_us = 0
    imu_period_us = 0

    def __init__(self, n_samples):
        wiring = Wiring(30, 22, Shift(3, 4, 10), Mux((5, 6, 7, 8, 9)))
        circuit = Circuit(ZERO_POTENTIAL, drive_mv=1650, reference_mv=1650, falls=1)
        words = plan.GpioWords(array("I", bytes(16)), 2, 3, 1)
        self.grid = RegisterGrid(
            *(wiring, circuit, make_pin, words, scan_kernels.load()),
            *(array("I", bytes(4)), 0, ticks_us, ticks_diff),
        )
        self.grid._plan[plan.COMMAND] |= 0x10000  # in memory "done" is what was written
        self.grid._plan[plan.WAIT] = 0
        self.counts = array("H", bytes(2 * 660))
        self.n_samples = n_samples

    def scan_into(self, raw):
        self.grid.scan_into(self.counts)

    def read_imu_into(self, words):
        return self.n_samples

    def battery(self):
        return (4100, 95)


def make_pin(gpio, level):
    return None


def ticks_us():
    return 0


def ticks_diff(a, b):
    return 1000


def main():
    spec = json.loads(bytes(read("spec")))
    n_frames = spec["n_frames"]
    frames = read("frames")
    g = geometry(GRID_30X22, False)
    n = g.n_cells
    table = array("H", bytes(2 * (2 * n + 1)))
    _viper.copy8(read("table"), table, 2 * len(table), 0)
    best = kernels.best()
    settings = Settings(g, profile(GRID_30X22), 0, "BENCH", 1, Calibration(table, 1, 1000))
    period_us = settings.period_us
    clock = Clock()
    board = Board(settings.imu_per_frame)
    app = App(board, StreamLink(Port(), best[0]), clock, settings, best, (Service(),))
    app.start(settings.form, 0)
    raw = app.sampler._raw
    gc.collect()
    gc.threshold(-1)
    gc.disable()  # the bench collects where it counts
    used = gc.mem_alloc()
    rows = []
    for i in range(n_frames):
        clock.ticks += period_us
        _viper.copy8(frames[2 * n * i : 2 * n * (i + 1)], raw, 2 * n, 0)
        taken = micropython.mem_total()
        a = now()
        app.sample()
        b = now()
        taken = micropython.mem_total() - taken
        c = now()
        app.serve()
        d = now()
        gc.collect()
        e = now()
        rows.append(
            [app.sampler.detector.state == STANCE, taken]
            + [instructions(a, b), instructions(c, d), instructions(d, e)]
        )
    n_sent = list(app.sampler.seq)
    app = None
    gc.collect()
    stages(spec, settings, board, best[0], frames, rows)
    gc.enable()
    agree = kernels.self_test(_viper), same_long(n)
    print(
        json.dumps({"kernels": best[1], "agree": agree, "used": used, "seq": n_sent, "rows": rows})
    )


def stages(spec, settings, board, k, frames, rows):
    """Add to each row the stages apart, on the same frames."""
    n = settings.geometry.n_cells
    raw = array("H", bytes(2 * n))
    pair = (bytearray(n), bytearray(n))
    sums = array("I", bytes(4 * _plain.N_SUMS))
    zones = settings.geometry.zones()
    table = settings.calibration.table
    detector = ContactDetector(settings.period_us, 0, settings.noise)
    stride = StrideAccumulator()
    encoder = FrameEncoder(settings.form, n, 30, k)
    message = bytearray(m.MAX_MESSAGE + 4)
    link = StreamLink(Port(), k)
    ticks = 0
    for i in range(spec["n_frames"]):
        cells, before = pair[i & 1], pair[~i & 1]
        _viper.copy8(frames[2 * n * i : 2 * n * (i + 1)], raw, 2 * n, 0)
        ticks += settings.period_us
        t0 = now()
        board.scan_into(raw)
        t1 = now()
        k.calibrate(raw, table, cells, n)
        t2 = now()
        k.sums(cells, zones, sums, n)
        t3 = now()
        detector.step(sums[SUM_F], sums[SUM_HEEL], sums[SUM_FORE], ticks, 0)
        t4 = now()
        if detector.state == STANCE:
            stride.add(sums[SUM_F], sums[SUM_X], sums[SUM_Y], sums[SUM_ACTIVE])
        t5 = now()
        encoder.before = before
        end = encoder.code_into(cells, message, m.HEADER_SIZE)
        t6 = now()
        link.send(message, end)
        t7 = now()
        if not stride.is_open:
            stride.begin(0, 0)
        times = (t0, t1, t2, t3, t4, t5, t6, t7)
        rows[i] += [instructions(times[j], times[j + 1]) for j in range(7)]
        rows[i].append(end - m.HEADER_SIZE)
        gc.collect()


def same_long(n):
    """Return whether viper and plain agree on random frames of ``n`` cells, loaded and sparse."""
    state = 4711
    raw = array("H", bytes(2 * n))
    table = array("H", bytes(2 * (2 * n + 1)))
    geometry = bytearray(3 * n)
    frames = {}
    for module in (_viper, _plain):
        frames[module] = [bytearray(n), bytearray(n)]
    for turn in range(N_LONG):
        for i in range(n):
            state = (state * 75 + 74) % 65537
            load = (state >> 4) % 9 < turn % 10
            raw[i] = state & 4095 if load else (raw[i] + (state >> 12)) & 63
            table[i] = state >> 9
            table[n + i] = (state * 31) & 0xFFFF
            geometry[i] = state & 255
            geometry[n + i] = state >> 8 & 255
            geometry[2 * n + i] = state % 3
        table[2 * n] = turn & 3
        results = []
        for k in (_viper, _plain):
            pair = frames[k]
            cells, before = pair[turn & 1], pair[~turn & 1]
            k.calibrate(raw, table, cells, n)
            sums = array("I", bytes(4 * _plain.N_SUMS))
            k.sums(cells, geometry, sums, n)
            found = [cells, list(sums)]
            for how in (0, _plain.MAY_DELTA):
                out = bytearray(2 * n + 40)
                end = k.code8(cells, before, out, n | (turn & 7) << _plain.AT_SHIFT | how)
                framed = bytearray(2 * n + 60)
                found += [end, out[: end & 2047], k.cobs(cells, framed, n), framed]
            packed = bytearray(2 * n)
            found += [k.pack12(raw, packed, n - (turn & 1), turn % 5), packed]
            results.append(found)
        if results[0] != results[1]:
            return False
    return True


main()
