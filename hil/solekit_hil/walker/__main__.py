"""A virtual person as a moving picture, or many of them as a dataset. All of it is simulated."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from solekit import layouts
from solekit.errors import DataError, SolekitError
from solekit_hil import walker as walkers
from solekit_hil.walker import dataset, show

_RATE_HZ = {"show": 15.0, "dataset": 30.0}
_SECONDS = {"show": 3.0, "dataset": 60.0}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    task = "show" if chosen.show else "dataset" if chosen.dataset else None
    if task is None:
        parser.print_help()
        return 0
    chosen.rate = _RATE_HZ[task] if chosen.rate is None else chosen.rate
    chosen.seconds = _SECONDS[task] if chosen.seconds is None else chosen.seconds
    try:
        (_show if task == "show" else _dataset)(chosen)
    except KeyboardInterrupt:
        sys.stderr.write("stopped; the same command goes on with a dataset\n")
        return 130
    except (SolekitError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m solekit_hil.walker",
        description=__doc__,
        epilog=f"Motions: {', '.join(walkers.MOTIONS)}.",
    )
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--show", action="store_true", help="write a moving picture (GIF)")
    task.add_argument(
        "--dataset", metavar="FOLDER", type=Path, help="write a dataset, or what it lacks"
    )
    both = parser.add_argument_group("both")
    both.add_argument("--seed", type=int, default=1, help="equal seeds, equal bytes (1)")
    both.add_argument("--layout", default="grid-30x22", help="cells of the soles (grid-30x22)")
    both.add_argument("--seconds", type=float, help="3 for a picture, 60 for a dataset")
    both.add_argument("--rate", type=float, help="samples a second: 15 or 30")
    one = parser.add_argument_group("--show")
    one.add_argument("--motion", default="walk", help="what the person does (walk)")
    one.add_argument("--out", type=Path, help="the GIF (MOTION-seedSEED.gif)")
    many = parser.add_argument_group("--dataset")
    many.add_argument("--people", type=int, default=10, help="how many people (10)")
    many.add_argument("--motions", default="walk", help="names with commas (walk)")
    many.add_argument("--imu-rate", type=float, default=100.0, help="samples a second (100)")
    many.add_argument("--jobs", type=int, default=1, help="processes (1)")
    return parser


def _show(chosen: argparse.Namespace) -> None:
    dataset.check_motions((chosen.motion,))
    if chosen.seed < 0:
        raise DataError(f"seed {chosen.seed}; use 0 or more")
    soles: dict[layouts.Side, layouts.Layout] = {
        side: layouts.named(chosen.layout, side) for side in layouts.SIDES
    }
    walker = walkers.build(chosen.motion, seed=chosen.seed, layouts=soles)
    title = f"{chosen.motion}, seed {chosen.seed}, simulated"
    scene = show.scene(walker, seconds=chosen.seconds, rate_hz=chosen.rate, title=title)
    path = chosen.out or Path(f"{chosen.motion}-seed{chosen.seed}.gif")
    show.save(scene, path, rate_hz=chosen.rate)
    sys.stdout.write(f"{path}\n")


def _dataset(chosen: argparse.Namespace) -> None:
    plan = dataset.Plan(
        people=chosen.people,
        seconds=chosen.seconds,
        motions=tuple(name.strip() for name in chosen.motions.split(",")),
        layout=chosen.layout,
        rate=chosen.rate,
        imu_rate=chosen.imu_rate,
        seed=chosen.seed,
    )

    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    written = dataset.write(chosen.dataset, plan, jobs=chosen.jobs, say=say)
    say(f"{written.folder}: {len(written.manifest['files'])} files")


if __name__ == "__main__":
    sys.exit(main())
