"""Pressure frames of many messages at once, on numpy; IMU, events and strides beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from solecore.codec.forms import DELTA_FRAME, KEY_FRAME, PLAIN_FRAME
from solecore.wire import messages as m
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
        body = np.frombuffer(b"".join(item.message[_AT + 1 :] for item in good), np.uint8).reshape(
            -1, size
        )
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        seq = np.repeat(np.array([item.seq for item in good], np.int64), counts) + within
        foot = np.repeat(np.array([item.foot_us for item in good], np.int64), counts)
        values = _unpack12(body, n_cells) if form == m.RAW12 else body
        return Frames(seq, foot + within * self.period_us, values, form)

    def _decode_coded(self, run: list[Data]) -> Frames:
        seqs = [item.seq for item in run]
        values, is_sound = _differences([item.message for item in run], self.n_cells)
        readable = np.zeros(len(run), bool)
        before = self._last
        expected = self._last_seq + 1
        for i, item in enumerate(run):
            is_delta = item.message[_AT] == DELTA_FRAME
            # A delta frame needs the frame right before it.
            if not is_sound[i] or (is_delta and seqs[i] != expected):
                self.lost.append(seqs[i])
                expected = _NOTHING
                continue
            if is_delta:
                np.add(values[i], before, out=values[i])
            before = values[i]
            expected = seqs[i] + 1
            readable[i] = True
        self._last = before.copy()
        self._last_seq = expected - 1
        foot_us = [item.foot_us for item in run]
        if readable.all():
            return Frames(np.array(seqs), np.array(foot_us), values, m.CODED8)
        return Frames(
            np.array(seqs)[readable], np.array(foot_us)[readable], values[readable], m.CODED8
        )


def _differences(messages: list[bytes], n_cells: int) -> tuple[NDArray[np.uint8], list[bool]]:
    """Return what each frame adds to the one before (a key frame: to zero), and which are sound.

    Frames are cut up one by one with operations on bytes; their cells are filled all at once.
    """
    cut = [_cut(message, n_cells) for message in messages]
    packed = b"".join(piece.literals for piece in cut if piece.is_delta)
    nibbles = _NIBBLES[np.frombuffer(packed, np.uint8)].tobytes()
    at = 0
    contents: list[bytes] = []
    is_sound = []
    for piece in cut:
        content = piece.literals
        if piece.is_delta:
            content = nibbles[at : at + piece.n_literals]
            at += 2 * len(piece.literals)
            n_escaped = content.count(_ESCAPE)
            if n_escaped != len(piece.escaped):
                piece = _BROKEN
                content = b""
            elif n_escaped:
                parts = np.frombuffer(content, np.uint8).copy()
                parts[parts == _ESCAPE[0]] = np.frombuffer(piece.escaped, np.uint8)
                content = parts.tobytes()
        is_sound.append(piece is not _BROKEN)
        contents.append(content)
    rows = [i for i, sound in enumerate(is_sound) if sound]
    tokens = np.frombuffer(b"".join(cut[i].tokens for i in rows), np.uint8)
    values = np.zeros((len(rows), n_cells), np.uint8)
    values.reshape(-1)[np.repeat(tokens > 127, tokens & 127)] = np.frombuffer(
        b"".join(contents), np.uint8
    )
    if len(rows) == len(cut):
        return values, is_sound
    out = np.zeros((len(cut), n_cells), np.uint8)
    out[rows] = values
    return out, is_sound


class _Piece(NamedTuple):
    """One coded frame, cut up: ``literals`` are packed nibbles in a delta frame, else cells."""

    is_delta: bool
    tokens: bytes
    n_literals: int
    literals: bytes
    escaped: bytes


_BROKEN = _Piece(False, b"", 0, b"", b"")
_NOTHING = -1  # no sequence number: the next delta frame hangs in the air
_COVERED = bytes(i & 127 for i in range(256))  # cells of a token
_LITERAL = bytes(i & 127 if i > 127 else 0 for i in range(256))  # those that are literal
_ESCAPE = b"\xf8"  # a nibble of 0, less 8; no difference from -7 to 7 looks so
_NIBBLES = np.array([[(i & 15) - 8, (i >> 4) - 8] for i in range(256)]).astype(np.uint8)


def _cut(message: bytes, n_cells: int) -> _Piece:
    """Return the parts of a coded frame, ``_BROKEN`` if they do not add up."""
    at = _AT + 2
    if len(message) < at:
        return _BROKEN
    mode, n_tokens = message[_AT], message[_AT + 1]
    if mode == PLAIN_FRAME:
        if len(message) != at + n_cells:
            return _BROKEN
        return _Piece(False, _plain_tokens(n_cells), n_cells, message[at:], b"")
    tokens = message[at : at + n_tokens]
    n_literals = sum(tokens.translate(_LITERAL))
    is_delta = mode == DELTA_FRAME
    tail = at + n_tokens + ((n_literals + 1) // 2 if is_delta else n_literals)
    fits = tail <= len(message) if is_delta else tail == len(message)
    if (
        mode not in (KEY_FRAME, DELTA_FRAME)
        or not fits
        or sum(tokens.translate(_COVERED)) != n_cells
    ):
        return _BROKEN
    return _Piece(is_delta, tokens, n_literals, message[at + n_tokens : tail], message[tail:])


@cache
def _plain_tokens(n_cells: int) -> bytes:
    """Return tokens that make every cell a literal."""
    full, rest = divmod(n_cells, 127)
    return b"\xff" * full + (bytes((128 + rest,)) if rest else b"")


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


def motion(items: list[Data], hello: Mapping[str, Any]) -> Motion:
    """Return the samples of IMU messages (by sequence number), ``hello`` as the insole said it."""
    n_axes = hello["imu_axes"]
    parts = [imu_words(item, n_axes) for item in items] or [np.zeros((0, n_axes or 3), np.int16)]
    words = np.concatenate(parts)
    gyro = words[:, :3] * (hello["gyro_lsb"] * 1e-6) if n_axes == 6 else None
    accel = words[:, -3:] * (hello["accel_lsb"] * 1e-6)
    return Motion(imu_times_us(items, hello["imu_period"]), accel, gyro)


def imu_words(item: Data, n_axes: int) -> NDArray[np.int16]:
    """Return the words of an IMU message, shape (n, n_axes)."""
    return np.frombuffer(item.message, "<i2", item.n * n_axes, _AT).reshape(item.n, n_axes)


def imu_times_us(items: list[Data], period_us: float) -> NDArray[np.float64]:
    """Return the foot's time of every IMU sample of ``items`` (by sequence number), microseconds.

    Each message is stamped at its first sample; an IMU's own rate is off by some per cent, so the
    samples between two stamps share the time between them. Behind a gap, and at the end, the mean
    period of that run counts; ``period_us`` is the nominal one, for a single message.
    """
    seq = np.array([item.seq for item in items], np.int64)
    n = np.array([item.n for item in items], np.int64)
    stamps = np.array([item.foot_us for item in items], np.float64)
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
