"""What firmware tests share: twin scripts, run on CPython and on MicroPython, and a bare foot."""

import contextlib
import io
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings

from solecore import _plain
from solecore.layouts import geometry
from solecore.wire import messages as m
from solecore.wire.frame import FrameDecoder, encode_frame
from solefoot.app.app import App
from solefoot.app.log import FlashLog
from solefoot.app.profiles import profile
from solefoot.app.settings import Settings
from solefoot.links.stream import StreamLink
from solekit import numpy_kernels
from solekit_hil import firmware
from solekit_hil.board.foot import DOWNLINK, FRAME, SERVE, MemoryPort, VirtualFoot
from solekit_hil.boardsource import source_for_board

# A busy machine is no failure.
settings.register_profile("patient", settings.default, deadline=None)
settings.load_profile("patient")

SCRIPTS = Path(__file__).parent / "mpy"
PLAIN = (_plain, "plain", True)


@pytest.fixture
def script() -> Callable[[str], str]:
    """Return ``read(name)``, the text of a script in mpy/."""
    return lambda name: (SCRIPTS / name).read_text(encoding="utf-8")


@pytest.fixture
def parts_of() -> Callable[[str], SimpleNamespace]:
    """Return ``load(name)``, the names that a script in mpy/ defines."""

    def load(name: str) -> SimpleNamespace:
        return SimpleNamespace(**runpy.run_path(str(SCRIPTS / name), run_name=name))

    return load


@pytest.fixture
def run_here(monkeypatch) -> Callable[..., str]:
    """Return ``run(name, args=()) -> stdout`` of a script in mpy/ on this very interpreter."""

    def run(name: str, args=()) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, args)])
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            runpy.run_path(str(SCRIPTS / name), run_name="__main__")
        return out.getvalue()

    return run


@pytest.fixture
def run_board(tmp_path, request) -> Callable[..., str]:
    """Return ``run(text, *, bits=32, heap="100k", args=()) -> stdout`` on compiled firmware.

    Compiling 2500 lines of source needs more heap than a board has; a board gets .mpy files.
    """

    def run(text: str, *, bits: int = 32, heap: str = "100k", args=()) -> str:
        interpreter = request.getfixturevalue("mpy32_path" if bits == 32 else "mpy_path")
        path = tmp_path / "board.py"
        path.write_text(source_for_board(text), encoding="utf-8")
        done = subprocess.run(
            [interpreter, "-X", f"heapsize={heap}", path, *map(str, args)],
            env={**os.environ, "MICROPYPATH": str(firmware.compiled(bits))},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    return run


class Foot:
    """The real App on the virtual board, with its messages instead of its bytes."""

    def __init__(
        self, layout: str, *, ticks: int = 1_000_000, kernels=PLAIN, store=None, boot=7, **settings
    ) -> None:
        self.settings = Settings(
            geometry(layout, False), profile(layout), 0, serial="TEST-1", boot=boot, **settings
        )
        self.us = ticks
        self.log = None if store is None else FlashLog(store, boot, kernels[0])
        self.foot = VirtualFoot(self.settings, ticks, kernels, log=self.log)
        self.app = self.foot.app
        self._decoder = FrameDecoder(numpy_kernels)

    def _step(self, kind: int, payload: bytes) -> list[bytes]:
        return self._decoder.feed(self.foot.step(kind, self.us & m.TICKS_MASK, payload))

    def ask(self, message: bytes) -> list[bytes]:
        """Send one request; return what the foot sends upon it."""
        return self._step(DOWNLINK, encode_frame(message, numpy_kernels))

    def noise(self, data: bytes) -> list[bytes]:
        """Send bytes as they are."""
        return self._step(DOWNLINK, data)

    def frame(self, raw=None, imu: bytes | None = None, *, after_us: int = 0) -> list[bytes]:
        """Let the foot take one frame, a period after the last unless told otherwise."""
        s = self.settings
        self.us += after_us or s.period_us
        cells = bytes(2 * s.geometry.n_cells) if raw is None else memoryview(raw).tobytes()
        return self._step(
            FRAME, cells + (bytes(2 * s.imu_axes * s.imu_per_frame) if imu is None else imu)
        )

    def serve(self, *, after_us: int = 0) -> list[bytes]:
        """Let time pass and give the link a turn."""
        self.us += after_us
        return self._step(SERVE, b"")


@pytest.fixture
def make_foot() -> type[Foot]:
    """Return the class of a foot to talk to."""
    return Foot


@pytest.fixture(scope="module")
def make_module_foot() -> type[Foot]:
    """Return the same class for the feet of a whole module."""
    return Foot


class Clock:
    """Microseconds that pass when somebody idles, and as many as a test adds."""

    def __init__(self, ticks: int = 0) -> None:
        self.ticks = ticks
        self.idle_us = 500

    def ticks_us(self) -> int:
        return self.ticks & m.TICKS_MASK

    def idle(self) -> None:
        self.ticks += self.idle_us


class Board:
    """A board whose scans take time on the clock."""

    imu_age_us = 0
    imu_period_us = 0

    def __init__(self, clock: Clock, imu_per_frame: int) -> None:
        self.clock = clock
        self._imu_per_frame = imu_per_frame
        self.scans: list[int] = []  # when each began
        self.scan_us = 0

    def scan_into(self, raw) -> None:
        self.scans.append(self.clock.ticks)
        self.clock.ticks += self.scan_us

    def read_imu_into(self, words) -> int:
        return self._imu_per_frame

    def battery(self):
        return 3900, 60


class Port(MemoryPort):
    """A byte stream that can refuse to take anything."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: bool = False
        self.answer: int | None = 0  # what ``write`` returns while it refuses

    def write(self, view):
        return self.answer if self.refuses else super().write(view)


@pytest.fixture
def make_app() -> Callable[..., SimpleNamespace]:
    """Return ``make(layout)``: an App whose board, clock and port belong to the test."""

    def make(
        layout: str, *, ticks: int = 1_000_000, store=None, unix_us=None, **settings
    ) -> SimpleNamespace:
        clock = Clock(ticks)
        chosen = Settings(geometry(layout, False), profile(layout), 0, "TEST-1", 7, **settings)
        board, port = Board(clock, chosen.imu_per_frame), Port()
        if unix_us:
            board.unix_us = unix_us
        log = None if store is None else FlashLog(store, chosen.boot, _plain)
        app = App(board, StreamLink(port, _plain), clock, chosen, PLAIN, (), log)
        decoder = FrameDecoder(numpy_kernels)

        def sent() -> list[bytes]:
            data, port.outgoing = bytes(port.outgoing), bytearray()
            return decoder.feed(data)

        return SimpleNamespace(app=app, clock=clock, board=board, port=port, sent=sent)

    return make
