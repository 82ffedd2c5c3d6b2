"""The plain decoder and the host's batch decoder read the same and refuse the same."""

import itertools
import random
from array import array

from hypothesis import given, settings
from hypothesis import strategies as st

from solecore import _plain
from solecore.codec.decoder import decode_coded8, unpack12
from solecore.codec.encoder import FrameEncoder
from solecore.codec.forms import DELTA_FRAME
from solecore.wire import messages as m
from solecore.wire.schema import WireError
from solekit.decode import PressureDecoder
from solekit.link import Data

AT = m.HEADER_SIZE
PERIOD_US = 10_000


def walk(rng: random.Random, n_cells: int, n_frames: int) -> list[bytes]:
    """Return frames that change a little, a lot, or not at all."""
    cells = bytearray(n_cells)
    out = []
    for _ in range(n_frames):
        share = rng.choice((0, 0.02, 0.3, 1))
        for i in range(n_cells):
            if rng.random() < share:
                cells[i] = rng.choice(
                    (0, 255, rng.randrange(256), (cells[i] + rng.randrange(-8, 9)) & 255)
                )
        out.append(bytes(cells))
    return out


def messages_of(rng: random.Random, frames: list[bytes], key_every: int) -> list[bytearray]:
    n = len(frames[0])
    encoder = FrameEncoder(m.CODED8, n, key_every, _plain)
    before, out = bytearray(n), []
    for cells in frames:
        buf = bytearray(m.MAX_MESSAGE + 4)
        buf[0] = m.FRAME_CODED8.msg_id
        end = encoder.encode_into(None, bytearray(cells), before, buf, AT)
        before = bytearray(cells)
        out.append(buf[:end])
    return out


def mutate(rng: random.Random, message: bytearray) -> None:
    """Break ``message`` behind its header; the host's link lets nothing shorter pass than that."""
    kind = rng.randrange(4)
    if kind == 0 and len(message) > AT:
        message[rng.randrange(AT, len(message))] = rng.choice((0, 1, 2, 127, 128, 129, 255))
    elif kind == 1:
        message[rng.randrange(AT, min(AT + 4, len(message)))] ^= 1 << rng.randrange(8)
    elif kind == 2:
        del message[rng.randrange(AT + 1, len(message) + 1) :]
    else:
        message += rng.randbytes(rng.randrange(1, 4))


def read_plainly(items: list[Data], n: int) -> tuple[dict[int, bytes], list[int]]:
    """Return the frames by sequence number and what is lost, one frame at a time."""
    got, lost = {}, []
    last, last_seq = None, None
    for item in items:
        mode, rest = item.message[AT], item.message[AT + 1 :]
        try:
            if not rest:
                raise WireError("no number of tokens")
            if mode == DELTA_FRAME and (last is None or item.seq != last_seq + 1):
                raise WireError("hangs on a frame that never came")
            last = decode_coded8(mode, rest[0], rest[1:], last, n)
            got[item.seq] = last
        except WireError:
            last = None
            lost.append(item.seq)
        last_seq = item.seq
    return got, lost


def read_in_batches(
    items: list[Data], n: int, cuts: list[int]
) -> tuple[dict[int, bytes], list[int]]:
    decoder = PressureDecoder(n, PERIOD_US)
    got = {}
    at = sorted({0, len(items), *(cut % (len(items) + 1) for cut in cuts)})
    for a, b in itertools.pairwise(at):
        for frames in decoder.decode(items[a:b]):
            got |= {
                int(seq): row.tobytes() for seq, row in zip(frames.seq, frames.values, strict=True)
            }
    assert decoder.undecodable == len(decoder.lost)
    return got, decoder.lost


def data_of(messages: list[bytearray]) -> list[Data]:
    return [Data(0.0, m.PRESSURE, i, 1, i * PERIOD_US, bytes(x)) for i, x in enumerate(messages)]


