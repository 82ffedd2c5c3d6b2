"""IMU drivers: absent and wrong chips, settings, axes, temperature, sleep, configuration."""

import io

import pytest

from solecore.wire import codes
from solefoot.drivers.bmi270 import Bmi270
from solefoot.drivers.bus import I2cRegisters, SpiRegisters
from solefoot.drivers.lsm6ds import Lsm6ds3trc, Lsm6dsox
from solekit_hil.electronics import bmi270 as bosch
from solekit_hil.electronics.bus import I2cBus, SpiBus
from solekit_hil.electronics.clock import SimTime

ADDRESS = 0x6A
DRIVERS = {"lsm6dsox": Lsm6dsox, "lsm6ds3trc": Lsm6ds3trc, "bmi270": Bmi270}


def test_the_check_counts_nacks_and_names_an_absent_chip(rig_of):
    rig = rig_of("lsm6dsox", "i2c")
    assert rig.imu.check() == 0
    rig.line.n_nacks = 1
    assert rig.imu.check() == codes.I2C_NACK
    rig.line.absent.add(ADDRESS)
    assert rig.imu.check() == codes.IMU_ABSENT
    assert rig.imu.n_errors == 4


@pytest.mark.parametrize("kind", DRIVERS)
def test_a_chip_that_is_not_there_is_named_with_its_place(kind):
    make = DRIVERS[kind]
    more = [[bosch.CONFIGURATION]] if kind == "bmi270" else []
    nobody = I2cRegisters(I2cBus({}), 0x6B)
    with pytest.raises(OSError, match=rf"{make.name} not found at I2C address 0x6b: no answer"):
        make(nobody, lambda us: None, *more)
    line = SpiBus(None)
    with pytest.raises(OSError, match=rf"{make.name} not found at SPI: id 0xff, expected 0x"):
        make(SpiRegisters(line, line.select), lambda us: None, *more)


@pytest.mark.parametrize("kind", DRIVERS)
@pytest.mark.parametrize("bus", ["i2c", "spi"])
def test_another_chip_is_named_with_both_ids(rig_of, kind, bus):
    rig = rig_of("lsm6dsox" if kind != "lsm6dsox" else "lsm6ds3trc", bus)
    make = DRIVERS[kind]
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
    return {"sample": lambda t_s: six}


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
def test_the_bmi270_is_freed_from_its_cross_sensitivity(rig_of, cross):
    part = still(1.0, 0.0, 10.0, 0.0, 0.0, 0.0) | {"cross": cross}
    row = rig_of("bmi270", "i2c", part=part).run(0.3).rows[-1]
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


def bmi270(configuration):
    """Return a BMI270 driver and its chip."""
    time = SimTime()
    chip = bosch.Bmi270Chip(lambda t_s: (0.0,) * 6, lambda: time.now_us)
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
