"""A virtual insole inside MicroPython: steps come in on stdin, what the foot sends goes out on stdout.

Start: one line of JSON (the spec), then the geometry and the calibration table as bytes of the
lengths that the spec gives. Then steps: ``<BII`` kind, ticks, length, and the payload; each is
answered by ``<I`` length and bytes. Kind 0 ends.
"""

import gc
import json
import struct
import sys
from array import array

import micropython

from solecore import kernels
from solekit_hil.board.foot import VirtualFoot, settings_from


def main():
    """Serve steps until told to end."""
    micropython.kbd_intr(-1)  # byte 3 is data
    stdin = sys.stdin.buffer
    stdout = sys.stdout.buffer
    best = kernels.best()
    spec = json.loads(stdin.readline())
    gc.collect()
    geometry = array("H", stdin.read(spec["n_geometry"]))
    calibration = array("H", stdin.read(spec["n_calibration"]))
    foot = VirtualFoot(settings_from(spec, geometry, calibration), spec["ticks"], best)
    gc.collect()
    while True:
        head = stdin.read(9)
        if not head or len(head) < 9:
            return
        kind, ticks, n = struct.unpack("<BII", head)
        if kind == 0:
            return
        payload = stdin.read(n) if n else b""
        sent = foot.step(kind, ticks, payload)
        stdout.write(struct.pack("<I", len(sent)))
        stdout.write(sent)


main()
