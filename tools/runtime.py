"""Get MicroPython for the tests: ``python3 tools/runtime.py [--json] [--only 64|32]``.

The unix port in two widths: 64-bit as it comes, and 32-bit with single floats, which is what a
microcontroller has. Standard library only. The binaries lie in ``.runtime/`` of the clone, or in
the folder that ``SOLEKIT_RUNTIME`` names; a copy in the user's cache serves the next clone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":  # as a script, Python looks for modules beside it, not in the clone
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.environment import ROOT, locked, say
from tools.runtime_build import BINARIES, CROSS, VERSION, Build, RuntimeUnavailable, key
from tools.shelf import Shelf, user_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CHECK = """
import sys
import micropython
@micropython.viper
def last(data: ptr8, n: int) -> int:
    return data[n - 1]
class Absent: pass
sys.modules["_asyncio"] = Absent()  # as virtual time does: then asyncio needs its task.py
import asyncio
from asyncio.task import Task
async def seven():
    await asyncio.sleep_ms(1)
    return last(b"\\x05\\x07", 2)
print(sys.maxsize, 1 / 3, asyncio.run(seven()))
"""
CHECK_PRINTS = {64: "9223372036854775807 0.3333333333333333 7", 32: "2147483647 0.3333333 7"}


def folder() -> Path:
    """Return where the binaries of this clone are, or are to be."""
    given = os.environ.get("SOLEKIT_RUNTIME")
    return Path(given).absolute() if given else ROOT / ".runtime" / f"micropython-{VERSION}"


def cache() -> Path:
    """Return the folder that all clones of this user share."""
    return user_cache(f"micropython-{VERSION}", key())


def shelf() -> Shelf:
    """Return where interpreters and cross compiler are kept."""
    return Shelf(folder(), key(), (*BINARIES.values(), CROSS))


def find(bits: int) -> Path | None:
    """Return the ``bits``-bit interpreter if it is here; never fetch or build."""
    return shelf().find(BINARIES[bits])


def works(path: Path, bits: int) -> bool:
    """Return whether ``path`` runs and has what the tests build on."""
    try:
        done = subprocess.run([path, "-c", CHECK], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == CHECK_PRINTS[bits]


def ensure(bits: int, say: Callable[[str], None] = say) -> Path:
    """Return a working ``bits``-bit interpreter, built if need be, or raise RuntimeUnavailable."""
    result = provide([bits], say)[bits]
    if isinstance(result, RuntimeUnavailable):
        raise result
    return result


def provide(
    wanted: Iterable[int] = (64, 32), say: Callable[[str], None] = say
) -> dict[int, Path | RuntimeUnavailable]:
    """Return for each width in ``wanted`` its interpreter, or why there is none."""
    results: dict[int, Path | RuntimeUnavailable] = {}
    lock = locked(ROOT / ".runtime" / "runtime.lock")
    # Built outside of the clone: make fails below a folder whose name has a blank.
    with lock, tempfile.TemporaryDirectory(prefix="solekit-") as work:
        build = Build(Path(work), say)
        for bits in wanted:
            try:
                results[bits] = _get(bits, build, say)
            except RuntimeUnavailable as error:
                results[bits] = error
    return results


def _get(bits: int, build: Build, say: Callable[[str], None]) -> Path:
    path = folder() / BINARIES[bits]
    if find(bits) and works(path, bits):
        say(f"runtime: MicroPython {VERSION}, {bits} bit, is ready")
        return path
    names = (BINARIES[bits], CROSS)
    if works(cache() / BINARIES[bits], bits):
        shelf().install(cache(), folder(), names)
        say(f"runtime: MicroPython {VERSION}, {bits} bit, came from this user's cache")
        return path
    made = build.make(bits)
    if not works(made / BINARIES[bits], bits):
        raise RuntimeUnavailable(f"the {bits}-bit build gives wrong answers", "report this")
    shelf().install(made, folder(), names)
    try:
        shelf().install(made, cache(), names)
    except OSError as error:  # a home that cannot be written costs the next clone its minute
        say(f"runtime: not kept for other clones: {error}")
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description="Get MicroPython for the tests.")
    parser.add_argument("--json", action="store_true", help="print the paths as JSON")
    parser.add_argument("--only", type=int, choices=list(BINARIES), help="one width, not both")
    options = parser.parse_args()
    wanted = [options.only] if options.only else list(BINARIES)
    results = provide(wanted, (lambda _: None) if options.json else say)
    report: dict[str, object] = {"version": VERSION, "folder": str(folder())}
    for bits, result in results.items():
        if isinstance(result, RuntimeUnavailable):
            report[str(bits)] = {"missing": result.what, "get": result.get}
            print(f"runtime: no {bits}-bit MicroPython: {result}", file=sys.stderr)
        else:
            report[str(bits)] = {"path": str(result)}
    if options.json:
        print(json.dumps(report))
    return int(any(isinstance(result, RuntimeUnavailable) for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
