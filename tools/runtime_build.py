"""Build MicroPython's ports from Debian's source package; runtime.py and qemu.py call this."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools.environment import ROOT, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = "1.25.0"  # 1.26 and 1.27 miscompile viper on Thumb
TARBALL = "micropython_1.25.0+ds.orig.tar.xz"
TARBALL_SHA256 = "7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea"
POOL = f"pool/main/m/micropython/{TARBALL}"

BINARIES = {64: "micropython", 32: "micropython32"}
CROSS = "mpy-cross"
BOARD = "mps2-an385"  # the emulated microcontroller, by the name that QEMU has for it
EMULATOR = "qemu-system-arm"
PACKAGES: dict[int | str, tuple[str, ...]] = {
    64: ("gcc", "libc6-dev", "make", "xz-utils"),
    32: ("gcc", "libc6-dev", "make", "xz-utils", "gcc-multilib"),
    BOARD: ("make", "xz-utils", "qemu-system-arm", "gcc-arm-none-eabi", "libnewlib-arm-none-eabi"),
}

# The upstream manifest leaves task.py out; virtual time needs it in place of the C task queue.
MANIFEST = 'package("asyncio", base_path="$(MPY_DIR)/extmod")\n'
OPTIONS = tuple(  # what Debian's source leaves out, or what needs libraries of the system
    f"MICROPY_{name}=0" for name in ("PY_SSL", "SSL_MBEDTLS", "PY_FFI", "PY_BTREE", "PY_BLUETOOTH")
)
NO_ERROR = "-Wno-error"  # a newer compiler's warnings are no reason not to have the runtime
BUILD_FOLDERS = {64: "build-64", 32: "build-32f"}
PORT_OPTIONS = {
    64: (f"CFLAGS_EXTRA={NO_ERROR}",),
    32: (
        "MICROPY_FORCE_32BIT=1",
        f"CFLAGS_EXTRA={NO_ERROR} -DMICROPY_FLOAT_IMPL=MICROPY_FLOAT_IMPL_FLOAT",
    ),
}
BOARD_HEAP = 196608  # bytes: about what MicroPython leaves on a Pico W
BOARD_OPTIONS = (
    *("BOARD=MPS2_AN385", "BUILD=build-board", "FROZEN_MANIFEST="),
    *(f"MICROPY_HEAP_SIZE={BOARD_HEAP}", f"CFLAGS_EXTRA={NO_ERROR}"),
)
# Without these the build stamps itself with today's date and the tag of any git clone around it.
BUILD_STAMPS = {"SOURCE_DATE_EPOCH": "1744675200", "MICROPY_GIT_TAG": f"v{VERSION}"}

PROBE = "#include <math.h>\n#include <stdio.h>\nint main(void) { return 0; }\n"


class RuntimeUnavailable(Unavailable):
    """There is no MicroPython here, and this says how to get it."""


def key() -> str:
    """Return the name of this recipe on this kind of machine: the same key, the same code."""
    recipe = [VERSION, TARBALL_SHA256, MANIFEST, OPTIONS, PORT_OPTIONS, BUILD_STAMPS]
    return _digest([platform.machine(), *recipe])


def board_key() -> str:
    """Return the name of the emulated board's recipe; what it makes runs on any machine."""
    return _digest([VERSION, TARBALL_SHA256, BOARD_OPTIONS, BUILD_STAMPS])


def _digest(recipe: list[object]) -> str:
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:12]


def mirrors(index_targets: str) -> list[str]:
    """Return the archives named in what ``apt-get indextargets`` printed, likely ones only."""
    bases: list[str] = []
    for line in index_targets.splitlines():
        base, component, codename = line.split()
        # "-updates" and "-security" suites may live elsewhere, without the package.
        if component == "main" and "-" not in codename and base.rstrip("/") not in bases:
            bases.append(base.rstrip("/"))
    return bases


def checked(tarball: Path) -> Path:
    """Return ``tarball`` if it is the very file this recipe is for; refuse any other."""
    found = hashlib.sha256(tarball.read_bytes()).hexdigest()
    if found != TARBALL_SHA256:
        raise RuntimeUnavailable(
            f"{tarball.name} has sha256 {found}, not {TARBALL_SHA256}",
            "remove it if it lies in .runtime, and run this again",
        )
    return tarball


def missing_tools(target: int | str) -> list[str]:
    """Return what building ``target`` (64, 32 or BOARD) needs and this machine lacks."""
    compiler = "arm-none-eabi-gcc" if target == BOARD else "gcc"
    programs = [compiler, "make", "tar", "xz", *([EMULATOR] if target == BOARD else [])]
    missing = [name for name in programs if not shutil.which(name)]
    if compiler not in missing:
        library, flags = {
            64: ("C library header", ()),
            32: ("32-bit C library", ("-m32",)),
            BOARD: ("C library header for ARM", ("-mcpu=cortex-m3", "-mthumb", "-c")),
        }[target]
        compile_it = [compiler, *flags, "-x", "c", "-o", os.devnull, "-"]
        if subprocess.run(compile_it, input=PROBE, capture_output=True, text=True).returncode:
            missing.append(library)
    return missing


