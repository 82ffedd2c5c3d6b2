# ruff: noqa: T201
# Reading an IMU with the heap locked. argv: lsm6dsox, lsm6ds3trc or bmi270. The chip is a stub
# that always has samples. Prints: samples read, whether the heap stayed locked.
import sys

import micropython

from array import array  # isort: skip


class Stub:
    name = "stub"

    def __init__(self, chip_id, level):
        self.id = chip_id
        self.level = level
        self.is_on = True

    def wake(self):
        pass

    def read(self, register):
        if register == 0x21:
            return 1
        return self.id

    def write(self, register, value):
        pass

    def write_from(self, register, data):
        pass

    def read_into(self, register, view):
        n = len(view)
        i = 0
        if n == 2:  # the level
            view[0] = self.level
            view[1] = 0
            return
        while i < n:
            view[i] = (i * 37) & 255
            if n % 7 == 0 and i % 7 == 0:
                view[i] = 8 if i % 14 == 0 else 16
            i += 1


class Empty:
    def read(self, n):
        return b""

    def close(self):
        pass


def main():
    name = sys.argv[1]
    if name == "bmi270":
        from solefoot.drivers.bmi270 import Bmi270

        imu = Bmi270(Stub(0x24, 48), 100, lambda ms: None, Empty)
    else:
        from solefoot.drivers import lsm6ds

        if name == "lsm6dsox":
            imu = lsm6ds.Lsm6dsox(Stub(0x6C, 8), 104, lambda ms: None)
        else:
            imu = lsm6ds.Lsm6ds3trc(Stub(0x6A, 24), 104, lambda ms: None)
    words = array("h", bytes(2 * 6 * 5))
    n = ticks = 0
    for _ in range(20):
        ticks += 40000
        n += imu.read_into(words, ticks)
    locked = True
    micropython.heap_lock()
    try:
        i = 0
        while i < 400:
            ticks += 40000
            n += imu.read_into(words, ticks)
            i += 1
    except MemoryError:
        locked = False
    micropython.heap_unlock()
    print(n, locked, imu.imu_period_us)


main()
