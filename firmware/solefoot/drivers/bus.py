"""Registers of a chip over I2C or SPI: one face for the drivers, nothing allocated in a burst."""


class I2cRegisters:
    """``i2c``: ``readfrom_mem_into(address, register, buf)``, ``writeto_mem(...)``."""

    def __init__(self, i2c, address: int) -> None:
        self._i2c = i2c
        self._address = address
        self._one = bytearray(1)
        self.name = "I2C address 0x%02x" % address

    def wake(self) -> None:
        """Nothing to do: the chip listens to its address."""

    def read_into(self, register: int, view) -> None:
        """Fill ``view`` from ``register`` on; OSError if nobody answers."""
        self._i2c.readfrom_mem_into(self._address, register, view)

    def read(self, register: int) -> int:
        """Return the byte in ``register``."""
        self._i2c.readfrom_mem_into(self._address, register, self._one)
        return self._one[0]

    def write(self, register: int, value: int) -> None:
        """Write one byte."""
        self._one[0] = value
        self._i2c.writeto_mem(self._address, register, self._one)

    def write_from(self, register: int, data) -> None:
        """Write all of ``data`` to ``register``."""
        self._i2c.writeto_mem(self._address, register, data)


class SpiRegisters:
    """``spi``: ``write(buf)``, ``readinto(buf)``; ``cs(level)``.

    ``n_dummy`` bytes come before what is read: BMI270 sends one, ST's chips none.
    """

    def __init__(self, spi, cs, n_dummy: int = 0) -> None:
        self._spi = spi
        self._cs = cs
        self._head = bytearray(1)
        self._dummy = bytearray(n_dummy)
        self._one = bytearray(1)
        self.name = "SPI"
        cs(1)

    def wake(self) -> None:
        """Read once: a chip with both interfaces takes a falling CS as the choice of SPI."""
        self.read(0)

    def read_into(self, register: int, view) -> None:
        """Fill ``view`` from ``register`` on."""
        self._head[0] = register | 0x80
        self._cs(0)
        self._spi.write(self._head)
        if self._dummy:
            self._spi.readinto(self._dummy)
        self._spi.readinto(view)
        self._cs(1)

    def read(self, register: int) -> int:
        """Return the byte in ``register``."""
        self.read_into(register, self._one)
        return self._one[0]

    def write(self, register: int, value: int) -> None:
        """Write one byte."""
        self._one[0] = value
        self.write_from(register, self._one)

    def write_from(self, register: int, data) -> None:
        """Write all of ``data`` to ``register``."""
        self._head[0] = register
        self._cs(0)
        self._spi.write(self._head)
        self._spi.write(data)
        self._cs(1)
