"""What every readout of cells has in common: circuit data, buffer check, times, description."""

from array import array

VIRTUAL: int = 0
ZERO_POTENTIAL: int = 1  # rows driven one at a time, columns into one transimpedance stage
DIVIDER: int = 2  # rows driven one at a time, columns with a resistor to ground, rest grounded
CELLS: int = 3  # no grid: one divider or transimpedance stage per cell

PIN: int = 1
VIPER: int = 2
REGISTER: int = 3
PIO: int = 4
SPI_ADC: int = 5

MAX_COUNT: int = 4095
MAX_SETTLE_US: int = 1000
DEFAULT_SETTLE_US: int = 3


def _within(name, value, low, high):
    if not low <= value <= high:
        raise ValueError("%s %r is not in %d to %d" % (name, value, low, high))
    return value


class Circuit:
    """How the conductance of a cell becomes a count, as data for the host.

    ``drive_mv`` lies across a cell; ``reference_mv`` is what the ADC sees of an unloaded
    zero-potential cell (0 for a divider). ``r_ohm`` is the feedback (zero potential) or reference
    resistor (divider). ``r_row_dohm`` and ``r_col_dohm`` are the resistance of one row driver and
    one column switch in 0.1 ohm. ``falls``: 1 if the voltage falls with load; counts never do.
    """

    def __init__(
        self,
        kind,
        drive_mv=3300,
        reference_mv=0,
        r_ohm=10000,
        r_row_dohm=0,
        r_col_dohm=0,
        full_mv=3300,
        bits=12,
        falls=0,
    ) -> None:
        self.kind = _within("circuit", kind, ZERO_POTENTIAL, CELLS)
        self.drive_mv = _within("drive_mv", drive_mv, 1, 65535)
        self.full_mv = _within("full_mv", full_mv, 1, 65535)
        self.reference_mv = _within("reference_mv", reference_mv, 0, full_mv)
        self.r_ohm = _within("r_ohm", r_ohm, 10, 655350)
        self.r_row_dohm = _within("r_row_dohm", r_row_dohm, 0, 65535)
        self.r_col_dohm = _within("r_col_dohm", r_col_dohm, 0, 65535)
        self.bits = _within("bits", bits, 8, 16)
        self.falls = _within("falls", falls, 0, 1)
        if kind == DIVIDER and (falls or reference_mv):
            raise ValueError(
                "a divider rises with load from 0 V: falls and reference_mv must be 0"
            )


def grid_circuit(circuit):
    """Return ``circuit``; ValueError for one that reads no grid."""
    if circuit.kind not in (ZERO_POTENTIAL, DIVIDER):
        raise ValueError("circuit %r reads no grid" % (circuit.kind,))
    return circuit


class Readout:
    """Counts of ``rows`` x ``cols`` cells, row by row from the heel; ``scan_into`` allocates none.

    A back-end defines ``backend`` and ``_scan(raw)``.
    """

    backend = VIRTUAL

    def __init__(self, rows, cols, circuit, settle_us) -> None:
        _within("rows", rows, 1, 255)
        _within("cols", cols, 1, 255)
        self.rows = rows
        self.cols = cols
        self.n_cells = rows * cols
        self.circuit = circuit
        self.scan_us = 0  # of a frame, measured
        self._flip = MAX_COUNT if circuit.falls else 0  # 4095 - x is x ^ 4095
        self._known = None  # the buffer that was found right
        self.set_settle(settle_us)

    def set_settle(self, settle_us) -> None:
        """Wait ``settle_us`` between selecting a cell and converting."""
        self.settle_us = _within("settle_us", settle_us, 0, MAX_SETTLE_US)

    def scan_into(self, raw) -> None:
        """Fill ``raw`` (u16 array of ``n_cells``) with counts of 0 to 4095 that rise with load."""
        if raw is not self._known:
            self._check(raw)
        self._scan(raw)

    def _check(self, raw):
        if len(raw) != self.n_cells:
            raise ValueError("a buffer of %d for %d cells" % (len(raw), self.n_cells))
        raw[0] = 257
        if raw[0] != 257:  # bytes: the kernels would write past their end
            raise ValueError('the buffer must be an array("H")')
        self._known = raw

    def _scan(self, raw):
        raise NotImplementedError

    def measure(self, ticks_us, ticks_diff, raw, n_scans=3):
        """Return the microseconds of one scan, the mean of ``n_scans``, kept as ``scan_us``."""
        self.scan_into(raw)  # the first of all also clears whatever the lines held
        start = ticks_us()
        for _ in range(n_scans):
            self.scan_into(raw)
        self.scan_us = ticks_diff(ticks_us(), start) // n_scans
        return self.scan_us

    @property
    def row_us10(self):
        """Tenths of a microsecond between two rows of one frame."""
        return self.scan_us * 10 // self.rows

    def describe(self) -> array:
        """Return the words of the readout table (``names.READOUT_WORDS``)."""
        c = self.circuit
        words = array("H", bytes(26))
        i = 0
        for word in (
            c.kind,
            self.backend,
            self.settle_us * 10,
            self.scan_us,
            self.row_us10,
            c.drive_mv,
            c.reference_mv,
            (c.r_ohm + 5) // 10,
            c.r_row_dohm,
            c.r_col_dohm,
            c.full_mv,
            c.bits,
            c.falls,
        ):
            words[i] = word if word < 65536 else 65535
            i += 1
        return words
