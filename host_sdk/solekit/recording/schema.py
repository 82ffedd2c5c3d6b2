"""How a recording lies in MCAP: channels, batches of wire messages, session entries.

Channels: ``/left/wire``, ``/right/wire`` (batches of wire messages as received), ``/left/pings``,
``/right/pings`` and ``/session`` (JSON). A batch is a sequence of ``<IH`` microseconds after the
MCAP message's log time, length, and the wire message.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from solekit.errors import DataError

PROFILE = "solekit"
WIRE_SCHEMA = "solekit.wire"
JSON_SCHEMA = "solekit.json"
BATCH_TEXT = b"repeated: u32 microseconds after log time, u16 length, wire message (little-endian)"
_ENTRY = struct.Struct("<IH")


def pack_entry(dt_us: int, message: bytes) -> bytes:
    """Return one entry of a batch."""
    return _ENTRY.pack(dt_us, len(message)) + message


def entries(batch: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield ``(microseconds after log time, wire message)``; DataError for a broken batch."""
    at = 0
    while at < len(batch):
        if at + _ENTRY.size > len(batch):
            raise DataError(f"a batch of wire messages ends within an entry, at byte {at}")
        dt_us, length = _ENTRY.unpack_from(batch, at)
        at += _ENTRY.size
        if at + length > len(batch):
            raise DataError(f"a batch of wire messages ends within a message, at byte {at}")
        yield dt_us, batch[at : at + length]
        at += length
