"""The tables: networks, the study's baseline, and what its article asked, on virtual people.

Every function makes the rows of one table; ``TABLES`` names them. All numbers are simulated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from models.data.virtual import ACTIONS
from models.data.windows import Windows, batches
from models.pose import baseline, people, placement, runs, scores, study, teach
from models.pose.fit import fit
from models.pose.people import Parts, Preset
from models.pose.tables import Tables
from solekit.inference.frames import CENTRE, Float32
from solekit.layouts import named

GRID, LAYOUTS = "grid-30x22", ("grid-30x22", "cells-16", "cells-4")
RESOLUTIONS = {"30x22": 0, "15x11": 1, "8x6": 2, "4x3": 3}
N_CELLS = (4, 8, 16, 32, 64, 128)
LOSSES = {
    "both": {},
    "heat map only": {"keypoint": False},
    "key points only": {"heatmap": False},
}
WHAT = "simulated people"
LIMITS = (
    "taught and tested on simulated people only; on real ones it is a guess until it was tested",
    "knows seven actions on level ground; whatever else is done looks like one of them",
    "arms are seen only as far as they go with the legs",
    "lengths are in proportion to the stature that is given",
)


@dataclass(frozen=True)
class Lab:
    """Where tables are made: preset, seed, the folder of datasets and of runs."""

    preset: Preset
    seed: int
    folder: Path
    tables: Tables
    jobs: int = 2

    def parts(self, layout: str) -> Parts:
        """Return the people on a layout; only the grid's are kept in memory."""
        return self.grid if layout == GRID else self._parts(layout)

    @cached_property
    def grid(self) -> Parts:
        """The people on the full grid."""
        return self._parts(GRID)

    def _parts(self, layout: str) -> Parts:
        folder = self.folder / "people" / layout
        chosen = people.virtual_parts(
            self.preset, layout, folder, jobs=self.jobs, say=self.tables.say
        )
        self.tables.say(
            f"{layout}: {len(chosen.train)} windows to learn from, {len(chosen.unseen)} of "
            f"{self.preset.n_test} unseen people"
        )
        return chosen

    def taught(self, windows: Windows, train: NDArray, steps: int) -> tuple[keras.Model, float]:
        """Return our network after some steps."""
        return teach.teach(
            windows,
            train,
            steps=steps,
            batch=self.preset.batch,
            seed=self.seed,
            say=self.tables.say,
        )


def networks(lab: Lab) -> None:
    """Teach our networks, one per layout, with their action heads; keep what export needs."""
    for layout in LAYOUTS:
        lab.tables.row("networks", layout, partial(_network, lab, layout))


