"""``python -m tools.bench NAME [--json]``: print the figures of one benchmark.

A benchmark is not a test: it states ratios measured in one run on this machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from importlib import import_module
from typing import Any

from solekit.errors import SolekitError

NAMES = (
    *("wire", "decode", "viper", "latency", "virtual", "sync"),
    *("mcu", "heap", "ble", "backfill", "day", "board", "update"),
    *("link", "file", "import", "cohort"),
    *("gait", "scaling", "walker", "models", "poses", "calibration", "prediction"),
)
MODULES = {"import": "imports"}  # "import" is a word of Python


def show(result: dict[str, Any]) -> None:
    """Print one result for the eye."""
    print(f"{result['name']} on {result['machine']}")
    for row in result["rows"]:
        print("  " + ", ".join(f"{key} {value}" for key, value in row.items()))


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--device", help="for board: the insole, for example serial:/dev/ttyACM0")
    arguments = parser.parse_args()
    if (arguments.name == "board") != bool(arguments.device):
        parser.error("--device names the insole of board, and only of board")
    what = [arguments.device] if arguments.device else []
    try:
        rows = import_module(f"tools.bench.{MODULES.get(arguments.name, arguments.name)}").measure(
            *what
        )
    except SolekitError as error:
        print(f"{arguments.name}: {error}", file=sys.stderr)
        return 1
    machine = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    result = {"name": arguments.name, "machine": machine, "rows": rows}
    if arguments.json:
        print(json.dumps(result))
    else:
        show(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
