"""Data messages as columns: what is done to an hour of them is done to all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import overload

import numpy as np
from numpy.typing import NDArray

from solecore.codec.forms import DELTA_FRAME
from solecore.wire import messages as m
from solekit.link import COUNTED, MAX_SEQ_STEP, SIZES, STREAM_OF, Data

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_HEADER = np.dtype(
    {
        "names": ["kind", "boot", "stream", "seq", "ticks", "n_wraps"],
        "formats": ["u1", "<u2", "u1", "<u4", "<u4", "<u2"],
        "offsets": [0, 1, 3, 4, 8, 12],
        "itemsize": m.HEADER_SIZE,
    }
)
_NO_STREAM = 255
_LEAST, _MOST, _STREAM = np.ones(256, int), np.zeros(256, int), np.full(256, _NO_STREAM)
for _kind, (_least, _most) in SIZES.items():
    _LEAST[_kind], _MOST[_kind] = _least, _most
for _kind, _stream in STREAM_OF.items():
    _STREAM[_kind] = _stream


@dataclass(frozen=True, eq=False)
class DataColumns(Sequence[Data]):
    """Data messages in any order; all columns have shape (n,), one item is a ``Data``.

    Message i is ``content[start[i] : start[i] + size[i]]``; the other columns are as in ``Data``.
    """

    content: Bytes
    start: Ints
    size: Ints
    t_s: NDArray[np.float64]
    stream: Ints
    seq: Ints
    n: Ints
    foot_us: Ints
    block: Ints

    @classmethod
    def of(cls, items: Iterable[Data]) -> DataColumns:
        """Return ``items`` as columns."""
        if isinstance(items, DataColumns):
            return items
        items = list(items)
        size = np.array([len(item.message) for item in items], np.int64)
        whole = [(item.stream, item.seq, item.n, item.foot_us, item.block) for item in items]
        stream, seq, n, foot_us, block = np.array(whole, np.int64).reshape(-1, 5).T
        content = np.frombuffer(b"".join(item.message for item in items), np.uint8)
        t_s = np.array([item.t_s for item in items], float)
        return cls(content, np.cumsum(size) - size, size, t_s, stream, seq, n, foot_us, block)

    @classmethod
    def parse(
        cls,
        content: Bytes,
        start: Ints,
        size: Ints,
        t_s: NDArray[np.float64],
        *,
        boot: int,
        first: Sequence[int],
        imu_axes: int,
    ) -> DataColumns:
        """Return the data messages of ``boot`` among those that lie in ``content``.

        The rules are those of ``Link.parse`` and ``Link.parse_logged``; ``first`` are the numbers
        from which the streams count.
        """
        rows = np.flatnonzero(size > 0)
        start, size, t_s = start[rows], size[rows], t_s[rows]
        block = np.full(len(rows), -1)
        logged = (content[start] == m.LOG_DATA.msg_id) & (size >= m.LOG_DATA.size)
        block[logged] = gather(content, start[logged] + 1, "<u4")
        skipped = np.where(logged, m.LOG_DATA.size, 0)
        start, size = start + skipped, size - skipped
        rows = np.flatnonzero(size >= m.HEADER_SIZE)
        start, size, t_s, block = start[rows], size[rows], t_s[rows], block[rows]
        head = gather(content, start, _HEADER)
        kind, stream = head["kind"], head["stream"].astype(np.int64)
        seq = head["seq"].astype(np.int64)
        n = np.ones(len(rows), np.int64)
        counted = np.isin(kind, COUNTED) & (size > m.HEADER_SIZE)
        n[counted] = content[start[counted] + m.HEADER_SIZE]
        imu = kind == m.IMU_SAMPLES.msg_id
        n[imu] = (size[imu] - m.HEADER_SIZE) // (2 * max(1, imu_axes))
        is_ours = (head["boot"] == boot) & (size >= _LEAST[kind]) & (size <= _MOST[kind])
        is_ours &= (stream == _STREAM[kind]) & (stream < len(first)) & (n > 0)
        latest = np.array([*first, 0], np.int64) + MAX_SEQ_STEP
        is_ours &= seq <= latest[np.minimum(stream, len(first))]
        foot_us = (head["n_wraps"].astype(np.int64) << 30) + head["ticks"]
        return cls(content, start, size, t_s, stream, seq, n, foot_us, block)[is_ours]

    def __len__(self) -> int:
        return len(self.start)

    @overload
    def __getitem__(self, index: int) -> Data: ...
    @overload
    def __getitem__(self, index: slice | Ints | Bools) -> DataColumns: ...

    def __getitem__(self, index: int | slice | Ints | Bools) -> Data | DataColumns:
        if isinstance(index, int):
            return next(iter(self[np.array([index])]))
        _, *columns = (getattr(self, field.name) for field in fields(self))
        return DataColumns(self.content, *(column[index] for column in columns))

    def __iter__(self) -> Iterator[Data]:
        view = self.content.data
        ends = (self.start + self.size).tolist()
        found = (bytes(view[a:b]) for a, b in zip(self.start.tolist(), ends, strict=True))
        columns = (self.t_s, self.stream, self.seq, self.n, self.foot_us)
        rows = (column.tolist() for column in columns)
        return map(Data, *rows, found, self.block.tolist())

    @property
    def kind(self) -> Bytes:
        """First byte of each message."""
        return self.content[self.start]

    @property
    def is_delta(self) -> Bools:
        """Which are frames that tell the difference from the frame before."""
        out = (self.kind == m.FRAME_CODED8.msg_id) & (self.size > m.HEADER_SIZE)
        out[out] = self.content[self.start[out] + m.HEADER_SIZE] == DELTA_FRAME
        return out

    def in_order(self) -> DataColumns:
        """Return the messages by sequence number, of equal ones the first."""
        _, first = np.unique(self.seq, return_index=True)
        return self[first]

    def is_readable(self, expected: int, is_sound: Bools | None = None) -> Bools:
        """Return which messages can be read: a delta frame needs the frame right before it.

        They lie by sequence number; ``expected`` is the number behind the last readable one before
        them. What is not ``is_sound`` cannot be read, nor can what hangs on it.
        """
        needs = self.is_delta
        follows = self.seq == np.concatenate([[expected], (self.seq + self.n)[:-1]])[: len(self)]
        is_sound = np.ones(len(self), bool) if is_sound is None else is_sound
        decided = ~is_sound | ~needs | ~follows
        last = np.maximum.accumulate(np.where(decided, np.arange(len(self)), -1))
        return (last < 0) | (is_sound & ~needs)[last]


def gather(content: Bytes, at: Ints, dtype: np.dtype | str) -> NDArray:
    """Return values of ``dtype`` that lie at ``at`` (n,) in ``content``, shape (n,)."""
    kind = np.dtype(dtype)
    return content[at[:, None] + np.arange(kind.itemsize)].view(kind)[:, 0]


def gather_all(content: Bytes, at: Ints, size: Ints) -> Bytes:
    """Return the pieces of ``content`` of ``size`` (n,) at ``at`` (n,), one behind the other."""
    return content[ranges(at, size)]


def ranges(first: Ints, length: Ints) -> Ints:
    """Return the ``length`` (n,) numbers from each of ``first`` (n,) on, in a row."""
    some = length > 0
    first, length = first[some], length[some]
    step = np.ones(length.sum(), np.int64)
    if len(first):
        step[0] = first[0]
        step[np.cumsum(length)[:-1]] = first[1:] - (first + length)[:-1] + 1
    return np.cumsum(step, out=step)
