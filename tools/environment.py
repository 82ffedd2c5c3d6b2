"""Make or reuse the project's environment: ``python3 tools/environment.py``.

Standard library only: this runs before anything is installed. It also has to load on an old
Python, because its first duty there is to say so.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
REQUIREMENTS = Path("tools", "requirements.txt")
REQUIRABLE = ("mpy", "mpy32", "browser", "bluez", "data")

_OFFLINE = (
    "no package index was reached",
    "connect to a network once, or name a local index in PIP_INDEX_URL or PIP_FIND_LINKS",
)
# What pip says -> what it means and what to do about it; the first text found decides.
PIP_TROUBLES = {
    "DO NOT MATCH THE HASHES": (
        "a package is not the one that was locked",
        "run this again; if it stays, do not install that package, report it",
    ),
    "No space left": ("the disk is full", "free 5 GB and run this again"),
    "(from versions: none)": _OFFLINE,
    "Failed to establish a new connection": _OFFLINE,
    "No matching distribution": (
        "a locked package does not exist for this Python and machine",
        "use CPython 3.11 to 3.13 on x86-64 or arm64",
    ),
}


class Unavailable(RuntimeError):  # noqa: N818 - names a state of the machine, not a mistake
    """Something this machine lacks: ``what`` is missing and ``get``, how to get it."""

    def __init__(self, what: str, get: str):
        super().__init__(f"{what}; {get}")
        self.what = what
        self.get = get


class EnvironmentUnavailable(Unavailable):
    """The environment could not be made."""


def say(text: str) -> None:
    """Print one line of progress at once, also into a pipe."""
    print(text, flush=True)


def required(environ: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Return the words of ``SOLEKIT_REQUIRE``; raise ``ValueError`` for one that is unknown."""
    words = {word.strip() for word in environ.get("SOLEKIT_REQUIRE", "").split(",")} - {""}
    unknown = sorted(words.difference(REQUIRABLE))
    if unknown:
        raise ValueError(
            f"SOLEKIT_REQUIRE: unknown {', '.join(unknown)}; use {', '.join(REQUIRABLE)}"
        )
    return frozenset(words)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``: a second process waits here until the first one is done."""
    try:
        import fcntl
    except ImportError:  # Windows: two at once are then the user's to avoid
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # given back by the kernel, however this process ends
        yield


def program(root: Path, name: str) -> Path:
    """Return the path of program ``name`` in the environment of ``root``."""
    if os.name == "nt":
        return root / ".venv" / "Scripts" / f"{name}.exe"
    return root / ".venv" / "bin" / name


def check_python(version: Sequence[int] = sys.version_info[:3]) -> None:
    """Raise when ``version`` of Python is too old; name a newer one that is installed."""
    if tuple(version[:2]) >= OLDEST:
        return
    newer = [f"python3.{minor}" for minor in range(20, OLDEST[1] - 1, -1)]
    found = next((name for name in newer if shutil.which(name)), None)
    raise EnvironmentUnavailable(
        f"this is Python {version[0]}.{version[1]}, Solekit needs 3.{OLDEST[1]} or newer",
        f"run it with {found}" if found else "install a newer Python and run it with that",
    )


def check_writable(root: Path) -> None:
    """Raise when nothing can be made in ``root``."""
    for folder in (root, root / ".venv"):
        if folder.exists() and not os.access(folder, os.W_OK):
            raise EnvironmentUnavailable(
                f"{folder} is not writable", "use a clone in a folder of your own"
            )


def version_of(python: Path) -> str | None:
    """Return the version of a working environment's Python, None for a half-made one."""
    code = "import sys, pip; print('%d.%d.%d' % sys.version_info[:3])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    version = done.stdout.strip()
    return version if tuple(map(int, version.split(".")))[:2] >= OLDEST else None


def fingerprint(root: Path, version: str) -> str:
    """Return a digest of what decides the environment's content; a change means installing."""
    digest = hashlib.sha256(f"{version}\n{root}\n".encode())  # a moved clone points elsewhere
    for name in (Path("pyproject.toml"), REQUIREMENTS):
        digest.update(hashlib.sha256((root / name).read_bytes()).digest())
    return digest.hexdigest()


def maker() -> list[str]:
    """Return the command that makes an environment; its last argument is to be the folder."""
    python = getattr(sys, "_base_executable", sys.executable)  # the one outside of any .venv
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        return [python, "-m", "venv", "--clear"]
    if importlib.util.find_spec("virtualenv"):
        return [sys.executable, "-m", "virtualenv", "--quiet", "--clear"]
    raise EnvironmentUnavailable(
        "this Python cannot make environments (module venv or ensurepip is missing)",
        "on Debian and Ubuntu: apt-get install python3-venv; elsewhere: pip install virtualenv",
    )


def explain_pip(output: str) -> EnvironmentUnavailable:
    """Return why pip failed, in one line, from what it printed."""
    for text, (what, get) in PIP_TROUBLES.items():
        if text in output:
            return EnvironmentUnavailable(what, get)
    lines = [line for line in output.splitlines() if line.strip()] or ["no message"]
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
    return EnvironmentUnavailable(f"pip failed: {errors[0]}", "mend that and run this again")


def _make(root: Path) -> None:
    done = subprocess.run([*maker(), str(root / ".venv")], capture_output=True, text=True)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no message"]
        raise EnvironmentUnavailable(f"no environment was made: {lines[-1]}", "mend that first")


def _pip_install(root: Path, *arguments: str) -> None:
    command = [program(root, "python"), "-m", "pip", "install", "--quiet", "--no-input"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise explain_pip(done.stdout + done.stderr)


def ensure(root: Path = ROOT, say: Callable[[str], None] = say) -> Path:
    """Return the Python of a complete environment in ``root``/.venv, made or mended as needed."""
    check_python()
    check_writable(root)
    with locked(root / ".runtime" / "environment.lock"):
        return _ensure(root, say)


def _ensure(root: Path, say: Callable[[str], None]) -> Path:
    start_s = time.monotonic()
    python = program(root, "python")
    stamp = root / ".venv" / "solekit.stamp"
    version = version_of(python)
    if version is None:
        say("environment: making .venv")
        _make(root)
        version = version_of(python)
        if version is None:
            raise EnvironmentUnavailable(
                ".venv was made, but has no working pip", "delete .venv and run this again"
            )
    content = fingerprint(root, version)
    if stamp.exists() and stamp.read_text(encoding="ascii") == content:
        say(f"environment: .venv is ready (Python {version})")
        return python
    stamp.unlink(missing_ok=True)  # from here on it is half-made, until the last line
    say("environment: installing the locked packages (the first time: a minute or two)")
    _pip_install(root, "--require-hashes", "-r", str(REQUIREMENTS))
    say("environment: installing solekit itself, editable")
    # The lock holds the build backend too, so nothing unhashed is fetched for the build.
    _pip_install(root, "--no-deps", "--no-build-isolation", "-e", ".")
    stamp.write_text(content, encoding="ascii")
    say(f"environment: .venv is ready (Python {version}), {time.monotonic() - start_s:.0f} s")
    return python


def main() -> int:
    try:
        ensure()
    except EnvironmentUnavailable as error:
        print(f"environment: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
