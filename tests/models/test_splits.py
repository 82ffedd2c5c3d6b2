import numpy as np
import pytest

from models.data import splits
from models.data.splits import Piece, Split
from models.data.takes import Take
from models.data.windows import Windows
from solekit.errors import DataError
from solekit.inference.frames import N_FRAMES, RATE_HZ
from solekit.layouts import named

GUARD = round(splits.GUARD_S * RATE_HZ)


def take(person="a", n=600, bad=()):
    is_valid = np.ones(n, bool)
    is_valid[list(bad)] = False
    zero = np.zeros((n, 4), np.float32)
    return Take(
        person=person,
        action="walk",
        t_s=np.arange(n) / RATE_HZ,
        load={"left": zero, "right": zero},
        keypoints_m=np.zeros((n, 19, 3), np.float32),
        stature_m=1.7,
        is_valid=is_valid,
    )


def used(pieces):
    return {(p.take_index, i) for p in pieces for i in range(p.start, p.stop)}


def distance(split):
    return min(abs(a - b) - 1 for i, a in used(split.test) for j, b in used(split.train) if i == j)


def test_split_by_person_puts_nobody_on_both_sides():
    takes = [take(person) for person in "abcdeabcde"]
    split = splits.by_person(takes, share=0.4, seed=3)
    people = [{takes[p.take_index].person for p in part} for part in (split.train, split.test)]
    assert not people[0] & people[1]
    assert len(people[1]) == 2
    assert len(split.train) + len(split.test) == len(takes)
    splits.check(takes, split, is_by_person=True)
    assert splits.by_person(takes, share=0.4, seed=3) == split


def test_leave_one_out_tests_everybody_once():
    takes = [take(person) for person in "abca"]
    found = dict(splits.leave_one_out(takes))
    assert [p.take_index for p in found["a"].test] == [0, 3]
    assert sorted(found) == ["a", "b", "c"]


def test_split_by_time_keeps_the_guard_and_the_last_part():
    takes = [take(n=1000), take(n=60)]
    split = splits.by_time(takes, share=0.3)
    assert split.test == [Piece(0, 700, 1000)]
    assert split.train == [Piece(0, 0, 700 - GUARD), Piece(1, 0, 60)]
    splits.check(takes, split)


@pytest.mark.parametrize("n", [1000, 1003])
@pytest.mark.parametrize("guard_s", [0.0, 0.5, 2.0])
def test_blocks_are_a_guard_apart(n, guard_s):
    takes = [take(n=n)]
    split = splits.by_block(takes, n_blocks=10, test_every=3, guard_s=guard_s)
    assert len(split.test) == 3
    assert distance(split) == splits.guard_frames(guard_s)
    splits.check(takes, split, guard_s=guard_s)


def test_windows_lie_inside_a_piece_and_have_no_gap():
    windows = Windows([take(n=100, bad=[80])], named("cells-4", "left"))
    firsts = windows.all(where=[Piece(0, 10, 95)])
    assert firsts.tolist() == [[0, first] for first in range(10, 41)]
    assert firsts[:, 1].max() + N_FRAMES == 80
    assert windows.all(every=5)[:, 1].tolist() == list(range(0, 41, 5))


def test_windows_of_a_checked_split_never_share_a_frame():
    takes = [take(n=900), take("b", n=900)]
    split = splits.by_block(takes)
    windows = Windows(takes, named("cells-4", "left"))
    frames = [
        {(i, first + k) for i, first in windows.all(where=part) for k in range(N_FRAMES)}
        for part in (split.train, split.test)
    ]
    assert all(frames)
    assert not frames[0] & frames[1]


def test_a_frame_wise_split_is_refused():
    with pytest.raises(DataError, match="frame-wise split of 1 takes is refused"):
        splits.by_frame([take(n=400)], share=0.3)


@pytest.mark.parametrize(
    ("split", "match"),
    [
        (Split([Piece(0, 0, 300)], [Piece(0, 299, 600)]), "share frames"),
        (Split([Piece(0, 0, 300)], [Piece(0, 310, 600)]), "0.71 s apart"),
        (Split([Piece(0, 0, 300)], []), "test part of the split is empty"),
        (Split([Piece(0, 0, 300)], [Piece(1, 0, 300)]), "there are 1 takes"),
        (Split([Piece(0, 0, 300)], [Piece(0, 400, 700)]), "which has 600 frames"),
    ],
)
def test_a_split_that_leaks_or_lies_is_refused(split, match):
    with pytest.raises(DataError, match=match):
        splits.check([take()], split)


def test_one_person_on_both_sides_is_refused_when_asked():
    takes = [take(), take()]
    split = Split([Piece(0, 0, 600)], [Piece(1, 0, 600)])
    splits.check(takes, split)
    with pytest.raises(DataError, match="person 'a' is in both parts"):
        splits.check(takes, split, is_by_person=True)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: splits.by_person([take()]), "1 people"),
        (lambda: splits.by_person([take(), take("b")], share=1.0), "share of 1"),
        (lambda: splits.without([take()], ["z"]), "no take is of person 'z'"),
        (lambda: splits.without([take()], ["a"]), "nobody is left"),
        (lambda: splits.by_time([take(n=50)]), "no take is long enough"),
        (lambda: splits.by_block([take()], n_blocks=1), "1 blocks"),
        (lambda: splits.by_time([take()], guard_s=-1.0), "guard of -1 s"),
    ],
)
def test_splits_that_cannot_be_are_refused_in_a_sentence(make, match):
    with pytest.raises(DataError, match=match):
        make()
