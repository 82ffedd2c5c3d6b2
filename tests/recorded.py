"""Recordings of the virtual person for tests."""

from __future__ import annotations

import asyncio
from pathlib import Path

import solekit


async def _record(path: Path, uri: str, duration_s: float, protocol: str) -> None:
    async with solekit.connect_pair(uri) as pair:
        pair.record_to(path, protocol=protocol)
        await pair.start()
        await pair.clock.sleep(duration_s)
        await pair.stop()


class Recorder:
    """Records each walk once into ``folder``; every call opens it anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._paths: dict[tuple[str, float, str], Path] = {}

    def __call__(
        self, uri: str, duration_s: float = 15.0, protocol: str = "free"
    ) -> solekit.Recording:
        """Return the recording of ``duration_s`` from ``uri``."""
        key = uri, duration_s, protocol
        if key not in self._paths:
            self._paths[key] = self.folder / f"{len(self._paths)}.mcap"
            asyncio.run(_record(self._paths[key], *key))
        return solekit.Recording(self._paths[key])
