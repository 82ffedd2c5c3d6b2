"""The services that a firmware registers, as bumble has them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bumble.core import UUID
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Descriptor, Service

Write = Callable[[int, bytes], Awaitable[None]]  # of handle, value

# MicroPython's flags above those that the air knows, and what they demand.
_DEMANDS = {
    0x0200: Characteristic.READ_REQUIRES_ENCRYPTION,
    0x0400: Characteristic.READ_REQUIRES_AUTHENTICATION,
    0x1000: Characteristic.WRITE_REQUIRES_ENCRYPTION,
    0x2000: Characteristic.WRITE_REQUIRES_AUTHENTICATION,
}
_ON_AIR = 0x3F
_READ, _WRITE = 0x02, 0x0C


def built(
    tree: list[Any], values: dict[int, bytes], write: Write
) -> tuple[list[Service], dict[int, Characteristic[bytes]]]:
    """Return the services of ``tree``, and its characteristics by the firmware's handles.

    Reads are answered from ``values``, writes handed to ``write``.
    """
    services = []
    by_handle: dict[int, Characteristic[bytes]] = {}
    for service_uuid, branch in tree:
        characteristics = []
        for uuid, flags, handle, descriptors in branch:
            by_handle[handle] = Characteristic(
                UUID(uuid),
                Characteristic.Properties(flags & _ON_AIR),
                _permissions(flags),
                _value(handle, values, write),
                [
                    Descriptor(UUID(kind), _permissions(of), _value(at, values, write))
                    for kind, of, at in descriptors
                ],
            )
            characteristics.append(by_handle[handle])
        services.append(Service(UUID(service_uuid), characteristics))
    return services, by_handle


def _value(handle: int, values: dict[int, bytes], write: Write) -> CharacteristicValue[bytes]:
    async def take(_: Connection, value: bytes) -> None:
        await write(handle, value)

    return CharacteristicValue(read=lambda _: values.get(handle, b""), write=take)


def _permissions(flags: int) -> Characteristic.Permissions:
    permissions = Characteristic.Permissions(0)
    if flags & _READ:
        permissions |= Characteristic.READABLE
    if flags & _WRITE:
        permissions |= Characteristic.WRITEABLE
    for flag, demand in _DEMANDS.items():
        if flags & flag:
            permissions |= demand
    return permissions
