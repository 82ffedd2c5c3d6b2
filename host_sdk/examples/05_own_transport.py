"""Bring your own way of carrying bytes: `python 05_own_transport.py [DEVICE]`.

A transport moves bytes and knows the time; it understands nothing. This one stands on that of
DEVICE and counts. Yours may stand on a socket, a radio dongle or a file: see
`solekit.transports.Transport` for every promise, and `tests/contracts` for the tests it must pass.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator

import solekit
from solekit.transports import Clock, Transport, open_transports

DURATION_S = 5.0


class Counting:
    """The bytes of another transport, counted in both directions."""

    def __init__(self, inner: Transport) -> None:
        self.uri = inner.uri
        self.is_message_based = inner.is_message_based  # True: every chunk is one message
        self.duration_s = inner.duration_s  # infinite for what is live
        self.n_sent = self.n_received = 0
        self._inner = inner

    @property
    def clock(self) -> Clock:
        """Where `now_s` comes from: `solekit.transports.WallClock()` for what is live."""
        return self._inner.clock

    async def open(self) -> None:
        """Make the link; TransportError where that fails."""
        await self._inner.open()

    async def close(self) -> None:
        """End the link; may be called twice."""
        await self._inner.close()

    async def send(self, data: bytes) -> None:
        """Carry bytes to the insole; ConnectionLostError if the link has gone."""
        self.n_sent += len(data)
        await self._inner.send(data)

    async def __aiter__(self) -> AsyncGenerator[tuple[float, bytes], None]:
        """Yield what comes from the insole, each chunk with its time of arrival."""
        async with contextlib.aclosing(aiter(self._inner)) as chunks:
            async for t_s, data in chunks:
                self.n_received += len(data)
                yield t_s, data


async def main(uri: str) -> None:
    """Stream through transports of our own."""
    transports = [Counting(inner) for inner in open_transports(uri).values()]
    pair = solekit.Pair([solekit.Insole(transport) for transport in transports])
    async with pair:
        await pair.start()
        await pair.clock.sleep(DURATION_S)
        losses = await pair.stop()
    for transport, (side, streams) in zip(transports, losses.items(), strict=True):
        n = streams["pressure"].received
        print(f"{side}: {n} frames, {transport.n_received} bytes in, {transport.n_sent} out")


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "sim:walk"))
