"""Pressure frames in their three forms: what the encoder writes, the plain decoder reads."""

import random
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solecore import _plain
from solecore.codec.decoder import decode_coded8, unpack12
from solecore.codec.encoder import FrameEncoder
from solecore.codec.forms import DELTA_FRAME, KEY_FRAME, PLAIN_FRAME, frame_size
from solecore.wire import messages as m
from solecore.wire.schema import WireError
from solekit import numpy_kernels

AT = m.HEADER_SIZE
SIZES = [1, 2, 3, 4, 16, 17, 126, 127, 128, 254, 255, 609, 660, 955, 1184]
KERNELS = pytest.mark.parametrize("kernels", [_plain, numpy_kernels], ids=["plain", "numpy"])


def cells_of(n: int, seed: int) -> list[bytes]:
    """Return frames of every character: empty, full, sparse, dense, worst for the tokens."""
    rng = random.Random(seed)
    return [
        bytes(n),
        b"\xff" * n,
        rng.randbytes(n),
        bytes(rng.randrange(256) if rng.random() < 0.2 else 0 for _ in range(n)),
        bytes(9 if i % 4 == 0 else 0 for i in range(n)),  # a token for almost every cell
        bytes(200 if n // 3 <= i < n // 2 else 0 for i in range(n)),
        b"\0" * (n - 1) + b"\1",
        b"\1" + b"\0" * (n - 1),
    ]


def coded(encoder: FrameEncoder, cells: bytes, before: bytes) -> bytes:
    out = bytearray(m.MAX_MESSAGE + 4)
    end = encoder.encode_into(None, bytearray(cells), bytearray(before), out, AT)
    assert end <= AT + 2 + len(cells)  # never longer than the cells as they are
    return bytes(out[AT:end])


def read(body: bytes, before: bytes, n: int) -> bytes:
    return decode_coded8(body[0], body[1], body[2:], before, n)


@KERNELS
@pytest.mark.parametrize("n", SIZES)
def test_coded_frames_come_back_whatever_follows_whatever(kernels, n):
    frames = cells_of(n, n)
    encoder = FrameEncoder(m.CODED8, n, 4, kernels)
    before = bytes(n)
    modes = set()
    for i in range(3 * len(frames)):
        cells = frames[i * 5 % len(frames)]
        body = coded(encoder, cells, before)
        modes.add(body[0])
        assert read(body, before, n) == cells
        before = cells
    assert n < 16 or KEY_FRAME in modes
    assert n < 16 or DELTA_FRAME in modes


@given(
    cells=st.binary(min_size=1, max_size=400),
    change=st.lists(st.tuples(st.integers(0, 399), st.integers(0, 255)), max_size=60),
)
@settings(max_examples=300)
def test_any_frame_and_its_successor_come_back(cells, change):
    n = len(cells)
    encoder = FrameEncoder(m.CODED8, n, 100, _plain)
    assert read(coded(encoder, cells, bytes(n)), bytes(n), n) == cells
    after = bytearray(cells)
    for at, value in change:
        after[at % n] = value
    body = coded(encoder, after, cells)
    assert read(body, cells, n) == after


def test_small_differences_travel_as_nibbles_and_large_ones_as_escapes():
    cells = bytes((10,) * 16)
    encoder = FrameEncoder(m.CODED8, 16, 100, _plain)
    coded(encoder, cells, bytes(16))
    body = coded(encoder, bytes((17, 3, 10, 60)) + cells[4:], cells)  # +7, -7, 0, +50
    assert body == bytes((DELTA_FRAME, 2, 128 + 4, 12, 1 << 4 | 15, 0 << 4 | 8, 50))


def test_a_key_frame_comes_at_least_every_so_many_frames():
    encoder = FrameEncoder(m.CODED8, 660, 30, _plain)
    cells = random.Random(1).randbytes(660)
    modes = [coded(encoder, cells, cells)[0] for _ in range(91)]
    assert [i for i, mode in enumerate(modes) if mode != DELTA_FRAME] == [0, 30, 60, 90]


def test_a_key_frame_comes_when_it_is_asked_for():
    encoder = FrameEncoder(m.CODED8, 16, 1000, _plain)
    cells = bytes(range(16))
    modes = []
    for i in range(6):
        if i == 3:
            encoder.force_key()
        modes.append(coded(encoder, cells, cells)[0])
    assert [mode == DELTA_FRAME for mode in modes] == [False, True, True, False, True, True]


def test_cells_that_need_too_many_tokens_travel_as_they_are():
    n = 1184
    cells = bytes(9 if i % 4 == 0 else 0 for i in range(n))
    assert _plain.code8(cells, bytes(n), bytearray(n + 4), n) == 0
    body = coded(FrameEncoder(m.CODED8, n, 1, _plain), cells, bytes(n))
    assert body == bytes((PLAIN_FRAME, 0)) + cells


def test_a_frame_that_coding_would_lengthen_travels_as_it_is():
    cells = bytes(range(1, 17))
    body = coded(FrameEncoder(m.CODED8, 16, 1, _plain), cells, bytes(16))
    assert body == bytes((PLAIN_FRAME, 0)) + cells


def test_a_delta_frame_may_follow_a_plain_one():
    encoder = FrameEncoder(m.CODED8, 16, 100, _plain)
    cells = bytes(range(1, 17))
    assert coded(encoder, cells, bytes(16))[0] == PLAIN_FRAME
    body = coded(encoder, cells, cells)
    assert body == bytes((DELTA_FRAME, 1, 16))
    assert read(body, cells, 16) == cells


@KERNELS
@pytest.mark.parametrize("n", SIZES)
def test_raw8_is_the_cells(kernels, n):
    for cells in cells_of(n, n):
        out = bytearray(n + 40)
        end = FrameEncoder(m.RAW8, n, 1, kernels).encode_into(
            None, bytearray(cells), None, out, 17
        )
        assert (end, out[17:end], any(out[:17]), any(out[end:])) == (17 + n, cells, False, False)


@KERNELS
@pytest.mark.parametrize("n", SIZES)
def test_raw12_comes_back_at_both_ends_of_its_range(kernels, n):
    rng = random.Random(n)
    for raw in ([0] * n, [4095] * n, [rng.randrange(4096) for _ in range(n)]):
        out = bytearray(2 * n + 40)
        encoder = FrameEncoder(m.RAW12, n, 1, kernels)
        end = encoder.encode_into(array("H", raw), None, None, out, 15)
        assert end == 15 + frame_size(m.RAW12, n)
        assert unpack12(out, n, 15) == raw
        assert not any(out[end:])


def test_frames_of_raw12_follow_each_other_in_one_message():
    frames = [[i, 4095 - i, 7 * i] for i in range(5)]
    encoder = FrameEncoder(m.RAW12, 3, 1, _plain)
    out = bytearray(100)
    at = 0
    for raw in frames:
        at = encoder.encode_into(array("H", raw), None, None, out, at)
    assert [unpack12(out, 3, 5 * i) for i in range(5)] == frames


@pytest.mark.parametrize(
    ("mode", "n_tokens", "body"),
    [
        (3, 0, b""),  # no such mode
        (KEY_FRAME, 0, b""),  # covers nothing
        (KEY_FRAME, 2, b"\x04"),  # fewer bytes than tokens
        (KEY_FRAME, 1, b"\x03"),  # a cell short
        (KEY_FRAME, 1, b"\x05"),  # a cell too far
        (KEY_FRAME, 1, b"\x84\1\2\3"),  # literals cut off
        (KEY_FRAME, 1, b"\x85\1\2\3\4\5"),  # literals beyond the last cell
        (KEY_FRAME, 1, b"\x84\1\2\3\4\5"),  # bytes left over
        (DELTA_FRAME, 1, b"\x84\x88"),  # nibbles cut off
        (DELTA_FRAME, 1, b"\x84\x80\x88"),  # escape without its byte
        (DELTA_FRAME, 1, b"\x84\x88\x88\x01"),  # byte without its escape
        (PLAIN_FRAME, 0, b"\1\2\3"),
        (PLAIN_FRAME, 0, b"\1\2\3\4\5"),
    ],
)
def test_a_body_that_does_not_add_up_is_a_wire_error(mode, n_tokens, body):
    with pytest.raises(WireError):
        decode_coded8(mode, n_tokens, body, bytes(4), 4)
