"""Pressure frames of many messages at once, on numpy; IMU, events and strides beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solecore.codec.forms import DELTA_FRAME, KEY_FRAME, PLAIN_FRAME
from solecore.wire import messages as m
from solekit.link import Data

_AT = m.HEADER_SIZE
_FORM_OF = {m.FRAMES_RAW12.msg_id: m.RAW12, m.FRAMES_RAW8.msg_id: m.RAW8, m.FRAME_CODED8.msg_id: m.CODED8}


@dataclass
class Frames:
    """Decoded frames: ``seq`` (n,), ``foot_us`` (n,), ``values`` (n, n_cells) counts.

    ``form`` tells what the counts are: raw12 before base and gain, else calibrated 8-bit.
    """

    seq: NDArray[np.int64]
    foot_us: NDArray[np.int64]
    values: NDArray[np.integer]
    form: int


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

    def decode(self, messages: Sequence[Data]) -> list[Frames]:
        """Return the frames of ``messages``, one ``Frames`` per run of equal form."""
        out: list[Frames] = []
        run: list[Data] = []
        for item in messages:
            if run and item.message[0] != run[0].message[0]:
                out.append(self._decode_run(run))
                run = []
            run.append(item)
        if run:
            out.append(self._decode_run(run))
        return [frames for frames in out if frames.seq.size]

    def _decode_run(self, run: list[Data]) -> Frames:
        form = _FORM_OF[run[0].message[0]]
        if form == m.CODED8:
            return self._decode_coded(run)
        return self._decode_raw(run, form)

    def _decode_raw(self, run: list[Data], form: int) -> Frames:
        n_cells = self.n_cells
        size = (3 * n_cells + 1) // 2 if form == m.RAW12 else n_cells
        good = []
        for item in run:
            if len(item.message) == _AT + 1 + size * item.n:
                good.append(item)
            else:
                self.lost += range(item.seq, item.seq + item.n)
        counts = np.array([item.n for item in good], np.int64)
        body = np.frombuffer(b"".join(item.message[_AT + 1 :] for item in good), np.uint8).reshape(-1, size)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        seq = np.repeat(np.array([item.seq for item in good], np.int64), counts) + within
        foot = np.repeat(np.array([item.foot_us for item in good], np.int64), counts)
        values = _unpack12(body, n_cells) if form == m.RAW12 else body
        return Frames(seq, foot + within * self.period_us, values, form)

    def _decode_coded(self, run: list[Data]) -> Frames:
        seqs = np.array([item.seq for item in run], np.int64)
        modes = np.array([item.message[_AT] for item in run])
        # A delta frame needs the frame right before it.
        follows = np.concatenate(([seqs[0] == self._last_seq + 1], np.diff(seqs) == 1))
        is_delta = modes == DELTA_FRAME
        differences, is_sound = _differences(run, self.n_cells)
        readable = np.empty(len(run), bool)
        chain = True
        for i in range(len(run)):
            chain = bool(is_sound[i] and (not is_delta[i] or (follows[i] and (chain or i == 0))))
            readable[i] = chain
        self.lost += seqs[~readable].tolist()
        values = differences
        starts = [i for i in range(len(run)) if readable[i] and (not is_delta[i] or i == 0)]
        for k, start in enumerate(starts):
            stop = starts[k + 1] if k + 1 < len(starts) else len(run)
            block = values[start:stop]
            if is_delta[start]:
                block[0] += self._last
            np.cumsum(block, axis=0, dtype=np.uint8, out=block)
        if readable[-1]:
            self._last = values[-1].copy()
            self._last_seq = int(seqs[-1])
        else:
            self._last_seq = -2
        foot = np.array([item.foot_us for item in run], np.int64)
        return Frames(seqs[readable], foot[readable], values[readable], m.CODED8)


def _differences(run: list[Data], n_cells: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return what each frame adds to the one before it (a key frame: to zero), and which are sound."""
    n = len(run)
    out = np.zeros((n, n_cells), np.uint8)
    sound = np.zeros(n, bool)
    for delta in (True, False):
        mode = DELTA_FRAME if delta else KEY_FRAME
        rows = [i for i in range(n) if run[i].message[_AT] == mode]
        if rows:
            good, values = _expand([run[i].message for i in rows], n_cells, delta=delta)
            chosen = np.array(rows)
            out[chosen[good]] = values[good]
            sound[chosen] = good
    for i, item in enumerate(run):
        if item.message[_AT] == PLAIN_FRAME and len(item.message) == _AT + 2 + n_cells:
            out[i] = np.frombuffer(item.message, np.uint8, offset=_AT + 2)
            sound[i] = True
    return out, sound


