"""An application in one file, mounted as a folder that can only be read.

Small files waste most of the 4 kB blocks that they lie in. Like boot.py, beside which it lies on
the board, this file is never part of an update. ``tools.bundle`` writes packs.

Layout, little-endian: ``SOLE`` and the u32 number of entries; of each entry the CRC-32 of its
path, offset and size (all bits set: a folder) as u32; then the contents.
"""

import binascii
import errno
import io
import struct

MAGIC = b"SOLE"
ENTRY: int = 12
FOLDER: int = 0xFFFFFFFF
_CLOSE: int = 4  # requests of a stream's ioctl
_BUFFER_SIZE: int = 11


class Pack:
    """The file system in the file ``path``; ValueError where that is no pack."""

    def __init__(self, path: str) -> None:
        self._path = path
        with open(path, "rb") as file:
            head = file.read(8)
            if head[:4] != MAGIC:
                raise ValueError("%s is no pack" % path)
            self._table = file.read(ENTRY * int.from_bytes(head[4:], "little"))

    def mount(self, readonly, mkfs) -> None:
        """Nothing to prepare."""

    def umount(self) -> None:
        """Nothing to give back."""

    def ilistdir(self, path):  # noqa: ARG002 - as every file system is asked
        """Show nothing: who lists the board's files wants those that can be copied."""
        return iter(())

    def stat(self, path):
        """Return kind and size as ``os.stat`` does."""
        size = self._find(path)[1]
        if size == FOLDER:
            return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        return (0x8000, 0, 0, 0, 0, 0, size, 0, 0, 0)

    def open(self, path, mode):  # noqa: ARG002 - as every file system is asked
        """Return the file at ``path``, to be read as bytes."""
        at, size = self._find(path)
        if size == FOLDER:
            raise OSError(errno.EISDIR)
        return _File(self._path, at, size)

    def _find(self, path):
        crc = struct.pack("<I", binascii.crc32(path.strip("/").encode()))
        at = self._table.find(crc)
        while at > 0 and at % ENTRY:  # the same bytes, but not where an entry begins
            at = self._table.find(crc, at + 1)
        if at < 0:
            raise OSError(errno.ENOENT)
        return struct.unpack_from("<II", self._table, at + 4)


class _File(io.IOBase):
    def __init__(self, path, at, size):
        self._file = open(path, "rb")
        self._file.seek(at)
        self._left = size

    def readinto(self, buf):
        if len(buf) > self._left:
            buf = memoryview(buf)[: self._left]
        n = self._file.readinto(buf)
        self._left -= n
        return n

    def ioctl(self, request, argument):  # noqa: ARG002 - as every stream is asked
        if request == _CLOSE:
            self._file.close()
        return 255 if request == _BUFFER_SIZE else 0
