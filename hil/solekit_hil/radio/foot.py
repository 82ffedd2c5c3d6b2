"""A virtual foot with a radio: the firmware in MicroPython, running by its own clock."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import struct
import subprocess
import tempfile
from array import array
from pathlib import Path
from typing import Any

from solekit.errors import TransportError
from solekit_hil.board.foot import FRAME
from solekit_hil.feet import Step
from solekit_hil.firmware import compiled, micropython

END, BUTTON = 0, 4  # kinds beside FRAME, see board/radio_main.py
_END_TIMEOUT_S = 5.0


class RadioFoot:
    """A MicroPython process in real time; frames are handed in, all else goes over its radio.

    ``port`` is where its shim finds the radio with ``address``, ``store`` the folder that is its
    flash, ``stack`` the Bluetooth stack that is modelled: ``nimble`` or ``btstack``.
    """

    def __init__(
        self,
        spec: dict[str, Any],
        geometry: array,
        calibration: array,
        *,
        port: int,
        address: str,
        store: Path,
        bits: int = 32,
        heap_kb: int = 100,
        stack: str = "nimble",
    ) -> None:
        # What it prints; a pipe could fill.
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the foot
        self._rest = b""
        self._spec = spec
        self._tables = geometry, calibration
        self._command = [
            micropython(bits),
            "-X",
            f"heapsize={heap_kb}k",
            "-m",
            "solekit_hil.board.radio_main",
        ]
        self._store = store
        self._environment = {
            **os.environ,
            "MICROPYPATH": str(compiled(bits)),
            "SOLEFOOT_RADIO": f"127.0.0.1:{port}",
            "SOLEFOOT_ADDRESS": address,
            "SOLEFOOT_STACK": stack,
        }
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=self._messages,
            stderr=subprocess.STDOUT,
            cwd=self._store,
            env=self._environment,
            start_new_session=True,  # Ctrl-C is for the program, which then ends the foot
        )
        assert process.stdin
        geometry, calibration = self._tables
        sizes = {"n_geometry": 2 * len(geometry), "n_calibration": 2 * len(calibration)}
        line = json.dumps({**self._spec, **sizes}).encode() + b"\n"
        with contextlib.suppress(BrokenPipeError):  # told by the next step
            process.stdin.write(line + geometry.tobytes() + calibration.tobytes())
            process.stdin.flush()
            os.set_blocking(process.stdin.fileno(), False)
        return process

    def restart(self) -> None:
        """End the process and start it anew with the next boot id; what is in flash stays."""
        self._end()
        self._rest = b""
        self._spec = {**self._spec, "boot": self._spec["boot"] + 1}
        self._process = self._start()

    def run(self, steps: list[Step]) -> list[bytes]:
        """Hand in the frames among ``steps``; what the foot sends goes over the air."""
        if self._process.poll() is not None:
            raise TransportError(f"the insole's MicroPython ended: {self.printed() or 'silently'}")
        for kind, _, payload in steps:
            if kind == FRAME:
                self._tell(kind, payload)
        return [b""] * len(steps)

    def press_button(self) -> None:
        """Press the insole's button: the pairing window opens."""
        self._tell(BUTTON, b"")

    def _tell(self, kind: int, payload: bytes) -> None:
        """Write one message if there is room: a foot that is late misses frames."""
        if self._rest:
            self._rest = self._rest[self._write(self._rest) :]
        if not self._rest:
            data = struct.pack("<BI", kind, len(payload)) + payload
            n_written = self._write(data)
            self._rest = data[n_written:] if n_written else b""

    def _write(self, data: bytes) -> int:
        assert self._process.stdin
        try:
            return os.write(self._process.stdin.fileno(), data)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            return 0  # it has ended, which the next step tells

    def printed(self) -> str:
        """Return the last lines that the foot printed."""
        self._messages.seek(0)
        lines = self._messages.read().decode(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:])

    def kill(self) -> None:
        """End the process as a fault would."""
        self._process.kill()

    def close(self) -> None:
        """End the process."""
        if not self._messages.closed:
            self._end()
            self._messages.close()

    def _end(self) -> None:
        process = self._process
        assert process.stdin
        if process.poll() is None:
            self._tell(END, b"")
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
