"""Find messages of one stream in the flash log, one at a time, in a buffer of one message."""

import binascii
import struct

from solecore.wire import messages as m
from solecore.wire.frame import CRC_SIZE
from solefoot.app.logring import (
    BOOT,
    CRC_AT,
    ENTRY_SIZE,
    HEADER_SIZE,
    NUMBER,
    RANGE,
    RANGES_AT,
    SIZE,
    used_of,
)

_AT: int = m.LOG_DATA.size
_PEEK: int = ENTRY_SIZE + 8  # length, samples, id, boot, stream, sequence number


class LogReader:
    """Walk through what ``log`` holds of one stream; the message found lies in ``buf``.

    It is packed as LOG_DATA: ``length`` bytes, ``n_samples`` from ``seq`` on. A block whose CRC
    is wrong is passed over.
    """

    def __init__(self, log) -> None:
        self._log = log
        self.buf = bytearray(_AT + m.MAX_LOGGED + CRC_SIZE)
        self._view = memoryview(self.buf)
        self._head = bytearray(HEADER_SIZE)
        self._peek = bytearray(_PEEK)
        self.n_bad_blocks = 0
        self.length = self.seq = self.n_samples = 0
        self._stream = -1
        self._boot = self._segment = self._offset = self._end = self._at = self._block = 0
        self._start = self._next = self._stop = 0
        self._name = ""  # of the segment

    def seek(self, boot, stream, start, stop) -> None:
        """Begin at sample ``start``; where the last search of this stream ended, if that is it."""
        if not (boot == self._boot and stream == self._stream and start >= self._next):
            self._segment = -1
            self._offset = 0
            self._at = self._end = 0
        self._boot = boot
        self._stream = stream
        self._start = start
        self._next = start
        self._stop = stop

    def forget(self) -> None:
        """Look from the beginning next time: segments have gone."""
        self._stream = -1
        self._log.store.release()

    def next(self) -> bool:
        """Find the next message that overlaps the range; False if there is none."""
        ring = self._log.ring_of(self._stream)
        while True:
            try:
                while self._at < self._end:
                    if self._take():
                        return self.seq < self._stop
                if not self._next_block(ring):
                    return False
            except OSError:  # the segment has gone while it was read
                self._at = self._end = self._offset = 0
                self._segment += 1

    def _take(self):
        """Look at the message at hand; True if it is one, or is behind the range."""
        store = self._log.store
        name = self._name
        store.read(name, self._at, self._peek)
        n, samples = struct.unpack_from("<HH", self._peek, 0)
        if self._peek[ENTRY_SIZE + 3] == self._stream:
            seq = struct.unpack_from("<I", self._peek, ENTRY_SIZE + 4)[0]
            if seq >= self._stop:
                self.seq = seq
                return True
            if seq + samples > self._start and n <= m.MAX_LOGGED:
                store.read(name, self._at + ENTRY_SIZE, self._view[_AT : _AT + n])
                struct.pack_into("<BI", self.buf, 0, m.LOG_DATA.msg_id, self._block)
                self._at += ENTRY_SIZE + n
                self.length = _AT + n
                self.seq = seq
                self.n_samples = samples
                self._start = self._next = seq + samples
                return True
        self._at += ENTRY_SIZE + n
        return False

    def _next_block(self, ring):
        """Go to the next whole block that holds some of the range; False if there is none."""
        store = self._log.store
        slot = RANGE + 2 * self._log.slot_of(self._stream)
        ranges_at = RANGES_AT + 8 * self._log.slot_of(self._stream)
        table = ring.table
        for row in range(0, len(table), ring.width):
            if table[row + NUMBER] < self._segment or table[row + BOOT] != self._boot:
                continue
            if table[row + NUMBER] > self._segment:
                if table[row + slot + 1] <= self._start:
                    continue
                if table[row + slot] >= self._stop:
                    return False
                self._segment = table[row + NUMBER]
                self._offset = 0
            self._name = ring.name(self._segment)
            while self._offset < table[row + SIZE]:
                store.read(self._name, self._offset, self._head)
                first, stop = struct.unpack_from("<II", self._head, ranges_at)
                if stop and first >= self._stop:
                    return False  # and a later search may begin here
                begin = self._offset + HEADER_SIZE
                self._offset = begin + used_of(self._head)
                if stop > self._start and self._is_whole(begin):
                    self._block = struct.unpack_from("<I", self._head, 4)[0]
                    self._at = begin
                    self._end = self._offset
                    return True
        return False

    def _is_whole(self, begin):
        """Return whether the CRC of the block holds whose content begins at ``begin``."""
        store = self._log.store
        used = used_of(self._head)
        crc = binascii.crc32(memoryview(self._head)[:CRC_AT])
        done = 0
        while done < used:
            n = min(used - done, m.MAX_LOGGED)
            piece = self._view[:n]
            if store.read(self._name, begin + done, piece) < n:
                break
            crc = binascii.crc32(piece, crc)
            done += n
        if done < used or crc != struct.unpack_from("<I", self._head, CRC_AT)[0]:
            self.n_bad_blocks += 1
            return False
        return True
