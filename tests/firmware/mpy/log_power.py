# ruff: noqa: T201, PTH, RUF005, C419, B905
# The flash log on LittleFS on a RAM block device whose power goes at every byte that is written.
# argv: bytes of an erase block, "f" for a block of frames or "e" for one of events, the step
# between two cuts. Prints: cuts tried, bytes that one log block costs to write, the most messages
# that a cut has lost, the messages of a log block, cuts after which something old was missing,
# cuts after which the log took no more.
import sys

import vfs

from solecore import kernels
from solecore.wire import messages as m
from solefoot.app.log import FlashLog
from solefoot.app.logread import LogReader
from solefoot.app.logstore import FileStore
from solefoot.app.outbox import Outbox

KERNELS = kernels.best()[0]
NUMBERS = bytes([i & 255 for i in range(512)])
ERASED = b"\xff" * 4096
SIZE = 80 * 1024
CAPACITY = 48 * 1024
FOLDER = "/flash/log"


class Flash:
    """A NOR flash that does ``left`` more units of work; then its power is gone for good."""

    def __init__(self, content, erase_bytes, left=1 << 29):
        self.content = content
        self.erase_bytes = erase_bytes
        self.left = left

    def _spend(self, n):
        """Return how much of ``n`` still happens."""
        done = min(n, self.left)
        self.left -= done
        return done

    # Objects of a life before the cut may still call when they are collected: no exceptions here.

    def readblocks(self, block, buf, offset=0):
        if not self.left:
            return -5
        at = block * self.erase_bytes + offset
        buf[:] = memoryview(self.content)[at : at + len(buf)]
        return 0

    def writeblocks(self, block, buf, offset=0):
        if not self.left:
            return -5
        at = block * self.erase_bytes + offset
        n = self._spend(len(buf))
        memoryview(self.content)[at : at + n] = memoryview(buf)[:n]
        return 0 if n == len(buf) else -5

    def ioctl(self, op, arg):
        if not self.left:
            return -5
        if op == 4:
            return len(self.content) // self.erase_bytes
        if op == 5:
            return self.erase_bytes
        if op == 6:  # in sixteen steps
            n = self._spend(16)
            at = arg * self.erase_bytes
            size = self.erase_bytes * n // 16
            memoryview(self.content)[at : at + size] = memoryview(ERASED)[:size]
            if n < 16:
                return -5
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
        buf[: self.size] = NUMBERS[self.seq & 255 : (self.seq & 255) + self.size]
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


def open_log(flash, boot):
    """Mount ``flash``; return the log on it."""
    vfs.mount(vfs.VfsLfs2(flash, readsize=512, progsize=32), "/flash")
    return FlashLog(FileStore(FOLDER, CAPACITY), boot, KERNELS)


def close(log):
    log.store.release()
    vfs.umount("/flash")


def fill(log, source, n):
    while source.seq < n:
        source.put(log)


def main():
    erase_bytes = int(sys.argv[1])
    letter = sys.argv[2]
    step = int(sys.argv[3])
    flash = Flash(bytearray(SIZE), erase_bytes)
    vfs.VfsLfs2.mkfs(flash)
    # Two whole blocks in a segment, then messages until the next would make it write.
    source = Source(letter)
    log = open_log(flash, 5)
    ring = log.ring_of(source.stream)
    blocks = [0]
    while ring.last_block < 3:
        source.put(log)
        if ring.last_block > blocks[-1]:
            blocks.append(ring.last_block)
            kept = source.seq - 1
            if ring.last_block == 2:
                saved = bytes(flash.content)
                n_kept = kept
            n_filled = kept
    close(log)

    def rewrite(left):
        """Write the third block again with so much power left; return what is left then."""
        flash = Flash(bytearray(saved), erase_bytes)
        log = open_log(flash, 5)
        ring = log.ring_of(source.stream)
        ring._ends_segment = False  # the same boot goes on: it had only been looked at
        source.seq = n_kept
        fill(log, source, n_filled)
        flash.left = left
        log.flush()
        if flash.left:
            close(log)
        else:
            vfs.umount("/flash")
        return flash

    plenty = 1 << 29
    cost = plenty - rewrite(plenty).left
    n_cuts = worst = n_missing = n_refused = 0
    for cut in range(1, cost + 2, step):
        dead = rewrite(cut)
        log = open_log(Flash(dead.content, erase_bytes), 6)  # power is back
        n = read_all(log, 5, source)
        n_cuts += 1
        worst = max(worst, n_filled - n)
        if n < (n_filled if dead.left else n_kept):
            n_missing += 1
        after = Source(letter)
        fill(log, after, 3)
        log.flush()
        if read_all(log, 6, after) != 3 or read_all(log, 5, source) != n:
            n_refused += 1
        close(log)
    print(n_cuts, cost, worst, n_filled - n_kept, n_missing, n_refused)


main()
