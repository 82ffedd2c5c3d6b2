"""Pressure frames of many messages at once, on numpy; IMU, events and strides beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solecore.codec.forms import DELTA_FRAME, KEY_FRAME, PLAIN_FRAME
from solecore.wire import messages as m
from solekit.data_columns import DataColumns, gather_all, ranges
from solekit.link import Data

_AT = m.HEADER_SIZE
_FORM_OF = {
    m.FRAMES_RAW12.msg_id: m.RAW12,
    m.FRAMES_RAW8.msg_id: m.RAW8,
    m.FRAME_CODED8.msg_id: m.CODED8,
}


@dataclass
class Frames:
    """Decoded frames: ``seq`` (n,), ``foot_us`` (n,), ``values`` (n, n_cells) counts.

    ``form`` tells what the counts are: raw12 before base and gain, else calibrated 8-bit.
    """

    seq: NDArray[np.int64]
    foot_us: NDArray[np.int64]
    values: NDArray[np.integer]
    form: int


@dataclass
class Motion:
    """Samples of the motion sensor in its own axes: ``foot_us`` (n,), ``accel_m_s2`` (n, 3).

    ``gyro_rad_s`` (n, 3) is None without a gyroscope.
    """

    foot_us: NDArray[np.float64]
    accel_m_s2: NDArray[np.float64]
    gyro_rad_s: NDArray[np.float64] | None


class PressureDecoder:
    """Decode the pressure messages of one insole in order of their sequence numbers.

    ``undecodable`` counts frames that hang on a frame that never came; ``lost`` holds their
    sequence numbers.
    """

    def __init__(self, n_cells: int, period_us: int) -> None:
        self.n_cells = n_cells
        self.period_us = period_us
        self.lost: list[int] = []
        self._last = np.zeros(n_cells, np.uint8)
        self._last_seq = -2

    @property
    def undecodable(self) -> int:
        """Number of frames that arrived but cannot be read."""
        return len(self.lost)

    def decode(self, messages: Iterable[Data]) -> list[Frames]:
        """Return the frames of ``messages``, one ``Frames`` per run of equal form."""
        items = DataColumns.of(messages)
        kind = items.kind
        runs = np.split(np.arange(len(items)), np.flatnonzero(kind[1:] != kind[:-1]) + 1)
        out = [self._decode_run(items[slice(run[0], run[-1] + 1)]) for run in runs if run.size]
        return [frames for frames in out if frames.seq.size]

    def _decode_run(self, run: DataColumns) -> Frames:
        form = _FORM_OF[int(run.kind[0])]
        if form == m.CODED8:
            return self._decode_coded(run)
        return self._decode_raw(run, form)

    def _decode_raw(self, run: DataColumns, form: int) -> Frames:
        n_cells = self.n_cells
        size = (3 * n_cells + 1) // 2 if form == m.RAW12 else n_cells
        fits = run.size == _AT + 1 + size * run.n
        for item in run[~fits]:
            self.lost += range(item.seq, item.seq + item.n)
        good = run[fits]
        body = gather_all(good.content, good.start + _AT + 1, size * good.n).reshape(-1, size)
        within = np.arange(good.n.sum()) - np.repeat(np.cumsum(good.n) - good.n, good.n)
        seq = np.repeat(good.seq, good.n) + within
        foot_us = np.repeat(good.foot_us, good.n) + within * self.period_us
        return Frames(seq, foot_us, _unpack12(body, n_cells) if form == m.RAW12 else body, form)

    def _decode_coded(self, run: DataColumns) -> Frames:
        values = np.zeros((len(run), self.n_cells), np.uint8)
        readable = run.is_readable(self._last_seq + 1, _put_differences(run, values))
        before = self._last
        for row, is_delta in zip(values, (run.is_delta & readable).tolist(), strict=True):
            if is_delta:
                np.add(row, before, row)
            before = row
        self._last = before.copy()
        self._last_seq = int(run.seq[-1]) if readable[-1] else _NOTHING
        if readable.all():
            return Frames(run.seq, run.foot_us, values, m.CODED8)
        self.lost += run.seq[~readable].tolist()
        return Frames(run.seq[readable], run.foot_us[readable], values[readable], m.CODED8)


def _put_differences(frames: DataColumns, values: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Write into ``values`` (zeros) what each frame adds to the one before; tell which are sound.

    A key frame and a plain one add to zero.
    """
    is_sound = np.zeros(len(frames), bool)
    told = np.flatnonzero(frames.size >= _AT + 2)
    mode = frames.content[frames.start[told] + _AT]
    for kind, put in _PUT.items():
        rows = told[mode == kind]
        if rows.size:
            is_sound[rows] = put(frames[rows], rows, values)
    return is_sound


