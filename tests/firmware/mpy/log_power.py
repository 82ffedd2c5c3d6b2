# ruff: noqa: T201, PTH, RUF005, C419, B905
# The flash log on LittleFS on a RAM block device whose power goes at every byte that is written.
# argv: bytes of an erase block, "f" for a block of frames or "e" for one of events, the step
# between two cuts. Prints: cuts tried, bytes that one log block costs to write, the most messages
# that a cut has lost, the messages of a log block, cuts after which something old was missing,
# cuts after which the log took no more.
import os
import sys

import vfs

from solecore import _plain
from solecore.wire import messages as m
from solefoot.app.log import FlashLog
from solefoot.app.logread import LogReader
from solefoot.app.logstore import FileStore
from solefoot.app.outbox import Outbox

SIZE = 192 * 1024
FOLDER = "/flash/log"


class Cut(Exception):
    pass


class Flash:
    """A NOR flash: erase sets, writing clears; after ``left`` units of work the power is gone."""

    def __init__(self, content, erase_bytes):
        self.content = content
        self.erase_bytes = erase_bytes
        self.left = 1 << 29

    def _spend(self, n):
        """Return how much of ``n`` still happens."""
        if self.left <= 0:
            raise Cut
        done = min(n, self.left)
        self.left -= n
        return done

    def readblocks(self, block, buf, offset=0):
        at = block * self.erase_bytes + offset
        buf[:] = memoryview(self.content)[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        at = block * self.erase_bytes + offset
        n = self._spend(len(buf))
        memoryview(self.content)[at : at + n] = memoryview(buf)[:n]
        if n < len(buf):
            raise Cut

    def ioctl(self, op, arg):
        if op == 4:
            return len(self.content) // self.erase_bytes
        if op == 5:
            return self.erase_bytes
        if op == 6:  # in sixteen steps
            n = self._spend(16)
            at = arg * self.erase_bytes
            size = self.erase_bytes * n // 16
            memoryview(self.content)[at : at + size] = b"\xff" * size
            if n < 16:
                raise Cut
        return 0


class Source:
    """Numbered messages of one ring, and the box that they come from."""

    def __init__(self, letter):
        self.is_events = letter == "e"
        self.stream = m.EVENTS if self.is_events else m.IMU
        self.size = m.EVENT.size if self.is_events else m.HEADER_SIZE + 192
        self.box = Outbox(2, self.size)
        self.seq = 0

    def put(self, log):
        kind = m.EVENT.msg_id if self.is_events else m.IMU_SAMPLES.msg_id
        buf = self.box.claim()
        for i in range(self.size):
            buf[i] = (self.seq + i) & 255
        buf[0] = kind
        buf[1:3] = (5).to_bytes(2, "little")
        buf[3] = self.stream
        buf[4:8] = self.seq.to_bytes(4, "little")
        self.box.put(self.size, self.stream, self.seq, 1)
        log.take(self.box, True)
        self.box.drop()
        self.seq += 1


def read_all(log, boot, source):
    """Return how many messages, from 0 on without a gap and as they were, come back."""
    reader = LogReader(log)
    reader.seek(boot, source.stream, 0, 1 << 29)
    n = 0
    while reader.next():
        first = m.LOG_DATA.size + 8  # behind the sequence number everything counts on
        for i in range(first, reader.length, 17):
            if reader.buf[i] != (n + i - m.LOG_DATA.size) & 255:
                return -1
        if reader.seq != n:
            return -1
        n += 1
    log.store.release()
    return n


def mount(flash):
    vfs.mount(vfs.VfsLfs2(flash), "/flash")


def main():
    erase_bytes = int(sys.argv[1])
    letter = sys.argv[2]
    step = int(sys.argv[3])
    flash = Flash(bytearray(SIZE), erase_bytes)
    vfs.VfsLfs2.mkfs(flash)
    mount(flash)
    source = Source(letter)
    log = FlashLog(FileStore(FOLDER, 100 * 1024), 5, _plain)
    ring = log.events if letter == "e" else log.frames
    while ring.n_segments < 2 or ring.used < 400:  # in the middle of a segment, a block half full
        source.put(log)
    before = source.seq
    while ring.last_block == log.frames.last_block + log.events.last_block and ring.used:
        n_blocks = ring.last_block
        source.put(log)
        if ring.last_block != n_blocks:
            break
    filled = source.seq - 1  # the message that did not fit: it made the log write
    log.flush()
    vfs.umount("/flash")

    # The same again up to there, on flash of its own; what writing the block costs.
    flash = Flash(bytearray(SIZE), erase_bytes)
    vfs.VfsLfs2.mkfs(flash)
    mount(flash)
    source = Source(letter)
    log = FlashLog(FileStore(FOLDER, 100 * 1024), 5, _plain)
    ring = log.events if letter == "e" else log.frames
    while source.seq < filled:
        source.put(log)
    saved = bytes(flash.content)
    in_block = ring._n
    n_kept = source.seq - in_block
    left = flash.left
    log.flush()
    cost = left - flash.left
    vfs.umount("/flash")

    n_cuts = worst = n_missing = n_refused = 0
    block = bytes(ring._block)
    for cut in range(0, cost + 1, step):
        flash = Flash(bytearray(saved), erase_bytes)
        mount(flash)
        store = FileStore(FOLDER, 100 * 1024)
        log = FlashLog(store, 5, _plain)
        source.seq = n_kept
        try:
            log._stops[source.stream] = n_kept
            flash.left = 1 << 29
            log.frames._ends_segment = log.events._ends_segment = False
            while source.seq < filled:
                source.put(log)
            flash.left = cut
            log.flush()
            n_written = filled
        except Cut:
            n_written = n_kept
        flash.left = 1 << 29  # power is back
        vfs.umount("/flash")
        mount(flash)
        log = FlashLog(FileStore(FOLDER, 100 * 1024), 6, _plain)
        n = read_all(log, 5, source)
        n_cuts += 1
        if n < n_written:
            n_missing += 1
        worst = max(worst, filled - n)
        after = Source(letter)
        for _ in range(3):
            after.put(log)
        log.flush()
        if read_all(log, 6, after) != 3 or read_all(log, 5, source) != n:
            n_refused += 1
        vfs.umount("/flash")
    del block, before, os
    print(n_cuts, cost, worst, in_block, n_missing, n_refused)


main()
