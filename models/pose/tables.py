"""Tables of results: one row at a time, kept at once, so that a run goes on where it broke off."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from solekit.errors import DataError

Say = Callable[[str], object]


class Tables:
    """Tables in a folder, one JSON file each; every row names preset and seed."""

    def __init__(self, folder: Path, *, preset: str, seed: int, say: Say = str) -> None:
        self.folder = folder
        self.about = {"preset": preset, "seed": seed}
        self.say = say
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, table: str) -> dict[str, dict[str, Any]]:
        """Return the rows of a table by name; none if it was never begun."""
        path = self._path(table)
        if not path.is_file():
            return {}
        try:
            return json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise DataError(f"{path} is damaged; delete it and run the command again") from error

    def row(self, table: str, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a row, making and keeping it if it is not there yet."""
        rows = self.read(table)
        if name in rows:
            if {key: rows[name].get(key) for key in self.about} != self.about:
                raise DataError(
                    f"{self._path(table)} holds {name!r} of another preset or seed; "
                    "name another folder by --out"
                )
            self.say(f"{table}: {name}: there already")
            return rows[name]
        self.say(f"{table}: {name} ...")
        began = time.monotonic()
        made = json.loads(json.dumps(make(), default=plain))
        rows[name] = {**self.about, **made, "minutes": round((time.monotonic() - began) / 60, 2)}
        part = self._path(table).with_suffix(".part")
        part.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
        part.replace(self._path(table))
        self.say(f"{table}: {name}: {rows[name]['minutes']} minutes")
        return rows[name]

    def _path(self, table: str) -> Path:
        return self.folder / f"{table}.json"


def plain(value: Any) -> Any:
    """Return what JSON can hold of intervals and arrays."""
    if is_dataclass(value) and not isinstance(value, type):
        return {key: _rounded(one) for key, one in asdict(value).items()}
    as_list = getattr(value, "tolist", None)
    return as_list() if as_list else str(value)


def _rounded(value: Any) -> Any:
    """Return a float in short; one that is not known as null, as JSON has no NaN."""
    if not isinstance(value, float):
        return value
    return round(value, 3) if math.isfinite(value) else None
