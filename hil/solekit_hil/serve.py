"""Virtual insoles behind TCP, in real time, for a host in another process.

``python -m solekit_hil.serve sim:walk --port 5555`` serves the left foot on 5555 and the right one
on 5556, on this machine only, and prints their URIs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from typing import Self

from solekit.errors import SolekitError, TransportSpecError
from solekit.transports import open_transports
from solekit.transports.virtual import VirtualTransport

HOST = "127.0.0.1"


class Server:
    """Serve the feet of ``uri``, each on a port of its own from ``port`` on (0: any free one).

    ``uris`` maps side to the URI to connect to. A foot takes one client at a time; it goes on when
    that leaves, as a real insole does.
    """

    def __init__(self, uri: str, *, port: int = 0) -> None:
        self.uris: dict[str, str] = {}
        self._port = port
        self._feet: dict[str, VirtualTransport] = {}
        for side, transport in open_transports(uri).items():
            if not isinstance(transport, VirtualTransport):
                raise TransportSpecError(f"{uri} is not in virtual time: only that can be served")
            self._feet[side] = transport
        self._clients: dict[str, asyncio.StreamWriter] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            for i, (side, foot) in enumerate(self._feet.items()):
                foot.pace()
                await foot.open()
                self._stack.push_async_callback(foot.close)
                await self._listen(side, foot, self._port + i if self._port else 0)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    async def _listen(self, side: str, foot: VirtualTransport, port: int) -> None:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._start(self._from_client(side, foot, reader, writer))

        server = await asyncio.start_server(accept, HOST, port)
        self._stack.callback(server.close)
        self.uris[side] = f"tcp:{HOST}:{server.sockets[0].getsockname()[1]}"
        self._start(self._to_client(side, foot))

    def _start(self, work) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _from_client(
        self,
        side: str,
        foot: VirtualTransport,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        is_first = side not in self._clients
        try:
            if is_first:
                self._clients[side] = writer
                while data := await reader.read(65536):
                    await foot.send(data)
        except (ConnectionError, SolekitError):
            pass
        finally:
            if is_first:
                del self._clients[side]
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _to_client(self, side: str, foot: VirtualTransport) -> None:
        try:
            async with contextlib.aclosing(aiter(foot)) as chunks:
                async for _, data in chunks:
                    client = self._clients.get(side)
                    if client is not None:
                        with contextlib.suppress(ConnectionError):
                            client.write(data)
                            await client.drain()
        except SolekitError:  # the link was cut, the insole died: the client sees the end
            if side in self._clients:
                self._clients[side].close()


async def serve(uri: str, port: int) -> None:
    """Serve until cancelled."""
    async with Server(uri, port=port) as server:
        for side, at in server.uris.items():
            sys.stdout.write(f"{side} {at}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m solekit_hil.serve", description=__doc__)
    parser.add_argument("uri", help="virtual insoles, for example sim:walk?side=left")
    parser.add_argument("--port", type=int, default=5555, help="first port; 0: any free ones")
    chosen = parser.parse_args(arguments)
    try:
        asyncio.run(serve(chosen.uri, chosen.port))
    except KeyboardInterrupt:
        return 0
    except (SolekitError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
