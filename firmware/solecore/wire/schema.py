"""A message is data: id, name, fields. Sizes, offsets and formats derive from it."""

import struct
import sys

REST: int = 0  # count of the one field that takes the rest of a message
_HAS_ROOM: bool = sys.implementation.name != "micropython"  # to keep what has been parsed


class WireError(ValueError):
    """Bytes that do not match the protocol."""


def _parsed(text):
    """Yield ``(name, code, count, unit)`` of each field."""
    end = text.index(":")
    rest = False
    while end >= 0 and end < len(text):
        at = end + 2
        end = text.find(",", at)
        if end < 0:
            end = len(text)
        if rest:
            raise ValueError("%r: only the last field may be variable" % text)
        name = text.index(" ", at) + 1
        unit = text.find(" ", name, end)
        rest = text[at] == "*"
        count = REST if rest else int(text[at : name - 2] or 1)
        yield (
            text[name : end if unit < 0 else unit],
            text[name - 2],
            count,
            "" if unit < 0 else text[unit + 1 : end],
        )


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
            if count > 1:
                out += str(count)
            if count != REST:
                out += code
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
        fields = _parsed(self._text)
        if _HAS_ROOM:
            self._kept = fields = list(fields)
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
        n_rest = len(data) - self.size
        has_rest = " *" in self._text
        if n_rest < 0 or (n_rest and not has_rest) or data[0] != self.msg_id:
            raise WireError("not a %s message: %d bytes" % (self.name, len(data)))
        flat = struct.unpack_from(self.format, data, 0)
        out = {}
        i = 1
        for name, code, count, _ in self._fields():
            if count == REST:
                if n_rest % struct.calcsize("<" + code):
                    raise WireError("half an item ends a %s of %d bytes" % (self.name, len(data)))
                out[name] = bytes(data[self.size :])
            else:
                out[name] = flat[i] if count == 1 else flat[i : i + count]
            i += count
        return out
