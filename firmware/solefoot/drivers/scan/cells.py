"""A list of single cells (16, 4): behind one mux, or each on a converter pin of its own."""

from solefoot.drivers.scan.lines import open_lines
from solefoot.drivers.scan.readout import CELLS, DEFAULT_SETTLE_US, PIN, Readout


def _no_wait(us):
    pass  # a converter that each cell has to itself has settled


class CellList(Readout):
    """``n`` cells; ``reads`` is one ``read_u16`` per cell, or a single one behind ``lines``.

    ``lines``: a ``wiring.Mux`` (or Shift); ``make_pin(gpio, level)`` gives its outputs.
    """

    backend = PIN

    def __init__(
        self,
        n,
        circuit,
        reads,
        sleep_us=_no_wait,
        lines=None,
        make_pin=None,
        settle_us=DEFAULT_SETTLE_US,
    ) -> None:
        Readout.__init__(self, 1, n, circuit, settle_us)
        if circuit.kind != CELLS:
            raise ValueError("circuit %r reads no single cells" % (circuit.kind,))
        self._reads = tuple(reads)
        self._sleep = sleep_us
        self._lines = None
        if lines is None:
            if len(self._reads) != n:
                raise ValueError("%d converter inputs for %d cells" % (len(self._reads), n))
            return
        if len(self._reads) != 1 or not lines.carries(n):
            raise ValueError("%d cells do not fit one converter input and its mux" % n)
        self._lines = open_lines(lines, n, make_pin)

    def _scan(self, raw):
        reads, flip = self._reads, self._flip
        lines = self._lines
        n = self.cols
        i = 0
        if lines is None:
            while i < n:
                raw[i] = (reads[i]() >> 4) ^ flip
                i += 1
            return
        read, sleep = reads[0], self._sleep
        settle_us = self.settle_us
        while i < n:
            lines.select(i)
            sleep(settle_us)
            raw[i] = (read() >> 4) ^ flip
            i += 1
        lines.off()
