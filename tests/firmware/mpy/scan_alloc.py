# ruff: noqa: T201
# What a scan costs on the heap of a board. argv: the back-end, the layout's rows and columns.
# The parts are as light as can be: pins that remember, converters that count, words in memory.
# Prints: bytes of all scans, scans, whether it also runs with the heap locked, the sum of counts.
import gc
import sys
from array import array

import micropython

from solefoot.drivers.scan import _plain, kernels, plan
from solefoot.drivers.scan.readout import CELLS, ZERO_POTENTIAL, Circuit
from solefoot.drivers.scan.wiring import Mux, Shift, Wiring

N_SCANS = 3


class Pin:
    def __init__(self, level):
        self.level = level

    def __call__(self, level=None):
        if level is None:
            return self.level
        self.level = level
        return None


class Converter:
    def __init__(self):
        self.n = 0
        self.slept = 0

    def read_u16(self):
        self.n = (self.n + 7) & 4095
        return self.n << 4

    def sleep_us(self, us):
        self.slept = (self.slept + us) & 65535

    def readinto(self, buf):
        buf[1] = self.n & 255


class Rp2:
    """The module, a state machine, a DMA channel and the registers, all ready at once."""

    class PIO:
        OUT_LOW = 0
        SHIFT_RIGHT = 1

    def __init__(self):
        self.left = 0
        self.level = 0

    def asm_pio(self, **options):
        return lambda function: function

    def init(self, program, freq=0, out_base=None):
        pass

    def put(self, word):
        pass

    def exec(self, text):
        pass

    def pack_ctrl(self, **fields):
        return 0

    def config(self, read=None, write=None, count=0, ctrl=None, trigger=False):
        if trigger:
            self.left = 5

    def active(self, value=None):
        self.left -= 1
        return self.left > 0

    def __getitem__(self, address):
        if address & 15 == 8:  # the FIFO's state: a result each second time
            self.level ^= 1
            return self.level << 16
        return 0

    def __setitem__(self, address, value):
        pass


def make_pin(gpio, level):
    return Pin(level)


def ticks_us():
    return 0


def ticks_diff(a, b):
    return a - b


def readout(name, rows, cols):
    converter = Converter()
    circuit = Circuit(ZERO_POTENTIAL, falls=1, reference_mv=3300)
    wiring = Wiring(rows, cols, Shift(1, 2, 3), Mux((4, 5, 6, 7), (8, 9)))
    words = plan.GpioWords(array("I", bytes(16)), 2, 3, 1)
    read, sleep = converter.read_u16, converter.sleep_us
    if name == "pin":
        from solefoot.drivers.scan.pin import PinGrid

        return PinGrid(wiring, circuit, make_pin, read, sleep)
    if name == "viper":
        from solefoot.drivers.scan.viper import ViperGrid

        return ViperGrid(wiring, circuit, make_pin, words, kernels.load(), read, sleep)
    if name == "register":
        from solefoot.drivers.scan.register import RegisterGrid

        sar = array("I", [0])
        grid = RegisterGrid(
            wiring, circuit, make_pin, words, kernels.load(), sar, 3, ticks_us, ticks_diff
        )
        grid._plan[plan.COMMAND] |= 0x10000 | 0x321  # in memory "done" is what was written
        grid._plan[plan.WAIT] = 3
        return grid
    if name == "pio":
        from solefoot.drivers.scan import pio

        rp2 = Rp2()
        dmas = (Rp2(), Rp2(), Rp2())
        return pio.PioGrid(
            wiring, circuit, make_pin, rp2, rp2, dmas, rp2, pio.Rp2Words(4096, 36, 8192), 1,
            ticks_us, ticks_diff,
            kernels.load() or _plain,
        )  # fmt: skip
    if name == "spi_adc":
        from solefoot.drivers.scan.spi_adc import SpiAdcGrid

        wiring = Wiring(rows, (cols + 7) // 8, Shift(1, 2, 3), Mux((4, 5)))
        pins = (Pin(0), Pin(0), Pin(0))
        return SpiAdcGrid(
            wiring, cols, circuit, make_pin, converter, pins[0], pins[1], pins[2], sleep,
            kernels.load() or _plain,
        )  # fmt: skip
    from solefoot.drivers.scan.cells import CellList

    if name == "cells-mux":
        return CellList(rows * cols, Circuit(CELLS), (read,), sleep, Mux((4, 5, 6, 7)), make_pin)
    return CellList(rows * cols, Circuit(CELLS), [read] * (rows * cols))


def main():
    grid = readout(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    raw = array("H", bytes(2 * grid.n_cells))
    grid.scan_into(raw)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(N_SCANS):
        grid.scan_into(raw)
    used = gc.mem_alloc() - before
    locked = True
    micropython.heap_lock()
    try:
        grid.scan_into(raw)
    except MemoryError:
        locked = False
    micropython.heap_unlock()
    print(used, N_SCANS, locked, sum(raw))


main()
