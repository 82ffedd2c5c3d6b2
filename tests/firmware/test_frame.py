"""COBS and CRC-32 on a byte stream: any length, any split, any noise, bounded memory."""

import itertools
import random
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solecore import _plain
from solecore.wire.frame import CRC_SIZE, MAX_FRAME, FrameDecoder, encode_frame, put_crc
from solecore.wire.messages import MAX_MESSAGE
from solekit import numpy_kernels

LENGTHS = [*range(1, 20), *range(245, 262), *range(500, 516), *range(1195, 1201)]
KERNELS = pytest.mark.parametrize("kernels", [_plain, numpy_kernels], ids=["plain", "numpy"])


def contents(n: int) -> list[bytes]:
    noise = random.Random(n).randbytes(n)
    full = bytes(1 + i % 255 for i in range(n))  # no zero at all
    return [bytes(n), full, noise, b"\0" + full[1:], full[:-1] + b"\0", b"\xff" * n]


def naive_cobs(data: bytes) -> bytes:
    """Consistent overhead byte stuffing as the paper has it, and the delimiter."""
    out, group = bytearray(), bytearray()
    is_full = False
    for byte in data:
        is_full = False
        if byte:
            group.append(byte)
        if not byte or len(group) == 254:
            out += bytes((len(group) + 1,)) + group
            is_full = bool(byte)
            group.clear()
    if not is_full:
        out += bytes((len(group) + 1,)) + group
    return bytes(out) + b"\0"


@KERNELS
def test_every_length_around_a_block_comes_back_as_it_was(kernels):
    for n in LENGTHS:
        for message in contents(n):
            frame = encode_frame(message, kernels)
            trailer = struct.pack("<I", zlib.crc32(message))
            assert frame == naive_cobs(message + trailer)
            assert frame.count(0) == 1
            assert len(frame) <= MAX_FRAME
            decoder = FrameDecoder(kernels)
            assert decoder.feed(frame) == [message]
            assert decoder.n_dropped == 0


@KERNELS
@pytest.mark.parametrize(
    "n", [*range(0, 20), *range(245, 262), *range(500, 516), *range(1195, 1205)]
)
def test_stuffing_alone_is_undone_for_bodies_of_every_shape(kernels, n):
    for body in contents(n):
        out = bytearray(MAX_FRAME)
        size = kernels.cobs(body, out, len(body))
        assert bytes(out[:size]) == naive_cobs(body)
        assert kernels.uncobs(bytes(out[: size - 1])) == body


@given(data=st.binary(max_size=700))
def test_both_unstuffers_say_the_same_of_any_bytes(data):
    assert _plain.uncobs(data) == numpy_kernels.uncobs(data)


@pytest.mark.parametrize("n", [0, MAX_MESSAGE + 1])
def test_a_message_without_bytes_or_with_too_many_is_not_framed(n):
    with pytest.raises(ValueError, match="limit 1 to 1200"):
        encode_frame(bytes(n), _plain)


def test_a_slot_of_the_outbox_is_framed_in_place_like_a_message():
    message = bytes(range(256)) * 4
    slot = bytearray(message) + bytearray(CRC_SIZE)
    end = put_crc(slot, len(message), memoryview(slot)[: len(message)])
    out = bytearray(MAX_FRAME)
    size = _plain.cobs(slot, out, end)
    assert bytes(out[:size]) == encode_frame(message, _plain)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(at)]


@given(
    messages=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=6),
    cuts=st.lists(st.integers(0, 5000), max_size=20),
)
def test_any_split_gives_the_same_messages(messages, cuts):
    stream = b"".join(encode_frame(message, _plain) for message in messages)
    decoder = FrameDecoder(numpy_kernels)
    assert [m for piece in pieces(stream, cuts) for m in decoder.feed(piece)] == messages
    assert decoder.n_dropped == 0


@given(message=st.binary(min_size=1, max_size=600))
@settings(max_examples=20)
def test_one_byte_at_a_time_is_enough(message):
    decoder = FrameDecoder(_plain)
    frame = encode_frame(message, _plain)
    assert [m for byte in frame for m in decoder.feed(bytes((byte,)))] == [message]


