"""The firmware as a board gets it: compiled by mpy-cross, so that a small heap holds it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from solekit.errors import TransportError
from solekit_hil.boardsource import source_for_board

_ARCHITECTURE = {32: "x86", 64: "x64"}


def runtime_file(name: str) -> Path:
    """Return a program of the MicroPython runtime; TransportError says how to get it."""
    places = [Path(__file__).parents[2] / ".runtime" / "micropython-1.25.0" / name]
    if "SOLEKIT_RUNTIME" in os.environ:
        places.insert(0, Path(os.environ["SOLEKIT_RUNTIME"]) / name)
    on_path = shutil.which(name)
    if on_path:
        places.append(Path(on_path))
    for place in places:
        if place.is_file():
            return place
    raise TransportError(
        f"mpy: needs {name}; in a checkout run 'python3 tools/runtime.py', "
        "elsewhere put it on the PATH or name its folder in SOLEKIT_RUNTIME"
    )


def micropython(bits: int) -> Path:
    """Return the interpreter of ``bits`` (32 or 64)."""
    if bits not in _ARCHITECTURE:
        raise TransportError(f"mpy: bits={bits}; there is a 32-bit and a 64-bit MicroPython")
    return runtime_file("micropython32" if bits == 32 else "micropython")


_folders: list[tempfile.TemporaryDirectory[str]] = []  # removed when this process ends


def compiled(bits: int) -> Path:
    """Return a folder with firmware and virtual board as .mpy for the ``bits`` interpreter."""
    return compiled_for(_ARCHITECTURE[bits])


@cache
def compiled_for(architecture: str) -> Path:
    """Return the same for an ``architecture`` of mpy-cross."""
    import solecore
    import solefoot

    cross = runtime_file("mpy-cross")
    folder = tempfile.TemporaryDirectory(prefix="solekit-mpy-")
    _folders.append(folder)
    root = Path(folder.name)
    board = Path(__file__).parent / "board"
    packages = [Path(str(package.__file__)).parent for package in (solecore, solefoot)]
    sources = [board.parent / "__init__.py", *board.glob("*.py")]
    sources += [path for package in packages for path in package.rglob("*.py")]
    shims = board / "shims"  # modules that MicroPython has on a board, under their own names
    sources += shims.glob("*.py")
    for source in sources:
        base = board.parents[1] if source.is_relative_to(board.parent) else packages[0].parent
        base = shims if source.parent == shims else base
        target = root / source.relative_to(base).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        compile_file(source, target, architecture, cross)
    return root


def compile_file(source: Path, target: Path, architecture: str, cross: Path) -> None:
    """Compile ``source`` for ``architecture`` with the compiler ``cross``.

    Without line numbers (-O3): they take a twentieth of a board's heap. A traceback names the
    functions.
    """
    with tempfile.TemporaryDirectory(prefix="solekit-mpy-") as folder:
        changed = Path(folder, source.name)
        changed.write_text(source_for_board(source.read_text(encoding="utf-8")), encoding="utf-8")
        done = subprocess.run(
            [cross, f"-march={architecture}", "-O3", "-s", source.name, "-o", target, changed],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise TransportError(f"mpy-cross cannot compile {source.name}: {done.stderr.strip()}")
