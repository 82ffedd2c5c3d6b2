"""COBS framing with a CRC-32 trailer for byte streams (UART, USB, TCP)."""

import binascii
import struct

from solecore.wire.messages import MAX_MESSAGE

MAX_FRAME: int = 1300  # decoder cap; the longest valid frame is 1209 bytes and its delimiter
CRC_SIZE: int = 4


def put_crc(buf: bytearray, n: int, view: memoryview) -> int:
    """Write the CRC of ``view`` (``n`` bytes of ``buf``) behind it; return the new end."""
    struct.pack_into("<I", buf, n, binascii.crc32(view))
    return n + CRC_SIZE


def encode_frame(message: bytes, kernels) -> bytes:
    """Return the frame of ``message``, delimiter included (control path and host)."""
    n = len(message)
    if not 1 <= n <= MAX_MESSAGE:
        raise ValueError("message is %d bytes, limit 1 to %d" % (n, MAX_MESSAGE))
    out = bytearray(MAX_FRAME)
    end = kernels.cobs(message + struct.pack("<I", binascii.crc32(message)), out, n + CRC_SIZE)
    return bytes(out[:end])


class FrameDecoder:
    """Incremental, resynchronising decoder: feed any bytes, get whole messages."""

    def __init__(self, kernels) -> None:
        self._uncobs = kernels.uncobs
        self._buf = b""
        self._skipping = False
        self.n_dropped = 0

    def feed(self, data: bytes) -> list:
        """Return the valid messages completed by ``data``; count the broken ones."""
        pieces = data.split(b"\x00")
        tail = pieces.pop()
        messages = []
        for piece in pieces:
            if self._skipping:  # the end of what was too long: counted when it grew too long
                self._skipping = False
                continue
            if self._buf:
                piece = self._buf + piece
                self._buf = b""
            if piece:  # two delimiters in a row are no error
                message = self._open(piece)
                if message is None:
                    self.n_dropped += 1
                else:
                    messages.append(message)
        if not self._skipping and tail:
            self._buf = self._buf + tail
            if len(self._buf) > MAX_FRAME:  # noise: wait for the next delimiter
                self._buf = b""
                self._skipping = True
                self.n_dropped += 1
        return messages

    def _open(self, piece: bytes) -> bytes | None:
        if len(piece) > MAX_FRAME:
            return None
        body = self._uncobs(piece)
        if body is None:
            return None
        n = len(body) - CRC_SIZE
        if not 1 <= n <= MAX_MESSAGE:
            return None
        message = body[:n]
        return message if struct.unpack("<I", body[n:])[0] == binascii.crc32(message) else None
