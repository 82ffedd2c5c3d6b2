"""How full the battery is: by a fuel gauge, or by its voltage."""

UNKNOWN: int = 255

# Open-circuit voltage of a lithium-polymer cell at 0, 10, ... 100 %, millivolts (typical).
_LIPO_MV = (3270, 3610, 3690, 3710, 3730, 3750, 3790, 3840, 3910, 4000, 4150)


def percent_of(mv: int) -> int:
    """Return the charge of a cell at rest with ``mv``, 0 to 100."""
    if mv <= _LIPO_MV[0]:
        return 0
    i = 1
    while i < len(_LIPO_MV):
        if mv < _LIPO_MV[i]:
            low = _LIPO_MV[i - 1]
            return 10 * (i - 1) + 10 * (mv - low) // (_LIPO_MV[i] - low)
        i += 1
    return 100


class Max17048:
    """Fuel gauge MAX17048 on I2C; register facts from memory of its data sheet."""

    ADDRESS = 0x36
    _VCELL = 0x02
    _SOC = 0x04
    _VERSION = 0x08

    def __init__(self, i2c, address: int = ADDRESS) -> None:
        self._i2c = i2c
        self._address = address
        self._word = bytearray(2)
        try:
            version = self._read(self._VERSION)
        except OSError:
            version = -1
        if version < 0:
            raise OSError("MAX17048 does not answer at I2C address 0x%02x" % address)
        if version & 0xFFF0 != 0x0010:
            raise OSError(
                "MAX17048 at I2C address 0x%02x: version 0x%04x, expected 0x001x"
                % (address, version)
            )

    def _read(self, register):
        self._i2c.readfrom_mem_into(self._address, register, self._word)
        return self._word[0] << 8 | self._word[1]

    def read(self) -> tuple:
        """Return millivolts and percent; OSError without an answer."""
        mv = self._read(self._VCELL) * 5 >> 6  # 78.125 uV
        percent = self._read(self._SOC) >> 8
        return mv, percent if percent < 100 else 100


class DividerGauge:
    """A resistor divider on a converter: ``read_u16()``, full scale ``full_mv``."""

    def __init__(self, read_u16, full_mv: int, up_ohm: int, down_ohm: int) -> None:
        if full_mv <= 0 or up_ohm < 0 or down_ohm <= 0:
            raise ValueError("divider of %r over %r ohm at %r mV" % (up_ohm, down_ohm, full_mv))
        self._read_u16 = read_u16
        self._mv = full_mv * (up_ohm + down_ohm) // down_ohm

    def read(self) -> tuple:
        """Return millivolts and percent (255 while no battery is there)."""
        mv = self._read_u16() * self._mv >> 16
        return (mv, percent_of(mv)) if mv > 2500 else (0, UNKNOWN)
