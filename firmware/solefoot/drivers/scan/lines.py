"""Select one line of many through Pin objects; ``open_lines`` takes the wiring."""

from solefoot.drivers.scan.wiring import Shift


class ShiftPins:
    """Lines behind 74HC595s; ``select`` expects 0, 1, 2, ... in order."""

    def __init__(self, shift, n, data, clock, latch=None) -> None:
        self._active = shift.active
        self._data = data
        self._clock = clock
        self._latch = latch
        for _ in range(n + 8):  # whatever the chain woke up with walks out
            self.off()

    def select(self, line) -> None:
        """Select ``line``; one clock, as the line before it was selected until now."""
        if line == 0:
            self._push(self._active)
            if self._latch is not None:
                return
        self._push(1 - self._active)

    def off(self) -> None:
        """Walk on by one; after the last line none is selected."""
        self._push(1 - self._active)

    def _push(self, level):
        self._data(level)
        self._clock(1)
        self._clock(0)
        if self._latch is not None:
            self._latch(1)
            self._latch(0)


class MuxPins:
    """Lines behind analogue muxes, written only where a level changes."""

    def __init__(self, mux, pins) -> None:
        self._pins = pins
        self._bits = len(mux.address)
        self._enables = pins[self._bits :]
        self._at = 0
        self._mux = -1
        for pin in pins[: self._bits]:
            pin(0)

    def select(self, line) -> None:
        """Select ``line``."""
        mux = line >> self._bits
        if mux != self._mux:
            self.off()
        changed = line ^ self._at
        i = 0
        while i < self._bits:
            if changed >> i & 1:
                self._pins[i](line >> i & 1)
            i += 1
        self._at = line
        if mux != self._mux and self._enables:
            self._enables[mux](0)
        self._mux = mux

    def off(self) -> None:
        """Select none, if the muxes can."""
        if self._mux >= 0 and self._enables:
            self._enables[self._mux](1)
        self._mux = -1


def open_lines(lines, n, make_pin):
    """Return what selects one of ``n`` ``lines`` (``wiring.Shift`` or ``Mux``).

    ``make_pin(gpio, level)`` returns an output pin.
    """
    pins = lines.outputs(make_pin)
    if isinstance(lines, Shift):
        return ShiftPins(lines, n, *pins)
    return MuxPins(lines, pins)
