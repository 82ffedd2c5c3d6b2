"""Prove that this clone works: ``python3 tools/check.py [--fast] [pytest arguments]``.

Makes the environment, gets the MicroPython runtimes, then lint, types and the test suite. A
failing step does not stop the next one, so one run shows every trouble; exit 0 only without any.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # this file runs as a script

from tools import bluez, environment, runtime, stubs
from tools.environment import ROOT, say

MOST_PROCESSES = 4  # of the tests: each may hold TensorFlow, about a gigabyte


def get_runtimes(demanded: frozenset[str]) -> list[str]:
    """Get both MicroPython widths; return the missing ones that ``demanded`` names."""
    failed = []
    for bits, result in runtime.provide().items():
        if not isinstance(result, runtime.RuntimeUnavailable):
            continue
        word = "mpy32" if bits == 32 else "mpy"
        say(f"runtime: no {bits}-bit MicroPython: {result}")
        if word in demanded:
            failed.append(word)
        else:
            say(f"runtime: going on without; tests marked {word} are skipped")
    return failed


def get_bluez(demanded: frozenset[str]) -> list[str]:
    """Get what the virtual BlueZ needs; return its word where that is missing but demanded."""
    try:
        bluez.provide()
    except bluez.BluezUnavailable as error:
        say(f"bluez: {error}; tests marked bluez are skipped")
        return ["bluez"] if "bluez" in demanded else []
    return []


def check_source(python: Path) -> list[str]:
    """Run linter, formatter and type checker; return the names of those that failed."""
    commands = {
        "lint": ["ruff", "check", "--output-format", "concise", "."],
        "format": ["ruff", "format", "--check", "--output-format", "concise", "."],
    }
    if _run(python, "pyright", "--version", quiet=True):
        commands["types"] = ["pyright", "--pythonpath", str(python)]
        try:
            stubs.provide(python)
        except environment.Unavailable as error:
            say(f"types: boards are not checked: {error}")
        else:
            for port in stubs.BOARDS:
                commands[f"types of the {port} boards"] = [
                    *("pyright", "--project", str(stubs.config(port)))
                ]
    else:
        say("types: pyright does not start here (it needs node); types are not checked")
    failed = []
    for name, command in commands.items():
        say(f"{name}: {' '.join(command[:2])}")
        if not _run(python, *command):
            failed.append(name)
    return failed


def _run(python: Path, *module: str, quiet: bool = False) -> bool:
    done = subprocess.run([python, "-m", *module], cwd=ROOT, capture_output=quiet)
    return done.returncode == 0


def processes() -> list[str]:
    """Return pytest's options for a test process per core; a file's tests stay in one of them."""
    cores = min(os.cpu_count() or 1, MOST_PROCESSES)
    return ["-n", str(cores), "--dist", "loadfile"] if cores > 1 else []


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Environment, runtimes, lint, types, tests.",
        epilog="Anything else is handed to pytest.",
    )
    parser.add_argument("--fast", action="store_true", help="skip lint and types")
    options, pytest_arguments = parser.parse_known_args()
    start_s = time.monotonic()
    try:
        demanded = environment.required()
        python = environment.ensure()
    except (ValueError, environment.EnvironmentUnavailable) as error:
        print(f"check: {error}", file=sys.stderr)
        return 1
    failed = get_runtimes(demanded) + get_bluez(demanded)
    if not options.fast:
        failed += check_source(python)
    pytest_arguments = [*processes(), *pytest_arguments]
    say(f"tests: pytest {' '.join(pytest_arguments)}")
    if not _run(python, "pytest", *pytest_arguments):
        failed.append("tests")
    verdict = f"failed: {', '.join(failed)}" if failed else "everything passed"
    say(f"check: {verdict}, {time.monotonic() - start_s:.0f} s")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
