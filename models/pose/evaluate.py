"""Judge the shipped pose models: ``python -m models.pose.evaluate [--data DIR] [--json]``.

On virtual people whom no training has met, made anew from a seed of their own; and on the real
people of ``--data`` (default: SOLEKIT_DATA), where they are there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from models.data import virtual
from models.data.windows import Windows
from models.pose import real, scores
from models.pose.tables import plain
from models.pose.train import OUT
from solekit.errors import SolekitError
from solekit.inference import decode, zoo
from solekit.layouts import named

SEED, PEOPLE, SECONDS = 7, 10, 16.0  # another seed than any training: nobody was met before
EVERY = 7  # frames from one window to the next


def shipped(name: str, folder: Path, *, say: Any = str) -> list[dict[str, Any]]:
    """Return one row per mode of a shipped model, on unseen virtual people."""
    card = zoo.card(name)
    plan = virtual.plan(card.layout, people=PEOPLE, seconds=SECONDS, seed=SEED)
    takes = virtual.takes(folder / card.layout, plan, jobs=os.cpu_count() or 1, say=say)
    windows = Windows(takes, named(card.layout, "left"))
    asked = windows.all(every=EVERY)
    stature_m = np.array([takes[i].stature_m for i in asked[:, 0]])[:, None, None, None]
    truth_m = windows.truth(asked) * stature_m
    people = np.array([takes[i].person for i in asked[:, 0]])
    labels = windows.labels(asked, card.actions)
    rows = []
    for mode in card.modes:
        _, model = zoo.open_zoo_model(name, mode)
        found, best = [], []
        for window in asked:
            seen = windows.inputs(window[None])
            out = model.run(left=seen["left"], right=seen["right"])
            found.append(decode.keypoints(out["pose"])[0])
            best.append(int(np.argmax(out["action"])))
        off = scores.distances_cm(np.stack(found) * stature_m, truth_m).mean(axis=2)
        rows.append(
            {
                "model": name,
                "mode": mode,
                "people": f"{PEOPLE} simulated, seed {SEED}",
                "windows": len(asked),
                "error_cm": scores.over_people(off[:, 0], people),
                "causal_error_cm": scores.over_people(off[:, 1], people),
                "action_right_pct": scores.share_right(np.array(best), labels, people),
            }
        )
    return rows


def _of_real(row: real.Row) -> dict[str, Any]:
    values = {k: round(v, 1) if isinstance(v, float) else v for k, v in asdict(row).items()}
    return {**values, "is_met": row.is_met}


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows as lines of aligned columns."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[str(row.get(key, "")) for key in keys] for row in rows]
    widths = [max(len(line[i]) for line in [keys, *cells]) for i in range(len(keys))]
    lines = [
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in [keys, *cells]
    ]
    return "\n".join(line.rstrip() for line in lines)


def main(argv: list[str] | None = None) -> int:
    """Print what the models are worth."""
    parser = argparse.ArgumentParser(prog="python -m models.pose.evaluate", description=__doc__)
    default = Path(os.environ.get("SOLEKIT_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=default, help="folder of real recordings")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for virtual people")
    asked = parser.parse_args(argv)
    try:
        simulated = [
            row
            for name in zoo.names()
            for row in shipped(name, asked.out / "evaluated", say=lambda _: None)
        ]
        folder = asked.data / "iscas33x15"
        found = [_of_real(row) for row in real.evaluate(folder)] if folder.is_dir() else []
    except SolekitError as error:
        print(error, file=sys.stderr)
        return 1
    for title, rows in (("simulated people", simulated), ("real people, iscas33x15", found)):
        if asked.json:
            for row in rows:
                print(json.dumps(row, default=plain))
        elif rows:
            print(f"{title}\n{table(rows)}\n")
    if not found and not asked.json:
        print(f"{folder} is not there: nothing was judged on real people")
    return 0


if __name__ == "__main__":
    sys.exit(main())
