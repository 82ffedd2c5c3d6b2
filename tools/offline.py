"""Does the core work without a network? `python -m tools.offline [PYTEST ARGUMENTS]` runs its
tests in a network namespace that holds nothing but the machine itself (Linux). `python -m
tools.offline wheels [--machine armv7l] [--extra predict]` asks the package index, which needs a
network, whether every core dependency, and those of extras, has a wheel for another machine.
"""  # noqa: D205

from __future__ import annotations

import argparse
import errno
import json
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
CORE = tuple(
    f"tests/{name}"
    for name in (
        *("sdk", "cli", "recording", "sync", "calibration", "strides", "biomarkers", "contacts"),
        *("trajectory", "pressure", "balance", "report", "formats"),
    )
)
MACHINES = {  # what pip calls the wheels of a machine, for a C library of 2.36 at most
    "aarch64": ("2014_", "_2_17_", "_2_26_", "_2_27_", "_2_28_", "_2_31_", "_2_34_", "_2_36_"),
    "armv7l": ("2014_", "_2_17_", "_2_31_", "_2_34_", "_2_35_", "_2_36_"),
}
_AWAY = ("192.0.2.1", 9)  # TEST-NET-1 (RFC 5737): nobody has it, so only a route can be found
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_MISSING = "No matching distribution found for "


def why_not() -> str:
    """Return why this machine cannot switch its network off for one command, '' if it can."""
    if not sys.platform.startswith("linux"):
        return f"network namespaces exist on Linux only, not on {sys.platform}"
    unshare = shutil.which("unshare")
    if unshare is None:
        return "there is no command 'unshare' (package util-linux)"
    done = subprocess.run([unshare, "-rn", "true"], capture_output=True, text=True)
    if done.returncode:
        return f"the system allows no network namespace: {done.stderr.strip()}"
    return ""


def run_offline(command: Sequence[str]) -> int:
    """Run ``command`` where there is no network but loopback; return its exit code."""
    inside = [sys.executable, "-m", "tools.offline", "--inside", *command]
    return subprocess.run(["unshare", "-rn", *inside], cwd=ROOT).returncode


def has_route() -> bool:
    """Return whether packets to other machines have somewhere to go; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_AWAY)
        except OSError as error:
            if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
                return False
            raise
    return True


def _inside(command: list[str]) -> int:
    """Bring loopback up in the new namespace, make sure that it is alone, run ``command``."""
    import fcntl  # Linux

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", _IFF_UP)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)
    if has_route():
        print("the network is still there: nothing was run", file=sys.stderr)
        return 1
    return subprocess.run(command).returncode


def requirements(machine: str, extras: Sequence[str] = ()) -> list[str]:
    """Return the core dependencies of the package on a Linux ``machine``, without markers.

    Those of ``extras`` follow. ValueError names the extras that there are.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    for extra in extras:
        if extra not in optional:
            raise ValueError(f"there is no extra {extra!r}; use one of {', '.join(optional)}")
    found = []
    lines = [*project["dependencies"], *(line for extra in extras for line in optional[extra])]
    for line in dict.fromkeys(lines):
        needed = Requirement(line)
        there = {"platform_machine": machine, "sys_platform": "linux"}
        if needed.marker is None or needed.marker.evaluate(there):
            inner = f"[{','.join(sorted(needed.extras))}]" if needed.extras else ""
            found.append(f"{needed.name}{inner}{needed.specifier}")
    return found


def wheel(requirement: str, machine: str) -> dict[str, Any]:
    """Return which wheels ``requirement`` and what it needs come to, or which one is missing.

    Of what a dependency needs itself, the markers are judged by this machine.
    """
    version = f"{sys.version_info.major}{sys.version_info.minor}"
    tags = [f"manylinux{middle}{machine}" for middle in MACHINES[machine]]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"),
                *("--quiet", "--disable-pip-version-check", "--only-binary=:all:"),
                *("--implementation", "cp", "--python-version", version),
                *("--abi", f"cp{version}", "--abi", "abi3", "--abi", "none"),
                *(part for tag in tags for part in ("--platform", tag)),
                *("--target", folder, "--report", str(report), requirement),
            ],
            capture_output=True,
            text=True,
        )
        row: dict[str, Any] = {"requirement": requirement, "machine": machine}
        if done.returncode == 0:
            parts = json.loads(report.read_text(encoding="utf-8"))["install"]
            names = sorted(f"{p['metadata']['name']} {p['metadata']['version']}" for p in parts)
            return {**row, "resolves": True, "wheels": names}
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
    lines = [line.removeprefix("ERROR: ") for line in errors]
    why = next((line for line in lines if _MISSING in line), "; ".join(lines[:2]))
    missing = why.partition(_MISSING)[2].split()[0] if _MISSING in why else why
    if "conflicting dependencies" in why:  # a page of version numbers, and not what is missing
        missing = f"something that {requirement} needs"
    return {**row, "resolves": False, "missing": missing}


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["--inside"]:
        return _inside(arguments[1:])
    if arguments[:1] == ["wheels"]:
        parser = argparse.ArgumentParser(prog="python -m tools.offline wheels")
        parser.add_argument("--machine", choices=sorted(MACHINES), default="aarch64")
        parser.add_argument("--extra", action="append", default=[], help="may be repeated")
        asked = parser.parse_args(arguments[1:])
        machine = asked.machine
        try:
            needed = requirements(machine, asked.extra)
        except ValueError as error:
            parser.error(str(error))
        rows = [wheel(requirement, machine) for requirement in needed]
        for row in rows:
            said = ", ".join(row["wheels"]) if row["resolves"] else f"no wheel of {row['missing']}"
            print(f"{machine} {row['requirement']}: {said}")
        return 0 if all(row["resolves"] for row in rows) else 1
    if reason := why_not():
        print(f"nothing was run: {reason}", file=sys.stderr)
        return 1
    tests = arguments or ["-q", *(path for path in CORE if (ROOT / path).is_dir())]
    return run_offline([sys.executable, "-m", "pytest", *tests])


if __name__ == "__main__":
    sys.exit(main())
