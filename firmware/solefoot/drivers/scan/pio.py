"""A grid on RP2040 and RP2350: PIO sets the lines and times the converter, DMA moves the counts.

One word per cell goes by DMA to a state machine. It puts three phases of it on consecutive GPIOs
(data, clock, latch of a chain), waits the settle time and pushes a word that a second DMA writes
to the converter's control register ("start one"); a third takes the result from its FIFO. So each
conversion follows its own address by a fixed number of cycles, whatever the processor does.
Register facts are from memory of the data sheets; not yet run on a physical board.
"""

from array import array

from solefoot.drivers.scan.lines import open_lines
from solefoot.drivers.scan.readout import DEFAULT_SETTLE_US, PIO, Readout, grid_circuit
from solefoot.drivers.scan.wiring import Shift

PHASE_BITS: int = 10  # GPIOs of one phase; three phases in a word
_CYCLES: int = 32  # of the state machine for settling, and as many while it converts
_MIN_SETTLE_US: int = 3  # a conversion takes 2 us
_FCS: int = 8  # offsets of the converter's registers; control is at 0
_FIFO: int = 12
_ENABLE_START_ONCE: int = 5
_CHANNEL_SHIFT: int = 12
_FCS_SETUP: int = 1 | 8 | 1 << 24 | 3 << 10  # on, DMA requests from one result on, errors cleared
_LEVEL_SHIFT: int = 16
_TXF: int = 0x10  # offsets of the FIFOs of state machine 0
_RXF: int = 0x20


class Rp2Words:
    """Where a chip has converter and PIO 0, and the DMA requests of both."""

    def __init__(self, adc_base, adc_request, pio_base=0x50200000, pio_request=0) -> None:
        self.adc_base = adc_base
        self.adc_request = adc_request
        self.pio_base = pio_base
        self.pio_request = pio_request  # of TX FIFO 0; RX FIFO 0 is 4 further


def rp2040() -> Rp2Words:
    """Return the words of the Pico and Pico W."""
    return Rp2Words(0x4004C000, 36)


def rp2350() -> Rp2Words:
    """Return the words of the Pico 2 and Pico 2 W."""
    return Rp2Words(0x400A0000, 48)


def program(rp2, n_pins):
    """Return the program of the state machine; ``rp2`` is MicroPython's module."""

    # The names are those of the assembler, which puts them in place for the call.
    def cells():
        out(pins, 10)[1]  # type: ignore # noqa: F821
        out(pins, 10)[1]  # type: ignore # noqa: F821
        out(pins, 10)[31]  # type: ignore # noqa: F821
        mov(isr, y)  # type: ignore # noqa: F821
        push(block)[30]  # type: ignore # noqa: F821

    return rp2.asm_pio(
        out_init=(rp2.PIO.OUT_LOW,) * n_pins,
        out_shiftdir=rp2.PIO.SHIFT_RIGHT,
        autopull=True,
        pull_thresh=3 * PHASE_BITS,
    )(cells)


def cell_words(wiring, first_gpio) -> array:
    """Return one word per cell, then one that selects none; the first phase lies lowest."""
    if min(wiring.gpios) < first_gpio or max(wiring.gpios) >= first_gpio + PHASE_BITS:
        raise ValueError(
            "lines %r do not lie within %d GPIOs from %d on"
            % (wiring.gpios, PHASE_BITS, first_gpio)
        )
    for lines in (wiring.row_lines, wiring.col_lines):
        if isinstance(lines, Shift) and lines.latch is None:
            raise ValueError("the state machine needs a latch of its own for the 74HC595s")
    words = array("I", bytes(4 * (wiring.rows * wiring.cols + 1)))
    at = 0
    for row in range(wiring.rows + 1):
        row_end = row == wiring.rows
        for col in range(1 if row_end else wiring.cols):
            rows = _phases(wiring.row_lines, -1 if row_end else row, col == 0)
            cols = _phases(wiring.col_lines, -1 if row_end else col, True)
            word = 0
            for phase in range(3):
                word |= (rows[phase] | cols[phase]) >> first_gpio << phase * PHASE_BITS
            words[at] = word
            at += 1
    return words


def _phases(lines, line, moves):
    """Return GPIO bits of three phases while ``line`` (-1: none) is selected."""
    if isinstance(lines, Shift):
        if not moves:
            return 0, 0, 0
        data = (lines.active if line == 0 else 1 - lines.active) << lines.data
        return data, data | 1 << lines.clock, data | 1 << lines.latch
    bits = 0
    for idx, gpio in enumerate(lines.gpios):
        bits |= lines.level(idx, line) << gpio
    return bits, bits, bits


