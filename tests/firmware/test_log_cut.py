"""The flash log after power cuts and damage: nothing invented, next to nothing lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solecore import _plain
from solecore.wire import messages as m
from solefoot.app.log import FlashLog
from solefoot.app.logread import LogReader
from solefoot.app.logring import ENTRY_SIZE
from solefoot.app.outbox import Outbox
from solekit_hil.flash import MemoryStore


class CutError(Exception):
    """The power has gone."""


class CutStore(MemoryStore):
    """Flash whose power goes after so many bytes; what was written stays, half a block too."""

    def __init__(self, capacity: int, left: int) -> None:
        super().__init__(capacity)
        self.left = left

    def append(self, name, view):
        if len(view) > self.left:
            super().append(name, view[: self.left])
            raise CutError
        self.left -= len(view)
        super().append(name, view)

    def remove(self, name):
        if self.left <= 0:
            raise CutError
        super().remove(name)


def fill(log: FlashLog, n: int, first: int = 0) -> int:
    """Put small messages into the log until ``n`` are in or the power goes; return how many."""
    box = Outbox(2, 300)
    i = 0
    try:
        for i in range(first, first + n):
            buf = box.claim()
            kind = m.IMU_SAMPLES if i % 3 else m.EVENT
            size = m.EVENT.size if kind is m.EVENT else m.HEADER_SIZE + 12 * (1 + i % 16)
            stream = m.EVENTS if kind is m.EVENT else m.IMU
            header = kind.pack(3, stream, i, i, 0, *([0] * (len(kind.fixed) - 5)))
            buf[: len(header)] = header
            box.put(size, stream, i, 1)
            log.take(box, True)
            box.drop()
        return n
    except CutError:
        return i - first


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60_000), st.sampled_from([64, 100, 1024]))
def test_a_power_cut_at_any_byte_loses_at_most_the_open_blocks(make_reader, left, capacity_kb):
    store = CutStore(capacity_kb << 10, left)
    n = fill(FlashLog(store, 3, _plain), 400)
    store.left = 1 << 30  # power is back
    after = FlashLog(store, 4, _plain)
    for stream, open_bytes, least in ((m.IMU, 4096, 14 + 12), (m.EVENTS, 512, m.EVENT.size)):
        there = [i for i in range(n) if (stream == m.EVENTS) == (i % 3 == 0)]
        got = make_reader(after, 3, stream)
        if not there:
            continue
        assert got == there[there.index(got[0]) :][: len(got)] if got else True
        n_last = open_bytes // (least + ENTRY_SIZE) + 1
        stop = got[-1] if got else -1
        assert len([i for i in there if i > stop]) <= n_last
    fill(after, 100)
    after.flush()
    assert make_reader(after, 4, m.IMU)[-1] >= 98


@pytest.fixture(scope="module")
def make_reader():
    """Return ``read(log, boot, stream)``, the sequence numbers that a log gives back."""

    def read(log, boot, stream):
        reader = LogReader(log)
        reader.seek(boot, stream, 0, 1 << 30)
        out = []
        while reader.next():
            out.append(reader.seq)
        return out

    return read


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_damaged_flash_gives_back_nothing_that_was_not_written(make_reader, data):
    store = MemoryStore(1 << 20)
    log = FlashLog(store, 3, _plain)
    fill(log, 400)
    log.flush()
    name = data.draw(st.sampled_from(store.names()))
    segment = store.segments[name]
    at = data.draw(st.integers(0, len(segment) - 1))
    segment[at] ^= data.draw(st.integers(1, 255))
    after = FlashLog(store, 4, _plain)
    for stream in (m.IMU, m.EVENTS):
        there = [i for i in range(400) if (stream == m.EVENTS) == (i % 3 == 0)]
        assert set(make_reader(after, 3, stream)) <= set(there)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_a_folder_of_garbage_is_an_empty_log(make_reader, contents):
    store = MemoryStore(1 << 20)
    for name in ("f", "frames.txt", "e12", "lost+found"):
        store.segments[name] = bytearray(100)
    for i, content in enumerate(contents):
        store.segments[f"{'fe'[i & 1]}{i + 1:07x}"] = bytearray(content)
    log = FlashLog(store, 3, _plain)
    n = fill(log, 60)
    log.flush()
    assert make_reader(log, 3, m.IMU) == [i for i in range(n) if i % 3]
