"""The records of an MCAP file that make a recording; its indexes are passed over unread."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from mcap.data_stream import ReadDataStream
from mcap.exceptions import EndOfFile
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Header, Message
from mcap.stream_reader import get_chunk_data_stream, read_magic

_RECORD = struct.Struct("<BQ")  # opcode, length of what follows
_MESSAGE = struct.Struct("<HIQQ")  # channel, sequence, log time, publish time

Record = Header | Channel | Chunk | Message


def records(file: Any) -> Iterator[Record]:
    """Yield the records of ``file`` up to its footer; EndOfFile where it is cut before that."""
    stream = ReadDataStream(file)
    read_magic(stream)
    opcode = 0
    while opcode != Opcode.FOOTER:
        opcode, length = _RECORD.unpack(stream.read(_RECORD.size))
        content = stream.read(length)
        if len(content) < length:
            raise EndOfFile
        if (record := _record(opcode, content)) is not None:
            yield record
    read_magic(stream)


def records_of(chunk: Chunk) -> list[Record]:
    """Return the records of ``chunk``; an error of the MCAP library if it is damaged."""
    stream, size = get_chunk_data_stream(chunk, validate_crc=True)
    content = stream.read(size)
    out: list[Record] = []
    at = 0
    while at < size:
        opcode, length = _RECORD.unpack_from(content, at)
        start, at = at + _RECORD.size, at + _RECORD.size + length
        if at > size:
            raise EndOfFile
        if (record := _record(opcode, content[start:at])) is not None:
            out.append(record)
    return out


def _record(opcode: int, content: bytes) -> Record | None:
    if opcode == Opcode.MESSAGE:
        channel_id, sequence, log_ns, publish_ns = _MESSAGE.unpack_from(content)
        return Message(channel_id, log_ns, content[_MESSAGE.size :], publish_ns, sequence)
    kind = _KINDS.get(opcode)
    return None if kind is None else kind.read(ReadDataStream(BytesIO(content)))


_KINDS: dict[int, Any] = {Opcode.HEADER: Header, Opcode.CHANNEL: Channel, Opcode.CHUNK: Chunk}
