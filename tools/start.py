"""Show what Solekit does: ``python3 tools/start.py [--duration-s 60] [--out DIR] [--no-open]``.

A virtual person walks in two virtual insoles: the real firmware scans and detects, the SDK
records and analyses, and the report opens. Needs no MicroPython, no compiler and no root.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # this file runs as a script

from tools import environment
from tools.environment import ROOT, say

if TYPE_CHECKING:
    from collections.abc import Mapping


def has_display(platform: str = sys.platform, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether somebody sits before a screen here."""
    if environ.get("CI"):
        return False
    # Without a display, the Linux browser found would be a text one that takes the terminal.
    shown = environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
    return bool(shown) or not platform.startswith("linux")


def find_report(folder: Path, since_s: float) -> Path | None:
    """Return the newest page in ``folder`` written after ``since_s`` (recordings are numbered)."""
    written = {path: path.stat().st_mtime for path in folder.glob("*.html")}
    newest = max(written, key=lambda path: written[path], default=None)
    slack_s = 2.0  # a file system may keep times in steps of two seconds
    return newest if newest and written[newest] >= since_s - slack_s else None


def main() -> int:
    parser = argparse.ArgumentParser(description="Record and report a virtual walk.")
    parser.add_argument("--duration-s", type=float, default=60.0, help="length of the walk")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "demo", help="folder to fill")
    parser.add_argument("--no-open", action="store_true", help="do not open the report")
    options = parser.parse_args()
    try:
        environment.ensure()
    except environment.EnvironmentUnavailable as error:
        print(f"start: {error}", file=sys.stderr)
        return 1
    out = options.out.absolute()
    start_s = time.time()
    say(f"start: a virtual person walks for {options.duration_s:g} s")
    command = [environment.program(ROOT, "solekit"), "demo", "--device", "sim:walk"]
    done = subprocess.run([*command, "--duration-s", f"{options.duration_s:g}", "--out", out])
    report = find_report(out, start_s)
    if done.returncode or report is None:
        print(f"start: no report, solekit demo ended with {done.returncode}", file=sys.stderr)
        return done.returncode or 1
    if not options.no_open and has_display():
        webbrowser.open(report.as_uri())
    say(f"start: the report is {report}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
