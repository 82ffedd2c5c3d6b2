"""Fuel gauge MAX17048: voltage, charge and version, after the public data sheet, from memory."""

from __future__ import annotations


class Max17048Chip:
    """A gauge at a cell of ``mv`` and ``percent``."""

    spi_dummies = 0

    def __init__(self, mv: float = 3950.0, percent: float = 75.0) -> None:
        self.mv = mv
        self.percent = percent

    def choose_spi(self) -> bool:
        """Return True; this chip knows I2C only."""
        return True

    def read(self, register: int) -> tuple[int, int]:
        """Return a byte of a big-endian word."""
        words = {
            0x02: round(self.mv * 1000 / 78.125),
            0x04: round(self.percent * 256),
            0x08: 0x0012,
        }
        word = words.get(register & ~1, 0xFFFF)
        return word >> (0 if register & 1 else 8) & 0xFF, register + 1

    def write(self, register: int, value: int) -> int:  # noqa: ARG002 - as a bus calls it
        """Take nothing: the driver only reads."""
        return register + 1
