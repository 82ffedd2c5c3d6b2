"""A BlueZ double: ``org.bluez`` on a private bus, whose radio is a bumble central.

bleak's own BlueZ backend talks to it, unmodified. It offers what that backend and a pairing need:
one adapter, devices with Pair, their GATT tree, the agent manager. What BlueZ does wrong can be
switched on (``Faults``). No real bluetoothd, kernel or air takes part.
"""

# ruff: noqa: D102, N802 - the names of D-Bus, explained there

from __future__ import annotations

import asyncio
import contextlib
import select
from collections import deque
from collections.abc import Coroutine
from typing import Annotated, Any

from bumble import hci
from bumble.controller import Controller
from bumble.core import BaseBumbleError
from bumble.device import Advertisement, Connection, Device, DeviceConfiguration
from bumble.link import LocalLink
from dbus_fast import BusType, DBusError, Message, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import (
    DBusBool,
    DBusObjectPath,
    DBusSignature,
    DBusStr,
)
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from solekit_hil.radio.bluez_device import ADAPTER, Device1, Faults
from solekit_hil.radio.bonds import CentralKeys, just_works

ADDRESS = "F0:F1:F2:F3:F4:F5"
CONNECT_TIMEOUT_S = 4.0
RETRY_S = 0.002
READ = PropertyAccess.READ
Strings = Annotated[list[str], DBusSignature("as")]
Options = Annotated[dict[str, Variant], DBusSignature("a{sv}")]


class _Bus(MessageBus):
    """A bus that speaks as BlueZ does, and waits where a reader is slow.

    dbus-fast 5.2 takes a socket that is full for one that is broken, and hangs up.
    """

    def __init__(self, address: str) -> None:
        super().__init__(address, bus_type=BusType.SYSTEM, negotiate_unix_fd=True)
        self._held: deque[tuple[Message, asyncio.Future[None]]] = deque()
        self._room = select.poll()

    async def connect(self) -> MessageBus:
        """Connect."""
        bus = await super().connect()
        assert self._fd is not None
        self._room.register(self._fd, select.POLLOUT)
        return bus

    def send(self, msg: Message) -> asyncio.Future[Any]:
        """Send ``msg`` when there is room."""
        # BlueZ speaks for all objects from the root, dbus-fast for each from its own path.
        if msg.member in ("InterfacesAdded", "InterfacesRemoved"):
            msg.path = "/"
        if not self.connected or not (self._held or not self._room.poll(0)):
            return super().send(msg)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._held:
            asyncio.get_running_loop().call_later(RETRY_S, self._let_go)
        self._held.append((msg, future))
        return future

    def _let_go(self) -> None:
        while self._held and self.connected and self._room.poll(0):
            msg, future = self._held.popleft()
            super().send(msg)
            future.set_result(None)
        if self._held and self.connected:
            asyncio.get_running_loop().call_later(RETRY_S, self._let_go)


class Adapter1(ServiceInterface):
    """The adapter hci0."""

    def __init__(self, double: BluezDouble) -> None:
        super().__init__("org.bluez.Adapter1")
        self._double = double
        self._is_scanning = False

    @dbus_property(access=READ)
    def Address(self) -> DBusStr:
        return ADDRESS

    @dbus_property(access=READ)
    def AddressType(self) -> DBusStr:
        return "random"

    @dbus_property(access=READ)
    def Name(self) -> DBusStr:
        return "double"

    @dbus_property(access=READ)
    def Alias(self) -> DBusStr:
        return "double"

    @dbus_property(access=READ)
    def Powered(self) -> DBusBool:
        return True

    @dbus_property(access=READ)
    def Pairable(self) -> DBusBool:
        return True

    @dbus_property(access=READ)
    def Discoverable(self) -> DBusBool:
        return False

    @dbus_property(access=READ)
    def Discovering(self) -> DBusBool:
        return self._is_scanning

    @dbus_property(access=READ)
    def UUIDs(self) -> Strings:
        return []

    @dbus_property(access=READ)
    def Modalias(self) -> DBusStr:
        return "usb:v1D6Bp0246d0542"

    @dbus_property(access=READ)
    def Roles(self) -> Strings:
        return ["central"]

    @dbus_method()
    async def StartDiscovery(self):
        if not self._is_scanning:
            self._is_scanning = True
            await self._double.central.start_scanning(active=True, filter_duplicates=False)
            self.emit_properties_changed({"Discovering": True})

    @dbus_method()
    async def StopDiscovery(self):
        if self._is_scanning:
            self._is_scanning = False
            await self._double.central.stop_scanning()
            self.emit_properties_changed({"Discovering": False})

    @dbus_method()
    def SetDiscoveryFilter(self, _properties: Options):
        """Nothing is filtered: programs filter once more themselves."""

    @dbus_method()
    def GetDiscoveryFilters(self) -> Strings:
        return ["UUIDs", "RSSI", "Transport", "DuplicateData"]

    @dbus_method()
    async def RemoveDevice(self, device: DBusObjectPath):
        await self._double.forget(device)


