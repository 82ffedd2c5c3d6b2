"""The radio of one virtual foot: a bumble peripheral at the far end of the ``bluetooth`` shim.

The foot's process connects to ``address`` on this machine and drives the peripheral; what happens
on the air goes back as events, each answered once the foot has dealt with it. On the wire: u16
length of what follows, u8 kind, payload. The foot sends COMMAND (JSON: name and arguments),
NOTIFY and INDICATE (u16 connection, u16 handle, data), VALUE (u16 handle, data) and DONE (u8 1 and
the answer, or nothing); this end sends the numbers of MicroPython's events, and FREED.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import struct
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from bumble import hci
from bumble.controller import Controller
from bumble.core import ProtocolError
from bumble.device import AdvertisingType, Connection, Device, DeviceConfiguration
from bumble.gatt import Characteristic
from bumble.keys import PairingKeys
from bumble.link import LocalLink

from solekit_hil.radio.attributes import built
from solekit_hil.radio.bonds import FootKeys, is_bonding, just_works

HOST = "127.0.0.1"
COMMAND, NOTIFY, INDICATE, VALUE, DONE = range(1, 6)
CONNECTED, DISCONNECTED, WRITTEN, INDICATED, MTU, ENCRYPTED = 1, 2, 3, 20, 21, 28
FREED = 100
NOT_CONNECTED, TIMED_OUT = 7, 13  # NimBLE's status of an indication that nobody confirmed


@dataclass(frozen=True)
class Shape:
    """How much the air lets through: ``n_packets`` at every connection event."""

    interval_s: float = 0.0  # 0: as fast as the programs are
    n_packets: int = 6


class Peripheral:
    """The radio of the foot with the static ``address`` on ``link``; use it as ``async with``.

    ``mtu`` is the most that this radio grants whatever the firmware wants.
    """

    def __init__(
        self, link: LocalLink, address: str, *, shape: Shape | None = None, mtu: int = 517
    ) -> None:
        self.address = address
        self.shape = shape or Shape()
        self.n_sent = 0  # notifications that went on the air
        self.advertises = asyncio.Event()  # set while it does
        self.is_alone = asyncio.Event()  # set while no central is connected
        self.is_alone.set()
        self._link = link
        self._most_mtu = mtu
        self._device: Device | None = None
        self._controller: Controller | None = None
        self._connection: Connection | None = None
        self._config: dict[str, Any] = {}
        self._attributes: dict[int, Characteristic[bytes]] = {}
        self._values: dict[int, bytes] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._answers: deque[asyncio.Future[bytes | None]] = deque()
        self._air: asyncio.Queue[tuple[int, int, bytes]] = asyncio.Queue()
        self._indications: set[asyncio.Task[None]] = set()
        self._has_paired = asyncio.Event()  # no pairing runs
        self._has_paired.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._advertised: tuple[Any, ...] = ()
        self._is_away = False
        self._server: asyncio.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._left = 0  # packets that may still go out at this connection event

    async def __aenter__(self) -> Peripheral:
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        """Return the TCP port that the foot connects to."""
        assert self._server is not None
        return self._server.sockets[0].getsockname()[1]

    async def drop(self) -> None:
        """End the connection."""
        if self._connection is not None:
            with contextlib.suppress(ProtocolError, asyncio.CancelledError):
                await self._connection.disconnect()

    async def go_away(self) -> None:
        """Leave everybody's range."""
        self._is_away = True
        if self._device is not None and self._device.is_advertising:
            await self._device.stop_advertising()
        await self.drop()

    async def come_back(self) -> None:
        """Be in range again."""
        self._is_away = False
        await self._on_advertise(*self._advertised)

    # -- the foot's end --

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        before = self._serving
        self._serving = asyncio.create_task(self._serve(reader, writer, before))
        self._serving.add_done_callback(lambda _: writer.close())

    async def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        before: asyncio.Task[None] | None,
    ) -> None:
        if before is not None:  # one radio has one foot; this one has been restarted
            before.cancel()
            await asyncio.gather(before, return_exceptions=True)
        self._writer = writer
        sender = asyncio.create_task(self._send_on())
        try:
            while True:
                n, kind = struct.unpack("<HB", await reader.readexactly(3))
                await self._take(kind, await reader.readexactly(n - 1))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the foot's process has ended
        finally:
            self._writer = None
            for answer in self._answers:
                answer.cancel()
            self._answers.clear()
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            await self._power_off()

    def event(self, kind: int, payload: bytes) -> asyncio.Future[bytes | None]:
        """Tell the foot; the future holds its answer once it has dealt with the event."""
        answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        if self._writer is None:
            answer.set_result(None)
        else:
            self._writer.write(struct.pack("<HB", len(payload) + 1, kind) + payload)
            self._answers.append(answer)
        return answer

    async def _take(self, kind: int, payload: bytes) -> None:
        if kind == DONE:
            answer = self._answers.popleft()
            if not answer.done():
                answer.set_result(payload[1:] if payload else None)
        elif kind in (NOTIFY, INDICATE):
            self._air.put_nowait((kind, struct.unpack_from("<H", payload, 2)[0], payload[4:]))
        elif kind == VALUE:
            self._values[struct.unpack_from("<H", payload)[0]] = payload[2:]
        else:
            name, *arguments = json.loads(payload)
            await getattr(self, f"_on_{name}")(*arguments)

    # -- what the foot commands --

    async def _on_active(self, is_on: bool) -> None:
        await self._power_off()
        if not is_on:
            return
        self._controller = Controller(f"foot {self.address}", link=self._link)
        configuration = DeviceConfiguration(name="MPY", address=hci.Address(self.address))
        device = Device.from_config_with_hci(configuration, self._controller, self._controller)
        device.keystore = FootKeys(self, device)
        device.pairing_config_factory = lambda _: just_works(
            bonding=bool(self._config.get("bond")), sc=bool(self._config.get("le_secure"))
        )
        device.on(device.EVENT_CONNECTION, self._on_connection)
        self._device = device
        await device.power_on()

    async def _on_config(self, values: dict[str, Any]) -> None:
        self._config = values
        if self._device is not None:
            self._device.gatt_server.max_mtu = min(values["mtu"], self._most_mtu)

    async def _on_services(self, tree: list[Any]) -> None:
        assert self._device is not None
        services, self._attributes = built(tree, self._values, self._on_write)
        self._device.add_services(services)

    async def _on_write(self, handle: int, value: bytes) -> None:
        # A stack reports the end of a pairing before it takes what was written after it.
        await self._has_paired.wait()
        if self._connection is not None:
            where = struct.pack("<HH", self._connection.handle, handle)
            await self.event(WRITTEN, where + value)

    async def _on_advertise(
        self,
        interval_us: int | None = None,
        data: list[int] | None = None,
        response: list[int] | None = None,
        is_connectable: bool = True,
    ) -> None:
        assert self._device is not None
        if self._device.is_advertising:
            await self._device.stop_advertising()
        self.advertises.clear()
        self._advertised = interval_us, data, response, is_connectable
        if interval_us is None or self._is_away or self._connection is not None:
            return
        kind = AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE
        if not is_connectable:
            kind = AdvertisingType.UNDIRECTED_SCANNABLE
        await self._device.start_advertising(
            kind,
            advertising_data=bytes(data or []),
            scan_response_data=bytes(response or []),
            advertising_interval_min=interval_us / 1000,
            advertising_interval_max=interval_us / 1000,
        )
        self.advertises.set()

    async def _on_disconnect(self, _handle: int) -> None:
        self._spawn(self.drop())

    async def _on_pair(self, _handle: int) -> None:
        if self._device is not None and self._connection is not None:
            self._device.request_pairing(self._connection)

    async def _power_off(self) -> None:
        device, controller = self._device, self._controller
        self._device = self._controller = None
        self.advertises.clear()
        if device is None or controller is None:
            return
        if device.is_advertising:
            await device.stop_advertising()
        await self.drop()
        self._link.controllers.discard(controller)
        self._attributes.clear()
        self._values.clear()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- what happens on the air --

    def _on_connection(self, connection: Connection) -> None:
        self._connection = connection
        self.advertises.clear()
        self.is_alone.clear()
        peer = connection.peer_address
        who = struct.pack("<HB", connection.handle, 0 if peer.is_public else 1)
        who += bytes(reversed(bytes(peer)))
        self.event(CONNECTED, who)

        def on_mtu() -> None:
            self.event(MTU, struct.pack("<HH", connection.handle, connection.att_mtu))

        def on_encryption() -> None:
            # While a pairing runs its end says more than the encryption by a short-term key.
            if self._has_paired.is_set():
                self._say_encrypted(connection, is_bonded=True)

        def on_paired(_keys: PairingKeys) -> None:
            self._say_encrypted(connection, is_bonded=self._has_bonded(connection))
            self._has_paired.set()

        def on_failure(_reason: int) -> None:
            self._say_encrypted(connection, is_bonded=False)
            self._has_paired.set()

        def on_gone(_reason: int) -> None:
            self._connection = None
            self._has_paired.set()
            self.is_alone.set()
            for task in self._indications:
                task.cancel()
            n_waiting = self._air.qsize()
            while not self._air.empty():
                self._air.get_nowait()
            self._free(n_waiting)
            self.event(DISCONNECTED, who)

        connection.on(connection.EVENT_CONNECTION_ATT_MTU_UPDATE, on_mtu)
        connection.on(connection.EVENT_CONNECTION_ENCRYPTION_CHANGE, on_encryption)
        connection.on(connection.EVENT_PAIRING, on_paired)
        connection.on(connection.EVENT_PAIRING_START, self._has_paired.clear)
        connection.on(connection.EVENT_PAIRING_FAILURE, on_failure)
        connection.on(connection.EVENT_DISCONNECTION, on_gone)

    def _has_bonded(self, connection: Connection) -> bool:
        return self._device is not None and is_bonding(self._device, str(connection.peer_address))

    def _say_encrypted(self, connection: Connection, *, is_bonded: bool) -> None:
        is_encrypted = connection.is_encrypted
        self.event(
            ENCRYPTED,
            struct.pack(
                "<HBBBB",
                connection.handle,
                is_encrypted,
                False,  # Just Works authenticates nobody
                is_encrypted and is_bonded,
                16 if is_encrypted else 0,
            ),
        )

    def _free(self, n: int) -> None:
        if n and self._writer is not None:
            self._writer.write(struct.pack("<HBB", 2, FREED, n))

    async def _send_on(self) -> None:
        """Put what the foot sends on the air, in order, as fast as the air allows."""
        while True:
            kind, handle, data = await self._air.get()
            await self._slot()
            connection, device = self._connection, self._device
            attribute = self._attributes.get(handle)
            if connection is not None and device is not None and attribute is not None:
                if kind == NOTIFY:
                    self.n_sent += 1
                    await device.notify_subscriber(connection, attribute, data, force=True)
                else:
                    task = self._spawn(self._indicate(device, connection, handle, data))
                    self._indications.add(task)
                    task.add_done_callback(self._indications.discard)
            self._free(1)

    async def _slot(self) -> None:
        """Wait until a packet may go out."""
        interval_s = self.shape.interval_s
        if not interval_s:
            await asyncio.sleep(0)
            return
        if not self._left:
            now_s = asyncio.get_running_loop().time()
            await asyncio.sleep((math.floor(now_s / interval_s) + 1) * interval_s - now_s)
            self._left = self.shape.n_packets
        self._left -= 1

    async def _indicate(
        self, device: Device, connection: Connection, handle: int, data: bytes
    ) -> None:
        status = NOT_CONNECTED
        try:
            await device.indicate_subscriber(
                connection, self._attributes[handle], data, force=True
            )
            status = 0
        except TimeoutError:
            status = TIMED_OUT
        finally:
            self.event(INDICATED, struct.pack("<HHB", connection.handle, handle, status))
