from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solecore.wire import messages as m
from solecore.wire.frame import FrameDecoder, encode_frame
from solekit import numpy_kernels
from solekit.link import CREDIT_EVERY, HOLD, HOLD_S, Data, Link, Reply
from solekit.loss import account

BOOT = 7


def begun(first: int = 0, imu_axes: int = 6) -> Link:
    link = Link()
    link.begin(BOOT, (first,) * m.N_STREAMS, imu_axes)
    return link


def seqs(items) -> list[int]:
    return [item.seq for item in items]


def decoded(data: bytes) -> list[bytes]:
    return FrameDecoder(numpy_kernels).feed(data)


def test_messages_in_order_pass_at_once(wire):
    link = begun()
    for seq in (0, 3, 6):
        (item,) = link.feed(0.1 * seq, wire.framed(wire.frames(seq, 3)))
        assert (item.seq, item.n, item.t_s) == (seq, 3, 0.1 * seq)
    assert not link.finish((9, 0, 0, 0, 0))
    assert link.streams[m.PRESSURE].n_received == 9
    assert not link.streams[m.PRESSURE].holes


def test_a_late_message_is_waited_for_and_passes_in_order(wire):
    link = begun()
    assert seqs(link.feed(0, wire.framed(wire.frames(0)))) == [0]
    assert link.feed(0.01, wire.framed(wire.frames(2), wire.frames(3))) == []
    assert seqs(link.feed(0.02, wire.framed(wire.frames(1)))) == [1, 2, 3]
    assert not link.streams[m.PRESSURE].holes


def test_what_comes_after_it_was_given_up_still_closes_its_hole(wire):
    link = begun()
    out = link.feed(0, wire.framed(*(wire.frames(seq) for seq in range(2, 3 + HOLD))))
    assert seqs(out) == list(range(2, 3 + HOLD))
    assert link.streams[m.PRESSURE].holes == [(0, 2)]
    assert seqs(link.feed(0.1, wire.framed(wire.frames(1)))) == [1]
    assert link.streams[m.PRESSURE].holes == [(0, 1)]


def test_rare_events_do_not_wait_long_for_a_lost_one(wire):
    link = begun()
    assert link.feed(1.0, wire.framed(wire.event(1))) == []
    assert seqs(link.feed(1.0 + 0.9 * HOLD_S, wire.framed(wire.frames(0)))) == [0]
    assert seqs(link.feed(1.0 + 1.1 * HOLD_S, wire.framed(wire.frames(1)))) == [1, 1]
    assert link.streams[m.EVENTS].holes == [(0, 1)]


def test_a_message_that_comes_twice_counts_once(wire):
    link = begun()
    data = wire.framed(wire.frames(0), wire.frames(0), wire.frames(2), wire.frames(2))
    assert seqs(link.feed(0, data)) == [0]
    assert seqs(link.finish((3, 0, 0, 0, 0))) == [2]
    stream = link.streams[m.PRESSURE]
    assert (stream.n_received, stream.n_duplicates, stream.holes) == (2, 2, [(1, 2)])


def test_a_message_that_overlaps_others_is_refused(wire):
    link = begun()
    link.feed(0, wire.framed(wire.frames(0), wire.frames(4, 4), wire.frames(6, 4)))
    assert seqs(link.finish((10, 0, 0, 0, 0))) == [4]
    stream = link.streams[m.PRESSURE]
    assert stream.n_duplicates == 1
    assert stream.holes == [(1, 4), (8, 10)]


def test_what_comes_after_the_end_is_not_taken(wire):
    link = begun()
    link.feed(0, wire.framed(wire.frames(0)))
    link.finish((5, 0, 0, 0, 0))
    assert link.feed(9, wire.framed(wire.frames(3))) == []
    assert link.streams[m.PRESSURE].holes == [(1, 5)]


