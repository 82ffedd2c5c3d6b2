"""MediaPipe in an environment of its own: where it is, how it comes there, what it finds.

mediapipe up to 0.10.21 has the classic API and asks for numpy below 2 and protobuf below 5, which
Solekit's own environment cannot keep. So another Python runs ``worker.py`` and writes lines of
JSON. It runs isolated (``-I``): nothing of Solekit lies on its path.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, TextIO

from solekit.errors import DataError
from solekit.home import home
from solekit.video.landmarks import BLAZEPOSE

WORKER = Path(__file__).with_name("worker.py")
ENVIRONMENT = "SOLEKIT_MEDIAPIPE"
PIN = "mediapipe==0.10.21"
PYTHONS = ((3, 11), (3, 12))
PROBLEM = 3  # the exit code with which the worker says what is wrong
VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".3gp", ".wmv")
GET = (
    "finding a body in a video needs MediaPipe in an environment of its own: "
    f"`solekit pose --install` makes one, or name its Python with --python or {ENVIRONMENT}; "
    "files of landmarks need none"
)
_CHECK_TIMEOUT_S = 120.0
_INSTALL_TIMEOUT_S = 1800.0


def folder() -> Path:
    """Return where ``install`` puts the environment."""
    return home() / "mediapipe"


def find_python(asked: Path | None = None) -> Path:
    """Return the Python with mediapipe: ``asked``, SOLEKIT_MEDIAPIPE, or that of ``install``.

    DataError, with how to get one, where there is none.
    """
    named = asked or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    python = named or _program(folder())
    if python.is_file():
        return python
    raise DataError(f"{named} is no Python; {GET}" if named else GET)


def find_landmarks(
    video: Path,
    out: Path,
    *,
    python: Path,
    model: Path | None = None,
    complexity: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Path:
    """Write the landmarks of ``video`` into ``out`` (lines of JSON), which must not exist.

    ``model`` is a file of the Tasks API; without it the classic API works, with ``complexity`` 0,
    1 or 2. ``progress(done, total)`` is told the frames; total is 0 where the video does not say.
    DataError if the worker ends with a problem; ``out`` is not left half written.
    """
    for path in (video, *([model] if model else ())):
        if not path.is_file():
            raise DataError(f"{path} is no file; check the path")
    if out.exists():
        raise DataError(f"{out} exists; choose another folder with --out or delete it first")
    command = [str(python), "-I", str(WORKER), str(video), "--complexity", str(complexity)]
    command += ["--names", ",".join(BLAZEPOSE)] + (["--model", str(model)] if model else [])
    part = out.with_name(out.name + ".part")
    try:
        with part.open("w", encoding="utf-8") as file, tempfile.TemporaryFile() as errors:
            code, is_whole = _collect(command, file, errors, progress)
            errors.seek(0)
            said = errors.read()[-20000:].decode(errors="replace")
        if code or not is_whole:
            raise DataError(_problem(video, code, said))
        part.replace(out)
    except OSError as error:
        raise DataError(f"{video.name}: {python} does not run: {error.strerror}; {GET}") from error
    finally:
        part.unlink(missing_ok=True)
    return out


def install(say: Callable[[str], object]) -> Path:
    """Make the environment with mediapipe, and return its Python; one that works is kept.

    DataError if this Python is not CPython 3.11 or 3.12, or the packages cannot be had.
    """
    python = _program(folder())
    if python.is_file() and _works(python):
        say(f"MediaPipe is there already: {python}")
        return python
    if sys.implementation.name != "cpython" or sys.version_info[:2] not in PYTHONS:
        raise DataError(
            f"{PIN} needs CPython 3.11 or 3.12, this is {sys.version.split()[0]}; make an "
            f"environment with one of them, put {PIN} into it and name its Python in {ENVIRONMENT}"
        )
    say(f"making an environment for MediaPipe in {folder()} (some minutes)")
    _run([sys.executable, "-m", "venv", "--clear", str(folder())], "no environment could be made")
    _run(
        [str(python), "-m", "pip", "install", "--quiet", "--no-input", PIN],
        "MediaPipe could not be installed",
    )
    if not _works(python):
        raise DataError(f"MediaPipe was installed into {folder()}, but does not run")
    say(f"MediaPipe is ready: {python}")
    return python


def _collect(
    command: list[str],
    file: TextIO,
    errors: IO[bytes],
    progress: Callable[[int, int], object] | None,
) -> tuple[int, bool]:
    """Run the worker, write its lines; return its exit code and whether the last line came."""
    total, rows, is_whole = 0, -1, False
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8"
    ) as worker:
        try:
            for line in worker.stdout or ():
                file.write(line)
                is_whole = line.startswith('{"end"')
                rows += not is_whole
                if rows == 0:
                    total = _announced(line)
                if progress is not None:
                    progress(rows, total)
        except BaseException:
            worker.kill()
            raise
    return worker.returncode, is_whole


def _announced(head: str) -> int:
    try:
        return int(json.loads(head)["n_frames"])
    except (ValueError, KeyError, TypeError):
        return 0


def _problem(video: Path, code: int, said: str) -> str:
    own = [line[8:] for line in said.splitlines() if line.startswith("worker: ")]
    if code == PROBLEM and own:
        missing = "No module named" in own[-1]
        return f"{video.name}: {own[-1]}; {GET}" if missing else f"{video.name}: {own[-1]}"
    lines = [line for line in said.splitlines() if line.strip()]
    last = f": {lines[-1][-200:]}" if lines else ""
    how = f"ended with {code}" if code else "ended before the last frame"
    return (
        f"{video.name}: the program that finds the body {how}{last}; try again, or another video"
    )


def _works(python: Path) -> bool:
    try:
        done = subprocess.run(
            [str(python), "-I", str(WORKER), "--check"],
            capture_output=True,
            timeout=_CHECK_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _run(command: list[str], what: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{what}: {error}") from error
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise DataError(f"{what}: {lines[-1] if lines else done.returncode}")


def _program(place: Path) -> Path:
    return place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
