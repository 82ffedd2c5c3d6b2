"""IMU drivers and register-level chips, wired up."""

import random
from array import array

import pytest

from solefoot.drivers.bmi270 import Bmi270
from solefoot.drivers.bus import I2cRegisters, SpiRegisters
from solefoot.drivers.lsm6ds import Lsm6ds3trc, Lsm6dsox
from solekit_hil.electronics import bmi270 as bosch
from solekit_hil.electronics.bus import I2cBus, SpiBus
from solekit_hil.electronics.clock import SimTime
from solekit_hil.electronics.lsm6ds import Lsm6ds3trcChip, Lsm6dsoxChip

ADDRESS = 0x6A
KINDS = {
    "lsm6dsox": (Lsm6dsox, Lsm6dsoxChip, (104, 208)),
    "lsm6ds3trc": (Lsm6ds3trc, Lsm6ds3trcChip, (104, 208)),
    "bmi270": (Bmi270, bosch.Bmi270Chip, (100, 200)),
}
ROOM = 12


class Numbered:
    """A motion that tells sample from sample: each is one more, in every word."""

    def __init__(self, gyro_lsb: float) -> None:
        self._lsb = (gyro_lsb,) * 3 + (16 * 9.80665 / 32768,) * 3
        self.n = 0

    def __call__(self, t_s: float) -> list[float]:
        self.n += 1
        return [(self.n % 30000 + axis) * step for axis, step in enumerate(self._lsb)]


class Rig:
    """A driver and its chip; ``words`` of each reading are kept in ``rows``."""

    def __init__(self, kind, bus, *, part=None, sleep=None, rate_hz=None, start_us=0.0, **driver):
        self.make, make_chip, rates = KINDS[kind]
        self.rate_hz = rate_hz or rates[0]
        self.time = SimTime(start_us)
        gyro_lsb = 0.07 if kind != "bmi270" else 2000 / 32768
        options = {"sample": Numbered(gyro_lsb * 3.141592653589793 / 180), **(part or {})}
        self.chip = make_chip(options.pop("sample"), lambda: self.time.now_us, **options)
        if bus == "i2c":
            self.line = I2cBus({ADDRESS: self.chip})
            registers = I2cRegisters(self.line, ADDRESS)
        else:
            self.line = SpiBus(self.chip)
            registers = SpiRegisters(self.line, self.line.select)
        self.registers = registers
        more = [[bosch.CONFIGURATION[i : i + 64] for i in range(0, 8192, 64)]]
        more = more if kind == "bmi270" else []
        self.imu = self.make(
            registers, sleep or self.time.sleep_us, *more, rate_hz=self.rate_hz, **driver
        )
        self.rows = []

    def read(self, room=ROOM):
        """Read once; return how many samples came."""
        words = array("h", bytes(2 * self.imu.n_words * room))
        n = self.imu.read_into(words, self.time.ticks_us())
        width = self.imu.n_words
        self.rows += [tuple(words[width * i : width * (i + 1)]) for i in range(n)]
        return n

    def run(self, duration_s, *, every_ms=(10.0, 40.0), seed=1, room=ROOM):
        """Read at uneven times for a while."""
        rng = random.Random(seed)
        end_us = self.time.now_us + duration_s * 1e6
        while self.time.now_us < end_us:
            self.time.sleep_us(1000 * rng.uniform(*every_ms))
            self.read(room)
        return self

    @property
    def numbers(self):
        """The number of each sample, from any word; fails where words are of different ones."""
        width = self.imu.n_words
        first = 3 if width == 3 else 0
        for row in self.rows:
            assert row == tuple(row[0] + i for i in range(width))
        return [row[0] - first for row in self.rows]


@pytest.fixture(params=[(kind, bus) for kind in KINDS for bus in ("i2c", "spi")], ids="-".join)
def make(request):
    """Return ``make(**options)``, a rig of one chip on one bus."""
    kind, bus = request.param

    def make(**options) -> Rig:
        return Rig(kind, bus, **options)

    make.kind, make.bus = kind, bus
    return make


@pytest.fixture
def rig_of() -> type[Rig]:
    """Return ``rig_of(kind, bus, **options)`` for one chip in particular."""
    return Rig
