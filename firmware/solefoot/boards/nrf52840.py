"""Seeed XIAO nRF52840 Sense on MicroPython's nrf port: sparse layouts over USB, and the log.

Its radio is not reachable: the port has ``ubluepy`` with an MTU of 23, no ``bluetooth``. Its
converter gives 8 bits.
"""

import machine
from machine import ADC, I2C, Pin

from solecore.layouts import CELLS_4, CELLS_16
from solefoot.boards.common import make_pin, sleep_us
from solefoot.drivers.scan.cells import CellList
from solefoot.drivers.scan.readout import CELLS, Circuit
from solefoot.drivers.scan.wiring import Mux

NAME = "nrf52840"
ARCH = "armv7emsp"
FREQ_HZ = 0  # fixed at 64 MHz
LAYOUTS = (CELLS_16, CELLS_4)
LOG_BYTES = 60_000  # the internal file system is small
HAS_RADIO = False
DOG_TIMER = None  # no watchdog

_CELL_PINS = (2, 3, 28, 29)  # P0.02, P0.03, P0.28, P0.29: D0 to D3
_MUX = (4, 5, 43, 44)  # D4, D5, D6 (P1.11), D7 (P1.12)
_SDA = 7
_SCL = 27
_IMU_POWER = 40  # P1.08
_IMU_INT = 11
_BUTTON = 45  # D8 (P1.13)


class _Reader:
    """One converter input as others have it: 16 bits from the 8 of this port."""

    def __init__(self, gpio) -> None:
        self._value = ADC(Pin(gpio)).value

    def read_u16(self):
        """Return a count of 0 to 65535."""
        return self._value() * 257


def open_readout(layout):
    """Return the readout of ``layout``."""
    circuit = Circuit(CELLS, bits=8)
    if layout == CELLS_4:
        return CellList(4, circuit, [_Reader(gpio).read_u16 for gpio in _CELL_PINS], sleep_us)
    return CellList(16, circuit, (_Reader(_CELL_PINS[0]).read_u16,), sleep_us, Mux(_MUX), make_pin)


def open_i2c():
    """Return the bus of the IMU on the board, with that switched on."""
    Pin(_IMU_POWER, Pin.OUT, value=1)
    return I2C(0, sda=Pin(_SDA), scl=Pin(_SCL))


def open_button():
    """Return a button; low while it is pressed."""
    return Pin(_BUTTON, Pin.IN, Pin.PULL_UP)


def open_adc_battery():
    """Return None: the divider of this board is not wired in this file."""
    return


def open_watchdog(timeout_ms):  # noqa: ARG001 - as every board is asked
    """Return what does nothing: the port has no watchdog."""
    return _nothing


def _nothing():
    pass


def deep_sleep():
    """Wait for the IMU to move, then start anew: the port has no sleep that a pin ends."""
    pin = Pin(_IMU_INT, Pin.IN, Pin.PULL_DOWN)
    while not pin.value():
        machine.lightsleep()
    machine.reset()
