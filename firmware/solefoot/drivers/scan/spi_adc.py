"""A grid behind an AD7606-class converter: one CS frame returns eight columns at once.

Eight transimpedance stages (or reference resistors), one per channel; ``col_lines`` selects which
group of eight columns they see. Timing after the data sheet, from memory, unchecked on hardware.
"""

from solefoot.drivers.scan.lines import open_lines
from solefoot.drivers.scan.readout import DEFAULT_SETTLE_US, SPI_ADC, Readout, grid_circuit

N_CHANNELS: int = 8
_POLLS: int = 1000


class SpiAdcGrid(Readout):
    """``wiring`` counts groups of eight as its columns; ``cols`` are the columns of the grid.

    ``spi.readinto(buf)``; ``cs``, ``convert`` (rising edge) and ``busy`` (high while it converts)
    are pins; ``kernels`` has ``signed16`` (``kernels.load() or _plain``). The circuit's full scale
    is one polarity of the converter; with ``falls`` that is the negative one, and reference_mv is
    full_mv: counts are read from the top.
    """

    backend = SPI_ADC

    def __init__(
        self,
        wiring,
        cols,
        circuit,
        make_pin,
        spi,
        cs,
        convert,
        busy,
        sleep_us,
        kernels,
        settle_us=DEFAULT_SETTLE_US,
    ) -> None:
        n_groups = (cols + N_CHANNELS - 1) // N_CHANNELS
        if wiring.cols != n_groups:
            raise ValueError(
                "%d columns are %d groups of 8, not %d" % (cols, n_groups, wiring.cols)
            )
        if circuit.falls and circuit.reference_mv != circuit.full_mv:
            raise ValueError("a bipolar converter that falls has reference_mv = full_mv")
        Readout.__init__(self, wiring.rows, cols, grid_circuit(circuit), settle_us)
        self._row_lines = open_lines(wiring.row_lines, wiring.rows, make_pin)
        self._col_lines = open_lines(wiring.col_lines, n_groups, make_pin)
        self._spi = spi
        self._cs = cs
        self._convert = convert
        self._busy = busy
        self._sleep = sleep_us
        self._kernels = kernels
        self._frame = bytearray(2 * N_CHANNELS)
        cs(1)
        convert(0)
        if self._wait():
            raise OSError("AD7606 on SPI: busy stays high")

    def _wait(self):
        """Return 0 once the converter is ready, else 1."""
        polls = _POLLS
        while self._busy():
            polls -= 1
            if not polls:
                return 1
        return 0

    def _scan(self, raw):
        # In pairs: a longer tuple on the left is one on the heap.
        row_lines, col_lines = self._row_lines, self._col_lines
        kernels, spi = self._kernels, self._spi
        cs, convert = self._cs, self._convert
        sleep, frame = self._sleep, self._frame
        settle_us, flip = self.settle_us, self._flip
        at = 0
        row = 0
        while row < self.rows:
            row_lines.select(row)
            group = 0
            left = self.cols
            while left > 0:
                col_lines.select(group)
                sleep(settle_us)
                convert(1)
                convert(0)
                if self._wait():
                    raise OSError("AD7606 on SPI: no conversion at row %d" % row)
                cs(0)
                spi.readinto(frame)
                cs(1)
                n = left if left < N_CHANNELS else N_CHANNELS
                kernels.signed16(frame, raw, n | at << 4, flip)
                at += n
                left -= n
                group += 1
            row += 1
        row_lines.off()
