"""BLE notifications: a message in pieces that each know their place.

Byte 0: bit 7 first, bit 6 last, low six bits index; byte 1: low byte of the sequence number. A
message with a missing piece is a missing message.
"""

from solecore.wire.messages import MAX_MESSAGE

FIRST: int = 0x80
LAST: int = 0x40
PREFIX: int = 2
MAX_PIECE: int = 244  # one link-layer packet
MIN_MTU_GRID: int = 100  # below this the grid is not streamed, only events and summaries


def piece_size(mtu: int) -> int:
    """Return the payload bytes of one notification at ``mtu``."""
    return min(mtu - 3, MAX_PIECE) - PREFIX


def split(message: bytes, tag: int, mtu: int) -> list:
    """Return the notifications of ``message``; ``tag`` is the low byte of its sequence number."""
    step = piece_size(mtu)
    n = (len(message) + step - 1) // step
    if not 1 <= n <= 64 or len(message) > MAX_MESSAGE:
        raise ValueError("message of %d bytes does not fit 64 pieces of %d" % (len(message), step))
    pieces = []
    for i in range(n):
        head = i | (FIRST if i == 0 else 0) | (LAST if i == n - 1 else 0)
        pieces.append(bytes((head, tag & 0xFF)) + message[i * step : (i + 1) * step])
    return pieces


class Assembler:
    """Rebuild messages from notifications in order of arrival; count what cannot be rebuilt."""

    def __init__(self) -> None:
        self._parts = bytearray()
        self._next = 0  # index expected, 0 = nothing open
        self._tag = 0
        self.n_dropped = 0

    def feed(self, piece: bytes) -> bytes | None:
        """Return the message that ``piece`` completes, else None."""
        if len(piece) <= PREFIX:
            self.n_dropped += 1
            return None
        head = piece[0]
        index = head & 0x3F
        if head & FIRST:
            if self._next:
                self.n_dropped += 1  # the one before never ended
            self._parts = bytearray()
            self._next = 0
            self._tag = piece[1]
            fits = index == 0
        else:
            fits = self._next > 0 and index == self._next and piece[1] == self._tag
        if not fits or len(self._parts) + len(piece) - PREFIX > MAX_MESSAGE:
            # A stray piece of something already counted as broken is not counted twice.
            if self._next or head & FIRST:
                self.n_dropped += 1
            self._next = 0
            return None
        self._parts.extend(piece[PREFIX:])
        self._next = index + 1
        if not head & LAST:
            return None
        self._next = 0
        return bytes(self._parts)
