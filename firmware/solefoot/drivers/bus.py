"""Registers of a chip, the same over I2C and SPI; buses and pins are handed in.

Reading into a buffer and writing one byte allocate nothing. ``where`` is for error messages.
"""


class I2cRegisters:
    """Registers of the chip at ``address``; a chip that does not acknowledge is an OSError."""

    def __init__(self, i2c, address: int) -> None:
        self._i2c = i2c
        self._address = address
        self._byte = bytearray(1)
        self.where = "I2C address 0x%02x" % address

    def prepare(self, n_dummy: int) -> None:
        """Take note of the chip's dummy bytes: there are none over I2C."""

    def read_into(self, register: int, buf) -> None:
        """Fill ``buf`` from ``register`` on."""
        self._i2c.readfrom_mem_into(self._address, register, buf)

    def read(self, register: int) -> int:
        """Return one byte."""
        self._i2c.readfrom_mem_into(self._address, register, self._byte)
        return self._byte[0]

    def write(self, register: int, value: int) -> None:
        """Write one byte."""
        self._byte[0] = value
        self._i2c.writeto_mem(self._address, register, self._byte)

    def write_from(self, register: int, data) -> None:
        """Write the bytes of ``data`` from ``register`` on."""
        self._i2c.writeto_mem(self._address, register, data)


class SpiRegisters:
    """Registers of the chip behind ``cs(level)`` (low: selected), mode 0 or 3, MSB first.

    Nobody acknowledges over SPI: an absent chip reads as 0x00 or 0xff, and only its id tells.
    """

    where = "SPI"

    def __init__(self, spi, cs) -> None:
        self._spi = spi
        self._cs = cs
        self._byte = bytearray(1)
        self._pair = bytearray(2)
        self._command = bytearray(1)
        cs(1)

    def prepare(self, n_dummy: int) -> None:
        """Take note of how many bytes the chip sends before the first one asked for."""
        self._command = bytearray(1 + n_dummy)

    def read_into(self, register: int, buf) -> None:
        """Fill ``buf`` from ``register`` on."""
        self._command[0] = register | 0x80
        self._cs(0)
        try:
            self._spi.write(self._command)
            self._spi.readinto(buf)
        finally:
            self._cs(1)

    def read(self, register: int) -> int:
        """Return one byte."""
        self.read_into(register, self._byte)
        return self._byte[0]

    def write(self, register: int, value: int) -> None:
        """Write one byte."""
        pair = self._pair
        pair[0] = register
        pair[1] = value
        self._cs(0)
        try:
            self._spi.write(pair)
        finally:
            self._cs(1)

    def write_from(self, register: int, data) -> None:
        """Write the bytes of ``data`` from ``register`` on."""
        self._byte[0] = register
        self._cs(0)
        try:
            self._spi.write(self._byte)
            self._spi.write(data)
        finally:
            self._cs(1)
