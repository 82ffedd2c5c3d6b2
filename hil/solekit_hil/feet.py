"""A stepped virtual insole, in this process or in a MicroPython of its own."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import tempfile
from array import array
from typing import Any, Protocol

from solecore.wire.messages import TICKS_MASK
from solefoot.app.log import FlashLog
from solekit import numpy_kernels
from solekit.errors import TransportError
from solekit_hil.board.foot import VirtualFoot, settings_from
from solekit_hil.board.updates import open_update
from solekit_hil.firmware import compiled, micropython
from solekit_hil.flash import MemoryStore

Step = tuple[int, int, bytes]  # kind, foot time in microseconds, payload


class Foot(Protocol):
    """Something that takes steps and answers each with the bytes it sent."""

    def run(self, steps: list[Step]) -> list[bytes]:
        """Take ``steps`` in order of time."""
        ...

    def close(self) -> None:
        """Free what the foot holds."""
        ...


def open_log(spec: dict[str, Any]) -> FlashLog | None:
    """Return the log that ``spec`` gives an insole in this process, None where it gives none."""
    if not spec.get("log"):
        return None
    return FlashLog(MemoryStore(spec["log"]), spec["boot"], numpy_kernels)


class LocalFoot:
    """The firmware in this very interpreter, on numpy kernels."""

    def __init__(self, spec: dict[str, Any], geometry: array, calibration: array) -> None:
        kernels = (numpy_kernels, "numpy", True)
        self._foot = VirtualFoot(
            settings_from(spec, geometry, calibration),
            spec["ticks"],
            kernels,
            log=open_log(spec),
            extras=open_update(spec),
        )

    def run(self, steps: list[Step]) -> list[bytes]:
        """Take ``steps``."""
        return [self._foot.step(kind, us & TICKS_MASK, payload) for kind, us, payload in steps]

    def close(self) -> None:
        """Nothing to free."""


class MicroPythonFoot:
    """The firmware in a MicroPython process with a heap as small as a microcontroller's."""

    def __init__(
        self, spec: dict[str, Any], geometry: array, calibration: array, *, bits: int, heap_kb: int
    ) -> None:
        program, folder = micropython(bits), compiled(bits)
        self._process = subprocess.Popen(
            [program, "-X", f"heapsize={heap_kb}k", "-m", "solekit_hil.board.mpy_main"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "MICROPYPATH": str(folder)},
        )
        self._flash = tempfile.TemporaryDirectory(prefix="solekit-flash-")
        start = {
            **spec,
            "log_folder": self._flash.name,
            "n_geometry": 2 * len(geometry),
            "n_calibration": 2 * len(calibration),
        }
        tables = geometry.tobytes() + calibration.tobytes()
        try:
            self._write(json.dumps(start).encode() + b"\n" + tables)
        except TransportError:
            self.close()
            raise

    def _write(self, data: bytes) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None

    def _read(self, n: int) -> bytes:
        assert self._process.stdout
        data = self._process.stdout.read(n)
        if len(data) < n:
            raise self._died()
        return data

    def _died(self) -> TransportError:
        assert self._process.stderr
        self._process.wait()
        last = self._process.stderr.read().decode(errors="replace").strip().splitlines()[-3:]
        return TransportError(
            f"the insole's MicroPython ended: {' | '.join(last) or 'no message'}"
        )

    def run(self, steps: list[Step]) -> list[bytes]:
        """Take ``steps``, a few at a time so that neither pipe fills."""
        out = []
        for first in range(0, len(steps), 8):
            batch = steps[first : first + 8]
            self._write(
                b"".join(
                    struct.pack("<BII", kind, us & TICKS_MASK, len(payload)) + payload
                    for kind, us, payload in batch
                )
            )
            for _ in batch:
                pieces = []
                while n := int.from_bytes(self._read(4), "little"):
                    pieces.append(self._read(n))
                out.append(b"".join(pieces))
        return out

    def close(self) -> None:
        """End the process."""
        process = self._process
        if process.stdin is None or process.stdin.closed:
            return
        with contextlib.suppress(TransportError):
            self._write(struct.pack("<BII", 0, 0, 0))
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._flash.cleanup()
