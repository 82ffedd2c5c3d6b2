"""Where the flash log keeps its segments: files that are only ever appended to and removed."""

import os

FILE_BLOCK: int = 4096  # what LittleFS hands out
SPARE_BLOCKS: int = 24  # left to the file system: it copies a block before it frees one


class FileStore:
    """Segments as files of ``folder``, through the file system that is mounted there.

    ``capacity`` are the bytes that the log may take; 0: what is free, and what it holds already.
    """

    def __init__(self, folder: str, capacity: int = 0) -> None:
        self._folder = folder
        try:
            os.stat(folder)
        except OSError:
            os.mkdir(folder)
        self._open_name = ""
        self._file = None
        self.capacity = capacity or self._room()

    def _room(self):
        fs = os.statvfs(self._folder)
        held = sum([self.size(name) for name in self.names()])
        return max(0, fs[0] * fs[4] + held - SPARE_BLOCKS * FILE_BLOCK)

    def _path(self, name):
        return self._folder + "/" + name

    def names(self):
        """Return the names of all segments in order."""
        return sorted(os.listdir(self._folder))

    def size(self, name) -> int:
        """Return the bytes of a segment."""
        return os.stat(self._path(name))[6]

    def append(self, name, view) -> None:
        """Add ``view`` to the end of a segment, which is made if need be; OSError if it cannot.

        What was there before stays, whatever happens.
        """
        self.release()
        with open(self._path(name), "ab") as file:
            file.write(view)

    def read(self, name, offset, view) -> int:
        """Fill ``view`` from ``offset`` on; return the bytes that there were."""
        file = self._file
        if file is None or self._open_name != name:
            self.release()
            file = self._file = open(self._path(name), "rb")
            self._open_name = name
        file.seek(offset)
        return file.readinto(view)

    def remove(self, name) -> None:
        """Forget a segment."""
        self.release()
        os.remove(self._path(name))

    def release(self) -> None:
        """Close what was left open for the next read."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._open_name = ""
