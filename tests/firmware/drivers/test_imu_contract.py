"""What every IMU driver promises, on register-level chips, over I2C and SPI."""

import io
import random
from array import array
from types import SimpleNamespace

import pytest

from solecore.wire import codes
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

    def make(**options):
        return Rig(kind, bus, **options)

    make.kind, make.bus = kind, bus
    return make


@pytest.mark.parametrize("which_rate", [0, 1])
@pytest.mark.parametrize("accel_only", [False, True])
def test_samples_come_in_order_without_loss_or_repeats(make, which_rate, accel_only):
    rate_hz = KINDS[make.kind][2][which_rate]
    rig = make(rate_hz=rate_hz, accel_only=accel_only)
    rig.run(10)
    numbers = rig.numbers
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert numbers[-1] == rig.chip.n_taken
    assert len(numbers) > 9.5 * rate_hz
    assert rig.imu.n_overruns == rig.imu.n_slips == rig.imu.n_errors == 0


def test_what_finds_no_room_waits_and_is_not_lost(make):
    rig = make()
    rig.run(1)
    rig.time.sleep_us(600_000)
    rig.run(4, every_ms=(30, 35), room=5)
    numbers = rig.numbers
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert rig.imu.n_overruns == 0
    assert numbers[-1] == rig.chip.n_taken


def test_the_age_tells_how_much_waits(make):
    rig = make()
    rig.run(8)
    period_us = 1e6 / rig.rate_hz
    rig.time.sleep_us(300_000)
    assert rig.read(room=3) == 3
    behind = rig.chip.n_taken - rig.numbers[-1]
    true_us = rig.time.now_us - rig.chip.newest_us + behind * period_us
    assert behind > 20
    assert abs(rig.imu.imu_age_us - true_us) < 0.2 * period_us


@pytest.mark.parametrize("rate_error", [-0.05, 0.0, 0.0123, 0.05])
def test_the_true_rate_is_measured(make, rate_error):
    rig = make(part={"rate_error": rate_error})
    true_us = 1e6 / rig.rate_hz / (1 + rate_error)
    for seconds, allowed in ((10, 5e-4), (50, 5e-5)):
        rig.run(seconds)
        assert abs(rig.imu.period_us16 / 16 / true_us - 1) < allowed
        assert rig.imu.imu_period_us == pytest.approx(true_us, abs=true_us * allowed + 1)


@pytest.mark.parametrize("rate_error", [-0.05, 0.05])
def test_the_age_of_the_newest_sample_is_known_to_a_fraction_of_a_period(make, rate_error):
    rig = make(part={"rate_error": rate_error})
    rig.run(15)
    period_us = 1e6 / rig.rate_hz / (1 + rate_error)
    worst = 0.0
    for k in range(200):
        rig.run(0.001, seed=k)
        worst = max(worst, abs(rig.time.now_us - rig.chip.newest_us - rig.imu.imu_age_us))
    assert worst < 0.2 * period_us


def test_an_overrun_is_counted_once_and_the_stream_goes_on_whole(make):
    rig = make()
    rig.run(1)
    before = rig.numbers[-1]
    rig.time.sleep_us(4_500_000)
    rig.run(2)
    assert rig.imu.n_overruns == 1
    numbers = rig.numbers
    after = numbers.index(next(n for n in numbers if n > before))
    assert numbers[after] > before + 100
    assert numbers[after:] == list(range(numbers[after], rig.chip.n_taken + 1))


def test_a_pause_is_no_overrun_and_brings_no_old_samples(make):
    rig = make()
    rig.run(1)
    rig.time.sleep_us(60_000_000)
    taken = rig.chip.n_taken
    n_before = len(rig.rows)
    rig.run(1)
    assert rig.imu.n_overruns == 0
    assert rig.numbers[n_before] > taken + 1000  # those of the pause were counted by the chip
    assert rig.numbers[n_before:] == list(range(rig.numbers[n_before], rig.chip.n_taken + 1))


