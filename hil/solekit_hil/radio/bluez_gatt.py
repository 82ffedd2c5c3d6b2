"""The GATT tree of a device of the BlueZ double."""

# ruff: noqa: D102, N802 - the names of D-Bus, explained there

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from bumble.att import ATT_Error
from bumble.core import UUID, BaseBumbleError
from bumble.gatt_client import CharacteristicProxy, DescriptorProxy
from dbus_fast import DBusError, PropertyAccess, Variant
from dbus_fast.annotations import (
    DBusBool,
    DBusBytes,
    DBusObjectPath,
    DBusSignature,
    DBusStr,
    DBusUInt16,
)
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

if TYPE_CHECKING:
    from solekit_hil.radio.bluez import Device1

READ = PropertyAccess.READ
KEEP_S = 1.0  # so long the double keeps its copy of a descriptor that it has passed on
Strings = Annotated[list[str], DBusSignature("as")]
Paths = Annotated[list[str], DBusSignature("ao")]
Options = Annotated[dict[str, Variant], DBusSignature("a{sv}")]
FdAndMtu = Annotated[list[int], DBusSignature("hq")]
_FLAGS = {
    0x02: "read",
    0x04: "write-without-response",
    0x08: "write",
    0x10: "notify",
    0x20: "indicate",
}
_NOT_PERMITTED = {
    0x02: "Read not permitted",
    0x03: "Write not permitted",
    0x05: "Not paired",
    0x0F: "Not paired",
}
T = TypeVar("T")


def full_uuid(uuid: UUID) -> str:
    """Return ``uuid`` as D-Bus has it."""
    text = uuid.to_hex_str("-").lower()
    return f"0000{text}-0000-1000-8000-00805f9b34fb" if len(text) == 4 else text


async def _ask(work: Awaitable[T]) -> T:
    """Return what the far end answers; its refusals and its end as BlueZ words them."""
    try:
        return await work
    except ATT_Error as error:
        if error.error_code in _NOT_PERMITTED:
            raise DBusError(
                "org.bluez.Error.NotPermitted", _NOT_PERMITTED[error.error_code]
            ) from error
        raise DBusError(
            "org.bluez.Error.Failed", f"Operation failed with ATT error: 0x{error.error_code:02x}"
        ) from error
    except (BaseBumbleError, TimeoutError) as error:
        raise DBusError("org.bluez.Error.Failed", str(error) or "Not connected") from error
    except asyncio.CancelledError as error:  # bumble's way to say that the link has gone
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise DBusError("org.bluez.Error.Failed", "Not connected") from error


class Service1(ServiceInterface):
    """One service."""

    def __init__(self, device_path: str, uuid: str) -> None:
        super().__init__("org.bluez.GattService1")
        self.uuid = uuid
        self._device_path = device_path

    @dbus_property(access=READ)
    def UUID(self) -> DBusStr:
        return self.uuid

    @dbus_property(access=READ)
    def Device(self) -> DBusObjectPath:
        return self._device_path

    @dbus_property(access=READ)
    def Primary(self) -> DBusBool:
        return True

    @dbus_property(access=READ)
    def Includes(self) -> Paths:
        return []


