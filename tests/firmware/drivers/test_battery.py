"""Battery: fuel gauge and divider."""

import pytest

from solefoot.drivers.battery import UNKNOWN, DividerGauge, Max17048, percent_of
from solekit_hil.electronics.bus import I2cBus
from solekit_hil.electronics.gauge import Max17048Chip


def test_the_gauge_tells_voltage_and_charge():
    chip = Max17048Chip(mv=3711.0, percent=42.6)
    mv, percent = Max17048(I2cBus({0x36: chip})).read()
    assert mv == pytest.approx(3711, abs=1)
    assert percent == 42
    chip.percent = 100.4  # it goes over while it charges
    assert Max17048(I2cBus({0x36: chip})).read()[1] == 100


def test_a_gauge_that_is_not_there_is_named():
    with pytest.raises(OSError, match="MAX17048 does not answer at I2C address 0x36"):
        Max17048(I2cBus({}))


def test_another_chip_at_its_address_is_refused():
    class Other(Max17048Chip):
        def read(self, register):
            return 0x24, register + 1

    with pytest.raises(OSError, match="version 0x2424, expected 0x001x"):
        Max17048(I2cBus({0x36: Other()}))


def test_a_divider_tells_the_voltage_of_the_cell():
    gauge = DividerGauge(lambda: 65536 * 1950 // 3300, 3300, 100_000, 100_000)
    mv, percent = gauge.read()
    assert mv == pytest.approx(3900, abs=3)
    assert 75 <= percent <= 80


def test_without_a_battery_nothing_is_known():
    assert DividerGauge(lambda: 12, 3300, 100_000, 100_000).read() == (0, UNKNOWN)


@pytest.mark.parametrize(("up", "down", "full"), [(1, 0, 3300), (-1, 1, 3300), (1, 1, 0)])
def test_a_divider_that_cannot_be_is_refused(up, down, full):
    with pytest.raises(ValueError, match="divider of"):
        DividerGauge(lambda: 0, full, up, down)


def test_charge_rises_with_voltage_from_0_to_100():
    curve = [percent_of(mv) for mv in range(3000, 4300)]
    assert curve == sorted(curve)
    assert (curve[0], curve[-1]) == (0, 100)
    assert percent_of(3750) == 50
