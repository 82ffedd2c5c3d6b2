"""Offline references, and the comparison of two lists of events."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MATCH_S = 0.25  # an event further from its reference is not the same event
EDGE_S = (
    0.15  # events are judged from so long before the first reference to as long after the last
)
N_BOOTSTRAP = 4000
MIN_PHASE_S = 0.1  # shorter contacts and swings of the reference are chatter


def threshold_contacts(t_s: NDArray, force_n: NDArray, level_n: float, side: str) -> pd.DataFrame:
    """Return events where the total force of one foot crosses ``level_n``, linear between samples.

    The plain rule of force plates: contact while the force exceeds 5 % of body weight. Contacts
    and swings shorter than ``MIN_PHASE_S`` are taken back.
    """
    above = force_n > level_n
    edges = np.flatnonzero(above[1:] != above[:-1])
    part = (level_n - force_n[edges]) / (force_n[edges + 1] - force_n[edges])
    times = (t_s[edges] + part * (t_s[edges + 1] - t_s[edges])).tolist()
    kinds = ["ic" if above[edge + 1] else "to" for edge in edges]
    i = 0
    while i + 1 < len(times):
        if times[i + 1] - times[i] < MIN_PHASE_S:
            del times[i : i + 2], kinds[i : i + 2]
            i = max(0, i - 1)
        else:
            i += 1
    return pd.DataFrame({"side": side, "kind": kinds, "t_s": times})


def match(reference_s: NDArray, found_s: NDArray) -> tuple[NDArray, int]:
    """Return the differences found - reference of one-to-one matches, and the number left over.

    Pairs are taken by distance, closest first; found events outside the reference's span do not
    count.
    """
    inside = found_s[
        (found_s >= reference_s.min() - EDGE_S) & (found_s <= reference_s.max() + EDGE_S)
    ]
    distance = inside[None, :] - reference_s[:, None]
    order = np.argsort(np.abs(distance), axis=None)
    used_reference, used_found, differences = set(), set(), []
    for row, column in zip(*np.unravel_index(order, distance.shape), strict=True):
        if abs(distance[row, column]) > MATCH_S:
            break
        if row not in used_reference and column not in used_found:
            used_reference.add(row)
            used_found.add(column)
            differences.append(distance[row, column])
    return np.array(differences), len(inside) - len(used_found)


def compare_events(
    pairs: list[tuple[pd.DataFrame, pd.DataFrame]], seed: int = 1
) -> dict[str, Any]:
    """Return counts and timing of events over recordings: ``pairs`` are (reference, found)."""
    out: dict[str, Any] = {"n_reference": 0, "n_found": 0, "n_missed": 0, "n_extra": 0}
    for kind in ("ic", "to"):
        differences: list[NDArray] = []
        for reference, found in pairs:
            for side in ("left", "right"):
                expected = _times(reference, side, kind)
                if expected.size == 0:
                    continue
                matched, n_extra = match(expected, _times(found, side, kind))
                differences.append(matched)
                out["n_reference"] += expected.size
                out["n_found"] += matched.size
                out["n_missed"] += expected.size - matched.size
                out["n_extra"] += n_extra
        out |= _timing(kind, np.concatenate(differences) if differences else np.zeros(0), seed)
    return out


def _times(events: pd.DataFrame, side: str, kind: str) -> NDArray:
    chosen = events[(events["side"] == side) & (events["kind"] == kind)]
    return np.sort(np.asarray(chosen["t_s"], float))


def _timing(kind: str, difference_s: NDArray, seed: int) -> dict[str, Any]:
    """Return mean absolute error, bias and SD in ms, each with a 95 % bootstrap interval."""
    d = 1e3 * difference_s
    out: dict[str, Any] = {f"{kind}_n": int(d.size)}
    if d.size < 2:
        return out
    draws: NDArray = np.random.default_rng(seed).choice(d, (N_BOOTSTRAP, d.size))
    for name, value, spread in (
        ("mae", np.abs(d).mean(), np.abs(draws).mean(axis=1)),
        ("bias", d.mean(), draws.mean(axis=1)),
        ("sd", d.std(ddof=1), draws.std(axis=1, ddof=1)),
    ):
        out[f"{kind}_{name}_ms"] = round(float(value), 2)
        low, high = np.percentile(spread, (2.5, 97.5))
        out[f"{kind}_{name}_ms_interval"] = [round(float(low), 2), round(float(high), 2)]
    return out
