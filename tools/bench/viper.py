"""How much faster each viper kernel is than its plain twin, in one MicroPython process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from solekit_hil.firmware import micropython

SCRIPT = """
import json, time
from array import array
from solecore import _plain, _proof, _viper
n = 660
raw, table = _proof._vectors(n)
cells = bytearray(n); before = bytearray(n); out = bytearray(1400); geometry = bytearray(3 * n)
_plain.calibrate(raw, table, cells, n)
for i in range(n): before[i] = (cells[i] + (i % 9) * (i & 3)) & 255
sums = array("I", bytes(4 * 7))
packed = bytearray(1000); end = _plain.pack12(raw, packed, n, 0)
calls = {
    "calibrate": lambda k: k.calibrate(raw, table, cells, n),
    "sums": lambda k: k.sums(cells, geometry, sums, n),
    "code8": lambda k: k.code8(cells, before, out, n | _plain.MAY_DELTA),
    "pack12": lambda k: k.pack12(raw, out, n, 0),
    "copy8": lambda k: k.copy8(cells, out, n, 0),
    "copy16": lambda k: k.copy16(raw, out, n, 0),
    "cobs": lambda k: k.cobs(packed, out, end),
}
def best(call, kernels, n_calls):
    least = 1 << 29
    for _ in range(5):
        t = time.ticks_us()
        for _ in range(n_calls): call(kernels)
        least = min(least, time.ticks_diff(time.ticks_us(), t))
    return least / n_calls
rows = []
for name, call in calls.items():
    plain = best(call, _plain, 20); viper = best(call, _viper, 200)
    rows.append([name, plain, viper])
print(json.dumps(rows))
"""


def measure() -> list[dict[str, Any]]:
    """Return one row per kernel and interpreter: microseconds per 660 cells, and the ratio."""
    rows = []
    firmware = Path(__file__).parents[2] / "firmware"
    for bits in (32, 64):
        done = subprocess.run(
            [micropython(bits), "-X", "heapsize=1m", "-c", SCRIPT],
            env={**os.environ, "MICROPYPATH": str(firmware)},
            capture_output=True,
            text=True,
            check=True,
        )
        for name, plain_us, viper_us in json.loads(done.stdout):
            rows.append(
                {
                    "kernel": name,
                    "bits": bits,
                    "plain_us": round(plain_us, 2),
                    "viper_us": round(viper_us, 2),
                    "ratio": round(plain_us / viper_us, 1),
                }
            )
    return rows
