"""A cable that is pulled and put back, in real time, through the real pyserial."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tty

import pytest

import solekit
from solekit.errors import ConnectionLostError, TransportSpecError
from solekit.transports import open_transports
from solekit.transports.serial import SerialTransport
from tests.radio.virtual import until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")


class Cable:
    """A virtual foot behind a serial port named ``port``, which comes and goes with the cable."""

    def __init__(self, port):
        self.port = port
        (self.foot,) = open_transports("sim:walk?layout=cells-16&side=left").values()
        self.ends = []

    async def __aenter__(self):
        self.foot.pace()
        await self.foot.open()
        self.pumping = asyncio.create_task(self.pump())
        self.plug()
        return self

    async def __aexit__(self, *_):
        self.pull()
        self.pumping.cancel()
        await asyncio.gather(self.pumping, return_exceptions=True)
        await self.foot.close()

    def plug(self):
        self.ends = list(os.openpty())
        tty.setraw(self.ends[1])
        os.set_blocking(self.ends[0], False)
        self.port.symlink_to(os.ttyname(self.ends[1]))
        asyncio.get_running_loop().add_reader(self.ends[0], self.to_foot)

    def pull(self):
        if self.ends:
            asyncio.get_running_loop().remove_reader(self.ends[0])
            self.port.unlink()
            for end in self.ends:
                os.close(end)
            self.ends = []

    def to_foot(self):
        with contextlib.suppress(OSError):
            data = os.read(self.ends[0], 65536)
            self.sending = asyncio.ensure_future(self.foot.send(data))

    async def pump(self):
        async for _, data in self.foot:
            with contextlib.suppress(OSError):  # nobody takes it: it is lost
                if self.ends:
                    os.write(self.ends[0], data)


def test_a_cable_that_is_put_back_costs_nothing(tmp_path):
    async def walk():
        async with Cable(tmp_path / "port") as cable:
            uri = f"serial:{cable.port}?reconnect_s=20"
            async with solekit.connect(uri) as insole:
                await insole.start()
                await asyncio.sleep(1.0)
                cable.pull()
                await until(lambda: insole.transport.away_since_s is not None)
                await asyncio.sleep(0.5)
                before = insole.progress()[0]
                cable.plug()
                await until(lambda: insole.progress()[0] > before + 150)
                losses = await insole.stop()
                return losses, insole.transport.n_reconnects

    losses, n_reconnects = asyncio.run(walk())
    assert n_reconnects == 1
    assert losses["pressure"].back_filled > 0
    for loss in losses.values():
        assert loss.holds
        assert loss.missing == 0


def test_a_cable_that_stays_away_is_a_lost_connection(tmp_path):
    async def walk():
        uri = f"serial:{tmp_path / 'port'}?reconnect_s=0.5"
        async with Cable(tmp_path / "port") as cable, solekit.connect(uri) as insole:
            await insole.start()
            cable.pull()
            with pytest.raises(ConnectionLostError, match="unplugged"):
                async for _ in insole.frames():
                    pass
            with pytest.raises(ConnectionLostError):
                await insole.transport.send(b"anything")

    asyncio.run(walk())


def test_the_time_to_look_for_a_port_is_part_of_its_name():
    (transport,) = open_transports("serial:COM7@9600?reconnect_s=5").values()
    assert isinstance(transport, SerialTransport)
    assert (transport.uri, transport.reconnect_s) == ("serial:COM7", 5.0)
    with pytest.raises(TransportSpecError, match="known is reconnect_s"):
        open_transports("serial:COM7?speed=5")
    with pytest.raises(TransportSpecError, match="0 to 86400"):
        open_transports("serial:COM7?reconnect_s=soon")
