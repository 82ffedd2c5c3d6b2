"""Teach pose networks: ``python -m models.pose.train [--preset small|full] [TABLE ...]``.

On virtual people, table by table; what is there already is not made again. With ``--data DIR`` on
a laboratory's own recordings (``models/data/README.md``), into a run for ``models.export``.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

OUT = Path("build", "pose")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Return what was asked."""
    parser = argparse.ArgumentParser(prog="python -m models.pose.train", description=__doc__)
    parser.add_argument("table", nargs="*", help="which tables; all unless named")
    parser.add_argument("--preset", default="small", help="toy, small or full")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of people, runs and tables")
    parser.add_argument("--data", type=Path, help="folder of a laboratory's own recordings")
    parser.add_argument("--name", default="pose-own", help="of the network taught on --data")
    parser.add_argument("--split", default="person", help="of --data: person or time")
    parser.add_argument("--steps", type=int, default=2000, help="of the network taught on --data")
    parser.add_argument("--start", type=Path, help="finished run from which --data goes on")
    parser.add_argument("--jobs", type=int, default=2, help="processes that make virtual people")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Make the tables that were asked for."""
    asked = arguments(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from solekit.errors import SolekitError

    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{(time.monotonic() - began) / 60:6.1f} min  {text}", file=sys.stderr, flush=True)

    try:
        return _own(asked, say) if asked.data else _tables(asked, say)
    except SolekitError as error:
        print(error, file=sys.stderr)
        return 1


def _own(asked: argparse.Namespace, say: Callable[[str], object]) -> int:
    from models.pose.own import Wanted, teach_own

    run = asked.out / "runs" / asked.name
    wanted = Wanted(
        asked.data,
        run,
        asked.name,
        split=asked.split,
        steps=asked.steps,
        seed=asked.seed,
        start=asked.start,
    )
    say(f"seed {asked.seed}, into {run}")
    for key, value in teach_own(wanted, say).items():
        print(f"{key}: {value}")
    return 0


def _tables(asked: argparse.Namespace, say: Callable[[str], object]) -> int:
    from models.pose.people import preset
    from models.pose.studies import TABLES, Lab
    from models.pose.tables import Tables

    unknown = sorted(set(asked.table) - set(TABLES))
    if unknown:
        print(f"unknown table {unknown[0]!r}; use any of {', '.join(TABLES)}", file=sys.stderr)
        return 2
    chosen = preset(asked.preset)
    out = asked.out / chosen.name
    tables = Tables(out / "tables", preset=chosen.name, seed=asked.seed, say=say)
    lab = Lab(chosen, asked.seed, out, tables, jobs=asked.jobs)
    say(f"preset {chosen.name}, seed {asked.seed}, simulated people, into {out}")
    for name in asked.table or TABLES:
        TABLES[name](lab)
    return 0


if __name__ == "__main__":
    sys.exit(main())
