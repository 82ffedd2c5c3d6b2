"""A link over a byte stream: USB serial, UART, TCP."""

from solecore.wire.frame import MAX_FRAME, FrameDecoder, put_crc


class StreamLink:
    """Messages over ``port``: ``write(view) -> int | None`` and ``read(n) -> bytes | None``.

    A cable does not say whether somebody listens at its far end, so the link is always up.
    """

    is_up = True
    mtu = 0  # no notifications: a message travels whole

    def __init__(self, port, kernels) -> None:
        self._port = port
        self._cobs = kernels.cobs
        self._out = bytearray(MAX_FRAME)
        self._view = memoryview(self._out)
        self._decoder = FrameDecoder(kernels)

    @property
    def n_bad_frames(self) -> int:
        """Frames that came in broken."""
        return self._decoder.n_dropped

    def send(self, buf: bytearray, n: int) -> bool:
        """Send ``n`` bytes of ``buf``, 4 spare ones behind them; False if the port is full."""
        end = put_crc(buf, n, memoryview(buf)[:n])
        size = self._cobs(buf, self._out, end)
        return bool(self._port.write(self._view[:size]))  # None and 0: nothing was taken

    def poll(self):
        """Return the messages that have come in."""
        data = self._port.read(512)
        return self._decoder.feed(data) if data else ()  # an empty list would cost 32 bytes
