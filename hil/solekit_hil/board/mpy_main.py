"""A virtual insole inside MicroPython: steps come in on stdin, bytes go out on stdout.

Start: one line of JSON (the spec), then the geometry and the calibration table as bytes of the
lengths that the spec gives. Then steps: ``<BII`` kind, ticks, length, and the payload; each is
answered by pieces, ``<I`` length and bytes, up to one of length 0. Kind 0 ends. Nothing here holds
more than a message: the heap is that of a board.
"""

import gc
import json
import struct
import sys
from array import array

import micropython

BOOT_THRESHOLD = 1024  # bytes between two collections while modules are loaded
END = b"\0\0\0\0"


class PipePort:
    """A byte stream whose far end reads pieces; ``incoming`` is filled by the step."""

    def __init__(self, out):
        self._out = out
        self.incoming = b""

    def write(self, view):
        """Send bytes of the link as one piece."""
        self._out.write(struct.pack("<I", len(view)))
        self._out.write(view)
        return len(view)

    def read(self, n):
        """Give at most ``n`` bytes to the link."""
        data = self.incoming[:n]
        self.incoming = self.incoming[n:]
        return data


def main():
    """Serve steps until told to end."""
    # What imports leave behind lies between what stays; collected late, it leaves no hole of 2 kB.
    gc.threshold(BOOT_THRESHOLD)
    from solecore import kernels
    from solekit_hil.board.foot import FRAME, VirtualFoot, settings_from

    micropython.kbd_intr(-1)  # byte 3 is data
    stdin = sys.stdin.buffer
    stdout = sys.stdout.buffer
    best = kernels.best()
    spec = json.loads(stdin.readline())
    gc.collect()
    geometry = array("H", stdin.read(spec["n_geometry"]))
    calibration = array("H", stdin.read(spec["n_calibration"]))
    settings = settings_from(spec, geometry, calibration)
    geometry = None  # of a layout of our own nothing is kept
    log = None
    if spec.get("log"):
        from solefoot.app.log import FlashLog
        from solefoot.app.logstore import FileStore

        log = FlashLog(FileStore(spec["log_folder"], spec["log"]), spec["boot"], best[0])
    extras = ()
    if spec.get("flash"):
        from solekit_hil.board.updates import open_update

        extras = open_update(spec)
    foot = VirtualFoot(settings, spec["ticks"], best, PipePort(stdout), log=log, extras=extras)
    cells, words = foot.board.cells, foot.board.words
    gc.collect()
    gc.threshold(-1)
    while True:
        head = stdin.read(9)
        if not head or len(head) < 9:
            return
        kind, ticks, n = struct.unpack("<BII", head)
        if kind == 0:
            return
        if kind == FRAME:
            if n != 2 * (len(cells) + len(words)):
                raise ValueError("a frame of %d bytes" % n)
            stdin.readinto(cells)
            if words:
                stdin.readinto(words)
            foot.turn(kind, ticks)
        else:
            foot.turn(kind, ticks, stdin.read(n) if n else b"")
        stdout.write(END)


main()
