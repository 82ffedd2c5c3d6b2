"""What the ``pio`` back-end uses of MicroPython's rp2 module: assembler, state machine, DMA, ADC.

Instructions are executed as the data sheet describes them, one cycle each plus their delay; DMA
moves a word as soon as its request is up. Written from memory of the data sheet.
"""

from __future__ import annotations

from typing import Any

from solekit_hil.electronics.adc import Adc
from solekit_hil.electronics.grid import Front

N_FIFO = 4
CONVERT_US = 2.0
_NAMES = {"pins": "pins", "y": "y", "isr": "isr", "osr": "osr", "null": "null", "block": "block"}


class _Instruction:
    """One instruction and its delay in cycles."""

    def __init__(self, name: str, *arguments: Any) -> None:
        self.name = name
        self.arguments = arguments
        self.delay = 0

    def __getitem__(self, delay: int) -> _Instruction:
        if not 0 <= delay <= 31:
            raise ValueError(f"a delay of {delay} cycles does not fit 5 bits")
        self.delay = delay
        return self


class PIO:
    """Constants of the assembler."""

    OUT_LOW = 0
    SHIFT_RIGHT = 1


def asm_pio(**options):
    """Assemble a function whose names are those of the instructions."""

    def assemble(function):
        program: list[_Instruction] = []

        def maker(name):
            def make(*arguments):
                program.append(_Instruction(name, *arguments))
                return program[-1]

            return make

        space = function.__globals__
        before = dict(space)
        space.update(_NAMES | {name: maker(name) for name in ("out", "mov", "push", "pull")})
        try:
            function()
        finally:
            space.clear()
            space.update(before)
        return options, program

    return assemble


class Rp2:
    """One PIO block with a state machine, the DMA channels and the converter of ``front``."""

    PIO = PIO
    asm_pio = staticmethod(asm_pio)

    def __init__(
        self,
        front: Front,
        adc: Adc,
        *,
        channel: int,
        adc_base: int,
        pio_base: int,
        adc_request: int,
        pio_request: int,
    ) -> None:
        self.clock = front.clock
        self.front = front
        self._adc = adc
        adc.convert_us = 0.0
        self._channel = channel
        self.adc_base, self.pio_base = adc_base, pio_base
        self.adc_request, self.pio_request = adc_request, pio_request
        self.machine = StateMachine(self)
        self.dmas = [Dma(self) for _ in range(3)]
        self.fcs = 0
        self.fifo: list[int] = []
        self._ends_us: float | None = None
        self._code = 0
        self.n_lost = 0  # starts while a conversion was running, results that found no room

    def __getitem__(self, address: int) -> int:
        """Read a register, as ``machine.mem32``; meanwhile the parts go on."""
        self.step()
        return self.peek(address)

    def __setitem__(self, address: int, value: int) -> None:
        """Write a register, as ``machine.mem32``."""
        self.poke(address, value)

    def peek(self, address: int) -> int:
        """Read a register, as DMA does."""
        self.settle_adc()
        if address == self.adc_base + 8:
            return self.fcs | len(self.fifo) << 16
        if address == self.adc_base + 12:
            return self.fifo.pop(0) if self.fifo else 0
        if address == self.pio_base + 0x20:
            return self.machine.rx.pop(0)
        raise IndexError(f"register {address:#x} is not modelled")

    def poke(self, address: int, value: int) -> None:
        """Write a register, as DMA does."""
        self.settle_adc()
        if address == self.adc_base + 8:
            self.fcs = value & ~(3 << 10)
        elif address == self.pio_base + 0x10:
            self.machine.tx.append(value)
        elif address == self.adc_base:
            if value & 5 != 5:
                return
            if self._ends_us is not None:
                self.n_lost += 1
                return
            self._code = self._adc.code() if value >> 12 & 7 == self._channel else 0
            self._ends_us = self.clock.now_us + CONVERT_US
        else:
            raise IndexError(f"register {address:#x} is not modelled")

    def settle_adc(self) -> None:
        """Put a conversion that has ended into the FIFO."""
        if self._ends_us is not None and self.clock.now_us >= self._ends_us:
            self._ends_us = None
            if not self.fcs & 1:
                return
            if len(self.fifo) < N_FIFO:
                self.fifo.append(self._code)
            else:
                self.n_lost += 1

    def is_requested(self, request: int) -> bool:
        """Return whether a DMA request is up."""
        if request == self.pio_request:
            return len(self.machine.tx) < N_FIFO
        if request == self.pio_request + 4:
            return bool(self.machine.rx)
        if request == self.adc_request:
            return bool(self.fifo) and bool(self.fcs & 8)
        raise IndexError(f"request {request} is not modelled")

    def step(self) -> None:
        """Let one instruction happen, with its delay and all DMA that it allows."""
        took_us = self.machine.step()
        self._move()
        self.clock.now_us += took_us
        self.settle_adc()
        self._move()

    def _move(self) -> None:
        while sum(dma.move() for dma in self.dmas):
            pass


