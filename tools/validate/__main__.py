"""``python -m tools.validate NAME|all [--data DIR] [--json]``: compare with real recordings.

NAME is a data set's folder (``fscan_walk`` for the F-Scan file); DIR holds the folders, or the
recordings themselves. Exit code 1 if a target is missed (a stretch may be), 2 if there is
nothing to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from solekit.cli.output import plain
from solekit.errors import SolekitError
from tools.validate.way import best_rung

NAMES = (
    *("moticon_opengo", "gaitpdb8", "fscan_walk"),
    *("voisard_feet", "pyshoe", "gaitmap_example", "xio_gait"),
    *("miyuzn35", "leking45"),
    *("marpino", "mocap_forceplate", "walker_insoles", "sides"),
    *("openpose_sideview", "blazepose_irfan"),
)

STRETCH = "stretch"  # a target that is wished for, not asked for


def data_dir(asked: Path | None) -> Path:
    """Return the data directory: ``asked``, else SOLEKIT_DATA, else ../shared/data."""
    if asked is not None:
        return asked
    return Path(
        os.environ.get("SOLEKIT_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")
    )


def run(name: str, data: Path, rung: str) -> dict[str, Any] | None:
    """Return the result of one validation, None where its data are absent."""
    module = import_module(f"tools.validate.{name}")
    folder = data / module.FOLDER
    if not folder.is_dir():
        folder = data
    if not any(path for pattern in module.PATTERNS for path in folder.glob(pattern)):
        return None
    began_s = time.perf_counter()
    result = module.validate(folder, rung)
    return {
        "name": name,
        "rung": rung,
        **result,
        "seconds": round(time.perf_counter() - began_s, 1),
    }


def show(result: dict[str, Any]) -> None:
    """Print one result for the eye."""
    print(f"\n{result['name']}: {result['n_recordings']} recordings, rung {result['rung']}")
    print(f"  reference: {result['reference']}")
    for key, value in result.items():
        if key in ("name", "rung", "n_recordings", "reference", "targets", "walks"):
            continue
        print(f"  {key}: {value}")
    for walk in result.get("walks", ()):
        print("   ", ", ".join(f"{key} {value}" for key, value in walk.items()))
    for target, is_met in result["targets"].items():
        missed = "missed" if target.startswith(STRETCH) else "MISSED"
        print(f"  {'met   ' if is_met else missed} {target}")


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tools.validate", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "all"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--rung", choices=["sim", "mpy"], help="default: mpy where MicroPython is there"
    )
    arguments = parser.parse_args()
    data = data_dir(arguments.data)
    rung = arguments.rung or best_rung()
    code = 0
    n_done = 0
    for name in NAMES if arguments.name == "all" else (arguments.name,):
        try:
            result = run(name, data, rung)
        except SolekitError as error:
            print(f"{name}: {error}", file=sys.stderr)
            code = 1
            continue
        if result is None:
            print(
                f"{name}: no recordings of it in {data}; name a folder with --data",
                file=sys.stderr,
            )
            continue
        n_done += 1
        if arguments.json:
            print(json.dumps(plain(result), allow_nan=False))
        else:
            show(result)
        if not all(met for name, met in result["targets"].items() if not name.startswith(STRETCH)):
            code = 1
    return code if n_done or code else 2


if __name__ == "__main__":
    sys.exit(main())
