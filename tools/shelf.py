"""Where built programs are kept: in the clone, and for the next one in the user's cache."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Shelf:
    """The programs ``names`` of one recipe: ``key`` names it, and stands in ``folder``/KEY."""

    folder: Path
    key: str
    names: tuple[str, ...]

    def find(self, name: str) -> Path | None:
        """Return ``name`` if it is here, of this recipe or the user's own, which has no KEY."""
        path = self.folder / name
        return path if path.exists() and not self._is_stale(self.folder) else None

    def install(self, source: Path, target: Path, names: Iterable[str]) -> None:
        """Copy ``names``; each appears in ``target`` whole or not at all."""
        target.mkdir(parents=True, exist_ok=True)
        if self._is_stale(target):  # nothing of the old recipe may stay under the new key
            for name in self.names:
                (target / name).unlink(missing_ok=True)
        for name in names:
            new = target / f".{name}.{os.getpid()}"
            shutil.copy2(source / name, new)
            new.replace(target / name)
        (target / "KEY").write_text(self.key, encoding="ascii")

    def _is_stale(self, place: Path) -> bool:
        """Return whether ``place`` holds another recipe's programs."""
        stamp = place / "KEY"
        return stamp.exists() and stamp.read_text(encoding="ascii") != self.key


def user_cache(*parts: str) -> Path:
    """Return the folder that all clones of this user share."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "solekit", *parts)
