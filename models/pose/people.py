"""Who teaches and who tests: virtual people by preset, split by person, blocks kept apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.data import virtual
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
    "toy": Preset("toy", 4, 1, 16.0, 150, 10, 10, 2, 2, batch=32),
    "small": Preset("small", 48, 10, 60.0, 4000, 1000, 500, 1100, 400),
    "full": Preset("full", 200, 40, 120.0, 60_000, 20_000, 20_000, 60_000, 20_000),
}


def preset(name: str) -> Preset:
    """Return a preset by name."""
    if name not in PRESETS:
        raise DataError(f"unknown preset {name!r}; use one of {', '.join(PRESETS)}")
    return PRESETS[name]


@dataclass(frozen=True, eq=False)
class Split:
    """Windows (n, 2) of one set of takes: to learn from, of seen people, of unseen people."""

    windows: Windows
    train: NDArray[np.int64]
    seen: NDArray[np.int64]
    unseen: NDArray[np.int64]


def split(
    takes: list[Take], layout: Layout, n_test: int, *, every: int = 7, without: str = ""
) -> Split:
    """Return the split of virtual people; windows to test on begin every half second.

    Of people who teach, the last 20 % of every take test; windows between are dropped, so none
    shares a frame with another part. ``without`` leaves an action out of what is learned.
    """
    people = list(dict.fromkeys(take.person for take in takes))
    if not 0 < n_test < len(people):
        raise DataError(f"{n_test} people to test of {len(people)}; leave some on both sides")
    tested = set(people[-n_test:])
    learn, seen, unseen = [], [], []
    for i, take in enumerate(takes):
        n = len(take.t_s)
        if take.person in tested:
            unseen.append((i, 0, n))
            continue
        cut = round((1 - SEEN_SHARE) * n)
        if take.action != without:
            learn.append((i, 0, cut))
        seen.append((i, cut, n))
    windows = Windows(takes, layout)
    parts = [windows.all(where=learn)]
    parts += [windows.all(every=every, where=pieces) for pieces in (seen, unseen)]
    return Split(windows, *parts)


def virtual_split(
    chosen: Preset,
    layout: str,
    folder: Path,
    *,
    seed: int = 6,
    jobs: int = 2,
    without: str = "",
    say: Callable[[str], object] = str,
) -> Split:
    """Return the split of the preset's virtual people on a layout."""
    plan = virtual.plan(layout, people=chosen.people, seconds=chosen.seconds, seed=seed)
    takes = virtual.takes(folder, plan, jobs=jobs, say=say)
    return split(takes, named(layout, "left"), chosen.n_test, without=without)