def _expand(
    messages: list[bytes], n_cells: int, *, delta: bool
) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Expand the tokens of frames of one mode, all at once; rows that do not add up are not good."""
    buf = np.frombuffer(b"".join(messages), np.uint8)
    length = np.array([len(message) for message in messages])
    begin = np.cumsum(length) - length
    body = begin + _AT + 2
    room = length - _AT - 2
    # A message may end before its number of tokens.
    n_tokens = np.where(room < 0, 0, buf[np.minimum(body, buf.size) - 1]).astype(np.int64)
    good = (n_tokens > 0) & (n_tokens <= room)
    n_tokens = np.where(good, n_tokens, 0)
    tokens = buf[_spans(body, n_tokens)]
    frame_of = np.repeat(np.arange(len(messages)), n_tokens)
    is_literal = tokens > 127
    cells = np.where(is_literal, tokens - 128, tokens).astype(np.int64)
    literals = np.bincount(frame_of, cells * is_literal, len(messages)).astype(np.int64)
    covered = np.bincount(frame_of, cells, len(messages)).astype(np.int64)
    packed = (literals + 1) // 2 if delta else literals
    tail = room - n_tokens - packed
    good &= (covered == n_cells) & (tail >= 0 if delta else tail == 0)
    if not good.all():  # rare, so simple: expand the good ones alone
        values = np.zeros((len(messages), n_cells), np.uint8)
        if good.any():
            chosen = np.flatnonzero(good)
            inner, part = _expand([messages[i] for i in chosen], n_cells, delta=delta)
            values[chosen] = part
            good[chosen] = inner
        return good, values
    content = buf[_spans(body + n_tokens, packed)]
    if delta:
        nibbles = np.empty(2 * content.size, np.uint8)
        nibbles[0::2] = content & 15
        nibbles[1::2] = content >> 4
        odd = np.cumsum(2 * packed)[literals & 1 == 1] - 1  # padding of frames with an odd count
        nibbles = np.delete(nibbles, odd) if odd.size else nibbles
        escaped = nibbles == 0
        frame_of_literal = np.repeat(np.arange(len(messages)), literals)
        n_escaped = np.bincount(frame_of_literal[escaped], minlength=len(messages))
        content = nibbles - np.uint8(8)
        if (n_escaped == tail).all():
            content[escaped] = buf[_spans(body + n_tokens + packed, tail)]
        else:
            good = n_escaped == tail
            return _expand_some(messages, good, n_cells)
    values = np.zeros(len(messages) * n_cells, np.uint8)
    values[np.repeat(is_literal, cells)] = content
    return good, values.reshape(-1, n_cells)


def _expand_some(
    messages: list[bytes], good: NDArray[np.bool_], n_cells: int
) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Expand the delta frames that are ``good``; leave the others zero."""
    values = np.zeros((len(messages), n_cells), np.uint8)
    chosen = np.flatnonzero(good)
    if chosen.size:
        values[chosen] = _expand([messages[i] for i in chosen], n_cells, delta=True)[1]
    return good, values


def _spans(start: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the indices start[i] .. start[i] + count[i] of all spans, one after the other."""
    return np.repeat(start - (np.cumsum(count) - count), count) + np.arange(count.sum())


def _unpack12(body: NDArray[np.uint8], n_cells: int) -> NDArray[np.uint16]:
    """Return 12-bit values (n, n_cells) from rows packed two in three bytes."""
    n_pairs = n_cells // 2
    out = np.empty((body.shape[0], n_cells), np.uint16)
    triple = body[:, : 3 * n_pairs].reshape(-1, n_pairs, 3).astype(np.uint16)
    out[:, 0 : 2 * n_pairs : 2] = triple[:, :, 0] | (triple[:, :, 1] & 15) << 8
    out[:, 1 : 2 * n_pairs : 2] = triple[:, :, 1] >> 4 | triple[:, :, 2] << 4
    if n_cells & 1:
        out[:, -1] = body[:, -2] | body[:, -1].astype(np.uint16) << 8
    return out


def imu_words(item: Data, n_axes: int) -> NDArray[np.int16]:
    """Return the words of an IMU message, shape (n, n_axes)."""
    return np.frombuffer(item.message, "<i2", item.n * n_axes, _AT).reshape(item.n, n_axes)