def get_tools(target: int | str, say: Callable[[str], None]) -> None:
    """Return when the machine can build, having installed what it lacked if that is allowed."""
    if platform.system() != "Linux":
        raise RuntimeUnavailable(
            f"the recipe is for Linux, this is {platform.system()}",
            f"build MicroPython {VERSION} yourself and name its folder in SOLEKIT_RUNTIME",
        )
    if target == 32 and platform.machine() not in ("x86_64", "i686"):
        raise RuntimeUnavailable("the 32-bit build needs an x86 machine", "run it on one")
    missing = missing_tools(target)
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        say(f"runtime: no {', no '.join(missing)}: installing {' '.join(PACKAGES[target])}")
        install = ("install", "--no-install-recommends", *PACKAGES[target])
        if not apt(*install) and apt("update"):  # a fresh machine has an empty index
            apt(*install)
        missing = missing_tools(target)
    if missing:
        command = f"apt-get install {' '.join(PACKAGES[target])}"
        raise RuntimeUnavailable(f"there is no {', no '.join(missing)}", f"as root: {command}")


def get_source(work: Path, say: Callable[[str], None]) -> Path:
    """Return the source package: the one laid into .runtime by hand, or from apt's mirror."""
    by_hand = ROOT / ".runtime" / TARBALL
    if by_hand.exists():
        return checked(by_hand)
    helper = Path("/usr/lib/apt/apt-helper")  # apt's own downloader: its proxies and mirrors hold
    bases = _mirrors() if helper.exists() else []
    if helper.exists() and not bases and os.geteuid() == 0 and apt("update"):
        bases = _mirrors()
    for base in bases:
        say(f"runtime: fetching {TARBALL}")
        command = [helper, "download-file", f"{base}/{POOL}", work / TARBALL]
        subprocess.run(command, capture_output=True, cwd=work)
        if (work / TARBALL).exists():
            return checked(work / TARBALL)
    raise RuntimeUnavailable(
        f"no Debian mirror gave the source of MicroPython {VERSION}",
        f"run apt-get update as root, or put {TARBALL} of Debian trixie into .runtime",
    )


def apt(*arguments: str) -> bool:
    """Run apt-get, asking nothing; return whether it succeeded."""
    command = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120", *arguments]
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return not subprocess.run(command, env=environ, capture_output=True).returncode


def _mirrors() -> list[str]:
    form = "$(REPO_URI) $(COMPONENT) $(CODENAME)"
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    return mirrors(subprocess.run(command, capture_output=True, text=True).stdout)


class Build:
    """One unpacked source in the empty folder ``work``, from which everything can be made."""

    def __init__(self, work: Path, say: Callable[[str], None]):
        self.work = work
        self.say = say
        self._unpacked = False

    def make(self, bits: int) -> Path:
        """Build one width; return the folder with its interpreter and the cross compiler."""
        start_s = time.monotonic()
        get_tools(bits, self.say)
        if not self._unpacked:
            self._unpack()
        self.say(f"runtime: building MicroPython {VERSION}, {bits} bit (about a minute)")
        made = self.work / "made"
        made.mkdir(exist_ok=True)
        if not (made / CROSS).exists():
            self._make("mpy-cross", f"CFLAGS_EXTRA={NO_ERROR}")
            shutil.copy2(self.work / "mpy-cross" / "build" / CROSS, made / CROSS)
        self._make(
            "ports/unix",
            f"BUILD={BUILD_FOLDERS[bits]}",
            f"MPY_LIB_DIR={self.work}/stublib",
            f"FROZEN_MANIFEST={self.work}/solekit.py",
            *OPTIONS,
            *PORT_OPTIONS[bits],
        )
        port = self.work / "ports" / "unix"
        shutil.copy2(port / BUILD_FOLDERS[bits] / "micropython", made / BINARIES[bits])
        self.say(f"runtime: {bits} bit is built, {time.monotonic() - start_s:.0f} s")
        return made

    def make_board(self) -> Path:
        """Build the emulated board; return the folder with its program, named BOARD."""
        start_s = time.monotonic()
        get_tools(BOARD, self.say)
        if not self._unpacked:
            self._unpack()
        self.say(f"runtime: building MicroPython {VERSION} for {BOARD} (half a minute)")
        made = self.work / "made"
        made.mkdir(exist_ok=True)
        self._make("ports/qemu", f"MPY_LIB_DIR={self.work}/stublib", *BOARD_OPTIONS)
        shutil.copy2(self.work / "ports/qemu/build-board/firmware.elf", made / BOARD)
        self.say(f"runtime: {BOARD} is built, {time.monotonic() - start_s:.0f} s")
        return made

    def _unpack(self) -> None:
        tarball = get_source(self.work, self.say)
        self._run(["tar", "xf", str(tarball), "-C", str(self.work), "--strip-components=1"])
        (self.work / "solekit.py").write_text(MANIFEST, encoding="ascii")
        (self.work / "stublib").mkdir()  # the library is empty in Debian's source, ...
        (self.work / "stublib" / "README.md").touch()  # ... and make looks for this file
        self._unpacked = True

    def _make(self, part: str, *options: str) -> None:
        self._run(
            ["make", "-s", f"-j{os.cpu_count() or 2}", "-C", f"{self.work}/{part}", *options]
        )

    def _run(self, command: list[str]) -> None:
        # A clean environment: nobody's CFLAGS change what the key stands for.
        keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environ = {**keep, **BUILD_STAMPS, "LC_ALL": "C", "TMPDIR": str(self.work)}
        done = subprocess.run(command, env=environ, capture_output=True, text=True)
        if done.returncode:
            lines = (done.stdout + done.stderr).strip().splitlines() or ["no message"]
            errors = [line for line in lines if "error" in line.lower()] or lines[-1:]
            step = " ".join(command[:1] + command[-1:])
            raise RuntimeUnavailable(f"{step} failed: {errors[0]}", "see what it lacks, run again")
