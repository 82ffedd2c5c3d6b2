"""The pass-phrase of sealed recordings: from the environment, or asked for at the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import typer

from solekit.errors import DataError, SealedError
from solekit.recording.sealed import (
    PASSPHRASE,
    checked_passphrase,
    given_passphrase,
    is_sealed,
)


def new_passphrase() -> str:
    """Return a pass-phrase to seal with; asked for twice where the environment has none."""
    given = given_passphrase()
    if given is None:
        if not sys.stdin.isatty():
            raise DataError(f"sealing needs a pass-phrase; give it in {PASSPHRASE}")
        given = typer.prompt(
            "Pass-phrase (without it nobody opens the recording, nor can Solekit)",
            hide_input=True,
            confirmation_prompt=True,
            err=True,
        )
    return checked_passphrase(given)


def unlock(paths: Iterable[Path]) -> None:
    """Ask once for the pass-phrase of the sealed ones among ``paths``, before they are read."""
    for path in paths:
        if is_sealed(path):
            ask_for(SealedError(path, "is sealed"))
            return


def ask_for(error: SealedError) -> bool:
    """Ask for the pass-phrase of the file of ``error`` and keep it for this command.

    False where there is nobody to ask, or where the environment's has just failed.
    """
    if given_passphrase() is not None or not sys.stdin.isatty():
        return False
    os.environ[PASSPHRASE] = typer.prompt(
        f"Pass-phrase of {error.path}", hide_input=True, err=True
    )
    return True