class PioGrid(Readout):
    """``machine`` is state machine 0 of PIO 0, ``dmas`` three ``rp2.DMA``, ``mem32`` registers.

    ``channel`` of the converter (GPIO - 26), set up by ``machine.ADC`` before; ``kernels`` has
    ``counts12``. All ``PHASE_BITS`` GPIOs up to the wiring's last belong to the state machine.
    """

    backend = PIO

    def __init__(
        self,
        wiring,
        circuit,
        make_pin,
        rp2,
        machine,
        dmas,
        mem32,
        words,
        channel,
        ticks_us,
        ticks_diff,
        kernels,
        settle_us=DEFAULT_SETTLE_US,
    ) -> None:
        if not 0 <= channel <= 3:
            raise ValueError("channel %r is not one of GPIO 26 to 29 (0 to 3)" % (channel,))
        self._machine = None
        Readout.__init__(self, wiring.rows, wiring.cols, grid_circuit(circuit), settle_us)
        first = min(wiring.gpios)
        self._cells = cell_words(wiring, first)
        open_lines(wiring.row_lines, wiring.rows, make_pin)  # empties the chains
        open_lines(wiring.col_lines, wiring.cols, make_pin)
        self._program = program(rp2, max(wiring.gpios) - first + 1)
        self._pin = make_pin(first, 0)
        self._feed, self._start, self._results = dmas
        self._mem32 = mem32
        self._fcs = words.adc_base + _FCS
        self._fifo = words.adc_base + _FIFO
        self._ticks = ticks_us
        self._diff = ticks_diff
        self._kernels = kernels
        self._command = _ENABLE_START_ONCE | channel << _CHANNEL_SHIFT
        self._machine = machine
        mem32[self._fcs] = _FCS_SETUP
        request = words.pio_request
        self._feed.config(
            write=words.pio_base + _TXF,
            ctrl=self._feed.pack_ctrl(size=2, inc_read=True, inc_write=False, treq_sel=request),
        )
        self._start.config(
            read=words.pio_base + _RXF,
            write=words.adc_base,
            ctrl=self._start.pack_ctrl(
                size=2, inc_read=False, inc_write=False, treq_sel=request + 4
            ),
        )
        self._results.config(
            read=self._fifo,
            ctrl=self._results.pack_ctrl(
                size=1, inc_read=False, inc_write=True, treq_sel=words.adc_request
            ),
        )
        self.set_settle(settle_us)

    def set_settle(self, settle_us) -> None:
        """Wait ``settle_us`` (at least 3: the converter must keep pace) after selecting a cell."""
        Readout.set_settle(self, settle_us)
        self.settle_us = max(settle_us, _MIN_SETTLE_US)
        # Settle, convert and the phases take 4 + 2 * 32 cycles a cell.
        self._limit_us = 2 * (self.n_cells + 1) * (self.settle_us * 68 // _CYCLES + 1) + 1000
        machine = self._machine
        if machine is None:
            return
        machine.active(0)
        machine.init(self._program, freq=_CYCLES * 1000000 // self.settle_us, out_base=self._pin)
        machine.put(self._command)
        machine.exec("pull(block)")
        machine.exec("out(y, 32)")
        machine.active(1)

    def _scan(self, raw):
        mem32, n = self._mem32, self.n_cells
        self._began = self._ticks()
        while self._level():  # what others converted meanwhile
            mem32[self._fifo]
        self._results.config(write=raw, count=n, trigger=True)
        self._start.config(count=n + 1, trigger=True)
        self._feed.config(read=self._cells, count=n + 1, trigger=True)
        while self._results.active():
            self._in_time()
        # The word that selects none starts a conversion too: it must not come first next time.
        while self._start.active() or not self._level():
            self._in_time()
        mem32[self._fifo]
        if self._flip:
            self._kernels.counts12(raw, n, self._flip)

    def _level(self):
        return self._mem32[self._fcs] >> _LEVEL_SHIFT & 15

    def _in_time(self):
        if self._diff(self._ticks(), self._began) > self._limit_us:
            for dma in (self._feed, self._start, self._results):
                dma.active(0)
            raise OSError("RP2 ADC by DMA: a frame did not end within %d us" % self._limit_us)
