"""Contacts from pressure for recordings of any length in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from solekit.contacts.pressure import PressureContacts
from solekit.layouts import FloatArray


def contacts_of_blocks(
    blocks: Iterable[tuple[FloatArray, FloatArray]],
    *,
    overlap_s: float = 12.0,
    contacts: PressureContacts | None = None,
    body_weight: float | None = None,
) -> Iterator[pd.DataFrame]:
    """Yield the events of each block ``(t_s, load)``, both (n,), which follow each other in time.

    Tables as ``PressureContacts.events_``; every event stands in one of them. ``overlap_s`` is
    kept of the block before, so that a contact (3 s) is seen whole; baseline and level are those
    of a block. DataError as the detector raises it.
    """
    detector = contacts or PressureContacts()
    t_s, load = np.zeros(0), np.zeros(0)
    reached_s = -np.inf
    for block_t_s, block_load in blocks:
        t_s, load = np.concatenate([t_s, block_t_s]), np.concatenate([load, block_load])
        if not len(t_s):
            continue
        # What happens in the last overlap may still change: the next block decides.
        limit_s = float(t_s[-1]) - overlap_s / 2
        found = detector.clone().detect(load, t_s=t_s, body_weight=body_weight).events_
        yield _between(found, reached_s, limit_s)
        reached_s = max(reached_s, limit_s)
        kept = slice(int(np.searchsorted(t_s, limit_s - overlap_s / 2)), None)
        t_s, load = t_s[kept], load[kept]
    if len(t_s):
        found = detector.clone().detect(load, t_s=t_s, body_weight=body_weight).events_
        yield _between(found, reached_s, np.inf)


def _between(events: pd.DataFrame, from_s: float, to_s: float) -> pd.DataFrame:
    t_s = events["t_s"]
    return events.loc[(t_s >= from_s) & (t_s < to_s)].reset_index(drop=True)