class AgentManager1(ServiceInterface):
    """Agents may register; nobody is ever asked, as all pairing is Just Works."""

    def __init__(self) -> None:
        super().__init__("org.bluez.AgentManager1")

    @dbus_method()
    def RegisterAgent(self, _agent: DBusObjectPath, _capability: DBusStr):
        """Take note of nothing."""

    @dbus_method()
    def UnregisterAgent(self, _agent: DBusObjectPath):
        """Forget nothing."""

    @dbus_method()
    def RequestDefaultAgent(self, _agent: DBusObjectPath):
        """There is none."""


class BluezDouble:
    """``org.bluez`` on the bus at ``bus_address``; its central is on ``link``.

    ``mtu`` is what the central asks for (BlueZ: 517; phones ask for less; 23: not at all).
    """

    def __init__(
        self, link: LocalLink, bus_address: str, *, mtu: int = 517, faults: Faults | None = None
    ) -> None:
        self.mtu = mtu
        self.faults = faults or Faults()
        self.n_lost = 0  # values that found no room in the socket of an AcquireNotify
        self.devices: dict[str, Device1] = {}
        configuration = DeviceConfiguration(name="double", address=hci.Address(ADDRESS))
        self._controller = Controller("bluez", link=link)
        self._link = link
        self.central = Device.from_config_with_hci(
            configuration, self._controller, self._controller
        )
        self.bus: MessageBus = _Bus(bus_address)
        self._connecting = asyncio.Lock()  # one radio connects to one device at a time
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> BluezDouble:
        self.central.keystore = CentralKeys(self.central)
        self.central.pairing_config_factory = lambda _: just_works(bonding=True)
        self.central.on(self.central.EVENT_ADVERTISEMENT, self._on_advertisement)
        await self.central.power_on()
        await self.bus.connect()
        self.bus.export("/org/bluez", AgentManager1())
        self.bus.export(ADAPTER, Adapter1(self))
        await self.bus.request_name("org.bluez")
        return self

    async def __aexit__(self, *_: object) -> None:
        for device in self.devices.values():
            if device.connection is not None:
                await self.hang_up(device.connection)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.bus.disconnect()
        await self.bus.wait_for_disconnect()
        self._link.controllers.discard(self._controller)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run ``work`` beside everything else."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        key = advertisement.address.to_string(False)
        device = self.devices.get(key)
        if device is None:
            device = self.devices[key] = Device1(self, advertisement.address)
            device.see(advertisement)
            self.bus.export(device.path, device)
        else:
            device.see(advertisement)
            if device.connection is None:
                device.tell()

    async def connect(self, address: hci.Address) -> Connection:
        """Return a new connection to ``address``."""
        async with self._connecting:
            return await self.central.connect(address, timeout=CONNECT_TIMEOUT_S)

    async def hang_up(self, connection: Connection) -> None:
        """End ``connection`` from this side."""
        with contextlib.suppress(BaseBumbleError):  # the far end was faster
            await connection.disconnect()

    async def forget(self, path: str) -> None:
        """Remove a device and its bond."""
        for key, device in list(self.devices.items()):
            if device.path == path:
                if device.connection is not None:
                    await self.hang_up(device.connection)
                if self.central.keystore is not None:
                    await self.central.keystore.delete(str(hci.Address(key)))
                self.bus.unexport(path, device)
                del self.devices[key]
                return
        raise DBusError("org.bluez.Error.DoesNotExist", "Does Not Exist")
