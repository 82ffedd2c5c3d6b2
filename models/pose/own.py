"""A laboratory's own people: one folder in, one run out, for ``models.export``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.data import paired, splits
from models.data.takes import Take
from models.data.windows import Windows
from models.pose import runs, scores, teach
from solekit.errors import DataError

MIN_WINDOWS = 200
LIMITS = ("tested on the people and the actions that are named here, and on nobody else",)
Say = Callable[[str], object]


@dataclass(frozen=True)
class Wanted:
    """How to teach on a folder: ``split`` by ``person`` or by ``time`` (the last 30 %)."""

    folder: Path
    run: Path
    name: str
    split: str = "person"
    steps: int = 2000
    batch: int = 64
    seed: int = 1
    start: Path | None = None  # a finished run to go on from
    licence_class: str = "own"


def teach_own(wanted: Wanted, say: Say = str) -> dict[str, Any]:
    """Teach our network on a laboratory's recordings; keep the run; return how far it is off.

    DataError for a folder that cannot be read, or whose test part would share frames or people
    with the other.
    """
    takes = paired.load_folder(wanted.folder)
    layout = paired.layouts_of(wanted.folder)["left"]
    pieces = _split(takes, wanted)
    splits.check(takes, pieces, is_by_person=wanted.split == "person")
    windows = Windows(takes, layout)
    train = windows.all(where=pieces.train)
    test = windows.all(where=pieces.test, every=7)
    if len(train) < MIN_WINDOWS or not len(test):
        raise DataError(
            f"{wanted.folder} gives {len(train)} windows to learn from and {len(test)} to test; "
            f"at least {MIN_WINDOWS} and 1 are needed: record longer or more people"
        )
    say(f"{len(train)} windows to learn from, {len(test)} to test, {pieces.name}")
    start = runs.taught(wanted.start) if wanted.start else None
    model, seconds = teach.teach(
        windows,
        train,
        steps=wanted.steps,
        batch=wanted.batch,
        seed=wanted.seed,
        start=start,
        rate=teach.RATE / (4 if start else 1),
        say=say,
    )
    actions = tuple(dict.fromkeys(take.action for take in takes))
    head = teach.linear_head(
        teach.features(model, windows, train),
        windows.labels(train, actions),
        len(actions),
        seed=wanted.seed,
    )
    row = _scored(model, windows, train, test)
    row["action_right"] = teach.action_scored(
        head, teach.features(model, windows, test), windows, test, actions
    )["right_pct"]
    people = {take.person for take in takes}
    tested = {takes[i].person for i in test[:, 0]}
    runs.keep(
        wanted.run,
        teach.with_action(model, head),
        windows,
        train=train,
        test=test,
        seed=wanted.seed,
        about={
            "name": wanted.name,
            "layout": layout.name,
            "actions": actions,
            "limits": LIMITS,
            "trained_on": {
                "data": "a laboratory's own recordings",
                "licence_class": wanted.licence_class,
                "simulated": all(take.is_simulated for take in takes),
                "people": len(people),
                "tested_on_people": len(tested),
                "split": pieces.name,
                "start": wanted.start.name if wanted.start else "",
            },
            "evaluation": {key: str(value) for key, value in row.items()},
        },
    )
    return {**row, "split": pieces.name, "train_minutes": round(seconds / 60, 2)}


def _split(takes: list[Take], wanted: Wanted) -> splits.Split:
    if wanted.split == "person":
        return splits.by_person(takes, seed=wanted.seed)
    if wanted.split == "time":
        return splits.by_time(takes)
    if wanted.split == "frame":
        return splits.by_frame(takes)
    raise DataError(f"split {wanted.split!r}; use person or time")


def _scored(
    model: Any, windows: Windows, train: np.ndarray, test: np.ndarray
) -> dict[str, scores.Interval]:
    """Return the errors of centre, latest frame and of the mean pose, in cm over people."""
    stature_m = np.array([windows.takes[i].stature_m for i in test[:, 0]])[:, None, None, None]
    who = np.array([windows.takes[i].person for i in test[:, 0]])
    truth = windows.truth(test) * stature_m
    found = teach.poses(model, windows, test) * stature_m
    mean = np.nanmean(windows.truth(train[::7])[:, 0], axis=0) * stature_m[:, 0]
    off = np.nanmean(scores.distances_cm(found, truth), axis=2)
    plain = np.nanmean(scores.distances_cm(mean, truth[:, 0]), axis=1)
    return {
        "error_cm": scores.over_people(off[:, 0], who),
        "causal_error_cm": scores.over_people(off[:, 1], who),
        "mean_pose_error_cm": scores.over_people(plain, who),
    }