class StateMachine:
    """State machine 0."""

    def __init__(self, rp2: Rp2) -> None:
        self._rp2 = rp2
        self.tx: list[int] = []
        self.rx: list[int] = []
        self.is_active = False
        self._cycle_us = 1.0
        self._program: list[_Instruction] = []

    def init(self, program, *, freq: int, out_base) -> None:
        """Load ``program``; its first pin is ``out_base``."""
        options, self._program = program
        if freq > 125_000_000 or freq < 2000:
            raise ValueError(f"freq {freq} cannot be divided from 125 MHz")
        self._threshold = options["pull_thresh"]
        first = next(gpio for gpio, pin in self._rp2.front.pins.items() if pin is out_base)
        self._pins = [
            (gpio - first, pin) for gpio, pin in self._rp2.front.pins.items() if gpio >= first
        ]
        self._n_pins = len(options["out_init"])
        self._cycle_us = 1e6 / freq
        self._at = 0
        self._osr, self._n_out = 0, 32
        self._isr = self._y = 0
        self.tx.clear()
        self.rx.clear()

    def active(self, value: int) -> None:
        """Run, or stop."""
        self.is_active = bool(value)

    def put(self, word: int) -> None:
        """Write the TX FIFO."""
        self.tx.append(word)

    def exec(self, text: str) -> None:
        """Execute one instruction at once."""
        _, (one,) = asm_pio()(_instruction(text))
        if not self._do(one):
            raise RuntimeError(f"{text!r} would wait for ever")

    def step(self) -> float:
        """Execute one instruction, or wait one cycle; return the microseconds that takes."""
        cycles = 1
        if self.is_active:
            one = self._program[self._at]
            if self._do(one):
                self._at = (self._at + 1) % len(self._program)
                cycles += one.delay
        return cycles * self._cycle_us

    def _do(self, one: _Instruction) -> bool:
        """Return whether the instruction could be done."""
        if one.name == "out":
            where, n = one.arguments
            if self._n_out >= self._threshold:
                if not self.tx:
                    return False
                self._osr, self._n_out = self.tx.pop(0), 0
            value = self._osr & (1 << n) - 1
            self._osr >>= n
            self._n_out += n
            if where == "pins":
                for bit, pin in self._pins:
                    if bit < n and bit < self._n_pins:
                        pin.value(value >> bit & 1)
            else:
                self._y = value
        elif one.name == "mov":
            self._isr = self._y
        elif one.name == "push":
            if len(self.rx) >= N_FIFO:
                return False
            self.rx.append(self._isr)
            self._isr = 0
        elif one.name == "pull":
            if not self.tx:
                return False
            self._osr, self._n_out = self.tx.pop(0), 0
        return True


def _instruction(text: str):
    space: dict[str, Any] = {}
    exec(f"def one():\n    {text}\n", space)
    return space["one"]


class Dma:
    """One DMA channel."""

    def __init__(self, rp2: Rp2) -> None:
        self._rp2 = rp2
        self._left = 0
        self._read: Any = 0
        self._write: Any = 0
        self._count = 0
        self._ctrl: dict[str, int] = {}
        self._at = 0

    def pack_ctrl(self, **fields: int) -> dict[str, int]:
        """Return the fields; the driver only hands them back."""
        return fields

    def config(self, *, read=None, write=None, count=None, ctrl=None, trigger=False) -> None:
        """Set what is given; start with ``trigger``."""
        self._read = self._read if read is None else read
        self._write = self._write if write is None else write
        self._count = self._count if count is None else count
        self._ctrl = self._ctrl if ctrl is None else ctrl
        if trigger:
            self._left, self._at = self._count, 0

    def active(self, value: int | None = None) -> bool:
        """Return whether words are left; asking lets the parts go on. 0 aborts."""
        if value is not None:
            self._left = 0
        elif self._left:
            self._rp2.step()
        return bool(self._left)

    def move(self) -> bool:
        """Move one word if it is asked for; return whether one was moved."""
        rp2 = self._rp2
        if not self._left or not rp2.is_requested(self._ctrl["treq_sel"]):
            return False
        value = self._read[self._at] if self._ctrl["inc_read"] else rp2.peek(self._read)
        if self._ctrl["inc_write"]:
            self._write[self._at] = value
        else:
            rp2.poke(self._write, value)
        self._at += 1
        self._left -= 1
        return True
