"""The folder of what this computer remembers, and how a file gets into it."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from solekit.errors import DataError


def home() -> Path:
    """Return the folder of what this computer remembers: SOLEKIT_HOME, else the user's own."""
    asked = os.environ.get("SOLEKIT_HOME")
    if asked:
        return Path(asked)
    import typer

    return Path(typer.get_app_dir("solekit"))


def write(path: Path, content: Any) -> None:
    """Put JSON in place of the old file in one step: a crash leaves one of the two.

    Its owner alone may read it. DataError if the folder cannot be written.
    """
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made with mode 0600, as mkstemp always does.
        number, temporary = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.")
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=1, allow_nan=False)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written ({error}); name another folder in SOLEKIT_HOME"
        ) from error
