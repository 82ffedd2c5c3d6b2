"""What the firmware takes of the heap, on the 32-bit MicroPython: by part, and over an hour.

Compiled as for a board (a board's native code lies in the heap too, on this interpreter it does
not: its bytes are named apart). Time is virtual, frames are the virtual walker's. A pause is told
in microseconds of this machine and, where valgrind is there, in instructions.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from solekit_hil.firmware import compile_file, compiled, micropython, runtime_file
from tools.bench.mcu import frames

MINUTES = 60
HEAP = {False: "100k", True: "190k"}  # the App alone; a whole board, as much as a Pico W has
TARGET = 80_000
STRIDES = 33  # frames that are played again and again


def measure() -> list[dict[str, Any]]:
    """Return rows: parts, total, level every ten minutes, drift, pauses; for App and board."""
    rows = []
    for is_whole in (False, True):
        what = "whole board" if is_whole else "App, grid-30x22, cable"
        rows += [{"what": what, **row} for row in run(is_whole, MINUTES)]
    return rows


def run(is_whole: bool, minutes: int) -> list[dict[str, Any]]:
    """Return what heap_board prints, as rows."""
    with tempfile.TemporaryDirectory(prefix="solekit-heap-") as folder:
        (Path(folder) / "frames").write_bytes(frames(STRIDES)[0].astype("<u2").tobytes())
        script = Path(folder, "bench.mpy")
        source = Path(__file__).with_name("heap_board.py")
        compile_file(source, script, "x86", runtime_file("mpy-cross"))
        lines = _lines(folder, is_whole, minutes)
    rows: list[dict[str, Any]] = []
    bench = 0
    for line in lines:
        if line.get("part", "").startswith("interpreter"):
            bench = line["bytes"]
        if "total" in line:
            of_firmware = line["total"] - bench
            line |= {"of_firmware": of_firmware, "under_80_kB": of_firmware < TARGET}
        if "minute" in line:
            line["of_firmware"] = line["bytes"] - bench
        rows.append(line)
    return rows


def _lines(folder: str, is_whole: bool, minutes: int) -> list[dict[str, Any]]:
    arguments = [folder, f"{folder}/frames", str(minutes), str(int(is_whole))]
    command = [str(micropython(32)), "-X", f"heapsize={HEAP[is_whole]}", "-c", "import bench"]
    environ = {**os.environ, "MICROPYPATH": f"{folder}:{compiled(32)}"}
    done = subprocess.run([*command, *arguments], env=environ, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the heap benchmark failed: {done.stdout[-500:]}{done.stderr[-1000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]