def test_a_brown_out_is_found_and_cured_by_a_restart(make):
    rig = make()
    rig.run(1)
    rig.chip.brown_outs_us.append(rig.time.now_us + 100_000)
    with pytest.raises(OSError, match="restart"):
        rig.run(3)
    assert rig.imu.needs_restart
    rig.time.sleep_us(10_000)
    assert rig.imu.check() == codes.IMU_BROWN_OUT
    with pytest.raises(OSError, match="restart"):
        rig.read()
    rig.imu.restart()
    assert (rig.imu.needs_restart, rig.imu.n_restarts, rig.imu.check()) == (False, 1, 0)
    n_before = len(rig.rows)
    rig.run(1)
    rest = rig.numbers[n_before:]
    assert rest == list(range(rest[0], rig.chip.n_taken + 1))


def test_a_brown_out_of_a_chip_that_is_not_read_is_found_by_the_check(make):
    rig = make()
    rig.chip.brown_out()
    rig.time.sleep_us(10_000)
    if make.bus == "spi" and make.kind == "bmi270":
        rig.registers.read(0)  # after power-on the first reading chooses the bus
    assert rig.imu.check() == codes.IMU_BROWN_OUT


def test_a_chip_that_gives_no_samples_is_found(make, monkeypatch):
    rig = make()
    rig.run(0.5)
    monkeypatch.setattr(rig.chip, "_take", lambda t_us: None)
    with pytest.raises(OSError, match="restart"):
        rig.run(3)
    assert rig.imu.needs_restart
    rig.imu.needs_restart = False
    assert rig.imu.check() == codes.IMU_NO_DATA


@pytest.mark.parametrize("kind", KINDS)
def test_nacks_cost_readings_and_no_sample(kind):
    rig = Rig(kind, "i2c")
    rig.run(0.5)
    rng = random.Random(3)
    failed = 0
    for _ in range(300):
        rig.time.sleep_us(1000 * rng.uniform(10, 40))
        rig.line.n_nacks = rng.random() < 0.2
        try:
            rig.read()
        except OSError:
            failed += 1
    assert failed > 30
    rig.line.n_nacks = 0
    rig.run(0.2)
    numbers = rig.numbers
    assert numbers == list(range(numbers[0], rig.chip.n_taken + 1))
    assert rig.imu.n_errors == failed
    assert not rig.imu.needs_restart


class Halting(I2cBus):
    """A bus that lets ``n_good`` transfers pass before one fails."""

    n_good = -1

    def _at(self, address):
        if self.n_good == 0:
            self.n_nacks = 1
        self.n_good -= 1
        return super()._at(address)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_read_before_a_nack_is_returned(kind):
    rig = Rig(kind, "i2c")
    rig.line.__class__ = Halting
    rig.run(1)
    rig.time.sleep_us(400_000)
    rig.line.n_good = 2  # the level and one burst
    assert 0 < rig.read(room=60) < 30
    rig.run(1)
    numbers = rig.numbers
    assert numbers == list(range(numbers[0], rig.chip.n_taken + 1))
    assert rig.imu.n_errors == 1


@pytest.mark.parametrize("kind", ["lsm6dsox", "lsm6ds3trc"])
def test_a_fifo_that_has_slipped_is_put_in_step_again(kind):
    rig = Rig(kind, "i2c")
    rig.run(1)
    rig.time.sleep_us(50_000)
    rig.chip.advance()
    register = 0x78 if kind == "lsm6dsox" else 0x3E
    for _ in range(7 if kind == "lsm6dsox" else 4):  # a transfer that nobody received
        _, register = rig.chip.read(register)
    n_before = rig.numbers[-1]
    rig.run(1)
    assert rig.imu.n_slips == 1
    rest = [n for n in rig.numbers if n > n_before]
    assert rest == list(range(n_before + 2, rig.chip.n_taken + 1))


def test_the_check_counts_nacks_and_names_an_absent_chip():
    rig = Rig("lsm6dsox", "i2c")
    assert rig.imu.check() == 0
    rig.line.n_nacks = 1
    assert rig.imu.check() == codes.I2C_NACK
    rig.line.absent.add(ADDRESS)
    assert rig.imu.check() == codes.IMU_ABSENT
    assert rig.imu.n_errors == 4


@pytest.mark.parametrize("kind", KINDS)
def test_a_chip_that_is_not_there_is_named_with_its_place(kind):
    make = KINDS[kind][0]
    more = [[bosch.CONFIGURATION]] if kind == "bmi270" else []
    nobody = I2cRegisters(I2cBus({}), 0x6B)
    with pytest.raises(OSError, match=rf"{make.name} not found at I2C address 0x6b: no answer"):
        make(nobody, lambda us: None, *more)
    line = SpiBus(None)
    with pytest.raises(OSError, match=rf"{make.name} not found at SPI: id 0xff, expected 0x"):
        make(SpiRegisters(line, line.select), lambda us: None, *more)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bus", ["i2c", "spi"])