@given(
    noise=st.binary(max_size=4000),
    message=st.binary(min_size=1, max_size=1200),
    cuts=st.lists(st.integers(0, 6000), max_size=8),
)
def test_after_any_noise_and_a_delimiter_the_next_frame_is_read(noise, message, cuts):
    decoder = FrameDecoder(_plain)
    got = []
    for piece in pieces(noise + b"\0" + encode_frame(message, _plain), cuts):
        got += decoder.feed(piece)
    assert got[-1] == message
    assert decoder.n_dropped >= (len(got) == 1 and any(noise))


def test_every_bit_flipped_in_the_first_of_two_frames_in_one_chunk_leaves_the_second():
    first, second = bytes(range(40)), b"second" * 50
    frame = encode_frame(first, _plain)
    for bit in range(8 * (len(frame) - 1)):  # all but the delimiter between the two
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        decoder = FrameDecoder(_plain)
        assert decoder.feed(bytes(broken) + encode_frame(second, _plain)) == [second]
        assert decoder.n_dropped >= 1


def test_a_frame_that_lost_its_delimiter_takes_only_its_neighbour_along():
    decoder = FrameDecoder(_plain)
    frames = [encode_frame(bytes((i,)) * 9, _plain) for i in range(3)]
    assert decoder.feed(frames[0][:-1] + frames[1] + frames[2]) == [b"\2" * 9]
    assert decoder.n_dropped == 1


def test_empty_frames_between_delimiters_are_no_error():
    decoder = FrameDecoder(_plain)
    assert decoder.feed(b"\0\0\0" + encode_frame(b"hello", _plain) + b"\0\0") == [b"hello"]
    assert decoder.n_dropped == 0


def test_a_good_crc_over_nothing_is_no_message():
    out = bytearray(MAX_FRAME)
    size = _plain.cobs(struct.pack("<I", zlib.crc32(b"")), out, CRC_SIZE)
    decoder = FrameDecoder(_plain)
    assert decoder.feed(bytes(out[:size])) == []
    assert decoder.n_dropped == 1


@KERNELS
def test_a_message_over_the_limit_is_dropped_even_with_a_good_crc(kernels):
    body = bytes(range(1, 252)) * 4 + b"\1" * (MAX_MESSAGE + 1 - 4 * 251)
    out = bytearray(2 * MAX_FRAME)
    size = kernels.cobs(body + struct.pack("<I", zlib.crc32(body)), out, len(body) + CRC_SIZE)
    decoder = FrameDecoder(kernels)
    assert decoder.feed(bytes(out[:size]) + encode_frame(b"next", kernels)) == [b"next"]
    assert decoder.n_dropped == 1


def held_bytes(decoder: FrameDecoder) -> int:
    return sum(len(v) for v in vars(decoder).values() if isinstance(v, bytes | bytearray | list))


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=900), min_size=1, max_size=12),
    repeat=st.integers(1, 40),
    message=st.binary(min_size=1, max_size=1200),
)
@settings(max_examples=60)
def test_endless_garbage_is_held_in_bounded_memory_and_ends_with_a_delimiter(
    chunks, repeat, message
):
    decoder = FrameDecoder(numpy_kernels)
    for _ in range(repeat):
        for chunk in chunks:
            decoder.feed(chunk.replace(b"\0", b"\1"))  # never a delimiter
            assert held_bytes(decoder) <= MAX_FRAME
    assert decoder.feed(b"\0" + encode_frame(message, _plain)) == [message]
    assert decoder.n_dropped == 1  # all of it is one broken frame


def test_garbage_with_delimiters_never_raises_and_never_piles_up():
    rng = random.Random(5)
    decoder = FrameDecoder(_plain)
    for _ in range(300):
        decoder.feed(
            bytes(rng.choices((0, 1, 2, 255, rng.randrange(256)), k=rng.randrange(1, 2000)))
        )
        assert held_bytes(decoder) <= MAX_FRAME
