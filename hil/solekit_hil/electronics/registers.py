"""GPIO and SAR registers, and the viper loops run as Python over them.

The loops of ``solefoot.drivers.scan._viper`` are not copied: their source is executed here with a
decorator that does nothing, so every register access meets a model that answers at once. What this
leaves out is the emitter itself, which MicroPython tests over words in memory.
"""

from __future__ import annotations

import importlib.util
import types
from pathlib import Path
from typing import Any

from solefoot.drivers.scan.plan import GpioWords
from solekit_hil.electronics.adc import Adc
from solekit_hil.electronics.clock import SimTime
from solekit_hil.electronics.grid import Front

ACCESS_US = 0.1  # one register access over the peripheral bus, chosen
DONE = 1 << 16
START = 1 << 17
START_FORCE = 1 << 18
PAD_SHIFT = 19
PAD_FORCE = 1 << 31
CONVERT_US = 7.0


def viper_kernels(name: str = "solefoot.drivers.scan._viper") -> types.ModuleType:
    """Return the viper module ``name`` as Python; its pointers are whatever can be indexed."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ImportError(f"there is no module {name}")
    text = Path(spec.origin).read_text(encoding="utf-8")
    module = types.ModuleType(name)
    vars(module).update(
        micropython=types.SimpleNamespace(viper=lambda function: function),
        int=_int,
        ptr8=None,
        ptr16=lambda address: Pointer(address, 2),
        ptr32=lambda address: Pointer(address, 4),
    )
    code = text.replace("\nimport micropython\n", "\n")
    exec(compile(code, spec.origin, "exec"), vars(module))
    return module


class Address:
    """Byte ``at`` of ``what`` can be indexed; numbers are added, addresses compared."""

    def __init__(self, what: Any, at: int) -> None:
        self.what = what
        self.at = at

    def __add__(self, n: int) -> Address:
        """Return the address ``n`` bytes further on."""
        return Address(self.what, self.at + n)

    def __sub__(self, other: Address) -> int:
        """Return how many bytes ``other`` lies before this one."""
        return self.at - other.at

    def __lt__(self, other: Address) -> bool:
        """Return whether this one lies before ``other``."""
        return self.at < other.at


class Pointer:
    """What viper makes of an address: items of ``size`` bytes from there on."""

    def __init__(self, address: Address, size: int) -> None:
        self.address = address
        self._what = address.what
        self._first = address.at // size

    def __getitem__(self, i: int) -> int:
        """Read an item."""
        return self._what[self._first + i]

    def __setitem__(self, i: int, value: int) -> None:
        """Write an item."""
        self._what[self._first + i] = value


def _int(value: Any) -> Any:
    """Return a number as it is; of what is a pointer in viper, the address."""
    if isinstance(value, int):
        return value
    return value.address if isinstance(value, Pointer) else Address(value, 0)


class GpioRegisters:
    """Set, clear and output words of up to 32 GPIOs in front of a model's pins."""

    def __init__(self, front: Front, set_word: int, clear_word: int, out_word: int) -> None:
        self.words = GpioWords(self, set_word, clear_word, out_word)
        self._clock = front.clock
        self._pins = sorted(front.pins.items())
        self._set_word, self._clear_word, self._out_word = set_word, clear_word, out_word

    def __setitem__(self, word: int, bits: int) -> None:
        """Write a word: every bit that is 1 sets or clears its GPIO."""
        self._clock.now_us += ACCESS_US
        if word not in (self._set_word, self._clear_word):
            raise IndexError(f"word {word} of the GPIO block must not be written")
        level = int(word == self._set_word)
        for gpio, pin in self._pins:
            if bits >> gpio & 1:
                pin.value(level)

    def __getitem__(self, word: int) -> int:
        """Read the output word."""
        self._clock.now_us += ACCESS_US
        if word != self._out_word:
            raise IndexError(f"word {word} of the GPIO block must not be read")
        return sum(pin.level << gpio for gpio, pin in self._pins)


class SarRegister:
    """MEAS1_CTRL2 of the ESP32-S3's ADC 1, at index 0; ``channel`` is where the model hangs."""

    def __init__(self, clock: SimTime, adc: Adc, channel: int) -> None:
        self._clock = clock
        self._adc = adc
        adc.convert_us = 0.0  # its time passes here
        self._channel = channel
        self._command = 0
        self._code = 0
        self._ready_us: float | None = None
        self.n_conversions = 0

    def __setitem__(self, word: int, bits: int) -> None:
        """Start a conversion on the rising edge of START, if software may."""
        self._clock.now_us += ACCESS_US
        if word:
            raise IndexError(f"word {word} beside MEAS1_CTRL2")
        rises = bits & START and not self._command & START
        self._command = bits
        if rises and bits & START_FORCE and bits & PAD_FORCE:
            pads = bits >> PAD_SHIFT & 0xFFF
            # A channel that is not ours hangs in the air.
            self._code = self._adc.code() if pads == 1 << self._channel else 0
            self._ready_us = self._clock.now_us + CONVERT_US
            self.n_conversions += 1
        elif not bits & START:
            self._ready_us = None

    def __getitem__(self, word: int) -> int:
        """Read command, done bit and result."""
        self._clock.now_us += ACCESS_US
        done = self._ready_us is not None and self._clock.now_us >= self._ready_us
        return (self._command & ~0x1FFFF) | (DONE | self._code if done else 0)
