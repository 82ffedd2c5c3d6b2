"""The loss equation: sampled = received (decoded) + back-filled + declared missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from solekit.data_columns import DataColumns
from solekit.link import Data


@dataclass(frozen=True)
class StreamLoss:
    """One stream's account, in samples; ``holes`` are [start, end) sequence numbers.

    ``sampled`` is what the insole says it sampled, or, where it could not be asked, what its last
    message implies (``end_known`` false). ``back_filled`` samples came from the insole's log after
    they had gone missing. ``undecodable`` samples arrived but hang on a missing
    frame: they are part of ``missing``.
    """

    sampled: int
    received: int
    back_filled: int
    missing: int
    undecodable: int
    duplicates: int
    end_known: bool
    holes: tuple[tuple[int, int], ...]

    @property
    def holds(self) -> bool:
        """Whether the equation holds, and the holes account for all that is missing."""
        listed = sum(end - start for start, end in self.holes)
        return (
            self.sampled == self.received + self.back_filled + self.missing
            and listed == self.missing
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def account(
    messages: Iterable[Data], first: int, end: int | None, duplicates: int = 0
) -> StreamLoss:
    """Return the account of one stream from what was received, in any order, repeats allowed.

    ``first`` is the sequence number at start, ``end`` the insole's next one at stop if it told.
    """
    received = DataColumns.of(messages)
    items = received[received.seq >= first].in_order()
    duplicates += len(received) - len(items)
    is_readable = items.is_readable(-1)
    is_logged = items.block >= 0
    stops = items.seq + items.n
    reached = np.maximum.accumulate(np.concatenate([[first], stops]))
    holes: list[tuple[int, int]] = []
    for i in np.flatnonzero((items.seq > reached[:-1]) | ~is_readable).tolist():
        if items.seq[i] > reached[i]:
            _extend(holes, int(reached[i]), int(items.seq[i]))
        if not is_readable[i]:
            _extend(holes, int(items.seq[i]), int(stops[i]))
    at = int(reached[-1])
    if end is not None and end > at:
        _extend(holes, at, end)
        at = end
    return StreamLoss(
        sampled=at - first,
        received=int(items.n[is_readable & ~is_logged].sum()),
        back_filled=int(items.n[is_readable & is_logged].sum()),
        missing=sum(stop - start for start, stop in holes),
        undecodable=int(items.n[~is_readable].sum()),
        duplicates=duplicates,
        end_known=end is not None,
        holes=tuple(holes),
    )


def _extend(holes: list[tuple[int, int]], start: int, stop: int) -> None:
    """Add a hole, joined with the one before if they touch."""
    if holes and holes[-1][1] == start:
        holes[-1] = (holes[-1][0], stop)
    else:
        holes.append((start, stop))
