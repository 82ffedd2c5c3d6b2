"""How a recording lies in MCAP: channels, batches of wire messages, session entries.

Channels: ``/left/wire``, ``/right/wire`` (batches of wire messages as received), ``/left/pings``,
``/right/pings`` and ``/session`` (JSON). A batch is a sequence of ``<IH`` microseconds after the
MCAP message's log time, length, and the wire message.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from solekit.data_columns import gather
from solekit.errors import DataError

PROFILE = "solekit"
WIRE_SCHEMA = "solekit.wire"
JSON_SCHEMA = "solekit.json"
BATCH_TEXT = b"repeated: u32 microseconds after log time, u16 length, wire message (little-endian)"
_HEAD = struct.Struct("<IH")
_ENTRY = np.dtype([("dt_us", "<u4"), ("size", "<u2")])


def pack_entry(dt_us: int, message: bytes) -> bytes:
    """Return one entry of a batch."""
    return _HEAD.pack(dt_us, len(message)) + message


def entries(
    content: NDArray[np.uint8], sizes: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return of every entry its batch, microseconds after log time, start and size of the message.

    The batches lie in ``content`` one behind the other. All of them are walked through at once:
    their first entries, then their second ones. DataError for a broken batch.
    """
    stop = np.cumsum(np.array(sizes, np.int64))
    at = stop - np.array(sizes, np.int64)
    batch = np.flatnonzero(at < stop)
    found = [np.zeros((4, 0), np.int64)]
    while batch.size:
        here = at[batch]
        _require(here + _ENTRY.itemsize <= stop[batch], here, "an entry")
        head = gather(content, here, _ENTRY)
        start, size = here + _ENTRY.itemsize, head["size"].astype(np.int64)
        at[batch] = start + size
        _require(at[batch] <= stop[batch], here, "a message")
        found.append(np.stack([batch, head["dt_us"].astype(np.int64), start, size]))
        batch = batch[at[batch] < stop[batch]]
    table = np.concatenate(found, axis=1)
    batch, dt_us, start, size = table[:, np.argsort(table[2], kind="stable")]
    return batch, dt_us, start, size


def _require(fits: NDArray[np.bool_], at: NDArray[np.int64], what: str) -> None:
    if not fits.all():
        raise DataError(f"a batch of wire messages ends within {what}, at byte {at[~fits][0]}")
