"""A message is data: id, name, fields. Sizes, offsets and formats derive from it."""

import struct
import sys

REST: int = 0  # count of the one field that takes the rest of a message
_HAS_ROOM: bool = sys.implementation.name != "micropython"  # to keep what has been parsed


class WireError(ValueError):
    """Bytes that do not match the protocol."""


def _parsed(text):
    """Return ``(name, code, count, unit)`` of each field."""
    fields = []
    for part in text.split(", "):
        words = part.split(" ", 2)
        code = words[0][-1:]
        count = words[0][:-1]
        if fields and fields[-1][2] == REST:
            raise ValueError("%r: only the last field may be variable" % text)
        count = REST if count == "*" else int(count or 1)
        fields.append((words[1], code, count, words[2] if len(words) > 2 else ""))
    return fields


class Message:
    """One layout: ``msg_id`` byte, then little-endian fields.

    ``text`` is the name and the fields, each a struct type (with a count before it, or * if it
    takes the rest of the message), a name and perhaps a unit: "echo: B ref, 2I at us, *B body". A
    small heap has room for fifty such texts, not for the objects that they stand for.
    """

    def __init__(self, msg_id: int, text: str) -> None:
        self.msg_id = msg_id
        self._text = text
        self._kept = None
        self.size = struct.calcsize(self.format)  # without the variable part

    @property
    def name(self) -> str:
        """What the message is called."""
        return self._text[: self._text.index(":")]

    @property
    def format(self) -> str:
        """The struct format of id and fixed fields."""
        out = "<B"
        for _, code, count, _ in self._fields():
            if count != REST:
                out += "%d%s" % (count, code)
        return out

    @property
    def fixed(self) -> tuple:
        """The fields (``names.Field``) without the variable one."""
        return tuple([field for field in self._named() if field.count != REST])

    @property
    def rest(self):
        """The variable field (``names.Field``), None if there is none."""
        last = self._named()[-1]
        return last if last.count == REST else None

    def _fields(self):
        if self._kept is not None:
            return self._kept
        fields = _parsed(self._text[self._text.index(":") + 2 :])
        if _HAS_ROOM:
            self._kept = fields
        return fields

    def _named(self):
        from solecore.wire.names import Field

        return [Field(*field) for field in self._fields()]

    def offset(self, name: str) -> int:
        """Return the byte offset of field ``name``, for writing words in place."""
        at = 1
        for found, code, count, _ in self._fields():
            if found == name:
                return at
            at += count * struct.calcsize("<" + code)
        raise KeyError(name)

    def pack(self, *raw: int, rest: bytes = b"") -> bytes:
        """Return the whole message (control path; it allocates)."""
        return struct.pack(self.format, self.msg_id, *raw) + rest

    def unpack(self, data: bytes) -> dict:
        """Return ``{field name: int, tuple if count > 1, bytes for the variable field}``."""
        fields = self._fields()
        n_rest = len(data) - self.size
        _, code, count, _ = fields[-1]
        is_whole = n_rest == 0
        if count == REST:
            is_whole = n_rest >= 0 and n_rest % struct.calcsize("<" + code) == 0
        if not is_whole or data[0] != self.msg_id:
            raise WireError("not a %s message: %d bytes" % (self.name, len(data)))
        flat = struct.unpack_from(self.format, data, 0)
        out = {}
        i = 1
        for name, _, count, _ in fields:
            if count == REST:
                out[name] = bytes(data[self.size :])
            else:
                out[name] = flat[i] if count == 1 else flat[i : i + count]
            i += count
        return out
