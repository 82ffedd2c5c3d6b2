"""What the virtual BlueZ needs of this machine, dbus-daemon: ``python3 tools/bluez.py``.

No Bluetooth and no BlueZ is needed: tests and virtual insoles run a bus of their own.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # this file runs as a script

from tools.environment import Unavailable, say
from tools.runtime_build import apt

PROGRAM = "dbus-daemon"
PACKAGES = ("dbus-daemon", "dbus")  # since Debian 12 and Ubuntu 24.04, and before


class BluezUnavailable(Unavailable):
    """There can be no virtual BlueZ here, and this says how to get it."""


def find() -> Path | None:
    """Return dbus-daemon, or None where a virtual BlueZ cannot run."""
    found = shutil.which(PROGRAM) if platform.system() == "Linux" else None
    return Path(found) if found else None


def reason() -> str:
    """Return why there is none and how to get it."""
    if platform.system() != "Linux":
        return f"a virtual BlueZ is for Linux, this is {platform.system()}; run it there"
    return f"there is no {PROGRAM}; as root: apt-get install {PACKAGES[0]}"


def provide(say: Callable[[str], None] = say) -> Path:
    """Return dbus-daemon, installed if that is allowed; BluezUnavailable if there is none."""
    path = find()
    if path is None and platform.system() == "Linux":
        if shutil.which("apt-get") and os.geteuid() == 0:
            say(f"bluez: installing {PROGRAM}")
            for is_fresh in (False, True):  # a new machine has an empty index
                if is_fresh and not apt("update"):
                    break
                if any(apt("install", "--no-install-recommends", name) for name in PACKAGES):
                    break
        path = find()
    if path is None:
        what, _, get = reason().partition("; ")
        raise BluezUnavailable(what, get)
    say(f"bluez: {path}")
    return path


def main() -> int:
    """Run the command line."""
    try:
        provide()
    except BluezUnavailable as error:
        print(f"bluez: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
