"""A message is data: id, name, fields. Sizes, offsets and formats derive from it."""

import struct
from collections import namedtuple

REST: int = 0  # count of the one field that takes the rest of a message


class WireError(ValueError):
    """Bytes that do not match the protocol."""


# A tuple, not an object with a dict: a hundred fields must fit a small heap.
_Field = namedtuple("Field", ("name", "code", "count", "scale", "unit"))


def Field(name: str, code: str, count: int = 1, scale: int = 1, unit: str = ""):  # noqa: N802
    """Return a field: ``count`` values of struct type ``code``; value = raw * scale [unit]."""
    return _Field(name, code, count, scale, unit)


class Message:
    """One layout: ``msg_id`` byte, little-endian ``fields``, the last one possibly ``REST``."""

    def __init__(self, msg_id: int, name: str, *fields: _Field) -> None:
        self.msg_id = msg_id
        self.name = name
        self.rest = fields[-1] if fields and fields[-1].count == REST else None
        self.fixed = fields[:-1] if self.rest else fields
        self.format = "<B"
        for field in self.fixed:
            if field.count == REST:
                raise ValueError("%s.%s: only the last field may be variable" % (name, field.name))
            self.format += "%d%s" % (field.count, field.code)
        self.size = struct.calcsize(self.format)  # without the variable part

    def offset(self, name: str) -> int:
        """Return the byte offset of field ``name``, for writing words in place."""
        at = 1
        for field in self.fixed:
            if field.name == name:
                return at
            at += field.count * struct.calcsize("<" + field.code)
        if self.rest and self.rest.name == name:
            return at
        raise KeyError(name)

    def pack(self, *raw: int, rest: bytes = b"") -> bytes:
        """Return the whole message (control path; it allocates)."""
        return struct.pack(self.format, self.msg_id, *raw) + rest

    def unpack(self, data: bytes) -> dict:
        """Return ``{field name: int, tuple if count > 1, bytes for the variable field}``."""
        n_rest = len(data) - self.size
        whole = n_rest % struct.calcsize("<" + self.rest.code) == 0 if self.rest else n_rest == 0
        if n_rest < 0 or not whole or data[0] != self.msg_id:
            raise WireError("not a %s message: %d bytes" % (self.name, len(data)))
        flat = struct.unpack_from(self.format, data, 0)
        out = {}
        i = 1
        for field in self.fixed:
            out[field.name] = flat[i] if field.count == 1 else flat[i : i + field.count]
            i += field.count
        if self.rest:
            out[self.rest.name] = bytes(data[self.size :])
        return out
