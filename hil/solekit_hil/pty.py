"""A virtual insole behind a pseudo-terminal, in real time, for the real pyserial."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty

from solekit.transports.serial import SerialTransport
from solekit.transports.virtual import Pump


class PtyTransport(SerialTransport):
    """A serial transport whose far end is a virtual foot, paced by the wall clock."""

    def __init__(self, uri: str, side: str, pump: Pump) -> None:
        self._pump = pump
        self._side = side
        self._master, slave = os.openpty()
        tty.setraw(slave)
        super().__init__(os.ttyname(slave), 921_600)
        self._slave = slave
        self.uri = uri
        self._bridge: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start the foot, then open the port as a real one."""
        self._pump.is_paced = True
        await self._pump.open(self._side)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._to_foot)
        self._bridge = asyncio.create_task(self._to_host(), name=f"solekit pty {self.uri}")
        await super().open()

    def _to_foot(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            self._pump.get_world().send(self._side, os.read(self._master, 65536))

    async def _to_host(self) -> None:
        """Write what the foot sends into the terminal; a full terminal makes the foot wait."""
        async for _, data in self._pump.read(self._side):
            while data:
                try:
                    data = data[os.write(self._master, data) :]
                except BlockingIOError:
                    await asyncio.sleep(0.001)

    async def close(self) -> None:
        """Close the port, then the foot."""
        await super().close()
        if self._bridge is not None:
            asyncio.get_running_loop().remove_reader(self._master)
            self._bridge.cancel()
            await asyncio.gather(self._bridge, return_exceptions=True)
            self._bridge = None
            await self._pump.close(self._side)
        for name in ("_master", "_slave"):
            if getattr(self, name) >= 0:
                os.close(getattr(self, name))
                setattr(self, name, -1)
