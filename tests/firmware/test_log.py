"""The flash log on the foot: what it takes, gives back, gives up, and survives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solecore.codec.forms import DELTA_FRAME
from solecore.wire import messages as m
from solefoot.app.logring import ENTRY_SIZE, HANGS, HEADER_SIZE, MAX_SEGMENTS, used_of
from solefoot.app.logstore import FileStore
from solekit.decode import PressureDecoder
from solekit.link import Data
from solekit_hil.flash import MemoryStore
from tests.firmware.logs import (
    by_stream,
    data,
    fetch,
    held,
    ranges,
    replies,
    samples_of,
    seqs,
    walk,
)

CELLS = "cells-16"
GRID = "grid-30x22"
SILENCE_US = 3_000_000


# -- what it takes ---------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [GRID, CELLS, "cells-4"])
def test_what_nobody_listens_to_comes_back_as_it_would_have_been_sent(make_foot, layout):
    """Coded frames may differ where a block began with a key frame: they are compared decoded."""
    logged = make_foot(layout, store=MemoryStore(4 << 20))
    live = make_foot(layout)
    live.ask(m.START.pack(1, 0, 0))
    sent = walk(live, 400) + live.ask(m.STOP.pack(2))
    assert not data(walk(logged, 400))
    logged.app.keeper.settle()
    got = held(logged)
    axes = logged.settings.imu_axes
    for stream in (m.IMU, m.EVENTS, m.STRIDES):
        expected = by_stream(sent, stream)
        assert expected
        if stream != m.EVENTS or layout == CELLS:
            assert [x[4:] for x in got[7, stream]] == [x[4:] for x in expected]
        else:
            assert len(got[7, stream]) == len(expected)
    assert seqs(got[7, m.PRESSURE], axes) == list(range(400))
    frames = [decoded(logged, part) for part in (got[7, m.PRESSURE], by_stream(sent, m.PRESSURE))]
    assert frames[0] == frames[1]


def decoded(foot, messages) -> list[tuple[int, bytes]]:
    decoder = PressureDecoder(foot.settings.geometry.n_cells, foot.settings.period_us)
    items = []
    for message in messages:
        fields = m.BY_ID[message[0]].unpack(message)
        n = len(samples_of(message))
        items.append(Data(0.0, m.PRESSURE, fields["seq"], n, fields["ticks"], message))
    out = []
    for frames in decoder.decode(items):
        out += zip(frames.seq.tolist(), (row.tobytes() for row in frames.values), strict=True)
    assert not decoder.lost
    return out


def blocks(store, letter: str) -> list[bytes]:
    """Return all blocks of one ring in order."""
    out = []
    for name in store.names():
        if name[0] == letter:
            segment, at = bytes(store.segments[name]), 0
            while at < len(segment):
                end = at + HEADER_SIZE + used_of(segment[at : at + HEADER_SIZE])
                out.append(segment[at:end])
                at = end
    return out


def test_every_block_of_frames_begins_with_a_key_frame_and_is_filled_well(make_foot):
    store = MemoryStore(4 << 20)
    foot = make_foot(GRID, store=store)
    walk(foot, 900)
    found = blocks(store, "f")
    assert len(found) > 20
    for block in found:
        assert not block[14] & HANGS
        at = HEADER_SIZE
        while block[at + ENTRY_SIZE] != m.FRAME_CODED8.msg_id:
            at += ENTRY_SIZE + int.from_bytes(block[at : at + 2], "little")
        assert block[at + ENTRY_SIZE + m.HEADER_SIZE] != DELTA_FRAME
    assert sum(map(len, found)) > 0.85 * 4096 * len(found)


def test_a_host_that_streams_leaves_the_log_empty(make_foot):
    foot = make_foot(CELLS, store=MemoryStore(1 << 20))
    foot.ask(m.START.pack(1, 0, 0))
    sent = walk(foot, 600, after=lambda i, _: foot.ask(m.PING.pack(2)) if i % 50 == 0 else [])
    assert seqs(by_stream(sent, m.PRESSURE)) == list(range(600))
    assert ranges(foot) == []


@pytest.mark.parametrize("layout", [GRID, CELLS])
def test_nothing_is_lost_between_a_link_that_breaks_and_one_that_comes_back(make_foot, layout):
    """The host answers until frame 200; what it gets until frame 500 is lost on the way."""
    foot = make_foot(layout, store=MemoryStore(4 << 20))
    foot.ask(m.START.pack(1, 0, 32))
    received: list[bytes] = []

    def answer(i, sent):
        if 190 <= i < 500:  # from 190 on nothing arrives, which the foot cannot know
            return []
        received.extend(data(sent))
        more = []
        for stream in (m.PRESSURE, m.IMU, m.EVENTS, m.STRIDES):
            of_stream = by_stream(sent, stream)
            if of_stream:
                stop = seqs(of_stream[-1:])[-1] + 1
                more += foot.ask(m.CREDIT.pack(7, stream, stop))
        if i % 20 == 0:
            more += foot.ask(m.PING.pack(3))
        received.extend(data(more))
        return []

    walk(foot, 700, after=answer)
    end = foot.ask(m.STOP.pack(4))
    received += data(end)
    (stop,) = replies(m.STOP_REPLY, end)
    foot.serve()
    assert stop["n_dropped"] == (0,) * m.N_STREAMS
    for stream in (m.PRESSURE, m.IMU, m.EVENTS, m.STRIDES):
        live = set(seqs(by_stream(received, stream)))
        missing = sorted(set(range(stop["seq"][stream])) - live)
        assert missing, "the link was to lose something"
        back = seqs(fetch(foot, 7, stream, missing[0], missing[-1] + 1))
        assert set(missing) <= set(back)
        assert back == sorted(back)


def test_a_starved_link_costs_no_frame_but_goes_to_the_log(make_foot):
    """The host pings but gives no credit: the window closes and the outbox overflows."""
    foot = make_foot(GRID, store=MemoryStore(4 << 20))
    foot.ask(m.START.pack(1, 0, 4))
    sent = walk(foot, 300, after=lambda i, _: foot.ask(m.PING.pack(2)) if i % 20 == 0 else [])
    sent += foot.ask(m.STOP.pack(3))
    assert foot.app.n_dropped() == [0] * m.N_STREAMS
    foot.serve()
    back = seqs(fetch(foot, 7, m.PRESSURE, 0, 300))
    assert set(back) | set(seqs(by_stream(sent, m.PRESSURE))) == set(range(300))
    assert len(back) > 200


def test_a_change_of_form_loses_nothing(make_foot):
    foot = make_foot(GRID, store=MemoryStore(4 << 20))
    walk(foot, 50)
    sent = []
    for form in (m.RAW12, m.CODED8, m.RAW8):
        sent += foot.ask(m.START.pack(1, form, 4))
        sent += walk(foot, 60)
    sent += foot.ask(m.STOP.pack(1))
    foot.serve()
    back = fetch(foot, 7, m.PRESSURE, 0, 230)
    assert set(seqs(back)) | set(seqs(by_stream(sent, m.PRESSURE))) == set(range(230))


# -- room ------------------------------------------------------------------------------------


def test_when_room_is_short_the_oldest_frames_go_and_all_events_stay(make_foot):
    store = MemoryStore(400 << 10)
    foot = make_foot(CELLS, store=store)
    walk(foot, 12_000)
    foot.app.keeper.settle()
    got = held(foot)
    frames = seqs(got[7, m.PRESSURE])
    assert frames == list(range(frames[0], 12_000))
    assert 0 < frames[0] < 9000
    assert seqs(got[7, m.EVENTS]) == list(range(foot.app.sampler.seq[m.EVENTS]))
    assert seqs(got[7, m.STRIDES]) == list(range(foot.app.sampler.seq[m.STRIDES]))
    assert sum(map(len, store.segments.values())) <= store.capacity
    assert foot.log.n_blocks * 4096 > 0.75 * store.capacity
    assert foot.app.n_dropped() == [0] * m.N_STREAMS


def test_what_the_host_has_goes_before_what_it_has_not(make_foot):
    foot = make_foot(CELLS, store=MemoryStore(400 << 10))
    walk(foot, 4000)
    for stream in range(m.N_STREAMS):
        foot.ask(m.LOG_ACK.pack(1, 7, stream, 0, 3000))
        foot.ask(m.LOG_ACK.pack(1, 7, stream, 0, 1500))  # an older word takes nothing back
    walk(foot, 5000)
    foot.app.keeper.settle()
    there = seqs(fetch(foot, 7, m.PRESSURE, 0, 9000))
    assert there[0] > 0
    assert there[-(9000 - 3000) :] == list(range(3000, 9000))


def test_only_what_is_acknowledged_is_erased_unless_forced(make_foot):
    foot = make_foot(CELLS, store=MemoryStore(1 << 20))
    walk(foot, 3000)
    foot.app.keeper.settle()
    before = ranges(foot)
    (reply,) = replies(m.ERASE_REPLY, foot.ask(m.ERASE.pack(1, 0)))
    assert reply["n_blocks"] == 0
    assert ranges(foot) == before
    for boot, stream, start, stop in before:
        if stream in (m.PRESSURE, m.IMU):
            foot.ask(m.LOG_ACK.pack(1, boot, stream, start, stop))
    (reply,) = replies(m.ERASE_REPLY, foot.ask(m.ERASE.pack(1, 0)))
    assert reply["n_blocks"] > 10
    assert {r[1] for r in ranges(foot)} == {m.EVENTS, m.STRIDES} & {r[1] for r in before}
    foot.ask(m.ERASE.pack(1, 1))
    assert ranges(foot) == []
    walk(foot, 500)
    foot.app.keeper.settle()
    assert seqs(fetch(foot, 7, m.PRESSURE, 0, 4000))[-1] == 3499


class FullStore(MemoryStore):
    """A store that takes less than it says."""

    def append(self, name, view):
        if sum(map(len, self.segments.values())) + len(view) > self.capacity // 2:
            raise OSError(28, "no space")
        super().append(name, view)


def test_a_flash_smaller_than_it_says_keeps_the_newest_all_the_same(make_foot):
    foot = make_foot(CELLS, store=FullStore(800 << 10))
    walk(foot, 9000)
    foot.app.keeper.settle()
    frames = seqs(fetch(foot, 7, m.PRESSURE, 0, 9000))
    assert frames == list(range(frames[0], 9000))
    assert foot.app.n_dropped() == [0] * m.N_STREAMS


class DeadStore(MemoryStore):
    """A flash that takes nothing."""

    def append(self, name, view):
        raise OSError(5, "I/O error")


def test_a_flash_that_takes_nothing_is_counted_not_hidden(make_foot):
    foot = make_foot(CELLS, store=DeadStore(1 << 20))
    walk(foot, 1000)
    foot.app.keeper.settle()
    assert foot.app.n_dropped()[m.PRESSURE] == 1000
    assert ranges(foot) == []


# -- restarts, power cuts, damage ------------------------------------------------------------


def test_the_log_of_former_boots_is_still_there(make_foot):
    store = MemoryStore(2 << 20)
    for boot in (7, 8, 9):
        foot = make_foot(CELLS, store=store, boot=boot)
        walk(foot, 700, seed=boot)
        foot.app.keeper.settle()
    got = held(foot)
    for boot in (7, 8, 9):
        assert seqs(got[boot, m.PRESSURE]) == list(range(700))
        assert all(x[1] == boot for x in got[boot, m.IMU])


def test_many_ranges_are_listed_in_pieces(make_foot):
    store = MemoryStore(4 << 20)
    for boot in range(1, 61):
        foot = make_foot(CELLS, store=store, boot=boot)
        walk(foot, 10)
        foot.app.keeper.settle()
    found = ranges(foot)
    assert len(found) > 100
    assert {r[0] for r in found} == set(range(1, 61))


def test_many_short_boots_keep_the_newest_and_the_table_small(make_foot):
    store = MemoryStore(4 << 20)
    for boot in range(1, 131):
        foot = make_foot(CELLS, store=store, boot=boot)
        walk(foot, 10)
        foot.app.keeper.settle()
    assert foot.log.frames.n_segments == MAX_SEGMENTS
    assert {r[0] for r in ranges(foot)} >= set(range(131 - MAX_SEGMENTS, 131))


def test_a_damaged_block_costs_that_block_only(make_foot):
    store = MemoryStore(1 << 20)
    foot = make_foot(GRID, store=store)
    walk(foot, 300)
    foot.app.keeper.settle()
    name = next(name for name in store.names() if name[0] == "f")
    first = used_of(store.segments[name][:HEADER_SIZE]) + HEADER_SIZE
    store.segments[name][first + 1000] ^= 1
    got = fetch(foot, 7, m.PRESSURE, 0, 300)
    lost = sorted(set(range(300)) - set(seqs(got)))
    assert 5 < len(lost) < 60
    assert lost == list(range(lost[0], lost[-1] + 1))
    behind = [x for x in got if seqs([x])[0] > lost[-1]]
    assert len(decoded(foot, behind)) == 299 - lost[-1]  # the next block stands alone


def test_files_hold_the_log_like_memory_does(make_foot, tmp_path):
    stores = [MemoryStore(500 << 10), FileStore(str(tmp_path / "log"), 500 << 10)]
    found = []
    for store in stores:
        foot = make_foot(CELLS, store=store)
        walk(foot, 5000)
        foot.app.keeper.settle()
        found.append(held(foot))
        store.release()
    assert found[0] == found[1]
    assert stores[0].names() == stores[1].names()


def test_a_folder_tells_its_own_capacity(tmp_path):
    store = FileStore(str(tmp_path / "log"))
    assert store.capacity > 1 << 20  # what this disk has free


# -- what the host may ask -------------------------------------------------------------------


def test_live_data_go_before_the_log(make_foot):
    foot = make_foot(CELLS, store=MemoryStore(1 << 20))
    walk(foot, 1000)
    foot.ask(m.START.pack(1, 0, 0))
    foot.ask(m.LOG_RANGE.pack(2, 7, m.PRESSURE, 0, 1000, 200))
    sent = walk(foot, 240)
    kinds = [x[0] for x in sent]
    assert kinds.count(m.LOG_DATA.msg_id) > 30
    assert seqs(by_stream(sent, m.PRESSURE))[-1] >= 1230  # not one of them waited


@pytest.mark.parametrize("most", [0, 1, 255])
def test_a_range_that_is_not_there_is_answered_at_once(make_foot, most):
    foot = make_foot(CELLS, store=MemoryStore(1 << 20))
    walk(foot, 100)
    for boot, stream, start, stop in (
        (7, m.PRESSURE, 5000, 6000),
        (8, m.PRESSURE, 0, 10),
        (7, 200, 0, 10),
        (7, m.MINUTES, 10, 0),
        (7, m.IMU, 1 << 31, (1 << 32) - 1),
    ):
        sent = foot.ask(m.LOG_RANGE.pack(5, boot, stream, start, stop, most)) + foot.serve()
        (reply,) = replies(m.LOG_RANGE_REPLY, sent)
        assert (reply["ref"], reply["n_messages"]) == (5, 0)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(1, 300), st.integers(1, 20)), max_size=6)
)
def test_any_ranges_in_any_order_give_what_lies_in_them(logged_foot, asked):
    for start, n, most in asked:
        got = seqs(fetch(logged_foot, 7, m.PRESSURE, start, start + n, most))
        inside = [seq for seq in got if start <= seq < start + n]
        assert inside == list(range(start, min(start + n, 1000)))
        assert len(got) - len(inside) < 20  # at most the rest of two messages


@pytest.fixture(scope="module")
def logged_foot(make_module_foot):
    foot = make_module_foot(CELLS, store=MemoryStore(1 << 20))
    walk(foot, 1000)
    foot.app.keeper.settle()
    return foot


def test_asked_again_before_the_answer_it_goes_on_and_answers_once(make_foot):
    foot = make_foot(CELLS, store=MemoryStore(1 << 20))
    walk(foot, 1000)
    sent = foot.ask(m.LOG_RANGE.pack(1, 7, m.PRESSURE, 0, 1000, 40))
    sent += foot.ask(m.LOG_RANGE.pack(2, 7, m.PRESSURE, 0, 1000, 40))
    for _ in range(30):
        sent += foot.serve()
    (reply,) = replies(m.LOG_RANGE_REPLY, sent)
    assert (reply["ref"], reply["n_messages"]) == (2, 40)
    got = [m.LOG_DATA.unpack(x)["message"] for x in sent if x[0] == m.LOG_DATA.msg_id]
    assert len(seqs(got)) == len(set(seqs(got)))


def test_the_insole_says_that_it_has_a_log_and_how_full_it_is(make_foot):
    foot = make_foot(CELLS, store=MemoryStore(1 << 20))
    walk(foot, 3000)
    (hello,) = replies(m.HELLO_REPLY, foot.ask(m.HELLO.pack(m.PROTOCOL_VERSION, 1)))
    assert hello["features"] & 1
    (stats,) = replies(m.STATS_REPLY, foot.ask(m.STATS.pack(1)))
    assert stats["n_log_blocks"] > 10
    assert stats["n_log_blocks"] + stats["n_log_free"] == 256