@pytest.mark.parametrize(
    "message",
    [
        m.FRAMES_RAW8.pack(BOOT, 9, 0, 0, 0, 1, rest=b"1234"),
        m.FRAMES_RAW8.pack(BOOT, m.EVENTS, 0, 0, 0, 1, rest=b"1234"),
        m.FRAMES_RAW8.pack(BOOT, m.PRESSURE, 0, 0, 0, 0),
        m.FRAMES_RAW8.pack(BOOT, m.PRESSURE, 1 << 30, 0, 0, 1, rest=b"1234"),
        m.EVENT.pack(BOOT, m.EVENTS, 0, 0, 0, 1, 1, 1)[:-1],
        m.EVENT.pack(BOOT, m.EVENTS, 0, 0, 0, 1, 1, 1) + b"!",
        m.FRAME_CODED8.pack(BOOT, m.PRESSURE, 0, 0, 0, 1, 1)[:-1],
        m.IMU_SAMPLES.pack(BOOT, m.IMU, 0, 0, 0, rest=b"1234"),
        b"\x20",
        b"\x3e" + bytes(40),
        m.PING.pack(1),
        b"\xee" + bytes(5),
    ],
    ids=[
        "stream out of range",
        "frames on the stream of events",
        "no frame",
        "a jump of years",
        "a short event",
        "a long event",
        "half a coded frame",
        "half an imu sample",
        "only an id",
        "data of a newer firmware",
        "our own request",
        "an unknown reply",
    ],
)
def test_a_message_that_breaks_the_protocol_is_counted_and_dropped(message, wire):
    link = begun()
    assert link.feed(0, encode_frame(message, numpy_kernels)) == []
    assert link.n_invalid == link.n_bad_frames == 1
    assert seqs(link.feed(0, wire.framed(wire.frames(0)))) == [0]
    assert not link.streams[m.PRESSURE].holes


def test_data_of_another_boot_is_told_apart(wire):
    link = begun()
    wire.boot = BOOT + 1
    assert link.feed(0, wire.framed(wire.frames(0))) == []
    assert link.n_foreign == 1


def test_data_before_the_start_is_the_tail_of_an_earlier_session(wire):
    link = Link()
    assert link.feed(0, wire.framed(wire.frames(5))) == []
    link.await_start(6)
    reply = m.START_REPLY.pack(1, BOOT, 8, 0, 0, 0, 0)
    out = link.feed(1, wire.framed(wire.frames(6), reply, wire.frames(8)))
    assert isinstance(out[0], Reply)
    assert seqs(out[1:]) == [8]
    assert link.n_foreign == link.n_invalid == 0


def test_credit_is_given_for_what_has_come(wire):
    link = begun()
    for seq in range(CREDIT_EVERY):
        assert link.outgoing() == []
        link.feed(0, wire.framed(wire.frames(3 * seq, 3)))
    (credit,) = decoded(b"".join(link.outgoing()))
    fields = m.CREDIT.unpack(credit)
    assert fields == {"boot": BOOT, "stream": m.PRESSURE, "seq": 3 * CREDIT_EVERY}
    assert link.outgoing() == []


def test_credit_counts_what_was_lost_so_that_a_cut_does_not_starve_the_insole(wire):
    link = begun()
    link.feed(0, wire.framed(wire.frames(0)))
    link.feed(0.1, wire.framed(wire.frames(40)))
    (credit,) = decoded(b"".join(link.outgoing()))
    assert m.CREDIT.unpack(credit)["seq"] == 41


def test_credit_that_was_lost_is_made_good_by_the_next_message(wire):
    link = begun()
    for seq in range(CREDIT_EVERY):
        link.feed(0, wire.framed(wire.frames(seq)))
    assert link.outgoing()
    link.feed(0.1, wire.framed(wire.frames(CREDIT_EVERY)))
    assert not link.outgoing()
    link.feed(0.25, wire.framed(wire.frames(CREDIT_EVERY + 1)))
    (credit,) = decoded(b"".join(link.outgoing()))
    assert m.CREDIT.unpack(credit)["seq"] == CREDIT_EVERY + 2
    link.feed(1.0, wire.framed(wire.frames(3)))
    assert not link.outgoing()


def test_every_stream_earns_its_own_credit(wire):
    link = begun()
    for seq in range(CREDIT_EVERY):
        link.feed(0, wire.framed(wire.frames(seq), wire.event(seq)))
    credits = [m.CREDIT.unpack(message) for message in decoded(b"".join(link.outgoing()))]
    assert [(c["stream"], c["seq"]) for c in credits] == [(0, CREDIT_EVERY), (2, CREDIT_EVERY)]


def test_a_hole_in_coded_frames_asks_once_for_a_key_frame(wire):
    link = begun()
    link.feed(0, wire.framed(wire.coded(0, 0)))
    for seq in range(2, 2 + HOLD + 2):
        link.feed(0, wire.framed(wire.coded(seq, 1)))
    asked = [
        message for message in decoded(b"".join(link.outgoing())) if message[0] == m.KEY.msg_id
    ]
    assert [m.KEY.unpack(message)["ref"] for message in asked] == [0]


