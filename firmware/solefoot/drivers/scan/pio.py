"""A grid on RP2040 and RP2350: PIO sets the lines and times the converter, DMA moves the counts.

One word per cell goes by DMA to a state machine; it puts the two halves on consecutive GPIOs, waits
the settle time, and pushes a word that a second DMA writes to the converter's control register
("start one"); a third one takes results from the converter's FIFO. So every conversion follows its
own address by a fixed number of cycles, whatever else the processor does.
Register facts are those of the data sheets, from memory; not yet run on a physical board.
"""

from array import array

from solefoot.drivers.scan.pin import grid_circuit
from solefoot.drivers.scan.readout import DEFAULT_SETTLE_US, PIO, Readout
from solefoot.drivers.scan.wiring import Shift

_HALF: int = 16  # GPIOs that one half of a word can carry
_CYCLES: int = 32  # of the state machine for settling, and again for the conversion
_MIN_HOLD_US: int = 3  # a conversion takes 2 us
_CS: int = 0  # offsets of the converter's registers
_FCS: int = 8
_FIFO: int = 12
_CS_ENABLE: int = 1
_CS_START_ONCE: int = 4
_CS_CHANNEL_SHIFT: int = 12
_FCS_SETUP: int = 1 | 8 | 1 << 24 | 3 << 10  # on, DMA requests from one result on, errors cleared
_SIZE_HALFWORD: int = 1
_SIZE_WORD: int = 2


class Rp2Words:
    """Addresses and DMA requests of a chip; ``pio_base`` and ``pio_tx_request`` of one PIO."""

    def __init__(self, adc_base, pio_base, pio_tx_request, adc_request) -> None:
        self.adc_base = adc_base
        self.pio_base = pio_base
        self.pio_tx_request = pio_tx_request
        self.adc_request = adc_request


RP2040 = Rp2Words(0x4004C000, 0x50200000, 0, 36)
RP2350 = Rp2Words(0x400A0000, 0x50200000, 0, 48)


def program(rp2, n_pins):
    """Return the program of the state machine; ``rp2`` is MicroPython's module."""

    def cells():
        out(pins, 16)[1]  # noqa: B018,F821 # type: ignore
        out(pins, 16)[29]  # noqa: B018,F821 # type: ignore
        mov(isr, y)  # noqa: F821 # type: ignore
        push(block)[30]  # noqa: B018,F821 # type: ignore

    return rp2.asm_pio(
        out_init=(rp2.PIO.OUT_LOW,) * n_pins,
        out_shiftdir=rp2.PIO.SHIFT_RIGHT,
        autopull=True,
        pull_thresh=32,
    )(cells)


def cell_words(wiring, first_gpio) -> array:
    """Return one word per cell, then one that selects none; low half first.

    Chains get data and a rising clock in the first half of the word after, so a row is latched in
    the first cell of it: clock in the low half, latch in the high half, both down in the next cell.
    """
    n_pins = max(wiring.gpios) - first_gpio + 1
    if min(wiring.gpios) < first_gpio or n_pins > _HALF:
        raise ValueError("lines must be at most %d GPIOs from GPIO %d on" % (_HALF, first_gpio))
    words = array("I", bytes(4 * (wiring.rows * wiring.cols + 1)))
    at = 0
    for row in range(wiring.rows + 1):
        for col in range(wiring.cols if row < wiring.rows else 1):
            low = high = 0
            for lines, line, n, moves in (
                (wiring.row_lines, row, wiring.rows, col == 0),
                (wiring.col_lines, col if row < wiring.rows else -1, wiring.cols, True),
            ):
                if isinstance(lines, Shift):
                    level = lines.active if line == 0 else 1 - lines.active
                    if moves:
                        low |= level << lines.data
                        high |= level << lines.data | 1 << lines.clock
                    continue
                for idx, gpio in enumerate(lines.gpios):
                    bit = lines.level(idx, line if line < n else -1) << gpio
                    low |= bit
                    high |= bit
            words[at] = low >> first_gpio | (high >> first_gpio) << _HALF
            at += 1
    return words