def _put_plain(
    frames: DataColumns, rows: NDArray[np.int64], values: NDArray[np.uint8]
) -> NDArray[np.bool_]:
    """Write ``frames`` that are plain cells into ``rows`` of ``values``; tell which are sound."""
    n_cells = values.shape[1]
    fits = frames.size == _AT + 2 + n_cells
    at = frames.start[fits] + _AT + 2
    values[rows[fits]] = frames.content[at[:, None] + np.arange(n_cells)]
    return fits


def _put_keys(
    frames: DataColumns, rows: NDArray[np.int64], values: NDArray[np.uint8]
) -> NDArray[np.bool_]:
    """Write key frames into ``rows`` of ``values``; return which are sound."""
    code = _Code.of(frames, values.shape[1])
    fits = code.covers & (code.n_bytes == code.n_literals)
    literals = gather_all(frames.content, code.at[fits], code.n_bytes[fits])
    values.reshape(-1)[code.cells(fits, rows)] = literals
    return fits


def _put_deltas(
    frames: DataColumns, rows: NDArray[np.int64], values: NDArray[np.uint8]
) -> NDArray[np.bool_]:
    """Write the differences of delta frames into ``rows`` of ``values``; tell which are sound.

    Two literals lie in a byte; behind them what no half byte can hold.
    """
    code = _Code.of(frames, values.shape[1])
    n_packed = (code.n_literals + 1) // 2
    n_escapes = code.n_bytes - n_packed
    fits = code.covers & (n_escapes >= 0)
    tried = np.flatnonzero(fits)
    halves = _HALVES[gather_all(frames.content, code.at[tried], n_packed[tried])].view(np.uint8)
    n_literals = code.n_literals[tried]
    unused = np.cumsum(2 * n_packed[tried]) - 1  # the half of a byte that no cell fills
    halves = np.delete(halves, unused[(n_literals & 1) > 0])
    frame = np.searchsorted(np.cumsum(n_literals), np.flatnonzero(halves == _ESCAPE), "right")
    is_whole = np.bincount(frame, minlength=len(tried)) == n_escapes[tried]
    fits[tried] = is_whole
    if not is_whole.all():
        halves = halves[np.repeat(is_whole, n_literals)]
    escapes = gather_all(frames.content, (code.at + n_packed)[fits], n_escapes[fits])
    halves[halves == _ESCAPE] = escapes
    values.reshape(-1)[code.cells(fits, rows)] = halves
    return fits


_PUT = {PLAIN_FRAME: _put_plain, KEY_FRAME: _put_keys, DELTA_FRAME: _put_deltas}


