"""Raspberry Pi Pico 2 W (RP2350)."""

from solefoot.boards import rp2_grid
from solefoot.boards.rp2_grid import (
    DOG_TIMER,
    HAS_RADIO,
    LAYOUTS,
    deep_sleep,
    open_adc_battery,
    open_button,
    open_i2c,
    open_watchdog,
)
from solefoot.drivers.scan import pio

__all__ = (
    "DOG_TIMER",
    "HAS_RADIO",
    "LAYOUTS",
    "deep_sleep",
    "open_adc_battery",
    "open_button",
    "open_i2c",
    "open_readout",
    "open_watchdog",
)

NAME = "pico2_w"
ARCH = "armv7emsp"
FREQ_HZ = 150_000_000
LOG_BYTES = 2_000_000  # of the 2.5 MB file system


def open_readout(layout):
    """Return the readout of ``layout``."""
    return rp2_grid.open_readout(layout, pio.rp2350())
