"""A virtual insole behind a pseudo-terminal, in real time, for the real pyserial."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty

from solekit.errors import SolekitError
from solekit.transports.serial import BAUD, SerialTransport
from solekit.transports.virtual import Pump


class PtyTransport(SerialTransport):
    """A serial transport whose far end is a virtual foot, paced by the wall clock."""

    def __init__(self, uri: str, side: str, pump: Pump) -> None:
        super().__init__("", BAUD)
        self.uri = uri
        self._pump = pump
        self._side = side
        self._master = self._slave = -1
        self._bridge: asyncio.Task[None] | None = None

    @property
    def port_name(self) -> str:
        """Path of the terminal while it is open, for another program that wants in."""
        return self._name

    async def open(self) -> None:
        """Start the foot, then open the port as a real one."""
        self._pump.is_paced = True
        await self._pump.open(self._side)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self._name = os.ttyname(self._slave)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._to_foot)
        self._bridge = asyncio.create_task(self._to_host(), name=f"solekit pty {self.uri}")
        try:
            await super().open()
        except BaseException:
            await self.close()
            raise

    def _to_foot(self) -> None:
        with contextlib.suppress(OSError):  # nothing to read after all, or the link has gone
            self._pump.send(self._side, os.read(self._master, 65536))

    async def _to_host(self) -> None:
        """Write what the foot sends into the terminal; a full terminal makes the foot wait."""
        try:
            async with contextlib.aclosing(self._pump.read(self._side, self.uri)) as chunks:
                async for _, data in chunks:
                    while data:
                        try:
                            data = data[os.write(self._master, data) :]
                        except BlockingIOError:
                            await asyncio.sleep(0.001)
        except (SolekitError, OSError):
            self._hang_up()  # as a cable that is pulled out

    def _hang_up(self) -> None:
        if self._master >= 0:
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._master)
            self._master = -1

    async def close(self) -> None:
        """Close the port, then the foot."""
        await super().close()
        if self._bridge is not None:
            self._bridge.cancel()
            await asyncio.gather(self._bridge, return_exceptions=True)
            self._bridge = None
            await self._pump.close(self._side)
        self._hang_up()
        if self._slave >= 0:
            os.close(self._slave)
            self._slave = -1
