"""Messages waiting for the link: preallocated slots, oldest whole message dropped when full.

With a log, what has been sent stays here until the host acknowledges it.
"""

from array import array

from solecore.wire.frame import CRC_SIZE
from solecore.wire.messages import N_STREAMS


class Outbox:
    """A ring of messages of at most ``size`` bytes; ``put`` allocates nothing.

    The room for ``n_slots`` such messages, or else ``n_pieces`` of ``piece`` bytes, is taken once
    and for every later shape: a heap in use may have no place for messages of another size.
    """

    def __init__(self, n_slots: int, size: int, n_pieces: int = 1, piece: int = 0) -> None:
        self.n_dropped = array("I", [0] * N_STREAMS)  # samples
        piece = piece or n_slots * (size + CRC_SIZE)
        self._pieces = [memoryview(bytearray(piece)) for _ in range(n_pieces)]
        self.reshape(size)

    def reshape(self, size: int) -> None:
        """Divide the room into messages of ``size`` bytes; what waits is forgotten."""
        step = size + CRC_SIZE
        self._slots = []
        for piece in self._pieces:
            for i in range(len(piece) // step):
                self._slots.append(piece[i * step : (i + 1) * step])
        n_slots = len(self._slots)
        self._length = array("H", [0] * n_slots)
        self._stream = bytearray(n_slots)
        self._samples = array("H", [0] * n_slots)
        self._seq = array("I", [0] * n_slots)
        self.n_slots = n_slots
        self._head = 0  # next to write
        self.n_waiting = 0
        self.n_kept = 0  # sent but not acknowledged; they lie before those that wait
        self.size = size

    def claim(self):
        """Return the buffer of the next message; the oldest is dropped to make room.

        It belongs to the caller until ``put``.
        """
        if self.n_kept + self.n_waiting == self.n_slots:
            if self.n_kept:  # it has been sent, and may well have arrived
                self.n_kept -= 1
            else:
                tail = self._tail()
                self.n_dropped[self._stream[tail]] += self._samples[tail]
                self.n_waiting -= 1
        return self._slots[self._head]

    def put(self, length, stream, seq, n_samples):
        """Queue the claimed buffer: ``n_samples`` of ``stream`` from ``seq`` on."""
        head = self._head
        self._length[head] = length
        self._stream[head] = stream
        self._seq[head] = seq
        self._samples[head] = n_samples
        self._head = head + 1 if head + 1 < self.n_slots else 0
        self.n_waiting += 1

    def _tail(self):
        tail = self._head - self.n_waiting
        return tail if tail >= 0 else tail + self.n_slots

    # The oldest message, valid while n_waiting > 0.

    def buffer(self):
        """Return the buffer of the oldest message."""
        return self._slots[self._tail()]

    def length(self):
        """Return its length."""
        return self._length[self._tail()]

    def stream(self):
        """Return its stream."""
        return self._stream[self._tail()]

    def seq(self):
        """Return the sequence number of its first sample."""
        return self._seq[self._tail()]

    def samples(self):
        """Return the number of its samples."""
        return self._samples[self._tail()]

    def drop(self):
        """Forget the oldest message: it has been sent."""
        self.n_waiting -= 1

    def drop_all(self):
        """Forget all that waits, and count it."""
        while self.n_waiting:
            tail = self._tail()
            self.n_dropped[self._stream[tail]] += self._samples[tail]
            self.n_waiting -= 1

    def keep(self):
        """It has been sent: keep it until it is acknowledged or its room is needed."""
        self.n_waiting -= 1
        self.n_kept += 1

    def take_back(self):
        """Let what is kept wait again: nobody has acknowledged it."""
        self.n_waiting += self.n_kept
        self.n_kept = 0

    def acknowledge(self, acked):
        """Forget what is kept of each stream before its number in ``acked``, oldest first."""
        while self.n_kept:
            i = self._head - self.n_waiting - self.n_kept
            if i < 0:
                i += self.n_slots
            if self._seq[i] + self._samples[i] > acked[self._stream[i]]:
                return
            self.n_kept -= 1

    def has_kept(self, stream, stop) -> bool:
        """Return whether something of ``stream`` from before ``stop`` is kept."""
        for back in range(1, self.n_kept + 1):
            i = (self._head - self.n_waiting - back) % self.n_slots
            if self._stream[i] == stream and self._seq[i] < stop:
                return True
        return False

    @property
    def n_free(self) -> int:
        """Messages that find room before one has to go."""
        return self.n_slots - self.n_kept - self.n_waiting

    @property
    def n_bytes(self) -> int:
        """Bytes waiting."""
        return sum(self._length[(self._tail() + i) % self.n_slots] for i in range(self.n_waiting))
