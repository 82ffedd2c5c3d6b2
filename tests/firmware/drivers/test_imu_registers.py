"""The registers as the drivers leave them, by the data sheets: written out a third time here."""

import pytest

from solefoot.drivers.bmi270 import Bmi270
from solefoot.drivers.bus import I2cRegisters
from solefoot.drivers.lsm6ds import Lsm6ds3trc, Lsm6dsox
from solekit_hil.electronics import bmi270 as bosch
from solekit_hil.electronics.bus import I2cBus
from solekit_hil.electronics.clock import SimTime
from solekit_hil.electronics.lsm6ds import Lsm6ds3trcChip, Lsm6dsoxChip

ADDRESS = 0x6A
ST = {0x10: 0x44, 0x11: 0x4C, 0x12: 0x44, 0x15: 0x00, 0x5E: 0x00}
ST_ASLEEP = {0x10: 0x20, 0x11: 0x00, 0x15: 0x10, 0x5B: 16, 0x5C: 0x00, 0x5E: 0x20}
SOX_RUNS = ST | {0x09: 0x44, 0x0A: 0x06, 0x18: 0xE2, 0x56: 0x00, 0x58: 0x00}
SOX_SLEEPS = ST_ASLEEP | {0x0A: 0x00, 0x56: 0x01, 0x58: 0x80}
TRC_RUNS = ST | {0x08: 0x09, 0x0A: 0x26, 0x58: 0x00}
TRC_SLEEPS = ST_ASLEEP | {0x0A: 0x00, 0x58: 0x81}
# fmt: off
BMI_RUNS = {
    0x40: 0xA8, 0x41: 0x03, 0x42: 0xE8, 0x43: 0x00, 0x45: 0x88, 0x48: 0x00, 0x49: 0xC0,
    0x56: 0x00, 0x59: 0x01, 0x5C: 254, 0x7C: 0x00, 0x7D: 0x0E,
}
BMI_SLEEPS = {0x40: 0x27, 0x49: 0x00, 0x53: 0x0A, 0x55: 0x01, 0x56: 0x40, 0x7C: 0x01, 0x7D: 0x04}
# fmt: on
DIRT = {Lsm6dsox: 0x73, Lsm6ds3trc: 0x73, Bmi270: 0x71}  # an offset that only a reset clears


@pytest.mark.parametrize(
    ("make", "make_chip", "runs", "sleeps"),
    [
        (Lsm6dsox, Lsm6dsoxChip, SOX_RUNS, SOX_SLEEPS),
        (Lsm6ds3trc, Lsm6ds3trcChip, TRC_RUNS, TRC_SLEEPS),
        (Bmi270, bosch.Bmi270Chip, BMI_RUNS, BMI_SLEEPS),
    ],
)
def test_the_registers_hold_what_the_data_sheet_wants(make, make_chip, runs, sleeps):
    time = SimTime()
    chip = make_chip(lambda t_s: (0.0, 0.0, 0.0, 0.0, 0.0, 9.81), lambda: time.now_us)

    def held(wanted):
        return {register: chip.read(register)[0] for register in wanted}

    chip.write(DIRT[make], 0x55)
    registers = I2cRegisters(I2cBus({ADDRESS: chip}), ADDRESS)
    chunks = [bosch.CONFIGURATION[i : i + 64] for i in range(0, 8192, 64)]
    imu = make(registers, time.sleep_us, *([chunks] if make is Bmi270 else []))
    assert chip.read(DIRT[make])[0] == 0
    assert held(runs) == runs
    imu.sleep_until_motion(500)
    assert held(sleeps) == sleeps
    imu.wake()
    assert held(runs) == runs
    source = 0x1C if make is Bmi270 else 0x1B
    assert chip.read(source)[0] == 0
