"""The loss equation: sampled = received (decoded) + back-filled + declared missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from solecore.codec.forms import DELTA_FRAME
from solecore.wire import messages as m
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
    spans: dict[int, tuple[int, bool, bool]] = {}
    for item in messages:
        if item.seq >= first and item.seq not in spans:
            needs = (
                item.message[0] == m.FRAME_CODED8.msg_id
                and item.message[m.HEADER_SIZE] == DELTA_FRAME
            )
            spans[item.seq] = (item.n, needs, item.block >= 0)
        else:
            duplicates += 1
    holes: list[tuple[int, int]] = []
    at = first
    received = back_filled = undecodable = 0
    readable_to = -1  # the next delta frame is readable if it begins here
    for seq in sorted(spans):
        n, needs, is_logged = spans[seq]
        if seq > at:
            _extend(holes, at, seq)
        at = max(at, seq + n)
        if needs and readable_to != seq:
            undecodable += n
            _extend(holes, seq, seq + n)
        else:
            if is_logged:
                back_filled += n
            else:
                received += n
            readable_to = seq + n
    if end is not None and end > at:
        _extend(holes, at, end)
        at = end
    missing = sum(stop - start for start, stop in holes)
    return StreamLoss(
        sampled=at - first,
        received=received,
        back_filled=back_filled,
        missing=missing,
        undecodable=undecodable,
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
