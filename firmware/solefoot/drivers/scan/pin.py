"""A grid through Pin objects and ``read_u16``, in bytecode: any board, and the fallback."""

from solefoot.drivers.scan.lines import open_lines
from solefoot.drivers.scan.readout import DEFAULT_SETTLE_US, PIN, Readout, grid_circuit


class PinGrid(Readout):
    """``make_pin(gpio, level)`` gives outputs, ``read_u16()`` converts, ``sleep_us(n)`` waits."""

    backend = PIN

    def __init__(
        self, wiring, circuit, make_pin, read_u16, sleep_us, settle_us=DEFAULT_SETTLE_US
    ) -> None:
        Readout.__init__(self, wiring.rows, wiring.cols, grid_circuit(circuit), settle_us)
        self._row_lines = open_lines(wiring.row_lines, wiring.rows, make_pin)
        self._col_lines = open_lines(wiring.col_lines, wiring.cols, make_pin)
        self._read = read_u16
        self._sleep = sleep_us

    def _scan(self, raw):
        row_lines, col_lines = self._row_lines, self._col_lines
        read, sleep = self._read, self._sleep
        cols, flip = self.cols, self._flip
        settle_us = self.settle_us
        i = 0
        row = 0
        while row < self.rows:
            row_lines.select(row)
            col = 0
            while col < cols:
                col_lines.select(col)
                sleep(settle_us)
                raw[i] = (read() >> 4) ^ flip
                i += 1
                col += 1
            row += 1
        row_lines.off()  # what is driven draws current
