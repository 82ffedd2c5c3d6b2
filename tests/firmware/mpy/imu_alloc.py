# ruff: noqa: T201
# What a reading of an IMU costs on the heap of a board. argv: the chip, the bus, the words of a
# sample. The chip is memory: its registers hold what was written, its FIFO always N samples.
# Prints: bytes of all readings, whether it also runs with the heap locked, samples, whether the
# words are those sent, the period.
import gc
import sys
from array import array

import micropython

from solefoot.drivers.bus import I2cRegisters, SpiRegisters

N = 4
N_READS = 200
CHIPS = {
    # name: id register, id, level, FIFO
    "lsm6dsox": (0x0F, 0x6C, 0x3A, 0x78),
    "lsm6ds3trc": (0x0F, 0x6A, 0x3A, 0x3E),
    "bmi270": (0x00, 0x24, 0x24, 0x26),
}


class Chip:
    def __init__(self, name, n_words):
        id_register, chip_id, level, self.fifo = CHIPS[name]
        self.registers = bytearray(128)
        self.registers[id_register] = chip_id
        self.tagged = name == "lsm6dsox"
        self.n_words = n_words
        per_sample = n_words // 3 if self.tagged else n_words
        self.registers[level] = N * (2 * n_words if name == "bmi270" else per_sample)
        if name == "bmi270":
            self.registers[0x21] = 1

    def fill(self, register, buf):
        if register != self.fifo:
            i = 0
            while i < len(buf):
                buf[i] = self.registers[register + i]
                i += 1
            return
        i = 0
        while i < len(buf):
            if not self.tagged:
                buf[i] = i % self.n_words + 1
            elif i % 7 == 0:
                word = i // 7
                if self.n_words == 3:
                    buf[i] = 2 << 3 | (word & 3) << 1
                else:
                    buf[i] = (1 + word % 2) << 3 | (word // 2 & 3) << 1
            else:
                base = 3 if self.n_words == 6 and i // 7 % 2 else 0
                k = i % 7 - 1
                buf[i] = 0 if k & 1 else base + k // 2 + 1
            i += 1


class I2c:
    def __init__(self, chip):
        self.chip = chip

    def readfrom_mem_into(self, address, register, buf):
        self.chip.fill(register, buf)

    def writeto_mem(self, address, register, buf):
        for k in range(len(buf)):
            if register not in (0x5E, 0x7E):
                self.chip.registers[register + k] = buf[k]


class Spi:
    def __init__(self, chip):
        self.chip = chip
        self.register = -1

    def cs(self, level):
        self.register = -1

    def write(self, buf):
        if self.register < 0:
            self.register = buf[0] & 127
            if not buf[0] & 128 and len(buf) == 2 and self.register not in (0x5E, 0x7E):
                self.chip.registers[self.register] = buf[1]

    def readinto(self, buf):
        self.chip.fill(self.register, buf)


def no_wait(us):
    pass


def after(ticks, step):
    ticks -= 0x3FFFFFFF - step  # the sum itself would be too long for a small integer
    return ticks - 1 if ticks > 0 else ticks + 0x3FFFFFFF


def open_imu(name, bus, n_words):
    chip = Chip(name, n_words)
    if bus == "i2c":
        registers = I2cRegisters(I2c(chip), 0x6A)
    else:
        spi = Spi(chip)
        registers = SpiRegisters(spi, spi.cs)
    accel_only = n_words == 3
    if name == "bmi270":
        from solefoot.drivers.bmi270 import Bmi270

        return Bmi270(registers, no_wait, [bytes(64)] * 128, accel_only=accel_only)
    from solefoot.drivers import lsm6ds

    make = lsm6ds.Lsm6dsox if name == "lsm6dsox" else lsm6ds.Lsm6ds3trc
    return make(registers, no_wait, accel_only=accel_only)


def main():
    n_words = int(sys.argv[3])
    imu = open_imu(sys.argv[1], sys.argv[2], n_words)
    words = array("h", bytes(2 * n_words * (N + 1)))
    ticks = (1 << 30) - 1000000  # it wraps on the way
    step = 1000000 * N // imu.rate_hz
    n = 0
    imu.read_into(words, ticks)
    imu.read_into(words, ticks + step)
    ticks += step
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(N_READS):
        ticks = after(ticks, step)
        n += imu.read_into(words, ticks)
    used = gc.mem_alloc() - before
    locked = True
    micropython.heap_lock()
    try:
        for _ in range(N_READS):
            ticks = after(ticks, step)
            n += imu.read_into(words, ticks)
    except MemoryError:
        locked = False
    micropython.heap_unlock()
    same = all(words[i] == i % n_words + 1 for i in range(N * n_words))
    print(used, locked, n, same, imu.imu_period_us)


main()