class Characteristic1(ServiceInterface):
    """One characteristic."""

    def __init__(self, device: Device1, service_path: str, far: CharacteristicProxy[Any]) -> None:
        super().__init__("org.bluez.GattCharacteristic1")
        self._device = device
        self._service_path = service_path
        self._far = far
        self._value = b""
        self._is_notifying = False
        self._socket: socket.socket | None = None
        self._writers: list[socket.socket] = []
        self._lent: list[socket.socket] = []

    @dbus_property(access=READ)
    def UUID(self) -> DBusStr:
        return full_uuid(self._far.uuid)

    @dbus_property(access=READ)
    def Service(self) -> DBusObjectPath:
        return self._service_path

    @dbus_property(access=READ)
    def Value(self) -> DBusBytes:
        return self._value

    @dbus_property(access=READ)
    def Flags(self) -> Strings:
        return [name for bit, name in _FLAGS.items() if int(self._far.properties) & bit]

    @dbus_property(access=READ)
    def Notifying(self) -> DBusBool:
        return self._is_notifying

    @dbus_property(access=READ)
    def NotifyAcquired(self) -> DBusBool:
        return self._socket is not None

    @dbus_property(access=READ)
    def WriteAcquired(self) -> DBusBool:
        return bool(self._writers)

    @dbus_property(access=READ)
    def MTU(self) -> DBusUInt16:
        return self._mtu()

    def _mtu(self) -> int:
        connection = self._device.connection
        return connection.att_mtu if connection is not None else 23

    @dbus_method()
    async def ReadValue(self, _options: Options) -> DBusBytes:
        value = bytes(await _ask(self._far.read_value()))
        self._emit(value)
        return value

    @dbus_method()
    async def WriteValue(self, value: DBusBytes, options: Options):
        kind = options.get("type")
        with_response = kind is None or kind.value != "command"
        await _ask(self._far.write_value(bytes(value), with_response=with_response))

    def on_value(self, value: bytes) -> None:
        """Pass on what the far end notified or indicated."""
        for _ in range(self._device.n_copies()):
            if self._socket is None:
                self._emit(bytes(value))
                continue
            try:
                self._socket.send(bytes(value))
            except BlockingIOError:  # a reader too slow loses, as with BlueZ
                self._device.double.n_lost += 1
            except OSError:
                self._release()

    def _emit(self, value: bytes) -> None:
        self._value = value
        self.emit_properties_changed({"Value": value})

    @dbus_method()
    async def StartNotify(self):
        if self._socket is not None:
            raise DBusError("org.bluez.Error.InProgress", "In Progress")
        if not self._is_notifying:
            await _ask(self._far.subscribe(self.on_value, not self._is_indicated()))
            self._is_notifying = True
            self.emit_properties_changed({"Notifying": True})

    def _is_indicated(self) -> bool:
        return "notify" not in [
            name for bit, name in _FLAGS.items() if int(self._far.properties) & bit
        ]

    @dbus_method()
    async def StopNotify(self):
        if self._is_notifying:
            self._is_notifying = False
            await _ask(self._far.unsubscribe(self.on_value))
            self.emit_properties_changed({"Notifying": False})

    @dbus_method()
    async def AcquireNotify(self, _options: Options) -> FdAndMtu:
        if self._is_notifying or self._socket is not None or self._device.n_stale > 1:
            raise DBusError("org.bluez.Error.InProgress", "In Progress")
        await _ask(self._far.subscribe(self.on_value, not self._is_indicated()))
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._release)
        return self._passed(theirs)

    def _passed(self, theirs: socket.socket) -> list[int]:
        """Return the answer that passes on a descriptor; this end's copy is closed later."""
        self._lent.append(theirs)
        asyncio.get_running_loop().call_later(KEEP_S, theirs.close)
        return [theirs.fileno(), self._mtu()]

    @dbus_method()
    async def AcquireWrite(self, _options: Options) -> FdAndMtu:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        loop = asyncio.get_running_loop()

        def take() -> None:
            data = b""
            with contextlib.suppress(OSError):
                data = ours.recv(1024)
            if data:
                self._device.double.spawn(self._far.write_value(data, with_response=False))
            else:
                self._close_writer(ours)

        self._writers.append(ours)
        loop.add_reader(ours, take)
        return self._passed(theirs)

    def _close_writer(self, writer: socket.socket) -> None:
        if writer in self._writers:
            self._writers.remove(writer)
            asyncio.get_running_loop().remove_reader(writer)
            writer.close()

    def _release(self) -> None:
        """Take back what AcquireNotify gave, when the program has closed it."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
            if self._device.connection is not None:
                self._device.double.spawn(self._far.unsubscribe(self.on_value))

    def drop(self) -> bool:
        """Let go, the link has gone; return whether a program was subscribed by StartNotify."""
        was_notifying, self._is_notifying = self._is_notifying, False
        self._release()
        for writer in list(self._writers):
            self._close_writer(writer)
        for theirs in self._lent:
            theirs.close()
        return was_notifying


class Descriptor1(ServiceInterface):
    """One descriptor."""

    def __init__(self, characteristic_path: str, far: DescriptorProxy) -> None:
        super().__init__("org.bluez.GattDescriptor1")
        self._characteristic_path = characteristic_path
        self._far = far

    @dbus_property(access=READ)
    def UUID(self) -> DBusStr:
        return full_uuid(self._far.type)

    @dbus_property(access=READ)
    def Characteristic(self) -> DBusObjectPath:
        return self._characteristic_path

    @dbus_property(access=READ)
    def Value(self) -> DBusBytes:
        return b""

    @dbus_method()
    async def ReadValue(self, _options: Options) -> DBusBytes:
        return bytes(await _ask(self._far.read_value()))

    @dbus_method()
    async def WriteValue(self, value: DBusBytes, _options: Options):
        await _ask(self._far.write_value(bytes(value), with_response=True))
