# ruff: noqa: T201, E402, PTH, RUF005, C419, B905
# What the sampling path costs on the heap of a board. argv: the layout, a form (0: the profile's),
# "plain" for the kernels that a failed self-test leaves.
# Prints: bytes of App.sample over all frames, frames, events, strides; bytes of App.serve, data
# messages; whether the path also runs with the heap locked; bytes free at the end.
import gc
import sys

import micropython

gc.threshold(1024)  # as a board's main does: what imports leave behind must not scatter the heap

from solecore import _plain, kernels
from solecore.layouts import geometry
from solecore.wire import messages as m
from solefoot.app.app import App
from solefoot.app.profiles import profile
from solefoot.app.settings import Settings
from solefoot.links.stream import StreamLink


class Clock:
    def __init__(self, ticks):
        self.ticks = ticks

    def ticks_us(self):
        return self.ticks


class Port:
    """Count what is sent; nothing comes in."""

    def __init__(self):
        self.n_messages = 0

    def write(self, view):
        self.n_messages += 1
        return len(view)

    def read(self, n):
        return None


class Board:
    """Roll over the sole in two thirds of a cycle, in place: a board allocates nothing either."""

    imu_age_us = 0
    imu_period_us = 0

    def __init__(self, n_cells, cycle, n_words, n_samples):
        self.n = n_cells
        self.cycle = cycle
        self.n_words = n_words
        self.n_samples = n_samples
        self.i = 0

    def scan_into(self, raw):
        n = self.n
        t = self.i % self.cycle * 40 // self.cycle  # 0 to 39, stance from 0 to 24
        self.i += 1
        i = 0
        while i < n:
            near = 8 - abs(i * 24 // n - t)
            raw[i] = (
                near * 480 + (i * 37 + self.i * 11) % 200 if t < 24 and near > 0 else (i + t) & 3
            )
            i += 1

    def read_imu_into(self, words):
        i = 0
        while i < self.n_words:
            words[i] = (self.i * 331 + i * 7717) % 65536 - 32768
            i += 1
        return self.n_samples


def main():
    name = sys.argv[1]
    s = Settings(geometry(name, True), profile(name), 1, "BOARD", 65535)
    clock = Clock((1 << 30) - 1000000)
    port = Port()
    best = (_plain, "plain", False) if sys.argv[3:] else kernels.best()
    app = App(
        Board(
            s.geometry.n_cells,
            1100000 // s.period_us,
            s.imu_axes * s.imu_per_frame,
            s.imu_per_frame,
        ),
        StreamLink(port, best[0]),
        clock,
        s,
        best,
    )
    app.start(int(sys.argv[2]) or s.form, 0)
    n_frames = 6000000 // s.period_us
    gc.collect()
    gc.threshold(-1)
    gc.disable()
    sampled = served = 0
    for _ in range(n_frames):
        clock.ticks = (clock.ticks + s.period_us) & m.TICKS_MASK
        if gc.mem_free() < 8000:
            gc.collect()
        a = gc.mem_alloc()
        app.sample()
        b = gc.mem_alloc()
        app.serve()
        c = gc.mem_alloc()
        sampled += b - a
        served += c - b
    # A locked heap refuses every allocation, also one that is freed at once.
    locked = True
    n = 0
    micropython.heap_lock()
    try:
        while n < n_frames:
            clock.ticks = (clock.ticks + s.period_us) & m.TICKS_MASK
            app.sample()
            n += 1
    except MemoryError:
        locked = False
    micropython.heap_unlock()
    gc.collect()
    seq = app.sampler.seq
    print(
        best[1],
        sampled,
        n_frames,
        seq[m.EVENTS],
        seq[m.STRIDES],
        served,
        port.n_messages,
        locked,
        gc.mem_free(),
    )


main()
