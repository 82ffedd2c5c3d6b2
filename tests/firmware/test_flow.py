"""From the sampling path to the link: outboxes, drops, credits, holes, restarts, time."""

import itertools
import random
from array import array

import pytest

from solecore.codec.decoder import decode_coded8
from solecore.codec.forms import DELTA_FRAME, frame_size, header_size
from solecore.layouts import NAMES
from solecore.wire import messages as m
from solecore.wire.frame import CRC_SIZE, encode_frame
from solefoot.app.outbox import Outbox
from solefoot.app.sender import STARVED_US
from solekit import numpy_kernels
from solekit.decode import PressureDecoder
from solekit.link import Data

WRAP = 1 << 30
FRAME_IDS = (m.FRAMES_RAW12.msg_id, m.FRAMES_RAW8.msg_id, m.FRAME_CODED8.msg_id)


def frames_in(sent):
    return [x for x in sent if x[0] in FRAME_IDS]


def imu_in(sent):
    return [m.IMU_SAMPLES.unpack(x) for x in sent if x[0] == m.IMU_SAMPLES.msg_id]


def header(message) -> tuple[int, int]:
    """Return sequence number and unwrapped microseconds of a data message."""
    fields = m.BY_ID[message[0]].unpack(message)
    return fields["seq"], fields["n_wraps"] * WRAP + fields["ticks"]


# -- the outbox --------------------------------------------------------------------------------


def test_an_outbox_keeps_the_newest_and_counts_the_samples_of_what_it_dropped():
    box = Outbox(3, 8)
    for i in range(10):
        buf = box.claim()
        buf[0] = i
        box.put(1 + i, m.IMU, 4 * i, 4)
    assert (box.n_waiting, box.n_dropped[m.IMU], box.n_bytes) == (3, 28, 8 + 9 + 10)
    for i in (7, 8, 9):
        assert (box.buffer()[0], box.length(), box.stream(), box.seq()) == (i, 1 + i, m.IMU, 4 * i)
        box.drop()
    assert box.n_waiting == 0


def test_an_outbox_of_any_history_gives_what_was_put_in_order():
    rng = random.Random(1)
    box, held, n_dropped = Outbox(5, 4), [], 0
    for seq in range(2000):
        if held and rng.random() < 0.45:
            assert (box.seq(), box.buffer()[0]) == (held[0], held[0] & 255)
            box.drop()
            held.pop(0)
        else:
            if len(held) == 5:
                held.pop(0)
                n_dropped += 1
            box.claim()[0] = seq & 255
            box.put(1, m.PRESSURE, seq, 1)
            held.append(seq)
        assert box.n_waiting == len(held)
    assert box.n_dropped[m.PRESSURE] == n_dropped


@pytest.mark.parametrize("layout", NAMES)
def test_every_form_finds_its_slots_in_the_room_taken_at_boot(make_app, layout):
    app = make_app(layout).app
    box = app.sampler.frames
    room = [id(piece.obj) for piece in box._pieces]
    assert sum(len(piece) for piece in box._pieces) < 9000
    for form in (m.RAW12, m.CODED8, m.RAW8, m.RAW12):
        app.start(form, 0)
        n = app.settings.geometry.n_cells
        size = header_size(form) + app.sampler.frames_per_message * frame_size(form, n)
        assert len(box._slots) >= 4
        assert all(len(slot) >= size + CRC_SIZE for slot in box._slots)
        assert [id(piece.obj) for piece in box._pieces] == room


# -- what a stalled link costs -------------------------------------------------------------------