@dataclass(frozen=True, eq=False)
class _Code:
    """Coded frames of one kind, (n,) each: the cells that their ``tokens`` make literals.

    ``frame`` is that of each token; ``n_bytes`` lie at ``at``, behind the tokens; ``covers``: the
    tokens add up to the cells.
    """

    n_cells: int
    tokens: NDArray[np.uint8]
    frame: NDArray[np.int64]
    covers: NDArray[np.bool_]
    n_literals: NDArray[np.int64]
    at: NDArray[np.int64]
    n_bytes: NDArray[np.int64]

    @classmethod
    def of(cls, frames: DataColumns, n_cells: int) -> _Code:
        at = frames.start + _AT + 2
        n_tokens = frames.content[at - 1].astype(np.int64)
        n_bytes = frames.size - _AT - 2 - n_tokens
        n_tokens[n_bytes < 0] = 0
        tokens = gather_all(frames.content, at, n_tokens)
        frame = np.repeat(np.arange(len(frames)), n_tokens)
        length = tokens & 127
        n_covered = np.bincount(frame, length, len(frames))
        n_literals = np.bincount(frame, length * (tokens > 127), len(frames)).astype(np.int64)
        covers = (n_covered == n_cells) & (n_bytes >= 0)
        return cls(n_cells, tokens, frame, covers, n_literals, at + n_tokens, n_bytes)

    def cells(self, chosen: NDArray[np.bool_], rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the literal cells of the ``chosen`` frames (n,), which lie in ``rows`` (n,)."""
        tokens, frame = self.tokens, self.frame
        if not chosen.all():
            mine = chosen[frame]
            tokens, frame = tokens[mine], frame[mine]
        length = (tokens & 127).astype(np.int64)
        # Each of these covers all cells: the cells before a token count on from frame to frame.
        skipped = (rows - np.cumsum(chosen) + 1) * self.n_cells
        first = np.cumsum(length) - length + skipped[frame]
        is_literal = tokens > 127
        return ranges(first[is_literal], length[is_literal])


_NOTHING = -2  # no sequence number comes behind it: the next delta frame hangs in the air
_ESCAPE = 0xF8  # a nibble of 0, less 8; no difference from -7 to 7 looks so
_HALVES = np.array([[(i & 15) - 8, (i >> 4) - 8] for i in range(256)]).astype(np.uint8)
_HALVES = _HALVES.view(np.uint16)[:, 0]  # both halves of a byte as one number: one look-up


def _unpack12(body: NDArray[np.uint8], n_cells: int) -> NDArray[np.uint16]:
    """Return 12-bit values (n, n_cells) from rows packed two in three bytes."""
    n_pairs = n_cells // 2
    out = np.empty((body.shape[0], n_cells), np.uint16)
    triple = body[:, : 3 * n_pairs].reshape(body.shape[0], n_pairs, 3).astype(np.uint16)
    out[:, 0 : 2 * n_pairs : 2] = triple[:, :, 0] | (triple[:, :, 1] & 15) << 8
    out[:, 1 : 2 * n_pairs : 2] = triple[:, :, 1] >> 4 | triple[:, :, 2] << 4
    if n_cells & 1:
        out[:, -1] = body[:, -2] | body[:, -1].astype(np.uint16) << 8
    return out


def motion(messages: Iterable[Data], hello: Mapping[str, Any]) -> Motion:
    """Return the samples of IMU messages (by sequence number), ``hello`` as the insole said it."""
    items = DataColumns.of(messages)
    n_axes = hello["imu_axes"]
    body = gather_all(items.content, items.start + _AT, 2 * n_axes * items.n)
    words = body.view("<i2").reshape(-1, n_axes or 3)
    gyro = words[:, :3] * (hello["gyro_lsb"] * 1e-6) if n_axes == 6 else None
    accel = words[:, -3:] * (hello["accel_lsb"] * 1e-6)
    return Motion(imu_times_us(items, hello["imu_period"]), accel, gyro)


def imu_times_us(messages: Iterable[Data], period_us: float) -> NDArray[np.float64]:
    """Return the foot's time of every IMU sample of ``messages`` (by sequence number), in us.

    Each message is stamped at its first sample; an IMU's own rate is off by some per cent, so the
    samples between two stamps share the time between them. Behind a gap, and at the end, the mean
    period of that run counts; ``period_us`` is the nominal one, for a single message.
    """
    items = DataColumns.of(messages)
    seq, n, stamps = items.seq, items.n, items.foot_us.astype(float)
    out = np.empty(int(n.sum()))
    breaks = np.flatnonzero(seq[1:] != seq[:-1] + n[:-1]) + 1
    at = 0
    for run in np.split(np.arange(len(items)), breaks):
        if not run.size:
            continue
        first, last = run[0], run[-1]
        index = seq[run] - seq[first]
        end = index[-1] + n[last]
        period = period_us if run.size == 1 else (stamps[last] - stamps[first]) / index[-1]
        edges = np.append(index, end), np.append(stamps[run], stamps[last] + n[last] * period)
        out[at : at + end] = np.interp(np.arange(end), *edges)
        at += int(end)
    return out
