"""The lines of a grid as data: GPIO numbers that a board file fills in, nothing of the machine."""

from array import array


class Shift:
    """A walking one (``active`` 0: a walking zero) in chained 74HC595s.

    ``latch`` None: tied to the clock, which saves a GPIO; outputs then lag one clock behind.
    """

    WRITES: int = 4  # register writes of one step

    def __init__(self, data, clock, latch, active=1) -> None:
        if active not in (0, 1):
            raise ValueError("active %r is neither 0 nor 1" % (active,))
        self.data = data
        self.clock = clock
        self.latch = latch
        self.active = active

    @property
    def gpios(self):
        """All GPIO numbers."""
        lines = (self.data, self.clock)
        return lines if self.latch is None else lines + (self.latch,)

    def carries(self, n) -> bool:
        """Return whether ``n`` lines can be selected: chains have any length."""
        return n > 0

    def outputs(self, make_pin) -> list:
        """Make every line an output by ``make_pin(gpio, level)``; return the pins."""
        return [make_pin(gpio, 0) for gpio in self.gpios]

    def steps(self, n) -> array:  # noqa: ARG002 - as a Mux has it
        """Return ``(set, clear)`` masks: select line 0, select the next, select none."""
        words = array("I", bytes(4 * 2 * self.WRITES * 3))
        data, clock = 1 << self.data, 1 << self.clock
        latch = 0 if self.latch is None else 1 << self.latch
        at = 0
        for level in (self.active, 1 - self.active, 1 - self.active):
            words[at] = data if level else 0
            words[at + 1] = clock | latch | (0 if level else data)
            words[at + 2] = clock
            if latch:
                words[at + 4] = latch
                words[at + 5] = clock
                words[at + 7] = latch
            elif not at:  # a second clock brings the first line out
                words[4] = data if not self.active else 0
                words[5] = clock | (data if self.active else 0)
                words[6] = clock
            at += 8
        return words


class Mux:
    """Address lines, lowest bit first, shared by analogue muxes of ``2 ** len(address)`` channels.

    ``enable``: one line per mux, low while it is selected; without any there is one mux.
    """

    WRITES: int = 1

    def __init__(self, address, enable=()) -> None:
        self.address = tuple(address)
        self.enable = tuple(enable)

    @property
    def gpios(self):
        """All GPIO numbers."""
        return self.address + self.enable

    def carries(self, n) -> bool:
        """Return whether ``n`` lines can be selected."""
        return 0 < n <= len(self.enable or (0,)) << len(self.address)

    def outputs(self, make_pin) -> list:
        """Make every line an output by ``make_pin(gpio, level)``, none selected."""
        return [make_pin(gpio, self.level(idx, -1)) for idx, gpio in enumerate(self.gpios)]

    def level(self, gpio_idx, line):
        """Return what the ``gpio_idx``-th GPIO carries while ``line`` (-1: none) is selected."""
        bits = len(self.address)
        if gpio_idx < bits:
            return line >> gpio_idx & 1 if line >= 0 else 0
        return 0 if line >= 0 and line >> bits == gpio_idx - bits else 1

    def steps(self, n) -> array:
        """Return ``(set, clear)`` masks of each of ``n`` lines, then of none."""
        words = array("I", bytes(8 * (n + 1)))
        for line in range(n + 1):
            for idx, gpio in enumerate(self.gpios):
                level = self.level(idx, line if line < n else -1)
                words[2 * line + 1 - level] |= 1 << gpio
        return words


class Wiring:
    """A grid of ``rows`` x ``cols``: ``row_lines`` drive, ``col_lines`` lead to the converter.

    Each is a ``Shift`` or a ``Mux``. ValueError where the lines cannot reach every row and column
    or a GPIO is named twice.
    """

    def __init__(self, rows, cols, row_lines, col_lines) -> None:
        for what, n, lines in (("rows", rows, row_lines), ("columns", cols, col_lines)):
            if not lines.carries(n):
                raise ValueError("%d %s do not fit their address and enable lines" % (n, what))
        self.rows = rows
        self.cols = cols
        self.row_lines = row_lines
        self.col_lines = col_lines
        gpios = self.gpios
        if len(set(gpios)) != len(gpios):
            raise ValueError("a GPIO has two jobs in %r" % (gpios,))

    @property
    def gpios(self):
        """All GPIO numbers."""
        return self.row_lines.gpios + self.col_lines.gpios