@pytest.mark.parametrize("answer", [0, None])
def test_a_port_that_takes_nothing_loses_nothing_until_the_outbox_is_full(make_app, answer):
    rig = make_app("cells-16")
    rig.app.start(m.RAW12, 0)
    rig.port.refuses, rig.port.answer = True, answer
    for _ in range(50):
        rig.clock.ticks += 10_000
        rig.app.sample()
        rig.app.serve()
    assert rig.sent() == []
    assert rig.app.n_dropped() == [0] * 5
    rig.port.refuses = False
    rig.app.stop()
    rig.app.serve()
    sent = rig.sent()
    assert sum(x[m.HEADER_SIZE] for x in frames_in(sent)) == 50
    assert sum(len(fields["words"]) // 12 for fields in imu_in(sent)) == 50


def test_sampled_is_received_and_dropped_when_the_link_stalls(make_app):
    rig = make_app("cells-16")
    rig.app.start(m.RAW12, 0)
    rng = random.Random(4)
    sent = []
    for _ in range(3000):
        rig.port.refuses = rng.random() < 0.9 if rig.port.refuses else rng.random() < 0.004
        rig.clock.ticks += 10_000
        rig.app.sample()
        rig.app.serve()
        sent += rig.sent()
    rig.port.refuses = False
    rig.app.stop()
    rig.app.serve()
    sent += rig.sent()
    dropped = rig.app.n_dropped()
    assert sum(x[m.HEADER_SIZE] for x in frames_in(sent)) + dropped[m.PRESSURE] == 3000
    assert sum(len(f["words"]) // 12 for f in imu_in(sent)) + dropped[m.IMU] == 3000
    numbers = [
        seq + i for x in frames_in(sent) for seq in header(x)[:1] for i in range(x[m.HEADER_SIZE])
    ]
    assert numbers == sorted(set(numbers))


def test_a_stall_costs_frames_before_it_costs_events(make_foot):
    foot = make_foot("grid-30x22")
    foot.ask(m.START.pack(1, 0, 4))  # four messages, then no credit comes
    for i in range(300):
        foot.frame(array("H", [3000 if i % 30 < 18 else 0] * 660))
    dropped = foot.app.n_dropped()
    assert dropped[m.PRESSURE] > 200
    assert dropped[m.EVENTS] == dropped[m.STRIDES] == 0


def test_the_frame_after_a_dropped_one_is_a_key_frame_and_can_be_read(make_app):
    rig = make_app("grid-30x22")
    rig.app.start(m.CODED8, 0)
    cells = array("H", [0] * 660)

    def scan(raw):
        cells[rng.randrange(660)] = rng.randrange(4096)
        memoryview(raw)[:] = cells

    rng = random.Random(6)
    rig.board.scan_into = scan
    messages = []
    for i in range(60):
        rig.port.refuses = 20 <= i < 40
        rig.clock.ticks += 33_333
        rig.app.sample()
        rig.app.serve()
        messages += frames_in(rig.sent())
    n_dropped = rig.app.n_dropped()[m.PRESSURE]
    assert n_dropped > 5
    seqs = [header(x)[0] for x in messages]
    hole = next(i for i in range(1, 60) if seqs[i] != seqs[i - 1] + 1)
    assert seqs[hole] - seqs[hole - 1] == n_dropped + 1
    # What was queued before the drop hangs in the air; from the first frame after it all is whole.
    key = next(i for i in range(hole, 60) if messages[i][m.HEADER_SIZE] != DELTA_FRAME)
    decoder = PressureDecoder(660, 33_333)
    data = [Data(0, 0, seq, 1, 0, x) for seq, x in zip(seqs, messages, strict=True)]
    got = [int(seq) for frames in decoder.decode(data) for seq in frames.seq]
    assert decoder.lost == seqs[hole:key]
    assert got == seqs[:hole] + seqs[key:]
    last = None
    for x in messages[key:]:
        last = decode_coded8(
            x[m.HEADER_SIZE], x[m.HEADER_SIZE + 1], x[m.HEADER_SIZE + 2 :], last, 660
        )
    assert list(last) == [min(255, (c + 8) >> 4) if (c + 8) >> 4 >= 3 else 0 for c in cells]


# -- credits -------------------------------------------------------------------------------------


def under_way(foot, n_frames: int) -> list[bytes]:
    return [x for _ in range(n_frames) for x in foot.frame()]


@pytest.mark.parametrize("window", [1, 3, 8])
def test_no_more_than_a_window_is_under_way(make_foot, window):
    foot = make_foot("cells-4", outbox_bytes=40_000)
    foot.ask(m.START.pack(1, 0, window))
    sent = under_way(foot, 3 * window)  # a message carries three frames
    assert len(frames_in(sent)) == window
    starved = under_way(foot, 6)  # 200 ms
    assert frames_in(starved) == []
    acknowledged = 3 * min(window, 2)
    more = foot.ask(m.CREDIT.pack(7, m.PRESSURE, acknowledged))
    assert len(frames_in(more)) == min(window, 2)


def test_a_credit_of_another_boot_or_an_older_one_gives_nothing(make_foot):
    foot = make_foot("cells-4")
    foot.ask(m.START.pack(1, 0, 1))
    under_way(foot, 6)
    assert frames_in(foot.ask(m.CREDIT.pack(8, m.PRESSURE, 3))) == []
    assert frames_in(foot.ask(m.CREDIT.pack(7, m.IMU, 3))) == []
    assert frames_in(foot.ask(m.CREDIT.pack(7, m.PRESSURE, 0))) == []
    assert len(frames_in(foot.ask(m.CREDIT.pack(7, m.PRESSURE, 3)))) == 1


def test_without_credit_one_message_goes_out_every_quarter_of_a_second(make_foot):
    foot = make_foot("cells-4", outbox_bytes=60_000)
    foot.ask(m.START.pack(1, 0, 2))
    times = []
    for _ in range(10 * 30):
        times += [foot.us] * len(frames_in(foot.frame(imu=bytes(6))))
    gaps = [b - a for a, b in itertools.pairwise(times[2:])]
    # Frames and IMU samples take turns, so each stream is asked for at half the pace.
    assert all(2 * STARVED_US < gap < 3 * STARVED_US for gap in gaps)
    assert len(gaps) > 12


def test_an_imu_stream_whose_credit_got_lost_comes_back(make_foot):
    # Frames go on being acknowledged; the credit of the IMU never came.
    foot = make_foot("cells-16")
    foot.ask(m.START.pack(1, 0, 2))
    last = []
    for _ in range(600):
        sent = foot.frame()
        for x in frames_in(sent):
            foot.ask(m.CREDIT.pack(7, m.PRESSURE, header(x)[0] + x[m.HEADER_SIZE]))
        last += [foot.us] * len(imu_in(sent))
    assert len(last) >= 15
    assert max(b - a for a, b in itertools.pairwise(last)) < 3 * STARVED_US


def test_with_credits_flowing_no_message_goes_beyond_the_window(make_foot):
    foot = make_foot("cells-16")
    foot.ask(m.START.pack(1, 0, 2))
    acked = 0
    waiting = []
    for _ in range(1000):
        for x in frames_in(foot.frame()):
            waiting.append(header(x)[0] + x[m.HEADER_SIZE])
            assert header(x)[0] < acked + 2 * 8
        if len(waiting) == 2:
            acked = waiting[-1]
            waiting.clear()
            foot.ask(m.CREDIT.pack(7, m.PRESSURE, acked))
            foot.ask(m.CREDIT.pack(7, m.IMU, acked))
    assert acked > 900


def test_a_link_that_is_slow_but_not_dead_is_not_probed(make_foot):
    # Every message is acknowledged five frames (167 ms) late: something always waits.
    foot = make_foot("cells-4")
    foot.ask(m.START.pack(1, 0, 1))
    acked = {m.FRAMES_RAW12.msg_id: 0, m.IMU_SAMPLES.msg_id: 0}
    samples = {m.FRAMES_RAW12.msg_id: 3, m.IMU_SAMPLES.msg_id: 6}  # in a full message
    under_way = []
    for i in range(600):
        sent = foot.frame()
        while under_way and under_way[0][0] <= i:
            _, kind, seq = under_way.pop(0)
            acked[kind] = seq
            stream = m.PRESSURE if kind == m.FRAMES_RAW12.msg_id else m.IMU
            sent += foot.ask(m.CREDIT.pack(7, stream, seq))
        for x in sent:
            assert header(x)[0] < acked[x[0]] + samples[x[0]]
            under_way.append((i + 5, x[0], header(x)[0] + samples[x[0]]))
    assert acked[m.FRAMES_RAW12.msg_id] > 300


def test_events_need_no_credit(make_foot):
    foot = make_foot("cells-4")
    foot.ask(m.START.pack(1, 0, 1))
    sent = [x for i in range(90) for x in foot.frame(array("H", [2000 if i % 30 < 18 else 0] * 4))]
    assert sum(x[0] == m.EVENT.msg_id for x in sent) >= 6


def test_a_host_that_asks_and_does_not_read_cannot_fill_the_heap(make_app):
    rig = make_app("cells-4")
    rig.port.refuses = True
    request = encode_frame(m.TABLES.pack(9, 0, 0), numpy_kernels)
    for _ in range(500):
        rig.port.incoming += request
        rig.app.serve()
    assert len(rig.app._replies) <= 512 // len(request) + 1
    rig.port.refuses = False
    for _ in range(500):
        rig.app.serve()
    assert len(rig.sent()) == 500


# -- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", NAMES)
def test_every_profile_streams_with_evenly_spaced_times_across_the_wrap(make_foot, layout):
    foot = make_foot(layout, ticks=WRAP - 300_000)
    s = foot.settings
    sent = foot.ask(m.START.pack(1, 0, 0))
    for _ in range(60):
        sent += foot.frame()
    sent += foot.ask(m.STOP.pack(2))
    first = WRAP - 300_000 + s.period_us
    frames = frames_in(sent)
    assert frames[0][0] == FRAME_IDS[s.form - 1]
    assert [header(x)[1] for x in frames] == [first + header(x)[0] * s.period_us for x in frames]
    assert header(frames[-1])[1] > WRAP
    samples = imu_in(sent)
    step = s.period_us // s.imu_per_frame
    back = step * (s.imu_per_frame - 1)  # the last sample of a frame is as old as the frame
    for fields in samples:
        us = fields["n_wraps"] * WRAP + fields["ticks"]
        assert us == first - back + fields["seq"] // s.imu_per_frame * s.period_us
        assert len(fields["words"]) % (2 * s.imu_axes * s.imu_per_frame) == 0


@pytest.mark.parametrize("layout", ["cells-16", "cells-4"])
def test_a_missed_frame_ends_the_message_so_that_times_within_one_stay_even(make_foot, layout):
    foot = make_foot(layout)
    period = foot.settings.period_us
    sent = foot.ask(m.START.pack(1, 0, 0))
    truth = []
    for i in range(40):
        sent += foot.frame(after_us=3 * period if i in (5, 6, 20) else period)
        truth.append(foot.us)
    sent += foot.ask(m.STOP.pack(2))
    told = [header(x)[1] + i * period for x in frames_in(sent) for i in range(x[m.HEADER_SIZE])]
    assert told == truth
    n_axes = foot.settings.imu_axes
    imu = [
        f["ticks"] + i * period
        for f in imu_in(sent)
        for i in range(len(f["words"]) // (2 * n_axes))
    ]
    assert imu == truth


@pytest.mark.parametrize("layout", ["grid-30x22", "cells-4"])
def test_the_first_frame_may_come_when_the_clock_begins(make_foot, layout):
    foot = make_foot(layout, ticks=0)
    foot.ask(m.START.pack(1, 0, 0))
    sent = [x for i in range(6) for x in foot.frame(after_us=1 if i == 0 else 0)]
    sent += foot.ask(m.STOP.pack(1))
    assert [f["n_wraps"] for f in imu_in(sent)] == [0] * len(imu_in(sent))


def test_a_pause_between_stop_and_start_is_no_part_of_a_contact(make_foot):
    foot = make_foot("cells-4")
    load = array("H", [3000] * 4)
    foot.ask(m.START.pack(1, 0, 0))
    sent = [x for i in range(40) for x in foot.frame(load if i > 20 else None)]
    foot.ask(m.STOP.pack(1))  # in mid-stance
    foot.serve(after_us=600_000_000)
    foot.ask(m.START.pack(1, 0, 0))
    begin = foot.us
    sent = [x for i in range(60) for x in foot.frame(load if 20 < i < 40 else None)]
    sent += foot.ask(m.STOP.pack(1))
    assert all(header(x)[1] > begin for x in sent if x[0] == m.EVENT.msg_id)
    (stride,) = [m.STRIDE.unpack(x) for x in sent if x[0] == m.STRIDE.msg_id]
    assert stride["stance"] == pytest.approx(19 * 33_333, abs=33_333)
