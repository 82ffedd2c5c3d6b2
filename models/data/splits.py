"""Which frames a network learns from and which it is judged on.

Neighbouring frames are nearly alike and windows overlap: where frames are dealt at random, every
test window has been seen. A split is therefore made of pieces of takes, and a window must lie
wholly inside one piece. A split that draws frames is refused by ``check``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.data.takes import Take
from solekit.errors import DataError
from solekit.inference.frames import N_FRAMES, RATE_HZ

GUARD_S = 2.0


@dataclass(frozen=True)
class Piece:
    """Frames ``start`` to ``stop`` (half open) of a take."""

    take_index: int
    start: int
    stop: int


@dataclass(frozen=True)
class Split:
    """Pieces to learn from and pieces to be judged on; ``name`` says how they were chosen."""

    train: list[Piece]
    test: list[Piece]
    name: str = ""


def by_person(takes: Sequence[Take], *, share: float = 0.2, seed: int = 1) -> Split:
    """Return a split whose test part is ``share`` of the people (at least one), drawn by seed."""
    people = sorted({take.person for take in takes})
    if not 0 < share < 1:
        raise DataError(f"a share of {share:g} for the test; use more than 0 and less than 1")
    if len(people) < 2:
        raise DataError(f"{len(people)} people; a split by person needs two or more")
    n = min(max(round(share * len(people)), 1), len(people) - 1)
    drawn = np.random.default_rng(seed).permutation(people)[:n].tolist()
    return without(takes, drawn)


def without(takes: Sequence[Take], people: Sequence[str]) -> Split:
    """Return a split that is tested on ``people`` and learns from all others."""
    known = {take.person for take in takes}
    if strangers := sorted(set(people) - known):
        raise DataError(f"no take is of person {strangers[0]!r}; known are {_listed(known)}")
    if known <= set(people):
        raise DataError("nobody is left to learn from; test on fewer people")
    train = [_whole(takes, i) for i, take in enumerate(takes) if take.person not in people]
    test = [_whole(takes, i) for i, take in enumerate(takes) if take.person in people]
    return Split(train, test, f"by person, test on {_listed(people)}")


def leave_one_out(takes: Sequence[Take]) -> Iterator[tuple[str, Split]]:
    """Yield every person and the split that is tested on this person alone."""
    for person in sorted({take.person for take in takes}):
        yield person, without(takes, [person])


def by_time(takes: Sequence[Take], *, share: float = 0.3, guard_s: float = GUARD_S) -> Split:
    """Return a split that is tested on the last ``share`` of every take, after a guard.

    Takes too short for a window on both sides are only learned from.
    """
    if not 0 < share < 1:
        raise DataError(f"a share of {share:g} for the test; use more than 0 and less than 1")
    guard = guard_frames(guard_s)
    train, test = [], []
    for i, take in enumerate(takes):
        n = len(take.t_s)
        begin = n - round(share * n)
        if n - begin < N_FRAMES or begin - guard < N_FRAMES:
            train.append(_whole(takes, i))
            continue
        train.append(Piece(i, 0, begin - guard))
        test.append(Piece(i, begin, n))
    return _made(train, test, f"by time, test on the last {share:.0%}, guard {guard_s:g} s")


def by_block(
    takes: Sequence[Take],
    *,
    n_blocks: int = 10,
    test_every: int = 3,
    guard_s: float = GUARD_S,
) -> Split:
    """Return a split of every take into blocks by time, every ``test_every``-th one for the test.

    Half of the guard is taken from both sides of every border between the two parts. A block too
    short for a window is left out; a take too short for its blocks is only learned from.
    """
    if n_blocks < 2 or not 2 <= test_every <= n_blocks:
        raise DataError(
            f"{n_blocks} blocks, every {test_every}th for the test; use two or more blocks and "
            "a number from 2 to that of the blocks"
        )
    guard = guard_frames(guard_s)
    is_test = np.arange(1, n_blocks + 1) % test_every == 0
    train, test = [], []
    for i, take in enumerate(takes):
        n = len(take.t_s)
        if n // n_blocks - guard < N_FRAMES:
            train.append(_whole(takes, i))
            continue
        edges = np.linspace(0, n, n_blocks + 1).astype(int).tolist()
        changes = [k for k in range(1, n_blocks) if is_test[k] != is_test[k - 1]]
        for first, last in zip([0, *changes], [*changes, n_blocks], strict=True):
            start = edges[first] + (guard - guard // 2 if first else 0)
            stop = edges[last] - (guard // 2 if last < n_blocks else 0)
            (test if is_test[first] else train).append(Piece(i, start, stop))
    name = f"{n_blocks} blocks by time, test on every {test_every}th, guard {guard_s:g} s"
    return _made(train, test, name)


def by_frame(takes: Sequence[Take], **_: object) -> Split:
    """Refuse: frames dealt at random put every test window among the training windows."""
    raise DataError(
        f"a frame-wise split of {len(takes)} takes is refused: neighbouring frames are nearly "
        "alike, so the test would measure memory; split by person, by time or by block"
    )


def check(
    takes: Sequence[Take], split: Split, *, guard_s: float = GUARD_S, is_by_person: bool = False
) -> None:
    """Raise DataError where a test window shares frames with a training window.

    Being within ``guard_s`` of one counts as sharing; ``is_by_person`` also refuses a person on
    both sides. Takes are compared by their own frames: that no recording is listed twice is up
    to who lists them.
    """
    guard = guard_frames(guard_s)
    for part, pieces in (("train", split.train), ("test", split.test)):
        if not pieces:
            raise DataError(f"the {part} part of the split is empty; change the split")
        for piece in pieces:
            _check_piece(takes, piece)
    if is_by_person:
        people = [{takes[p.take_index].person for p in part} for part in (split.train, split.test)]
        if both := people[0] & people[1]:
            raise DataError(f"person {min(both)!r} is in both parts; split by person")
    learned: dict[int, list[Piece]] = {}
    for piece in split.train:
        learned.setdefault(piece.take_index, []).append(piece)
    for piece in split.test:
        for other in learned.get(piece.take_index, []):
            apart = max(piece.start - other.stop, other.start - piece.stop)
            if apart < guard:
                raise DataError(_refusal(takes, piece, other, apart, guard_s))


def guard_frames(guard_s: float) -> int:
    """Return a guard as a number of frames at ``RATE_HZ``, rounded up."""
    if not (math.isfinite(guard_s) and guard_s >= 0):
        raise DataError(f"guard of {guard_s:g} s; use 0 or more")
    return math.ceil(guard_s * RATE_HZ - 1e-9)


def _refusal(takes: Sequence[Take], piece: Piece, other: Piece, apart: int, guard_s: float) -> str:
    take = takes[piece.take_index]
    how = "share frames" if apart < 0 else f"are {apart / RATE_HZ:.2f} s apart"
    return (
        f"take {piece.take_index} ({take.person}, {take.action}): test frames {piece.start} to "
        f"{piece.stop} and training frames {other.start} to {other.stop} {how}, and the guard is "
        f"{guard_s:g} s; split by person, by time or by block"
    )


def _made(train: list[Piece], test: list[Piece], name: str) -> Split:
    if not train or not test:
        raise DataError(
            f"no take is long enough to be split {name}; use longer takes, a shorter guard, or "
            "split by person"
        )
    return Split(train, test, name)


def _check_piece(takes: Sequence[Take], piece: Piece) -> None:
    if not 0 <= piece.take_index < len(takes):
        raise DataError(f"piece of take {piece.take_index}; there are {len(takes)} takes")
    n = len(takes[piece.take_index].t_s)
    if not 0 <= piece.start < piece.stop <= n:
        raise DataError(
            f"piece {piece.start} to {piece.stop} of take {piece.take_index}, which has {n} frames"
        )


def _whole(takes: Sequence[Take], i: int) -> Piece:
    return Piece(i, 0, len(takes[i].t_s))


def _listed(people: object) -> str:
    names = sorted(people)  # type: ignore[type-var, call-overload]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
