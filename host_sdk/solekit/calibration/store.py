"""Calibrations that this computer keeps, one file per insole, beside the remembered pairs."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

from solekit import known_pairs
from solekit.calibration.model import Calibration
from solekit.errors import DataError

_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def path_of(serial: str) -> Path:
    """Return where the calibration of ``serial`` is kept; DataError for what is no serial."""
    if not _SERIAL.fullmatch(serial):
        raise DataError(f"{serial!r} is no serial number that a file could be named after")
    return known_pairs.home() / "calibrations" / f"{serial}.json"


def save(calibration: Calibration) -> Path:
    """Keep ``calibration``, whole or not at all, readable by its owner alone; return where."""
    path = path_of(calibration.serial)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(calibration.to_json(), file, allow_nan=False)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def load(serial: str) -> Calibration | None:
    """Return the calibration of ``serial``, None if there is none; DataError for a damaged one."""
    path = path_of(serial)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path.name} cannot be read ({error}); calibrate again") from None
    return Calibration.from_json(data)
