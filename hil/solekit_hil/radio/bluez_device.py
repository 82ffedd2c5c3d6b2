"""A device of the BlueZ double: seen, connected, paired."""

# ruff: noqa: D102, N802 - the names of D-Bus, explained there

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from bumble import hci
from bumble.core import AdvertisingData, BaseBumbleError
from bumble.device import Advertisement, Connection, Peer
from bumble.keys import PairingKeys
from dbus_fast import DBusError, PropertyAccess, Variant
from dbus_fast.annotations import DBusBool, DBusInt16, DBusObjectPath, DBusSignature, DBusStr
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from solekit_hil.radio.bluez_gatt import Characteristic1, Descriptor1, Service1, full_uuid

if TYPE_CHECKING:
    from solekit_hil.radio.bluez import BluezDouble

ADAPTER = "/org/bluez/hci0"
READ = PropertyAccess.READ
_GENERIC = ("00001800", "00001801")  # services that BlueZ keeps to itself
Strings = Annotated[list[str], DBusSignature("as")]
Options = Annotated[dict[str, Variant], DBusSignature("a{sv}")]
Makers = Annotated[dict[int, Variant], DBusSignature("a{qv}")]


@dataclass
class Faults:
    """What goes wrong between the air and the program."""

    # Copies of each value after a reconnect that followed a drop while subscribed, as BlueZ
    # with bleak >= 3.0.2 emits them (bleak issue 2002); 1: none too many.
    stale_notify: int = 1
    duplicate: float = 0.0  # probability that a value is emitted twice
    drop: float = 0.0  # probability that it is not emitted at all
    seed: int = 1