def test_requests_are_numbered_and_hello_names_the_protocol():
    link = Link()
    refs = [link.request(m.PING)[0] for _ in range(300)]
    assert set(refs) == set(range(1, 256))  # 0 is for requests whose answer nobody awaits
    assert refs[0] != refs[1]
    (hello,) = decoded(link.request(m.HELLO)[1])
    assert m.HELLO.unpack(hello)["protocol"] == m.PROTOCOL_VERSION


@pytest.mark.parametrize("rest", [b"", b"\x01", bytes(200)])
def test_a_hello_of_another_version_is_understood_whatever_its_layout(rest):
    link = Link()
    ref, _ = link.request(m.HELLO)
    message = bytes((m.HELLO_REPLY.msg_id, m.PROTOCOL_VERSION + 1)) + rest
    (reply,) = link.feed(0, encode_frame(message, numpy_kernels))
    assert (reply.ref, reply.fields["protocol"]) == (ref, m.PROTOCOL_VERSION + 1)


@st.composite
def deliveries(draw):
    """Return sizes of messages, and which arrive in what order (some twice, some never)."""
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=60))
    copies = draw(st.lists(st.integers(0, 3), min_size=len(sizes), max_size=len(sizes)))
    order = [i for i, n in enumerate(copies) for _ in range(n)]
    distance = draw(st.sampled_from([0, 2, 12, 200]))  # how far a message may stray
    rng = random.Random(draw(st.integers(0, 2**32)))
    order.sort(key=lambda i: i + rng.uniform(0, distance))
    step_s = draw(st.sampled_from([0.0, 0.01, 0.1, 1.0]))
    return sizes, order, step_s


@given(deliveries(), st.integers(0, 1 << 31))
@settings(max_examples=300, deadline=None)
def test_whatever_the_air_does_sampled_is_received_plus_missing(plan, first):
    sizes, order, step_s = plan
    starts = [first]
    for size in sizes:
        starts.append(starts[-1] + size)
    link = begun(first)
    out: list[Data] = []
    for k, i in enumerate(order):
        message = m.FRAMES_RAW8.pack(
            BOOT, m.PRESSURE, starts[i], 0, 0, sizes[i], rest=bytes(sizes[i])
        )
        out += link.feed(k * step_s, encode_frame(message, numpy_kernels))
        assert len(link.streams[m.PRESSURE].held) <= HOLD
    out += link.finish((starts[-1],) + (first,) * 4)
    stream = link.streams[m.PRESSURE]
    came = sorted({starts[i] for i in order})
    assert sorted(seqs(out)) == came
    assert stream.n_duplicates == len(order) - len(came)
    size_of = dict(zip(starts, sizes, strict=False))
    missing = set(range(first, starts[-1]))
    for seq in came:
        missing -= set(range(seq, seq + size_of[seq]))
    holes = [seq for start, end in stream.holes for seq in range(start, end)]
    assert sorted(holes) == sorted(missing)
    assert len(holes) == len(set(holes))
    assert stream.n_received + len(missing) == starts[-1] - first
    loss = account(out, first, starts[-1], stream.n_duplicates)
    assert loss.holds
    assert (loss.received, loss.missing) == (stream.n_received, len(missing))
    assert {seq for start, end in loss.holes for seq in range(start, end)} == missing


@given(st.lists(st.binary(max_size=400), max_size=20), st.booleans())
@settings(max_examples=200, deadline=None)
def test_noise_never_raises_and_the_next_message_is_read(chunks, awaits_start):
    link = begun()
    if awaits_start:
        link.await_start(3)
    for k, chunk in enumerate(chunks):
        link.feed(0.001 * k, chunk)
    link.begin(BOOT, (0,) * m.N_STREAMS, 6)
    message = m.FRAMES_RAW8.pack(BOOT, m.PRESSURE, 0, 0, 0, 1, rest=b"1234")
    out = link.feed(1, b"\x00" + encode_frame(message, numpy_kernels))
    assert seqs(out) == [0]


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_content_with_a_good_checksum_is_survived(messages):
    link = begun()
    link.await_start(3)
    link.begin(0, (0,) * m.N_STREAMS, 3)
    for message in messages:
        link.feed(0, encode_frame(message, numpy_kernels))
    link.finish(None)
