"""The flash of a virtual insole, in memory."""

from __future__ import annotations


class MemoryStore:
    """Segments of a flash log in memory; the interface of ``solefoot.app.logstore.FileStore``."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.segments: dict[str, bytearray] = {}

    def names(self) -> list[str]:
        """Return the names of all segments in order."""
        return sorted(self.segments)

    def size(self, name: str) -> int:
        """Return the bytes of a segment."""
        return len(self.segments[name])

    def append(self, name: str, view: memoryview) -> None:
        """Add ``view`` to the end of a segment."""
        self.segments.setdefault(name, bytearray()).extend(view)

    def read(self, name: str, offset: int, view: memoryview | bytearray) -> int:
        """Fill ``view`` from ``offset`` on; return the bytes that there were."""
        if name not in self.segments:
            raise OSError(2, f"there is no segment {name}")
        part = self.segments[name][offset : offset + len(view)]
        view[: len(part)] = part
        return len(part)

    def remove(self, name: str) -> None:
        """Forget a segment."""
        if self.segments.pop(name, None) is None:
            raise OSError(2, f"there is no segment {name}")

    def release(self) -> None:
        """Nothing to close."""
