"""BLE notifications: any message at any MTU, and what missing or stray pieces do."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solecore.wire.fragments import FIRST, LAST, MAX_PIECE, PREFIX, Assembler, piece_size, split
from solecore.wire.messages import MAX_MESSAGE

MTUS = st.integers(23, 517)


def message_of(n: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(n)


def held_bytes(assembler: Assembler) -> int:
    return sum(len(v) for v in vars(assembler).values() if isinstance(v, bytes | bytearray | list))


def feed_all(assembler: Assembler, pieces) -> list[bytes]:
    return [message for message in map(assembler.feed, pieces) if message is not None]


@given(n=st.integers(1, MAX_MESSAGE), tag=st.integers(0, 1 << 40), mtu=MTUS)
@settings(max_examples=300)
def test_any_message_comes_back_at_any_mtu(n, tag, mtu):
    message = message_of(n)
    if n > 64 * piece_size(mtu):
        with pytest.raises(ValueError, match="does not fit 64 pieces of 18"):
            split(message, tag, mtu)
        return
    pieces = split(message, tag, mtu)
    assert all(PREFIX < len(piece) <= min(mtu - 3, MAX_PIECE) for piece in pieces)
    assembler = Assembler()
    assert [assembler.feed(piece) for piece in pieces] == [None] * (len(pieces) - 1) + [message]
    assert assembler.n_dropped == 0


@pytest.mark.parametrize("mtu", range(23, 518))
def test_the_longest_message_needs_its_64_pieces_only_at_the_smallest_mtu(mtu):
    longest = min(MAX_MESSAGE, 64 * piece_size(mtu))
    assert longest == (1152 if mtu == 23 else MAX_MESSAGE)
    assert feed_all(Assembler(), split(bytes(longest), 1, mtu)) == [bytes(longest)]


def test_a_piece_says_first_last_index_and_tag():
    pieces = split(bytes(50), 0x1FE, 23)
    assert [piece[0] for piece in pieces] == [FIRST, 1, LAST | 2]
    assert all(piece[1] == 0xFE for piece in pieces)
    (whole,) = split(b"x", 3, 23)
    assert whole == bytes((FIRST | LAST, 3)) + b"x"


@pytest.mark.parametrize("n", [0, MAX_MESSAGE + 1])
def test_a_message_without_bytes_or_with_too_many_is_not_split(n):
    with pytest.raises(ValueError, match="does not fit"):
        split(bytes(n), 0, 247)


@given(n=st.integers(100, 1000), mtu=st.integers(23, 100), lost=st.integers(0, 63))
def test_a_missing_piece_is_a_missing_message_counted_once_and_the_next_is_whole(n, mtu, lost):
    pieces = split(message_of(n), 1, mtu)
    del pieces[lost % len(pieces)]
    assembler = Assembler()
    following = message_of(n, 2)
    assert feed_all(assembler, pieces + split(following, 2, mtu)) == [following]
    # What lost its very beginning leaves strays that belong to nothing that was open.
    assert assembler.n_dropped == (0 if lost % (len(pieces) + 1) == 0 else 1)


@given(n=st.integers(100, 1000), mtu=st.integers(23, 100), again=st.integers(0, 63))
def test_a_duplicated_piece_never_makes_a_wrong_message(n, mtu, again):
    message = message_of(n)
    pieces = split(message, 1, mtu)
    i = again % len(pieces)
    assembler = Assembler()
    got = feed_all(assembler, pieces[: i + 1] + pieces[i:])
    # Twice the first piece is a new beginning, twice the last comes too late to harm.
    assert got == ([message] if i in (0, len(pieces) - 1) else [])
    assert assembler.n_dropped <= 1


@given(n=st.integers(60, 1000), mtu=st.integers(23, 100), data=st.data())
def test_reordered_pieces_give_the_message_or_nothing(n, mtu, data):
    message = message_of(n)
    pieces = data.draw(st.permutations(split(message, 1, mtu)))
    assembler = Assembler()
    got = feed_all(assembler, pieces)
    assert got == [] or (got == [message] and pieces == split(message, 1, mtu))
    following = message_of(n, 2)
    assert feed_all(assembler, split(following, 2, mtu)) == [following]


@given(n=st.integers(40, 600), mtu=st.integers(23, 60), data=st.data())
def test_two_messages_with_losses_swaps_and_repeats_give_only_what_was_sent(n, mtu, data):
    sent = [message_of(n, seed) for seed in range(2)]
    pieces = [piece for tag, message in enumerate(sent) for piece in split(message, tag, mtu)]
    chosen = data.draw(st.lists(st.integers(0, len(pieces) - 1), max_size=3 * len(pieces)))
    assembler = Assembler()
    assert set(feed_all(assembler, [pieces[i] for i in chosen])) <= set(sent)
    assert held_bytes(assembler) <= MAX_MESSAGE


def test_interleaved_messages_are_dropped_and_not_mixed():
    one, two = split(bytes(100), 1, 60), split(b"\1" * 100, 2, 60)
    assembler = Assembler()
    assert feed_all(assembler, [one[0], two[0], one[1], two[1]]) == []
    assert assembler.n_dropped == 2


@pytest.mark.parametrize(
    "piece", [b"", b"\x80", b"\xc0\x00", bytes((LAST | 3, 0)) + b"x", bytes((5, 1)) + b"x"]
)
def test_a_stray_or_empty_piece_gives_nothing(piece):
    assembler = Assembler()
    assert assembler.feed(piece) is None
    assert feed_all(assembler, split(b"whole", 9, 23)) == [b"whole"]


def test_a_first_piece_with_an_index_is_refused():
    assembler = Assembler()
    assert assembler.feed(bytes((FIRST | LAST | 1, 0)) + b"x") is None
    assert assembler.n_dropped == 1


@given(st.lists(st.binary(max_size=300), max_size=200))
def test_any_pieces_are_held_in_bounded_memory(pieces):
    assembler = Assembler()
    for piece in pieces:
        message = assembler.feed(piece)
        assert message is None or len(message) <= MAX_MESSAGE
        assert held_bytes(assembler) <= MAX_MESSAGE


def test_an_endless_message_is_cut_off():
    assembler = Assembler()
    assembler.feed(bytes((FIRST, 0)) + bytes(242))
    for i in range(1, 64):
        assert assembler.feed(bytes((i, 0)) + bytes(242)) is None
        assert held_bytes(assembler) <= MAX_MESSAGE
    assert assembler.n_dropped == 1
