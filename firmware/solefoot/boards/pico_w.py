"""Raspberry Pi Pico W (RP2040)."""

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

NAME = "pico_w"
ARCH = "armv6m"
FREQ_HZ = 133_000_000
LOG_BYTES = 500_000  # the file system has 0.85 MB, two slots of the application come out of it


def open_readout(layout):
    """Return the readout of ``layout``."""
    return rp2_grid.open_readout(layout, pio.rp2040())
