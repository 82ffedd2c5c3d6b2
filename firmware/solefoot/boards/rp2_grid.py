"""What Pico W and Pico 2 W share: the same pins, PIO and DMA."""

import machine
import rp2
from machine import ADC, I2C, Pin
from micropython import const

from solecore.layouts import CELLS_4, CELLS_16, GRID_29X21, GRID_30X22
from solefoot.boards.common import make_pin, sleep_us, ticks_diff, ticks_us
from solefoot.drivers.scan import _plain, pio
from solefoot.drivers.scan import kernels as _kernels
from solefoot.drivers.scan.cells import CellList
from solefoot.drivers.scan.readout import CELLS, ZERO_POTENTIAL, Circuit
from solefoot.drivers.scan.wiring import Mux, Shift, Wiring

LAYOUTS = (GRID_30X22, GRID_29X21, CELLS_16, CELLS_4)
HAS_RADIO = True
DOG_TIMER = -1

# Nine lines on GPIOs that follow each other, as the state machine needs them.
_ROWS = Shift(2, 3, 4)
_COLUMNS = Mux((5, 6, 7, 8), (9, 10))
_ADC = const(26)
_CELL_PINS = (26, 27, 28)
_SDA = const(12)
_SCL = const(13)
_IMU_INT = const(14)
_BUTTON = const(15)

_GRID_SIZE = {GRID_30X22: (30, 22), GRID_29X21: (29, 21)}


def open_readout(layout, words):
    """Return the readout of ``layout``; ``words`` are the registers of the chip."""
    adc = ADC(_ADC)
    if layout in (CELLS_4, CELLS_16):  # three converter inputs are too few even for four cells
        n = 4 if layout == CELLS_4 else 16
        return CellList(
            n, Circuit(CELLS), (adc.read_u16,), sleep_us, Mux(_COLUMNS.address), make_pin
        )
    rows, cols = _GRID_SIZE[layout]
    circuit = Circuit(
        ZERO_POTENTIAL,
        drive_mv=1650,
        reference_mv=1650,
        r_ohm=10000,
        r_row_dohm=500,
        r_col_dohm=700,
        full_mv=3300,
        falls=1,
    )
    return pio.PioGrid(
        Wiring(rows, cols, _ROWS, _COLUMNS),
        circuit,
        make_pin,
        rp2,
        rp2.StateMachine(0),
        (rp2.DMA(), rp2.DMA(), rp2.DMA()),
        machine.mem32,
        words,
        _ADC - 26,
        ticks_us,
        ticks_diff,
        _kernels.load() or _plain,
    )


def open_i2c():
    """Return the bus of IMU and fuel gauge."""
    return I2C(0, sda=Pin(_SDA), scl=Pin(_SCL), freq=400_000)


def open_button():
    """Return the button that opens the pairing window; low while it is pressed."""
    return Pin(_BUTTON, Pin.IN, Pin.PULL_UP)


def open_adc_battery():
    """Return None: the converter input of VSYS belongs to the radio here."""
    return


def open_watchdog(timeout_ms):
    """Start the watchdog; return what feeds it."""
    return machine.WDT(timeout=timeout_ms).feed


def deep_sleep():
    """Wait for the IMU to move, then start anew: the port has no sleep that a pin ends."""
    pin = Pin(_IMU_INT, Pin.IN, Pin.PULL_DOWN)
    machine.freq(48_000_000)
    while not pin():
        machine.lightsleep(100)
    machine.reset()