def _network(lab: Lab, layout: str) -> dict[str, Any]:
    parts = lab.parts(layout)
    model, seconds = lab.taught(parts.windows, parts.train, lab.preset.steps)
    few = parts.train[:: max(len(parts.train) // 15_000, 1)]
    head = teach.linear_head(
        teach.features(model, parts.windows, few),
        parts.windows.labels(few, ACTIONS),
        len(ACTIONS),
        seed=lab.seed,
    )
    row = {
        "what": WHAT,
        "parameters": model.count_params(),
        "train_minutes": round(seconds / 60, 2),
        "steps": lab.preset.steps,
        **teach.scored(model, parts),
    }
    for name, asked in (("unseen", parts.unseen), ("seen", parts.seen)):
        found = teach.features(model, parts.windows, asked)
        row[f"{name}_action"] = teach.action_scored(head, found, parts.windows, asked, ACTIONS)
    score = {k: str(row[k]) for k in row if k.endswith("_cm") and "per_" not in k}
    taught = {parts.windows.takes[i].person for i in parts.train[:, 0]}
    runs.keep(
        lab.folder / "runs" / f"pose-{layout}",
        teach.with_action(model, head),
        parts.windows,
        train=parts.train,
        test=parts.unseen,
        seed=lab.seed,
        about={
            "name": f"pose-{layout}",
            "layout": layout,
            "actions": ACTIONS,
            "trained_on": {
                "data": "virtual people of the walker",
                "licence_class": "A",
                "simulated": True,
                "people": len(taught),
                "tested_on_people": lab.preset.n_test,
            },
            "preset": lab.preset.name,
            "limits": LIMITS,
            "evaluation": {
                "simulated": True,
                **score,
                "unseen_action_right_pct": str(row["unseen_action"]["right_pct"]),
            },
        },
    )
    return row


def _truth_m(windows: Windows, asked: NDArray) -> Float32:
    return np.stack([windows.takes[i].keypoints_m[first + CENTRE] for i, first in asked])


def taught_study(
    lab: Lab, size: str, steps: int, parts: Parts, **losses: bool
) -> tuple[keras.Model, float]:
    """Return the study's network after some steps at its own batch and learning rate."""
    keras.utils.set_random_seed(lab.seed)
    rng = np.random.default_rng(lab.seed)
    model = baseline.sliced(size)

    def data() -> Iterator[tuple[dict[Any, Float32], Float32]]:
        for chosen in batches(parts.train, study.BATCH, rng):
            yield parts.windows.raw(chosen, full_n=study.FULL_N), _truth_m(parts.windows, chosen)

    seconds = fit(
        model,
        partial(study.loss, **losses),
        data(),
        steps=steps,
        rate=study.LEARNING_RATE,
        decay=False,
        say=lab.tables.say,
    )
    return model, seconds


def _study_poses(model: keras.Model, windows: Windows, asked: NDArray) -> Float32:
    found = []
    for first in range(0, len(asked), 64):
        seen = windows.raw(asked[first : first + 64], full_n=study.FULL_N)
        room = model([seen["left"], seen["right"]], training=False)
        found.append(study.keypoints_m(room).numpy())
    return np.concatenate(found)


def _study_scored(model: keras.Model, parts: Parts, *, every: int = 1) -> dict[str, Any]:
    """Return errors of the study's network; on every so many of the windows, as it is slow."""
    windows, row = parts.windows, {}
    for name, asked in (("unseen", parts.unseen[::every]), ("seen", parts.seen[::every])):
        off = scores.distances_cm(_study_poses(model, windows, asked), _truth_m(windows, asked))
        who = np.array([windows.takes[i].person for i in asked[:, 0]])
        row[f"{name}_cm"] = scores.over_people(off.mean(1), who)
        row[f"{name}_per_action_cm"] = teach.by_action(off.mean(1), asked, windows, who)
    return row


def the_baseline(lab: Lab) -> None:
    """Teach the study's network (variant a, size M) once; say what the mean pose would do."""
    lab.tables.row("baseline", "mean pose", partial(_mean_pose, lab))
    lab.tables.row("baseline", "study, M a", partial(_baseline, lab))


def _mean_pose(lab: Lab) -> dict[str, Any]:
    parts, row = lab.grid, {}
    mean = _truth_m(parts.windows, parts.train[:: max(len(parts.train) // 5000, 1)]).mean(0)
    for name, asked in (("unseen", parts.unseen), ("seen", parts.seen)):
        off = scores.distances_cm(mean[None], _truth_m(parts.windows, asked))
        who = np.array([parts.windows.takes[i].person for i in asked[:, 0]])
        row[f"{name}_cm"] = scores.over_people(off.mean(1), who)
    return {"what": WHAT, **row}


def _baseline(lab: Lab) -> dict[str, Any]:
    parts, steps = lab.grid, lab.preset.baseline_steps
    model, seconds = taught_study(lab, "M", steps, parts)
    run = lab.folder / "runs" / "study-M"
    run.mkdir(parents=True, exist_ok=True)
    model.save(run / "model.keras")
    rng = np.random.default_rng(lab.seed)
    some = parts.train[np.sort(rng.choice(len(parts.train), min(100, len(parts.train)), False))]
    np.savez(run / "calibration.npz", **parts.windows.raw(some, full_n=study.FULL_N))
    row = {"what": WHAT, "parameters": model.count_params(), "steps": steps}
    row |= {"train_minutes": round(seconds / 60, 2), **_study_scored(model, parts)}
    return row | _study_action(lab, model, parts)


def _study_action(lab: Lab, model: keras.Model, parts: Parts) -> dict[str, Any]:
    """Return how well a linear head on the study's frozen encoders tells actions."""
    joined = model.get_layer("features").output
    pooled = keras.layers.Flatten()(keras.layers.MaxPooling2D(2)(joined))
    encoder = keras.Model(model.inputs, pooled)

    def features(asked: NDArray) -> Float32:
        found = []
        for first in range(0, len(asked), 64):
            seen = parts.windows.raw(asked[first : first + 64], full_n=study.FULL_N)
            found.append(encoder([seen["left"], seen["right"]], training=False).numpy())
        return np.concatenate(found)

    few = parts.train[:: max(len(parts.train) // 8_000, 1)]
    labels = parts.windows.labels(few, ACTIONS)
    head = teach.linear_head(features(few), labels, len(ACTIONS), seed=lab.seed)
    return {
        f"{name}_action": teach.action_scored(head, features(asked), parts.windows, asked, ACTIONS)
        for name, asked in (("unseen", parts.unseen), ("seen", parts.seen))
    }


def losses(lab: Lab) -> None:
    """Loss terms: the study's network of size S with both, either heat maps or key points."""

    def make(terms: dict[str, bool]) -> dict[str, Any]:
        parts, steps = lab.grid, lab.preset.small_baseline_steps
        model, seconds = taught_study(lab, "S", steps, parts, **terms)
        about = {"what": WHAT, "steps": steps, "train_minutes": round(seconds / 60, 2)}
        return {**about, **_study_scored(model, parts, every=3)}

    for name, terms in LOSSES.items():
        lab.tables.row("losses", name, partial(make, terms))


def resolution(lab: Lab) -> None:
    """Resolution: the input pooled and interpolated back, the network unchanged."""

    def make(times: int) -> dict[str, Any]:
        parts = lab.grid
        windows = parts.windows
        if times:
            seen = placement.pooled_matrix(times)
            windows = Windows(windows.takes, named(GRID, "left"), seen=seen)
        pooled = Parts(windows, parts.train, parts.seen, parts.unseen)
        model, _ = lab.taught(windows, parts.train, lab.preset.study_steps)
        return {"what": WHAT, "steps": lab.preset.study_steps, **teach.scored(model, pooled)}

    for name, times in RESOLUTIONS.items():
        lab.tables.row("resolution", name, partial(make, times))


def unseen_action(lab: Lab) -> None:
    """Each action left out of what is learned, and tested; people seen and unseen."""

    def make(action: str) -> dict[str, Any]:
        parts = lab.grid
        is_left_out = np.array([take.action == action for take in parts.windows.takes])
        train = parts.train[~is_left_out[parts.train[:, 0]]]
        model, _ = lab.taught(parts.windows, train, lab.preset.action_steps)
        return {"what": WHAT, "steps": lab.preset.action_steps, **teach.scored(model, parts)}

    for action in ("", *ACTIONS):
        name = f"without {action}" if action else "all"
        lab.tables.row("unseen-action", name, partial(make, action))


def cells(lab: Lab) -> None:
    """Cells against error: the most telling cells of the grid, chosen on people who teach."""
    order: list[NDArray] = []

    def make(n: int) -> dict[str, Any]:
        parts = lab.grid
        if not order:
            order.append(
                placement.best_cells(parts.windows, parts.train, max(N_CELLS), seed=lab.seed)
            )
        chosen = order[0][:n]
        takes, layout = placement.only(parts.windows.takes, named(GRID, "left"), chosen)
        few = Parts(Windows(takes, layout), parts.train, parts.seen, parts.unseen)
        model, _ = lab.taught(few.windows, few.train, lab.preset.study_steps)
        where = np.round([layout.x_mm / layout.width_mm, layout.y_mm / layout.length_mm], 3)
        return {
            "what": WHAT,
            "steps": lab.preset.study_steps,
            "cells": chosen,
            "x_share": where[0],
            "y_share": where[1],
            **teach.scored(model, few),
        }

    for n in N_CELLS:
        lab.tables.row("cells", str(n), partial(make, n))


TABLES: dict[str, Callable[[Lab], None]] = {
    "networks": networks,
    "baseline": the_baseline,
    "losses": losses,
    "resolution": resolution,
    "unseen-action": unseen_action,
    "cells": cells,
}
