"""Who teaches and who tests: virtual people by preset, split by person, blocks kept apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.data import splits, virtual
from models.data.takes import Take
from models.data.windows import Windows
from solekit.errors import DataError
from solekit.layouts import Layout, named

SEEN_SHARE = 0.2  # the end of every training take: people who were seen, time that was not


@dataclass(frozen=True)
class Preset:
    """How much of everything; the name stands in every row of every table."""

    name: str
    people: int  # of them the last n_test are tested and never seen
    n_test: int
    seconds: float  # per person and action
    steps: int  # of our network
    study_steps: int  # of our network in each row of a study
    action_steps: int  # of our network in each row of the study of unseen actions
    baseline_steps: int
    small_baseline_steps: int  # size S, in each row of the study of losses
    batch: int = 64


PRESETS = {
    "toy": Preset("toy", 4, 1, 30.0, 150, 10, 10, 2, 2, batch=32),
    "small": Preset("small", 48, 10, 60.0, 3000, 1000, 500, 1100, 350),
    "full": Preset("full", 200, 40, 120.0, 60_000, 20_000, 20_000, 60_000, 20_000),
}


def preset(name: str) -> Preset:
    """Return a preset by name."""
    if name not in PRESETS:
        raise DataError(f"unknown preset {name!r}; use one of {', '.join(PRESETS)}")
    return PRESETS[name]


@dataclass(frozen=True, eq=False)
class Parts:
    """Windows (n, 2) of one set of takes: to learn from, of seen people, of unseen people."""

    windows: Windows
    train: NDArray[np.int64]
    seen: NDArray[np.int64]
    unseen: NDArray[np.int64]


def parts(takes: list[Take], layout: Layout, n_test: int, *, every: int = 7) -> Parts:
    """Return the parts of virtual people; windows to test on begin every half second.

    The last ``n_test`` people test only. Of the others the last 20 % of every take test too, after
    a guard: no window shares a frame with another part.
    """
    people = list(dict.fromkeys(take.person for take in takes))
    by_person = splits.without(takes, people[-n_test:])
    train, seen = [], []
    for piece in by_person.train:
        cut = round((1 - SEEN_SHARE) * piece.stop)
        train.append(replace(piece, stop=cut))
        seen.append(replace(piece, start=cut + splits.guard_frames(splits.GUARD_S)))
    splits.check(takes, splits.Split(train, seen))
    windows = Windows(takes, layout)
    return Parts(
        windows,
        windows.all(where=train),
        windows.all(every=every, where=seen),
        windows.all(every=every, where=by_person.test),
    )


def virtual_parts(
    chosen: Preset,
    layout: str,
    folder: Path,
    *,
    seed: int = 6,
    jobs: int = 2,
    say: Callable[[str], object] = str,
) -> Parts:
    """Return the parts of the preset's virtual people on a layout."""
    plan = virtual.plan(layout, people=chosen.people, seconds=chosen.seconds, seed=seed)
    takes = virtual.takes(folder, plan, jobs=jobs, say=say)
    return parts(takes, named(layout, "left"), chosen.n_test)
