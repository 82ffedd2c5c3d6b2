"""I2C and SPI as MicroPython shows them, with register-level chips at the other end."""

from __future__ import annotations

import errno
from typing import Protocol


class Chip(Protocol):
    """A chip as the bus sees it: bytes in registers, some of which lead elsewhere when read."""

    spi_dummies: int

    def read(self, register: int) -> tuple[int, int]:
        """Return the byte at ``register`` and the register that a burst reads next."""
        ...

    def write(self, register: int, value: int) -> int:
        """Take a byte; return the register that a burst writes next."""
        ...

    def choose_spi(self) -> bool:
        """Take note of a CS that falls; return whether the chip answered as SPI already."""
        ...


class I2cBus:
    """``machine.I2C`` with ``chips`` by address; ``n_nacks`` transfers to come get no answer."""

    def __init__(self, chips: dict[int, Chip]) -> None:
        self.chips = chips
        self.n_nacks = 0
        self.absent: set[int] = set()

    def _at(self, address: int) -> Chip:
        if self.n_nacks:
            self.n_nacks -= 1
            raise OSError(errno.EIO)
        if address not in self.chips or address in self.absent:
            raise OSError(errno.ENODEV)
        return self.chips[address]

    def scan(self) -> list[int]:
        """Return the addresses that answer."""
        return sorted(set(self.chips) - self.absent)

    def readfrom_mem_into(self, address: int, register: int, buf) -> None:
        """Fill ``buf`` from ``register`` on."""
        chip = self._at(address)
        data = memoryview(buf).cast("B")  # bytes, whatever the buffer's items are
        for i in range(len(data)):
            data[i], register = chip.read(register)

    def writeto_mem(self, address: int, register: int, buf) -> None:
        """Write ``buf`` to ``register`` and those behind it."""
        chip = self._at(address)
        for byte in bytes(buf):
            register = chip.write(register, byte)


class SpiBus:
    """``machine.SPI`` with one chip, or none; ``select`` is its CS pin."""

    def __init__(self, chip: Chip | None) -> None:
        self.chip = chip
        self._register: int | None = None
        self._is_reading = False
        self._is_selected = False
        self._is_deaf = False
        self._n_dummies = 0

    def select(self, level: int) -> None:
        """Set CS."""
        if not level and not self._is_selected and self.chip is not None:
            self._is_deaf = not self.chip.choose_spi()
            self._register = None
            self._n_dummies = self.chip.spi_dummies
        self._is_selected = not level

    def write(self, buf) -> None:
        """Clock ``buf`` out: the first byte is the register, with bit 7 a reading."""
        for byte in bytes(buf):
            if self.chip is None or not self._is_selected:
                continue
            if self._register is None:
                self._register = byte & 0x7F
                self._is_reading = bool(byte & 0x80)
            elif self._is_reading and self._n_dummies:
                self._n_dummies -= 1
            elif self._is_reading:
                _, self._register = self.chip.read(self._register)
            elif not self._is_deaf:
                self._register = self.chip.write(self._register, byte)

    def readinto(self, buf) -> None:
        """Fill ``buf`` with bytes; a line that nobody drives reads high."""
        data = memoryview(buf).cast("B")
        for i in range(len(data)):
            data[i] = 0xFF
            if self.chip is None or not self._is_selected or self._register is None:
                continue
            if self._n_dummies:
                self._n_dummies -= 1
            elif self._is_reading and not self._is_deaf:
                data[i], self._register = self.chip.read(self._register)
