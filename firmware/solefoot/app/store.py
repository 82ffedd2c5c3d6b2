"""A few small things that outlive a restart: one file each, whole or as it was before."""

import binascii
import json
import os

_DICT: int = 0x4A  # first byte of a file: J, a dict as JSON
_BYTES: int = 0x42  # B, bytes as they were given
_TAIL: int = 4  # CRC-32 of all before it
_NEW: str = ".new"


def _may_be_a_name(name):
    return name and len(name) <= 32 and all(c.isalpha() or c in "0123456789_-" for c in name)


class Store:
    """Named values in the files of ``folder``.

    A value is a dict (of what JSON knows) or bytes. ``damaged`` lists the names whose file was
    there but not whole: their default was returned, and the next ``put`` heals them.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.damaged = []

    def _path(self, name):
        if not _may_be_a_name(name):
            raise ValueError("name %r is not letters, digits, - and _, at most 32" % (name,))
        return self.folder + "/" + name

    def get(self, name: str, default=None):
        """Return the value kept under ``name``; ``default`` if there is none or it is broken."""
        try:
            with open(self._path(name), "rb") as file:
                data = file.read()
        except OSError:
            return default
        try:
            return self._value(data)
        except ValueError:
            if name not in self.damaged:
                self.damaged.append(name)
            return default

    def _value(self, data):
        body = len(data) - _TAIL
        if body < 1 or binascii.crc32(memoryview(data)[:body]) != int.from_bytes(
            data[body:], "little"
        ):
            raise ValueError("not whole")
        if data[0] == _BYTES:
            return data[1:body]
        value = json.loads(data[1:body].decode())
        if data[0] != _DICT or not isinstance(value, dict):
            raise ValueError("not a dict")
        return value

    def put(self, name: str, value, *more) -> None:
        """Keep ``value``, a dict, or bytes to which the buffers ``more`` are added.

        What was there stays until the new file is whole; OSError if the flash takes no more.
        """
        path = self._path(name)
        kind = _BYTES
        if isinstance(value, dict):
            kind = _DICT
            value = json.dumps(value).encode()
        try:
            os.stat(self.folder)
        except OSError:
            os.mkdir(self.folder)
        crc = 0
        with open(path + _NEW, "wb") as file:
            for part in (bytes((kind,)), value) + more:
                file.write(part)
                crc = binascii.crc32(part, crc)
            file.write(crc.to_bytes(_TAIL, "little"))
        # MicroPython's rename puts the new file in the place of the old one; CPython calls that
        # replace.
        getattr(os, "replace", os.rename)(path + _NEW, path)
        if name in self.damaged:
            self.damaged.remove(name)

    def remove(self, name: str) -> None:
        """Forget ``name``; all is well if it was never kept."""
        try:
            os.remove(self._path(name))
        except OSError:
            pass
        if name in self.damaged:
            self.damaged.remove(name)
