"""Calibrations that this computer keeps, one file per insole, beside the remembered pairs."""

from __future__ import annotations

import json
import re
from pathlib import Path

from solekit.calibration.model import Calibration
from solekit.errors import DataError
from solekit.home import home, write

_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def path_of(serial: str) -> Path:
    """Return where the calibration of ``serial`` is kept; DataError for what is no serial."""
    if not _SERIAL.fullmatch(serial):
        raise DataError(f"{serial!r} is no serial number that a file could be named after")
    return home() / "calibrations" / f"{serial}.json"


def save(calibration: Calibration) -> Path:
    """Keep ``calibration``, whole or not at all, readable by its owner alone; return where."""
    path = path_of(calibration.serial)
    write(path, calibration.to_json())
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
