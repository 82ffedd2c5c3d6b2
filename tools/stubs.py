"""Type stubs of the MicroPython ports: board files are checked against the real modules."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":  # as a script, Python looks for modules beside it, not in the clone
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.environment import ROOT, Unavailable, ensure, explain_pip, locked, say

if TYPE_CHECKING:
    from collections.abc import Callable

# The boards of each port; what they share is checked with every port.
BOARDS = {
    "esp32": ("xiao_esp32s3",),
    "rp2": ("pico_w", "pico2_w"),
    "nrf": ("nrf52840",),
}
FOLDER = ROOT / ".runtime" / "stubs"


def lock(port: str) -> Path:
    """Return the locked requirements of ``port``."""
    return ROOT / "tools" / "stubs" / f"{port}.txt"


def config(port: str) -> Path:
    """Return pyright's configuration for the boards of ``port``."""
    return ROOT / "tools" / "stubs" / f"pyright-{port}.json"


def provide(python: Path, say: Callable[[str], None] = say) -> None:
    """Install the stubs of every port below .runtime; Unavailable says why not.

    Not into the environment: their ``time`` and ``socket`` would shadow those of Python.
    """
    with locked(ROOT / ".runtime" / "stubs.lock"):
        for port in BOARDS:
            _provide(python, port, say)


def _provide(python: Path, port: str, say: Callable[[str], None]) -> None:
    content = hashlib.sha256(lock(port).read_bytes()).hexdigest()
    stamp = FOLDER / port / "KEY"
    if stamp.exists() and stamp.read_text(encoding="ascii") == content:
        return
    say(f"stubs: installing those of the {port} port")
    shutil.rmtree(FOLDER / port, ignore_errors=True)
    command = [python, "-m", "pip", "install", "--quiet", "--no-input", "--no-deps"]
    command += ["--require-hashes", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--target", FOLDER / port, "-r", lock(port)], capture_output=True, text=True
    )
    if done.returncode:
        trouble = explain_pip(done.stdout + done.stderr)
        raise Unavailable(f"no stubs of the {port} port: {trouble.what}", trouble.get)
    stamp.write_text(content, encoding="ascii")


def main() -> int:
    try:
        provide(ensure())
    except Unavailable as error:
        print(f"stubs: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
