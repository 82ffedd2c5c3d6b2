"""Contacts from foot IMUs against events reviewed by hand (standing, walking, U-turn, walking).

Events inside the trial's bounds, matched one to one within 100 ms.
U-turns are reported apart and count in ``f1_all``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from solekit.contacts.inertial import InertialContacts
from solekit.layouts import SIDES, FloatArray
from tools.validate.intervals import joined_median, over_people

FOLDER = "voisard_feet"
PATTERNS = ("S*_t*.npz",)
MATCH_S = 0.1
KINDS = ("to", "ic")  # the order in the files


def validate(folder: Path, rung: str) -> dict[str, Any]:  # noqa: ARG001 - IMU only
    """Return F1 and timing of every trial in ``folder``, with intervals over people."""
    people: dict[str, list[dict[str, Any]]] = {}
    paths = sorted(path for pattern in PATTERNS for path in folder.glob(pattern))
    for path in paths:
        with np.load(path) as file:
            people.setdefault(str(file["subject"]), []).extend(compare(file))
    rows = []
    for person, trials in sorted(people.items()):
        rows.append(
            {
                "person": person,
                "f1": round(_f1([trials], "walk"), 4),
                "f1_u_turn": round(_f1([trials], "turn"), 4),
                **{f"{k}_median_error_ms": round(_bias([trials], k), 1) for k in KINDS},
            }
        )
    f1 = over_people(people, lambda parts: _f1(parts, "walk"))
    f1_all = over_people(people, lambda parts: _f1(parts, "walk", "turn"))
    error = over_people(people, _median_error, digits=1)
    out: dict[str, Any] = {
        "n_recordings": len(paths),
        "n_people": len(people),
        "reference": "events reviewed by hand (toe off, heel strike), both feet",
        "n_reference": sum(t["n"] for trials in people.values() for t in trials),
        "f1": f1["value"],
        "f1_interval": f1["interval"],
        "f1_all": f1_all["value"],
        "f1_all_interval": f1_all["interval"],
        "f1_u_turn": round(_f1(list(people.values()), "turn"), 4),
        "median_error_ms": error["value"],
        "median_error_ms_interval": error["interval"],
        "n_people_without_axes": sum(
            all(trial["reason"] for trial in trials) for trials in people.values()
        ),
    }
    for kind in KINDS:
        found = over_people(people, lambda parts, k=kind: _bias(parts, k), digits=1)
        out[f"{kind}_bias_ms"], out[f"{kind}_bias_ms_interval"] = found.values()
    return out | {
        "walks": rows,
        "targets": {
            "f1 of all events >= 0.97": f1_all["value"] >= 0.97,
            "f1 without U-turns >= 0.97": f1["value"] >= 0.97,
            "median absolute error <= 15 ms": error["value"] <= 15.0,
            "stretch: f1 without U-turns >= 0.99": f1["value"] >= 0.99,
            "stretch: median absolute error <= 10 ms": error["value"] <= 10.0,
        },
    }


def compare(file: Any) -> list[dict[str, Any]]:
    """Return per foot and kind of event what was found, missed and invented, and how far off."""
    rate_hz = float(file["rate_hz"])
    bounds, turn = file["trial_bounds"] / rate_hz, file["uturn_bounds"] / rate_hz
    out = []
    for side in SIDES:
        table = file[f"{side}_foot"].astype(float)
        found = InertialContacts().detect(
            table[:, :3], table[:, 3:], t_s=np.arange(len(table)) / rate_hz
        )
        for column, kind in enumerate(KINDS):
            expected = file[f"{side}_events"][:, column] / rate_hz
            expected = expected[(expected >= bounds[0]) & (expected <= bounds[1])]
            events = found.events_
            t_s = events.loc[events["kind"] == kind, "t_s"].to_numpy(dtype=float)
            out.append(
                {"kind": kind, "reason": found.reason_, **matched(expected, t_s, bounds, turn)}
            )
    return out


def matched(
    expected: FloatArray, found: FloatArray, bounds: FloatArray, turn: FloatArray
) -> dict[str, Any]:
    """Match one to one, closest first; a found event outside the bounds needs a partner."""
    distance = np.abs(found[None, :] - expected[:, None])
    partner = np.full(len(expected), -1)
    order = np.argsort(distance, axis=None)
    for row, column in zip(*np.unravel_index(order, distance.shape), strict=True):
        if distance[row, column] > MATCH_S:
            break
        if partner[row] < 0 and column not in partner:
            partner[row] = column
    is_extra = np.ones(len(found), dtype=bool)
    is_extra[partner[partner >= 0]] = False
    is_extra &= (found >= bounds[0]) & (found <= bounds[1])
    hit = partner >= 0
    out: dict[str, Any] = {"n": len(expected), "error_s": found[partner[hit]] - expected[hit]}
    in_turn = (expected >= turn[0]) & (expected <= turn[1])
    extra_in_turn = (found >= turn[0]) & (found <= turn[1])
    for name, ours, theirs in (
        ("walk", ~in_turn, ~extra_in_turn),
        ("turn", in_turn, extra_in_turn),
    ):
        out[name] = np.array([np.sum(hit & ours), np.sum(~hit & ours), np.sum(is_extra & theirs)])
    return out


def _f1(people: list[list[dict[str, Any]]], *parts: str) -> float:
    hit, missed, extra = np.sum([t[p] for trials in people for t in trials for p in parts], axis=0)
    return 2 * hit / (2 * hit + missed + extra) if hit else 0.0


def _median_error(people: list[list[dict[str, Any]]]) -> float:
    return 1e3 * joined_median([np.abs(t["error_s"]) for trials in people for t in trials])


def _bias(people: list[list[dict[str, Any]]], kind: str) -> float:
    return 1e3 * joined_median(
        [t["error_s"] for trials in people for t in trials if t["kind"] == kind]
    )
