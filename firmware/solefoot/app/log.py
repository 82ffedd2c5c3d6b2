"""The flash log: what nobody listened to, kept until somebody asks.

Frames and IMU samples fill one ring of 4 kB blocks, events and strides another of small ones,
minutes a third. Where room is short what has been acknowledged goes first, then the oldest frames;
events only when there are no frames left, and minutes when there are no events, or when they fill
half of the log.
"""

from array import array

from solecore.wire import messages as m
from solefoot.app.logring import BOOT, FILE_BLOCK, RANGE, Ring

FRAMES_BLOCK: int = 4096
EVENTS_BLOCK: int = 512
MOST_ACKED: int = 16  # stretches of one stream and boot whose acknowledgement is remembered
_LEAST: int = 8 * FILE_BLOCK
_SLOTS = bytes((0, 1, 0, 1, 0))  # of each stream in its ring


class FlashLog:
    """The log of ``boot`` and those before it, in ``store``.

    Taking a message copies it into a block and allocates nothing; only a full block is written.
    """

    def __init__(self, store, boot: int, kernels) -> None:
        self.store = store
        self._boot = boot
        segment = store.capacity // 64 // FILE_BLOCK * FILE_BLOCK
        segment = min(max(segment, 4 * FILE_BLOCK), 32 * FILE_BLOCK)
        self.frames = Ring(store, "f", (m.PRESSURE, m.IMU), kernels, FRAMES_BLOCK, segment)
        small = 4 * FILE_BLOCK
        self.events = Ring(store, "e", (m.EVENTS, m.STRIDES), kernels, EVENTS_BLOCK, small)
        self.minutes = Ring(store, "m", (m.MINUTES,), kernels, EVENTS_BLOCK, small)
        self._rings = (self.frames, self.events, self.minutes)  # in the order of sacrifice
        self.is_open = store.capacity >= _LEAST  # else there is no point
        self.wants_key = False  # the next frame is to stand alone
        self.n_lost = array("I", [0] * m.N_STREAMS)  # samples that found no room at all
        self._stops = array("I", [0] * m.N_STREAMS)  # what has been taken of each stream
        self._acked = {}  # by boot * 8 + stream: [start, stop, start, stop, ...], apart

    def ring_of(self, stream) -> Ring:
        """Return the ring that ``stream`` goes to."""
        if stream <= m.IMU:
            return self.frames
        return self.minutes if stream == m.MINUTES else self.events

    def slot_of(self, stream) -> int:
        """Return the place of ``stream`` within its ring."""
        return _SLOTS[stream]

    def take(self, box, may_write) -> bool:
        """Take the oldest message of ``box``; False if a block is full and must not be written."""
        stream = box.stream()
        seq = box.seq()
        n_samples = box.samples()
        stop = seq + n_samples
        if stop <= self._stops[stream]:
            return True  # a minute, taken when it was sent
        n = box.length()
        if not self.is_open or n > m.MAX_LOGGED:
            self.n_lost[stream] += n_samples
            return True
        ring = self.ring_of(stream)
        buf = box.buffer()
        if ring.used and not ring.fits(buf, n):
            if not may_write:
                return False
            self._write(ring)
        if ring.add(buf, n, _SLOTS[stream], seq, n_samples):
            self.wants_key = True
        self._stops[stream] = stop
        return True

    def flush(self) -> None:
        """Write what is still in memory."""
        for ring in (self.minutes, self.events, self.frames):
            if ring.used:
                self._write(ring)

    def open(self) -> None:
        """Take messages again."""
        self.is_open = self.store.capacity >= _LEAST

    def _write(self, ring):
        number = 1 + max([each.last_block for each in self._rings])
        view = ring.seal(self._boot, number)
        room = self.store.capacity - 2 * FILE_BLOCK - len(view)
        is_written = False
        while ring.must_shrink:
            i = self._find_acked(ring)
            ring.remove(i if i > 0 else 0)
        if ring is self.minutes and ring.bytes_held() > self.store.capacity // 2:
            ring.remove(0)
        while not is_written and (self.bytes_held() <= room or self._sacrifice(ring)):
            if self.bytes_held() > room:
                continue
            try:
                ring.append(view, self._boot)
                ring.last_block = number
                is_written = True
            except OSError:  # fuller than it should be
                ring.give_up_segment()
                room = self.bytes_held() - FILE_BLOCK
        if not is_written:
            self._count_lost(ring)
        ring.done()

    def _count_lost(self, ring):
        for slot, stream in enumerate(ring.streams):
            first, stop = ring.open_range(slot)
            self.n_lost[stream] += stop - first

    def _sacrifice(self, ring) -> bool:
        """Remove one segment to make room in ``ring``; False if there is none to remove."""
        for each in self._rings:
            i = self._find_acked(each)
            if i >= 0:
                each.remove(i)
                return True
        for each in self._rings:
            if each.n_segments:
                each.remove(0)
                return True
            if each is ring:
                break  # what counts for more stays
        return False

    # -- what the host has ---------------------------------------------------------------------

    def acknowledge(self, boot, stream, start, stop) -> None:
        """Note that the host has stored all of ``stream`` from ``start`` to ``stop``."""
        apart = []
        old = self._acked.get(boot * 8 + stream, ())
        for i in range(0, len(old), 2):
            if old[i] > stop or old[i + 1] < start:
                apart += (old[i], old[i + 1])
            else:
                start = min(start, old[i])
                stop = max(stop, old[i + 1])
        apart += (start, stop)
        self._acked[boot * 8 + stream] = apart[-2 * MOST_ACKED :]

    def _is_acked(self, boot, stream, start, stop):
        spans = self._acked.get(boot * 8 + stream, ())
        for i in range(0, len(spans), 2):
            if spans[i] <= start and stop <= spans[i + 1]:
                return True
        return False

    def _find_acked(self, ring):
        """Return the oldest segment that the host has in full, -1 if there is none."""
        table = ring.table
        for i in range(ring.n_segments):
            at = i * ring.width
            is_acked = True
            for slot, stream in enumerate(ring.streams):
                start = table[at + RANGE + 2 * slot]
                stop = table[at + RANGE + 2 * slot + 1]
                if stop and not self._is_acked(table[at + BOOT], stream, start, stop):
                    is_acked = False
            if is_acked:
                return i
        return -1

    def erase(self, is_forced) -> int:
        """Remove what is acknowledged, or all; return how many 4 kB blocks became free."""
        before = self.bytes_held()
        for ring in self._rings:
            while True:
                i = self._find_acked(ring)
                if is_forced and ring.n_segments:
                    i = 0
                if i < 0:
                    break
                ring.remove(i)
        return (before - self.bytes_held()) // FILE_BLOCK

    def ranges(self):
        """Yield ``(boot, stream, start, stop)`` of what is held; there may be holes within."""
        for ring in self._rings:
            table = ring.table
            for slot, stream in enumerate(ring.streams):
                boot = -1
                start = end = 0
                for at in range(0, len(table), ring.width):
                    first = table[at + RANGE + 2 * slot]
                    stop = table[at + RANGE + 2 * slot + 1]
                    if not stop:
                        continue
                    if table[at + BOOT] == boot and first == end:
                        end = stop
                        continue
                    if boot >= 0:
                        yield boot, stream, start, end
                    boot = table[at + BOOT]
                    start = first
                    end = stop
                if boot >= 0:
                    yield boot, stream, start, end

    def bytes_held(self) -> int:
        """Return the room that the log takes in the file system."""
        return sum([each.bytes_held() for each in self._rings])

    @property
    def n_blocks(self) -> int:
        """Blocks of 4 kB that are taken."""
        return self.bytes_held() // FILE_BLOCK

    @property
    def n_free(self) -> int:
        """Blocks of 4 kB that are free."""
        return max(0, self.store.capacity - self.bytes_held()) // FILE_BLOCK
