"""Is the wrong foot recognised from walking, and never the right one? By load, and by motion.

Every foot of every recording is judged as it is and as if its insole told the other side: the
same picture mirrored; every foot IMU by how the foot moves (``side_motion``). Counts stand per
set, with the people where they are known. Which foot it is the recordings say. ``iscas33x15``
stands and shifts weight more than it walks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from solekit.errors import DataError
from solekit.formats import load_source
from solekit.formats.iscas import load_iscas_counts
from solekit.layouts import SIDES, FloatArray, Layout, Side, cells, named
from solekit.sides import SideCheck
from tools.validate.side_motion import by_motion
from tools.validate.stride_times import rising
from tools.validate.walks import virtual

FOLDER = "."
PATTERNS = ("gaitpdb8/*.txt.gz", "moticon_opengo/*.txt", "vendor_formats/*", "*/d*_*.npz")
SEEDS = range(1, 13)
DURATION_S = 30.0
SOLES = ("grid-30x22", "cells-16", "cells-4")
UNIT_MM = 23.6  # of the drawing of leking45, whose sole is 11 units long
OTHER: dict[Side, Side] = {"left": "right", "right": "left"}

Foot = tuple[str, str, Side, FloatArray, np.ndarray, Layout]  # set, person, side, t_s, load, sole


def validate(
    folder: Path,
    rung: str,  # noqa: ARG001 - algorithms of the host
    *,
    seeds: range = SEEDS,
    duration_s: float = DURATION_S,
) -> dict[str, Any]:
    """Return how many feet of each set are told apart, as they are and mirrored."""
    counts: dict[str, Counter[str]] = {}
    people: dict[str, set[str]] = {}
    for name, person, side, t_s, load, layout in (*_real(folder), *_virtual(seeds, duration_s)):
        count = counts.setdefault(name, Counter())
        people.setdefault(name, set()).add(person)
        ways: tuple[tuple[str, Side], ...] = (("as_is", side), ("mirrored", OTHER[side]))
        for how, told in ways:
            check = SideCheck().judge(load, t_s=t_s, layout=layout, side=told)
            count[f"{how}_{check.verdict_}"] += 1
    rows = [
        {
            "set": name,
            "people": len(people[name] - {""}) or None,
            "feet": sum(n for key, n in count.items() if key.startswith("as_is")),
            **{key: count[key] for key in sorted(count)},
        }
        for name, count in counts.items()
    ]
    false_alarms = sum(count["as_is_mirrored"] for count in counts.values())
    praised = sum(count["mirrored_agrees"] for count in counts.values())
    real = [count for name, count in counts.items() if not name.startswith("virtual")]
    judged = sum(count["as_is_agrees"] + count["as_is_mirrored"] for count in real)
    moved = by_motion(folder)
    return {
        "n_recordings": sum(row["feet"] for row in rows),
        "reference": "the side that the recording states; feet, not recordings, are counted",
        "false_alarms": false_alarms,
        "mirrored_taken_for_sound": praised,
        "real_feet_judged": judged,
        "real_feet_without_verdict": sum(count["as_is_unknown"] for count in real),
        "walks": rows + moved.pop("motion"),
        **moved,
        "targets": {
            "no false alarm": false_alarms == 0,
            "no mirrored sole is taken for a sound one": praised == 0,
            "no foot moves as the other": moved["motion_wrong"] == 0,
            "two boards of a walk are two feet": moved["leking_walks_told_as_one_foot"] == 0,
        },
    }


def _real(data: Path) -> Iterator[Foot]:
    for pattern in PATTERNS[:3]:
        for path in sorted(data.glob(pattern)):
            try:
                source = load_source(path)
            except DataError:
                continue  # a licence, a README, a format without places of its cells
            for side, foot in source.feet.items():
                yield path.parent.name, source.person, side, foot.t_s, foot.force_n, foot.layout
    yield from _miyuzn(data / "miyuzn35")
    yield from _leking(data / "leking45")
    for path in sorted((data / "iscas33x15").glob("S*.npz")):
        t_s, counts, layout = load_iscas_counts(path)
        for side in SIDES:
            yield "iscas33x15", path.stem[:3], side, t_s, counts[side], layout


def _miyuzn(folder: Path) -> Iterator[Foot]:
    if not (folder / "layout.npz").is_file():
        return
    with np.load(folder / "layout.npz") as file:
        soles = {side: _sole("miyuzn-35", file[f"cell_xy_mm_{side}"]) for side in SIDES}
    for path in sorted(folder.glob("d*_*.npz")):
        with np.load(path) as file:
            for side in SIDES:
                t_s = file[f"t_{side}_s"].astype(float)
                good = rising(t_s, file[f"pressure_ok_{side}"])
                load = file[f"pressure_{side}"][good]
                yield "miyuzn35", "", side, t_s[good], load, soles[side]


def _leking(folder: Path) -> Iterator[Foot]:
    if not (folder / "layout.npz").is_file():
        return
    with np.load(folder / "layout.npz") as file:
        sole = _sole("leking-45", UNIT_MM * file["cell_xy"].astype(float))
    for path in sorted(folder.glob("d*_*.npz")):
        with np.load(path) as file:
            t_s = file["t_pressure_s"].astype(float)
            good = rising(t_s, ~file["spike"])
            yield "leking45", "", "left", t_s[good], file["pressure"][good], sole


def _sole(name: str, xy_mm: FloatArray, *, rim_mm: float = 12.0) -> Layout:
    """Return equal cells at ``xy_mm`` (n, 2) in a sole that reaches ``rim_mm`` beyond them."""
    x, y = (xy_mm - xy_mm.min(axis=0) + rim_mm).astype(float).T
    length_mm, width_mm = float(y.max()) + rim_mm, float(x.max()) + rim_mm
    return cells(name, x, y, 1.0, length_mm=length_mm, width_mm=width_mm)


def _virtual(seeds: range, duration_s: float) -> Iterator[Foot]:
    for name in SOLES:
        soles: dict[Side, Layout] = {side: named(name, side) for side in SIDES}
        for seed in seeds:
            walk = virtual(seed, soles, duration_s=duration_s)
            for side, foot in walk.feet.items():
                yield f"virtual {name}", walk.person, side, foot.t_s, foot.force_n, foot.layout
