"""Seeed XIAO ESP32S3, the reference board: 11 pins, of which the grid takes every one.

The latch of the row chain is tied to its clock, and the fifth column address selects between the
two column muxes through an inverter: so nine lines below GPIO 32 are enough.
"""

import esp32
import machine
from machine import ADC, I2C, Pin
from micropython import const

from solecore.layouts import CELLS_4, CELLS_16, GRID_29X21, GRID_30X22
from solefoot.boards.common import make_pin, sleep_us, ticks_diff, ticks_us
from solefoot.drivers.scan import kernels as _kernels
from solefoot.drivers.scan import plan, register
from solefoot.drivers.scan.cells import CellList
from solefoot.drivers.scan.pin import PinGrid
from solefoot.drivers.scan.readout import CELLS, ZERO_POTENTIAL, Circuit
from solefoot.drivers.scan.wiring import Mux, Shift, Wiring

NAME = "xiao_esp32s3"
ARCH = "xtensawin"
FREQ_HZ = 240_000_000  # the generic firmware boots at 160 MHz
LAYOUTS = (GRID_30X22, GRID_29X21, CELLS_16, CELLS_4)
LOG_BYTES = 5_000_000  # of the 6 MB file system; the rest is for two slots of the application
HAS_RADIO = True
DOG_TIMER = 0

_ADC = const(1)  # D0
_IMU_INT = const(2)  # D1, can wake from deep sleep
_ROW_DATA = const(3)  # D2
_ROW_CLOCK = const(4)  # D3
_COLUMNS = (5, 6, 7, 8, 9)  # D4, D5, D8, D9, D10
_CELL_PINS = (1, 3, 4, 5)  # four cells: converter inputs of their own
_SDA = const(43)  # D6
_SCL = const(44)  # D7
_BUTTON = const(0)  # BOOT

_GRID_SIZE = {GRID_30X22: (30, 22), GRID_29X21: (29, 21)}


def _converter(gpio):
    adc = ADC(Pin(gpio))
    adc.atten(ADC.ATTN_11DB)
    return adc


def open_readout(layout):
    """Return the readout of ``layout``; a grid by registers, by pins where viper fails."""
    if layout == CELLS_4:
        reads = [_converter(gpio).read_u16 for gpio in _CELL_PINS]
        return CellList(4, Circuit(CELLS), reads, sleep_us)
    adc = _converter(_ADC)
    adc.read_u16()  # the first reading sets it up
    if layout == CELLS_16:
        return CellList(16, Circuit(CELLS), (adc.read_u16,), sleep_us, Mux(_COLUMNS[:4]), make_pin)
    rows, cols = _GRID_SIZE[layout]
    wiring = Wiring(rows, cols, Shift(_ROW_DATA, _ROW_CLOCK, None), Mux(_COLUMNS))
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
    kernels = _kernels.load()
    if kernels is None:
        return PinGrid(wiring, circuit, make_pin, adc.read_u16, sleep_us)
    register.prepare(machine.mem32)
    return register.RegisterGrid(
        wiring,
        circuit,
        make_pin,
        plan.esp32s3_gpio(),
        kernels,
        register.S3_MEAS1_CTRL2,
        _ADC - 1,
        ticks_us,
        ticks_diff,
    )


def open_i2c():
    """Return the bus of IMU and fuel gauge."""
    return I2C(0, sda=Pin(_SDA), scl=Pin(_SCL), freq=400_000)


def open_button():
    """Return the button that opens the pairing window; low while it is pressed."""
    return Pin(_BUTTON, Pin.IN, Pin.PULL_UP)


def open_adc_battery():
    """Return None: this board leads no battery voltage to the converter."""
    return


def open_watchdog(timeout_ms):
    """Start the watchdog; return what feeds it."""
    return machine.WDT(timeout=timeout_ms).feed


def deep_sleep():
    """Sleep until the IMU moves; the board starts anew then."""
    esp32.wake_on_ext0(Pin(_IMU_INT, Pin.IN, Pin.PULL_DOWN), esp32.WAKEUP_ANY_HIGH)
    machine.deepsleep()