@given(
    seed=st.integers(0, 1 << 32),
    n_cells=st.sampled_from([1, 2, 4, 16, 61, 300, 660]),
    n_frames=st.integers(1, 8),
    key_every=st.integers(1, 6),
    n_mutated=st.integers(0, 4),
    n_dropped=st.integers(0, 2),
    cuts=st.lists(st.integers(0, 8), max_size=3),
)
@settings(max_examples=500, deadline=None)
def test_whole_broken_cut_and_missing_frames_are_read_alike(
    seed, n_cells, n_frames, key_every, n_mutated, n_dropped, cuts
):
    rng = random.Random(seed)
    frames = walk(rng, n_cells, n_frames)
    messages = messages_of(rng, frames, key_every)
    for _ in range(n_mutated):
        mutate(rng, rng.choice(messages))
    items = data_of(messages)
    for _ in range(min(n_dropped, len(items) - 1)):
        items.pop(rng.randrange(len(items)))
    plain = read_plainly(items, n_cells)
    assert read_in_batches(items, n_cells, cuts) == plain
    if not n_mutated and not n_dropped:
        assert plain == (dict(enumerate(frames)), [])


@given(body=st.binary(max_size=40), mode=st.integers(0, 3), n_cells=st.integers(1, 20))
@settings(max_examples=500, deadline=None)
def test_a_body_of_any_bytes_is_read_alike(body, mode, n_cells):
    key = messages_of(random.Random(0), [bytes(range(n_cells))], 1)[0]
    items = data_of([key, bytearray(AT) + bytes((mode,)) + body])
    items = [
        Data(0.0, 0, i, 1, 0, bytes((m.FRAME_CODED8.msg_id,)) + d.message[1:])
        for i, d in enumerate(items)
    ]
    assert read_in_batches(items, n_cells, []) == read_plainly(items, n_cells)


def test_a_message_that_ends_before_its_tokens_is_lost_and_not_an_accident():
    key = messages_of(random.Random(0), [bytes(4)], 1)[0]
    assert read_in_batches(data_of([key, key[: AT + 1]]), 4, []) == ({0: bytes(4)}, [1])


def test_raw_frames_have_the_same_values_and_their_own_times():
    rng = random.Random(3)
    for n_cells, n in ((1, 3), (4, 33), (16, 8), (61, 2), (609, 1)):
        frames = [
            [rng.choice((0, 4095, rng.randrange(4096))) for _ in range(n_cells)] for _ in range(n)
        ]
        message = bytearray(m.MAX_MESSAGE)
        message[0], message[AT] = m.FRAMES_RAW12.msg_id, n
        end = AT + 1
        for raw in frames:
            end = _plain.pack12(array("H", raw), message, n_cells, end)
        (out,) = PressureDecoder(n_cells, PERIOD_US).decode(
            [Data(0, 0, 5, n, 70, bytes(message[:end]))]
        )
        assert out.values.tolist() == frames
        size = (3 * n_cells + 1) // 2
        assert [unpack12(message, n_cells, AT + 1 + i * size) for i in range(n)] == frames
        assert out.seq.tolist() == list(range(5, 5 + n))
        assert out.foot_us.tolist() == [70 + i * PERIOD_US for i in range(n)]


def test_raw_messages_of_a_wrong_length_are_lost_and_their_neighbours_are_not():
    good = bytes((m.FRAMES_RAW8.msg_id,)) + bytes(13) + bytes((2,)) + bytes(range(8))
    for bad in (good[:-1], good + b"\0", good[: AT + 1]):
        decoder = PressureDecoder(4, PERIOD_US)
        items = [Data(0, 0, 0, 2, 0, bad), Data(0, 0, 2, 2, 0, good), Data(0, 0, 4, 2, 0, bad)]
        (out,) = decoder.decode(items)
        assert out.seq.tolist() == [2, 3]
        assert out.values.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
        assert decoder.lost == [0, 1, 4, 5]
        for kind in (m.FRAMES_RAW8, m.FRAMES_RAW12):  # nothing but bad ones
            broken = [Data(0, 0, 0, 2, 0, bytes((kind.msg_id,)) + bad[1:])]
            assert PressureDecoder(4, PERIOD_US).decode(broken) == []
