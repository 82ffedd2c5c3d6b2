"""Pins, chains of 74HC595 and address decoders, with MicroPython's view of a pin."""

from __future__ import annotations

from collections.abc import Callable

from solefoot.drivers.scan.wiring import Mux, Shift
from solekit.errors import DataError
from solekit_hil.electronics.faults import stuck


class Pin:
    """An output pin; what hangs on it is told before and after each change of ``level``."""

    __slots__ = ("_after", "_before", "level")

    def __init__(self) -> None:
        self.level = 0
        self._before: Callable[[], None] | None = None
        self._after: Callable[[Pin], None] | None = None

    def connect(self, before: Callable[[], None], after: Callable[[Pin], None]) -> None:
        """Call ``before()`` and ``after(pin)`` around each change."""
        self._before = before
        self._after = after

    def value(self, level: int | None = None) -> int | None:
        """Read the level, or write it."""
        if level is None:
            return self.level
        level = 1 if level else 0
        if level != self.level:
            if self._before is not None:
                self._before()
            self.level = level
            if self._after is not None:
                self._after(self)
        return None

    __call__ = value

    def on(self) -> None:
        """Write 1."""
        self.value(1)

    def off(self) -> None:
        """Write 0."""
        self.value(0)


class Chain:
    """74HC595s in a row that wake up with anything in them; output 0 is the first."""

    def __init__(self, shift: Shift, n: int, pins: dict[int, Pin]) -> None:
        self.n_outputs = -(-n // 8) * 8
        self._n = n
        self._data = pins[shift.data]
        self._clock = pins[shift.clock]
        self._latch = None if shift.latch is None else pins[shift.latch]
        self._active = shift.active
        self._bits = self.outputs = [k * 5 % 3 & 1 for k in range(self.n_outputs)]
        self.n_clocks = 0

    def changed(self, pin: Pin) -> bool:
        """Follow an edge; return whether an output may have moved."""
        if not pin.level:
            return False
        if pin is self._clock:
            before = self._bits
            self._bits = [self._data.level, *self._bits[:-1]]
            self.n_clocks += 1
            if self._latch is None:  # one edge for both: what was there before comes out
                self.outputs = before
                return True
        elif pin is self._latch:
            self.outputs = self._bits
            return True
        return False

    def active(self) -> list[int]:
        """Return the lines that are selected."""
        return [k for k in range(self._n) if self.outputs[k] == self._active]

    def kept(self) -> list[list[int]]:
        """Return what the chain remembers besides the levels of its pins."""
        return [self._bits, self.outputs]


class Decoder:
    """A mux or decoder: address and enable lines to one selected line, or none."""

    def __init__(
        self, mux: Mux, n: int, pins: dict[int, Pin], stuck_bit: tuple[int, int] | None = None
    ) -> None:
        if stuck_bit is not None and not 0 <= stuck_bit[0] < len(mux.address):
            raise DataError(f"there is no address line {stuck_bit[0]} among {len(mux.address)}")
        self._n = n
        self._address = [pins[gpio] for gpio in mux.address]
        self._enable = [pins[gpio] for gpio in mux.enable]
        self._stuck = stuck_bit

    def changed(self, pin: Pin) -> bool:  # noqa: ARG002 - as a Chain has it
        """Return that an output may have moved."""
        return True

    def active(self) -> list[int]:
        """Return the lines that are selected."""
        address = 0
        for bit, pin in enumerate(self._address):
            if pin.level:
                address |= 1 << bit
        address = stuck(self._stuck, address)
        if not self._enable:
            return [address] if address < self._n else []
        lines = []
        for k, pin in enumerate(self._enable):
            if not pin.level and (line := k << len(self._address) | address) < self._n:
                lines.append(line)
        return lines

    def kept(self) -> list[list[int]]:
        """Return that nothing is remembered."""
        return []


def open_lines(
    lines: Shift | Mux, n: int, pins: dict[int, Pin], stuck_bit: tuple[int, int] | None = None
) -> Chain | Decoder:
    """Return the model of ``lines``."""
    if isinstance(lines, Mux):
        return Decoder(lines, n, pins, stuck_bit)
    if stuck_bit is not None:
        raise DataError("a chain of shift registers has no address line that could be stuck")
    return Chain(lines, n, pins)