def test_another_chip_is_named_with_both_ids(kind, bus):
    rig = Rig("lsm6dsox" if kind != "lsm6dsox" else "lsm6ds3trc", bus)
    make = KINDS[kind][0]
    more = [[bosch.CONFIGURATION]] if kind == "bmi270" else []
    with pytest.raises(OSError, match=r"id 0x.., expected 0x..; check the wiring"):
        make(rig.registers, lambda us: None, *more)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rate_hz": 99}, "rate_hz=99, one of"),
        ({"axes": (0, 1, 1, 1, 1, 1)}, "three of 0, 1, 2"),
        ({"axes": (0, 1, 2, 1, 0, 1)}, "three signs"),
        ({"axes": (0, 1, 2, 1, 1)}, "three signs"),
        ({"axes": (0, 1, 2, 1, 1, -1)}, "mirror image"),
        ({"axes": (1, 0, 2, 1, 1, 1)}, "mirror image"),
    ],
)
def test_a_wrong_setting_is_refused(make, options, text):
    with pytest.raises(ValueError, match=text):
        make(**options)


def still(*six):
    return SimpleNamespace(sample=lambda t_s: six).__dict__


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ((0, 1, 2, 1, 1, 1), (1, 2, 3, 4, 5, 6)),
        ((1, 0, 2, 1, -1, 1), (2, -1, 3, 5, -4, 6)),
        ((2, 0, 1, 1, 1, 1), (3, 1, 2, 6, 4, 5)),
        ((0, 1, 2, -1, 1, -1), (-1, 2, -3, -4, 5, -6)),
    ],
)
def test_axes_are_those_of_the_foot(make, axes, expected):
    rig = make(axes=axes, part=still(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)).run(0.3)
    gyro, accel = rig.imu.gyro_lsb_urad_s * 1e-6, rig.imu.accel_lsb_um_s2 * 1e-6
    row = rig.rows[-1]
    assert [word * gyro for word in row[:3]] == pytest.approx(expected[:3], abs=0.004)
    assert [word * accel for word in row[3:]] == pytest.approx(expected[3:], abs=0.004)


def test_what_is_beyond_the_range_is_clipped_also_when_turned(make):
    part = still(99.0, -99.0, 0.0, 999.0, -999.0, 0.0)
    assert make(part=part).run(0.3).rows[-1] == (32767, -32768, 0, 32767, -32768, 0)
    turned = make(axes=(0, 1, 2, -1, -1, 1), part=part).run(0.3).rows[-1]
    assert turned == (-32767, 32767, 0, -32767, 32767, 0)


def test_the_gyroscope_has_turned_on_before_the_first_sample(make):
    rig = make(part=still(0.0, 0.0, 0.0, 0.0, 0.0, 9.80665)).run(0.5)
    assert {row[:3] for row in rig.rows} == {(0, 0, 0)}


@pytest.mark.parametrize("cross", [-30, 5, 63])
def test_the_bmi270_is_freed_from_its_cross_sensitivity(cross):
    part = still(1.0, 0.0, 10.0, 0.0, 0.0, 0.0) | {"cross": cross}
    row = Rig("bmi270", "i2c", part=part).run(0.3).rows[-1]
    assert row[0] * 1065e-6 == pytest.approx(1.0, abs=0.003)


@pytest.mark.parametrize("celsius", [-12.0, 25.0, 41.5])
def test_temperature_is_in_tenths_of_a_degree(make, celsius):
    assert make(part={"temperature_c": celsius}).imu.temperature_c10() == pytest.approx(
        celsius * 10, abs=1
    )


