"""What the firmware takes of the heap, on the 32-bit MicroPython: by part, and over an hour.

Compiled as for a board. Native code lies outside of the heap here, as on the ESP32; on the RP2 it
lies in it, and its size is a row of its own. Time is virtual, the frames are the virtual walker's.
A pause is microseconds of this machine; ``mcu`` has its instructions on a Cortex-M3.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from solekit_hil.firmware import (
    compile_file,
    compiled,
    compiled_for,
    micropython,
    runtime_file,
)
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
    for architecture in ("armv6m", "armv7emsp"):
        found = [path.stat().st_size for path in compiled_for(architecture).rglob("_viper.mpy")]
        rows.append({"what": "files with native code", "for": architecture, "bytes": sum(found)})
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
