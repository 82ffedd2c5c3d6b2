"""A virtual insole with a radio, in real time: frames come in on stdin, all else by Bluetooth.

Start: as in ``mpy_main``, one line of JSON and the two tables. Then messages: ``<BI`` kind and
length, and the payload. FRAME puts cells and IMU words on the board, where the firmware reads them
when its own clock says so; BUTTON opens the pairing window; END, or the end of stdin, ends it.
"""

import gc
import json
import select
import struct
import sys
import time
from array import array

import bluetooth
import micropython

END = 0
FRAME = 1
BUTTON = 4
BOOT_THRESHOLD = 1024  # bytes between two collections while modules are loaded
TICKS_MASK = 0x3FFFFFFF
WINDOW_US = 120000000  # of pairing, after the button


class Inbox:
    """Frames and buttons from the world, taken when the firmware idles."""

    def __init__(self, stdin, board):
        self._stdin = stdin
        self._board = board
        self._poll = select.poll()
        self._poll.register(stdin, select.POLLIN)
        self.on_button = None

    def take(self):
        """Take all that is there; EOFError at the end."""
        while self._poll.poll(0):
            head = self._stdin.read(5)
            if not head or len(head) < 5:
                raise EOFError
            kind, n = struct.unpack("<BI", head)
            if kind == END:
                raise EOFError
            if kind == FRAME:
                if n != 2 * (len(self._board.cells) + len(self._board.words)):
                    raise ValueError("a frame of %d bytes" % n)
                self._stdin.readinto(self._board.cells)
                if self._board.words:
                    self._stdin.readinto(self._board.words)
            elif kind == BUTTON and self.on_button:
                self.on_button()


class WallClock:
    """Microseconds of this machine, from the ticks that the world begins with."""

    def __init__(self, ticks, inbox):
        self._offset = ticks - time.ticks_us()
        self._inbox = inbox
        self._radio = bluetooth.BLE()

    def ticks_us(self):
        """Return microseconds modulo 2**30."""
        return (time.ticks_us() + self._offset) & TICKS_MASK

    def idle(self):
        """Let the radio and the world have their say, for at most a millisecond."""
        self._radio.poll(1)
        self._inbox.take()


def main():
    """Run the firmware until told to end."""
    # What imports leave behind lies between what stays; collected late, it leaves no hole of 2 kB.
    gc.threshold(BOOT_THRESHOLD)
    from solecore import kernels
    from solecore.wire.messages import PROTOCOL_VERSION
    from solefoot.app.app import App
    from solefoot.app.service import Service
    from solefoot.app.store import Store
    from solefoot.links.ble import BleLink
    from solekit_hil.board.foot import HandedBoard, settings_from

    micropython.kbd_intr(-1)  # byte 3 is data
    stdin = sys.stdin.buffer
    best = kernels.best()
    spec = json.loads(stdin.readline())
    gc.collect()
    geometry = array("H", stdin.read(spec["n_geometry"]))
    calibration = array("H", stdin.read(spec["n_calibration"]))
    settings = settings_from(spec, geometry, calibration)
    geometry = None  # of a layout of our own nothing is kept
    board = HandedBoard(settings.geometry.n_cells, settings.imu_axes, settings.imu_per_frame)
    inbox = Inbox(stdin, board)
    clock = WallClock(spec["ticks"], inbox)
    about = "\0".join((settings.serial, settings.geometry.name, settings.firmware, best[1]))
    side, features = settings.side, settings.features
    link = BleLink(bluetooth, clock, Store("flash"), PROTOCOL_VERSION, side, features, about)
    inbox.on_button = lambda: link.open_pairing(WINDOW_US)
    log = None
    if spec.get("log"):
        from solefoot.app.log import FlashLog
        from solefoot.app.logstore import FileStore

        log = FlashLog(FileStore("log", spec["log"]), spec["boot"], best[0])
    extras = (Service(),)
    if spec.get("flash"):
        from solekit_hil.board.updates import open_update

        extras += open_update(spec)
    app = App(board, link, clock, settings, best, extras, log)
    gc.collect()
    gc.threshold(-1)
    try:
        while not app.wants_restart:
            app.wants_sleep = False  # a virtual foot that stands still stays awake
            app.run()
    except EOFError:
        pass


main()
