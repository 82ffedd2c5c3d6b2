"""What the battery has left: a fuel gauge, or a divider on a converter pin.

Both: ``read() -> (millivolts, percent)``, percent 255 where nobody knows.
"""

from solefoot.drivers.bus import I2cRegisters

UNKNOWN: int = 255

_VCELL: int = 0x02
_SOC: int = 0x04
_VERSION: int = 0x08
_LEAST_MV: int = 2500  # no lithium cell: the board hangs on a cable
_MOST_MV: int = 4400


class Max17048:
    """MAX17048 over I2C; registers from Maxim's data sheet, not run on a chip."""

    def __init__(self, i2c, address: int = 0x36) -> None:
        self._registers = I2cRegisters(i2c, address)
        self._pair = bytearray(2)
        try:
            version = self._word(_VERSION)
        except OSError as error:
            problem = "no answer (%s)" % error
        else:
            if version & 0xFFF0 == 0x0010:
                return
            problem = "version 0x%04x, expected 0x001x" % version
        raise OSError(
            "MAX17048 not found at %s: %s; check the wiring" % (self._registers.where, problem)
        )

    def read(self):
        """Return millivolts and percent."""
        mv = self._word(_VCELL) * 5 >> 6  # steps of 78.125 uV
        if not _LEAST_MV <= mv <= _MOST_MV:
            return mv, UNKNOWN
        return mv, min(100, self._word(_SOC) + 128 >> 8)

    def _word(self, register):
        self._registers.read_into(register, self._pair)
        return self._pair[0] << 8 | self._pair[1]


class Divider:
    """A converter pin behind a divider: the battery has ``times / over`` of the pin's voltage.

    ``read_u16()`` converts; 65535 is ``full_mv`` at the pin. Under load the percent are too few.
    """

    # Millivolts at rest of a lithium-polymer cell, typical, by percent.
    _CURVE = (
        (3270, 0), (3610, 5), (3690, 10), (3730, 20), (3770, 30), (3800, 40), (3840, 50),
        (3870, 60), (3950, 70), (4020, 80), (4110, 90), (4180, 100),
    )  # fmt: skip

    def __init__(self, read_u16, full_mv: int = 3300, times: int = 2, over: int = 1) -> None:
        if not 0 < full_mv <= 6000 or not 0 < over <= times <= 20 * over:
            raise ValueError(
                "divider full_mv=%r times=%r over=%r, up to 6000 mV and 20 to 1"
                % (full_mv, times, over)
            )
        self._read = read_u16
        self._full_mv = full_mv
        self._times = times
        self._over = over

    def read(self):
        """Return millivolts (mean of 16 conversions) and percent."""
        total = 0
        for _ in range(16):
            total += self._read()
        mv = (total >> 4) * self._full_mv // 65535 * self._times // self._over
        return mv, percent_of(mv, self._CURVE)


def percent_of(mv: int, curve) -> int:
    """Return the percent of ``mv`` on ``curve``, pairs of millivolts and percent that rise."""
    if not _LEAST_MV <= mv <= _MOST_MV:
        return UNKNOWN
    low_mv, low = curve[0]
    if mv <= low_mv:
        return low
    for high_mv, high in curve:
        if mv <= high_mv:
            if high_mv == low_mv:
                return low
            return low + (mv - low_mv) * (high - low) // (high_mv - low_mv)
        low_mv, low = high_mv, high
    return low


class LowBattery:
    """Low from ``low_mv`` down until ``high_mv`` is reached: a load must not make it flicker."""

    def __init__(self, low_mv: int = 3400, high_mv: int = 3550) -> None:
        if not 0 < low_mv < high_mv:
            raise ValueError("low_mv=%r, high_mv=%r: the first must be less" % (low_mv, high_mv))
        self._low_mv = low_mv
        self._high_mv = high_mv
        self.is_low = False

    def update(self, mv: int) -> bool:
        """Take a reading (0: unknown); return whether the battery is low."""
        if mv >= self._high_mv:
            self.is_low = False
        elif 0 < mv <= self._low_mv:
            self.is_low = True
        return self.is_low
