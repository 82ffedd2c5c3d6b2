"""Pairing and bonds of the virtual radios: who keeps which key, and where."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from bumble import hci
from bumble.device import Device
from bumble.keys import KeyStore, MemoryKeyStore, PairingKeys
from bumble.pairing import PairingConfig, PairingDelegate

if TYPE_CHECKING:
    from solekit_hil.radio.peripheral import Peripheral

GET_SECRET, SET_SECRET = 29, 30  # MicroPython's events
OUR_SECRET, PEER_SECRET = 1, 2  # NimBLE keeps a bond as two records
_SECRET = struct.Struct("<16sB")  # long-term key, authenticated


def just_works(*, bonding: bool, sc: bool = True) -> PairingConfig:
    """Return the pairing of devices without display and keys."""
    enc_key = PairingDelegate.KeyDistribution.DISTRIBUTE_ENCRYPTION_KEY
    return PairingConfig(
        sc=sc,
        mitm=False,
        bonding=bonding,
        delegate=PairingDelegate(
            PairingDelegate.NO_OUTPUT_NO_INPUT,
            local_initiator_key_distribution=enc_key,
            local_responder_key_distribution=enc_key,
        ),
    )


def is_bonding(device: Device, address: str) -> bool:
    """Return whether the last pairing with ``address`` is to be kept, as both ends agreed.

    bumble stores the keys of every pairing; who did not ask for a bond must not have one.
    """
    return any(
        bool(session.bonding)
        for session in device.smp_manager.sessions.values()
        if str(session.connection.peer_address) == address
    )


class CentralKeys(MemoryKeyStore):
    """Bonds of the computer's end."""

    def __init__(self, device: Device) -> None:
        super().__init__()
        self._device = device

    async def update(self, name: str, keys: PairingKeys) -> None:
        """Keep the keys of a pairing that bonds."""
        if is_bonding(self._device, name):
            await super().update(name, keys)


class FootKeys(KeyStore):
    """Bonds that the firmware keeps: asked and told through its secrets."""

    def __init__(self, peripheral: Peripheral, device: Device) -> None:
        self._peripheral = peripheral
        self._device = device

    async def get(self, name: str) -> PairingKeys | None:
        """Ask the firmware."""
        blob = await self._peripheral.event(GET_SECRET, bytes((OUR_SECRET, 0)) + _key(name))
        if blob is None or len(blob) != _SECRET.size:
            return None
        value, is_authenticated = _SECRET.unpack(blob)
        keys = PairingKeys()
        keys.ltk = PairingKeys.Key(value=value, authenticated=bool(is_authenticated))
        return keys

    async def update(self, name: str, keys: PairingKeys) -> None:
        """Tell the firmware."""
        if keys.ltk is None or not is_bonding(self._device, name):
            return
        key = _key(name)
        blob = _SECRET.pack(keys.ltk.value, bool(keys.ltk.authenticated))
        for kind in (OUR_SECRET, PEER_SECRET):
            await self._peripheral.event(SET_SECRET, bytes((kind, 1, len(key))) + key + blob)


def _key(name: str) -> bytes:
    address = hci.Address(name)
    return bytes((0 if address.is_public else 1,)) + bytes(address)