class Knock:
    """Rest, and a knock of ``mg`` along ``axis`` while ``on``."""

    def __init__(self, mg, axis):
        self.on, self._mg, self._axis = False, mg, axis
        self._n = 0

    def __call__(self, t_s):
        out = [0.0] * 5 + [9.80665]
        self._n += 1
        if self.on and self._n % 2:
            out[3 + self._axis] += self._mg * 9.80665e-3
        return out


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_motion_raises_the_pin_and_waking_samples_again(make, axis):
    strong, weak = Knock(900, axis), Knock(120, axis)
    for knock, expected in ((strong, True), (weak, False)):
        rig = make(part={"sample": knock})
        rig.imu.sleep_until_motion(200)
        rig.time.sleep_us(5_000_000)
        assert not rig.chip.int1
        assert rig.read() == 0
        knock.on = True
        rig.time.sleep_us(500_000)
        assert rig.chip.int1 == expected
        knock.on = False
        rig.time.sleep_us(500_000)
        assert rig.chip.int1 == expected  # until somebody comes
        rig.imu.wake()
        assert not rig.chip.int1
        rig.run(1)
        assert len(rig.rows) > 80
        assert rig.imu.check() == 0


@pytest.mark.parametrize("threshold_mg", [0, -5, 5000])
def test_a_threshold_that_the_chip_lacks_is_refused(make, threshold_mg):
    rig = make()
    with pytest.raises(ValueError, match="threshold_mg"):
        rig.imu.sleep_until_motion(threshold_mg)
    rig.run(0.5)
    assert len(rig.rows) > 30


def test_ticks_may_wrap(make):
    rig = make(start_us=(1 << 30) - 3e6)
    rig.run(6)
    assert rig.time.ticks_us() < 4_000_000
    assert rig.numbers == list(range(rig.numbers[0], rig.chip.n_taken + 1))
    assert abs(rig.imu.imu_period_us - 1e6 / rig.rate_hz) < 20


def bmi270(configuration):
    """Return a BMI270 driver and its chip."""
    time = SimTime()
    chip = bosch.Bmi270Chip(Numbered(1e-3), lambda: time.now_us)
    registers = I2cRegisters(I2cBus({ADDRESS: chip}), ADDRESS)
    return Bmi270(registers, time.sleep_us, configuration), chip, time


@pytest.mark.parametrize(
    "configuration",
    [
        io.BytesIO(bosch.CONFIGURATION),
        [bosch.CONFIGURATION],
        [bosch.CONFIGURATION[:100], bosch.CONFIGURATION[100:102], bosch.CONFIGURATION[102:]],
    ],
    ids=["file", "whole", "uneven chunks"],
)
def test_a_bmi270_takes_its_configuration_again_after_a_brown_out(configuration):
    imu, chip, time = bmi270(configuration)
    chip.brown_out()
    time.sleep_us(10_000)
    assert imu.check() == codes.IMU_BROWN_OUT
    imu.restart()
    assert imu.check() == 0


@pytest.mark.parametrize(
    ("configuration", "error", "text"),
    [
        (None, OSError, r"is missing; put the vendor's 8192 bytes as bmi270\.bin"),
        (io.BytesIO(bosch.CONFIGURATION[:8000]), OSError, "has 8000 bytes, expected 8192"),
        ([bosch.CONFIGURATION + b"\x00\x00"], OSError, "has 8194 bytes, expected 8192"),
        ([bosch.CONFIGURATION[:33], bosch.CONFIGURATION[33:]], ValueError, "33 bytes, odd"),
        ([bytes(8192)], OSError, r"refuses its configuration \(status 2\)"),
        (iter([bosch.CONFIGURATION]), None, ""),
    ],
    ids=["none", "short", "long", "odd", "other", "used up"],
)
def test_a_bmi270_without_its_configuration_says_what_is_wrong(configuration, error, text):
    if error is None:
        imu, _, _ = bmi270(configuration)
        with pytest.raises(OSError, match="has 0 bytes"):
            imu.restart()
        assert imu.needs_restart
        return
    with pytest.raises(error, match=text):
        bmi270(configuration)


def test_a_restart_of_a_chip_that_is_gone_says_so_and_can_be_tried_again(make):
    rig = make()
    if make.bus == "i2c":
        rig.line.absent.add(ADDRESS)
    else:
        gone, rig.line.chip = rig.line.chip, None
    with pytest.raises(OSError, match="not found at"):
        rig.imu.restart()
    assert rig.imu.needs_restart
    if make.bus == "i2c":
        rig.line.absent.clear()
    else:
        rig.line.chip = gone
    rig.imu.restart()
    rig.run(0.5)
    assert len(rig.rows) > 30