class Device1(ServiceInterface):
    """A device that has been seen; its GATT tree is there while it is connected."""

    def __init__(self, double: BluezDouble, address: hci.Address) -> None:
        super().__init__("org.bluez.Device1")
        self.double = double
        self.address = address.to_string(False)
        self.path = f"{ADAPTER}/dev_{self.address.replace(':', '_')}"
        self.connection: Connection | None = None
        self.n_stale = 1  # copies of each value
        self._random = random.Random(f"{double.faults.seed} {self.address}")
        self._bumble_address = address
        self._name = ""
        self._uuids: list[str] = []
        self._makers: dict[int, bytes] = {}
        self._rssi = -60
        self._is_resolved = False
        self._is_paired = False
        self._is_bonded = False
        self._is_trusted = False
        self._tree: list[tuple[str, ServiceInterface]] = []

    @dbus_property(access=READ)
    def Address(self) -> DBusStr:
        return self.address

    @dbus_property(access=READ)
    def AddressType(self) -> DBusStr:
        return "random"

    @dbus_property(access=READ)
    def Name(self) -> DBusStr:
        return self._name or self.address.replace(":", "-")

    @dbus_property(access=READ)
    def Alias(self) -> DBusStr:
        return self._name or self.address.replace(":", "-")

    @dbus_property(access=READ)
    def Adapter(self) -> DBusObjectPath:
        return ADAPTER

    @dbus_property(access=READ)
    def Paired(self) -> DBusBool:
        return self._is_paired

    @dbus_property(access=READ)
    def Bonded(self) -> DBusBool:
        return self._is_bonded

    @dbus_property()
    def Trusted(self) -> DBusBool:
        return self._is_trusted

    @Trusted.setter
    def Trusted(self, value: DBusBool):
        self._is_trusted = value
        self.emit_properties_changed({"Trusted": value})

    @dbus_property(access=READ)
    def Blocked(self) -> DBusBool:
        return False

    @dbus_property(access=READ)
    def LegacyPairing(self) -> DBusBool:
        return False

    @dbus_property(access=READ)
    def Connected(self) -> DBusBool:
        return self.connection is not None

    @dbus_property(access=READ)
    def ServicesResolved(self) -> DBusBool:
        return self._is_resolved

    @dbus_property(access=READ)
    def UUIDs(self) -> Strings:
        return self._uuids

    @dbus_property(access=READ)
    def ManufacturerData(self) -> Makers:
        return {company: Variant("ay", data) for company, data in self._makers.items()}

    @dbus_property(access=READ)
    def ServiceData(self) -> Options:
        return {}

    @dbus_property(access=READ)
    def RSSI(self) -> DBusInt16:
        return self._rssi

    def see(self, advertisement: Advertisement) -> None:
        """Take what it advertises."""
        data = advertisement.data
        self._rssi = advertisement.rssi
        self._name = data.get(AdvertisingData.COMPLETE_LOCAL_NAME) or self._name
        self._makers.update(dict(data.get_all(AdvertisingData.MANUFACTURER_SPECIFIC_DATA)))
        for kind in (
            AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
            AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
            AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
            AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
        ):
            for uuid in data.get(kind) or []:
                if full_uuid(uuid) not in self._uuids:
                    self._uuids.append(full_uuid(uuid))

    def tell(self) -> None:
        """Tell programs what it advertises."""
        self.emit_properties_changed(
            {
                "RSSI": self._rssi,
                "Name": self._name or self.address.replace(":", "-"),
                "Alias": self._name or self.address.replace(":", "-"),
                "UUIDs": self._uuids,
                "ManufacturerData": {
                    company: Variant("ay", data) for company, data in self._makers.items()
                },
            }
        )

    def characteristics(self) -> list[Characteristic1]:
        """Return all that it has while it is connected."""
        return [one for _, one in self._tree if isinstance(one, Characteristic1)]

    def n_copies(self) -> int:
        """Return how often the next value is emitted."""
        faults = self.double.faults
        if faults.drop and self._random.random() < faults.drop:
            return 0
        return self.n_stale + (
            1 if faults.duplicate and self._random.random() < faults.duplicate else 0
        )

    async def _connect(self) -> Connection:
        """Connect, and encrypt by the bond if there is one."""
        if self.connection is not None:
            return self.connection
        try:
            connection = await self.double.connect(self._bumble_address)
        except (TimeoutError, BaseBumbleError) as error:
            raise DBusError(
                "org.bluez.Error.Failed", "Software caused connection abort"
            ) from error
        self.connection = connection
        connection.on(connection.EVENT_DISCONNECTION, self._gone)
        connection.on(connection.EVENT_PAIRING, self._on_paired)
        connection.on(connection.EVENT_SECURITY_REQUEST, self._on_security_request)
        if self._is_bonded:
            try:
                await connection.encrypt()
            except (BaseBumbleError, asyncio.CancelledError) as error:
                # The far end has forgotten the bond: BlueZ lets go until the user removes it.
                if self.connection is not None:
                    await self.double.hang_up(connection)
                raise DBusError(
                    "org.bluez.Error.AuthenticationFailed", "Authentication Failed"
                ) from error
        if self.connection is None:
            raise DBusError("org.bluez.Error.Failed", "Software caused connection abort")
        self.emit_properties_changed({"Connected": True})
        return connection

    @dbus_method()
    async def Connect(self):
        if self.connection is None:
            await self._connect()
            self.double.spawn(self._resolve())

    @dbus_method()
    async def Disconnect(self):
        if self.connection is not None:
            await self.double.hang_up(self.connection)

    @dbus_method()
    async def Pair(self):
        if self._is_bonded:
            raise DBusError("org.bluez.Error.AlreadyExists", "Already Exists")
        was_connected = self.connection is not None
        connection = await self._connect()
        try:
            await connection.pair()
        except (BaseBumbleError, asyncio.CancelledError) as error:
            raise DBusError(
                "org.bluez.Error.AuthenticationFailed", "Authentication Failed"
            ) from error
        if not was_connected:
            self.double.spawn(self._resolve())

    @dbus_method()
    def CancelPairing(self):
        """Just Works asks nobody, so there is nothing to cancel."""

    def _on_paired(self, _keys: PairingKeys) -> None:
        connection = self.connection
        if connection is None:
            return
        session = self.double.central.smp_manager.sessions.get(connection.handle)
        self._is_paired = True
        self._is_bonded = session is not None and bool(session.bonding)
        self.emit_properties_changed({"Paired": True, "Bonded": self._is_bonded})

    def _on_security_request(self, _auth_request: int) -> None:
        async def secure(connection: Connection) -> None:
            with contextlib.suppress(BaseBumbleError, asyncio.CancelledError):  # it stays open
                await (connection.encrypt() if self._is_bonded else connection.pair())

        if self.connection is not None and not self.connection.is_encrypted:
            self.double.spawn(secure(self.connection))

    async def _resolve(self) -> None:
        """Discover the services and show them."""
        connection = self.connection
        if connection is None:
            return
        try:
            await self._discover(Peer(connection))
        except (BaseBumbleError, TimeoutError, asyncio.CancelledError):
            return  # gone meanwhile
        if self.connection is connection:
            self._is_resolved = True
            found = {one.uuid for _, one in self._tree if isinstance(one, Service1)}
            self._uuids = sorted({*self._uuids, *found})
            self.emit_properties_changed({"ServicesResolved": True, "UUIDs": self._uuids})

    async def _discover(self, peer: Peer) -> None:
        if self.double.mtu > 23:
            await peer.request_mtu(self.double.mtu)
        await peer.discover_services()
        for service in peer.services:
            uuid = full_uuid(service.uuid)
            if uuid.startswith(_GENERIC):
                continue
            path = f"{self.path}/service{service.handle:04x}"
            self._show(path, Service1(self.path, uuid))
            for one in await service.discover_characteristics():
                at = f"{path}/char{one.handle - 1:04x}"
                self._show(at, Characteristic1(self, path, one))
                for descriptor in await one.discover_descriptors():
                    self._show(f"{at}/desc{descriptor.handle:04x}", Descriptor1(at, descriptor))

    def _show(self, path: str, interface: ServiceInterface) -> None:
        if self.connection is not None:
            self.double.bus.export(path, interface)
            self._tree.append((path, interface))

    def _gone(self, _reason: int) -> None:
        self.connection = None
        self._is_resolved = False
        self._is_paired = self._is_bonded
        was_subscribed = False
        for one in self.characteristics():
            was_subscribed = one.drop() or was_subscribed
        if was_subscribed:
            self.n_stale = self.double.faults.stale_notify
        self.emit_properties_changed(
            {"ServicesResolved": False, "Connected": False, "Paired": self._is_paired}
        )
        for path, one in reversed(self._tree):
            self.double.bus.unexport(path, one)
        self._tree.clear()
