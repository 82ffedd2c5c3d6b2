"""One ring of the flash log: blocks in segments, the block being filled, what lies where.

A block: HEADER_SIZE bytes (magic, boot, block number, ticks and wraps of its first sample, flags,
number of messages, used bytes; first and stop sequence number of up to three streams; CRC-32 over
all before it and the content), then the messages, each behind its length and its number of
samples (u16 each). Segments are files named by their ring's letter and a number that grows.
"""

import binascii
import struct
from array import array

from solecore.codec.forms import DELTA_FRAME
from solecore.wire import messages as m

MAGIC: int = 0x4C53
HEADER_SIZE: int = 48
CRC_AT: int = 44
RANGES_AT: int = 20
ENTRY_SIZE: int = 4
HANGS: int = 1  # flag: the first frame is a difference from one in an earlier block
FILE_BLOCK: int = 4096
MAX_SEGMENTS: int = 96  # 36 bytes of heap each; every boot begins one, however short

# A row of the table of segments.
NUMBER: int = 0
BOOT: int = 1
SIZE: int = 2
RANGE: int = 3  # first and stop of each stream
_CODED = m.FRAME_CODED8.msg_id


class Ring:
    """Blocks of the streams ``streams`` in ``store``, at most ``block_bytes`` each."""

    def __init__(self, store, letter, streams, kernels, block_bytes, segment_bytes) -> None:
        self._store = store
        self._letter = letter
        self.streams = streams
        self._copy = kernels.copy8
        self._block = bytearray(block_bytes)
        self._view = memoryview(self._block)
        self._segment_bytes = segment_bytes
        self.width = RANGE + 2 * len(streams)
        self.table = array("I")
        self._ends_segment = True  # the next block begins a new one
        self._forget()
        self._last = 0  # number of the last segment
        self.last_block = 0
        self._recover()

    # -- segments ------------------------------------------------------------------------------

    def _recover(self):
        """Build the table from what the store holds; what a power cut has left stays unused."""
        head = bytearray(HEADER_SIZE)
        for name in self._store.names():
            number = self._number(name)
            if number < 0:
                continue
            row = [number, 0, 0] + [0, 0] * len(self.streams)
            size = self._store.size(name)
            while row[SIZE] + HEADER_SIZE <= size:
                self._store.read(name, row[SIZE], head)
                used = used_of(head)
                if not used or row[SIZE] + HEADER_SIZE + used > size:
                    break
                boot, block = struct.unpack_from("<HI", head, 2)
                if row[SIZE] and boot != row[BOOT]:
                    break
                row[BOOT] = boot
                self.last_block = max(self.last_block, block)
                for slot in range(len(self.streams)):
                    first, stop = struct.unpack_from("<II", head, RANGES_AT + 8 * slot)
                    _widen(row, RANGE + 2 * slot, first, stop)
                row[SIZE] += HEADER_SIZE + used
            self._last = max(self._last, number)
            if row[SIZE]:
                self.table.extend(array("I", row))
            else:
                self._store.remove(name)
        self._store.release()

    def _number(self, name):
        """Return the number of a segment of this ring, -1 if the file is something else."""
        try:
            number = int(name[1:], 16)
        except ValueError:
            return -1
        return number if name == self.name(number) else -1

    @property
    def n_segments(self) -> int:
        """Segments held."""
        return len(self.table) // self.width

    def name(self, number):
        """Return the file name of a segment."""
        return "%s%07x" % (self._letter, number)

    def bytes_held(self) -> int:
        """Return the room that the segments take in the file system."""
        total = 0
        for at in range(SIZE, len(self.table), self.width):
            size = self.table[at]
            # LittleFS adds some bytes of pointers to each of its blocks.
            total += ((size + size // 256) // FILE_BLOCK + 1) * FILE_BLOCK
        return total

    def remove(self, i) -> None:
        """Forget segment ``i`` of the table."""
        width = self.width
        name = self.name(self.table[i * width + NUMBER])
        if i == self.n_segments - 1:
            self._ends_segment = True
        for at in range(i * width, len(self.table) - width):
            self.table[at] = self.table[at + width]
        self.table = self.table[: len(self.table) - width]
        try:
            self._store.remove(name)
        except OSError:
            pass  # it is gone, or the flash is: either way it counts no more

    # -- the block being filled ----------------------------------------------------------------

    def _forget(self):
        self.used = 0
        self._n = 0
        self._flags = 0
        self._frames_seen = False
        self._largest = 0
        self._asked = False
        for at in range(RANGES_AT, CRC_AT):
            self._block[at] = 0

    def open_range(self, slot) -> tuple:
        """Return first and stop of a stream in the block being filled; equal if there is none."""
        return struct.unpack_from("<II", self._block, RANGES_AT + 8 * slot)

    def fits(self, buf, n) -> bool:
        """Return whether a message of ``n`` bytes may join the block being filled."""
        if self._asked and buf[0] == _CODED and buf[m.HEADER_SIZE] != DELTA_FRAME:
            return False  # the frame that was asked for begins the next block
        return HEADER_SIZE + self.used + ENTRY_SIZE + n <= len(self._block)

    def add(self, buf, n, slot, seq, n_samples) -> bool:
        """Put a message into the block; return whether the next frame should stand alone."""
        block = self._block
        if not self.used:
            for i in range(6):  # ticks and wraps of the first sample
                block[8 + i] = buf[8 + i]
        at = HEADER_SIZE + self.used
        struct.pack_into("<HH", block, at, n, n_samples)
        self._copy(buf, block, n, at + ENTRY_SIZE)
        self.used += ENTRY_SIZE + n
        self._n += 1
        at = RANGES_AT + 8 * slot
        if not (block[at + 4] or block[at + 5] or block[at + 6] or block[at + 7]):
            struct.pack_into("<I", block, at, seq)
        struct.pack_into("<I", block, at + 4, seq + n_samples)
        if buf[0] != _CODED:
            return False
        if not self._frames_seen:
            self._frames_seen = True
            if buf[m.HEADER_SIZE] == DELTA_FRAME:
                self._flags |= HANGS
        if n > self._largest:
            self._largest = n
        room = len(block) - HEADER_SIZE - self.used - ENTRY_SIZE
        if self._asked or room > self._largest + (self._largest >> 2):
            return False
        self._asked = True  # the next but one may not fit
        return True

    def seal(self, boot, number):
        """Finish the block being filled; return its bytes, valid until the next ``add``."""
        block = self._block
        struct.pack_into("<HHI", block, 0, MAGIC, boot, number)
        block[14] = self._flags
        block[15] = self._n
        struct.pack_into("<HH", block, 16, self.used, 0)
        end = HEADER_SIZE + self.used
        crc = binascii.crc32(self._view[:CRC_AT])
        struct.pack_into("<I", block, CRC_AT, binascii.crc32(self._view[HEADER_SIZE:end], crc))
        return self._view[:end]

    @property
    def must_shrink(self) -> bool:
        """Whether a segment must go before the next block, so that the table stays small."""
        return self._ends_segment and self.n_segments >= MAX_SEGMENTS

    def append(self, view, boot) -> None:
        """Write the sealed block to the store; OSError if that takes no more."""
        block = self._block
        width = self.width
        n_ranges = width - RANGE
        if self._ends_segment or self.table[len(self.table) - width + SIZE] + len(view) > (
            self._segment_bytes
        ):
            self._ends_segment = True
            number = self._last + 1
        else:
            number = self._last
        self._store.append(self.name(number), view)
        if self._ends_segment:
            self._last = number
            self._ends_segment = False
            self.table.extend(array("I", [number, boot, 0] + [0] * n_ranges))
        at = len(self.table) - width
        self.table[at + SIZE] += len(view)
        for slot in range(len(self.streams)):
            first, stop = struct.unpack_from("<II", block, RANGES_AT + 8 * slot)
            _widen(self.table, at + RANGE + 2 * slot, first, stop)

    def done(self) -> None:
        """Forget the block being filled."""
        self._forget()

    def give_up_segment(self) -> None:
        """Begin a new segment with the next block: this one may end in the middle of one."""
        if self._ends_segment:
            self._last += 1  # nor is the one that could not be begun
            try:
                self._store.remove(self.name(self._last))
            except OSError:
                pass
        self._ends_segment = True


def used_of(head) -> int:
    """Return the bytes of content that a block's header tells of, 0 if it is none."""
    if head[0] | head[1] << 8 != MAGIC:
        return 0
    return head[16] | head[17] << 8


def _widen(row, at, first, stop):
    """Let the range at ``row[at]`` cover ``first`` to ``stop`` too."""
    if stop:
        if not row[at + 1]:
            row[at] = first
        row[at + 1] = stop
