"""The kernels of ``solecore`` on numpy: same functions, same bytes, for host and ``sim:``."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Any

import numpy as np

from solecore._plain import (
    AT_SHIFT,
    IS_DELTA,
    MAX_TOKENS,
    MAY_DELTA,
    MIN_RUN,
    N_SUMS,
    uncobs,
)

__all__ = ["AT_SHIFT", "IS_DELTA", "MAX_TOKENS", "MAY_DELTA", "MIN_RUN", "N_SUMS", "uncobs"]

Buffer = Any  # bytearray, array or memoryview: whatever supports the buffer protocol


def calibrate(raw: Buffer, table: Buffer, out: Buffer, n: int) -> None:
    """See ``solecore._plain.calibrate``."""
    words = np.frombuffer(table, np.uint16)
    value = np.frombuffer(raw, np.uint16, n).astype(np.int32) - words[:n]
    np.maximum(value, 0, out=value)
    value = np.minimum((value * words[n : 2 * n].astype(np.int32) + 32768) >> 16, 255)
    value[value < words[2 * n]] = 0
    np.frombuffer(out, np.uint8, n)[:] = value


def sums(cells: Buffer, geometry: Buffer, out: MutableSequence[int], n: int) -> None:
    """See ``solecore._plain.sums``."""
    value = np.frombuffer(cells, np.uint8, n).astype(np.int64)
    place = np.frombuffer(geometry, np.uint8, 3 * n).reshape(3, n).astype(np.int64)
    out[0] = int(value.sum())
    out[1] = int(value[place[2] == 1].sum())
    out[2] = int(value[place[2] == 2].sum())
    out[3] = int(value @ place[0])
    out[4] = int(value @ place[1])
    out[5] = int(np.count_nonzero(value))


def _tokens(difference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the token bytes and a mask of the cells that travel as literals."""
    n = difference.shape[0]
    # Runs of zero or non-zero cells: [start, end) with alternating kind.
    is_zero = difference == 0
    cuts = np.flatnonzero(is_zero[1:] != is_zero[:-1]) + 1
    start = np.concatenate(([0], cuts))
    end = np.concatenate((cuts, [n]))
    kind = is_zero[start]
    # Short zero runs travel inside literals, except at the very end.
    skip = kind & (end - start >= MIN_RUN)
    skip[-1] = kind[-1]
    # Merge runs of equal decision.
    keep = np.concatenate(([True], skip[1:] != skip[:-1]))
    begin = start[keep]
    length = np.concatenate((begin[1:], [n])) - begin
    flag = np.where(skip[keep], 0, 128)
    full, rest = length // 127, length % 127
    count = full + (rest > 0)
    tokens = np.repeat(127 + flag, count)
    last = np.cumsum(count) - 1
    tokens[last] = np.where(rest > 0, rest, 127) + flag
    return tokens.astype(np.uint8), np.repeat(flag > 0, length)


def _code(difference: np.ndarray, delta: bool) -> bytes | None:
    """Return the code of a frame, None if it needs too many tokens."""
    tokens, mask = _tokens(difference)
    if tokens.size > MAX_TOKENS:
        return None
    literal = difference[mask]
    head = bytes((tokens.size,)) + tokens.tobytes()
    if not delta:
        return head + literal.tobytes()
    escaped = (literal >= 8) & (literal <= 248)
    nibbles = np.where(escaped, 0, (literal + np.uint8(8)) & 15).astype(np.uint8)
    if nibbles.size & 1:
        nibbles = np.concatenate((nibbles, np.zeros(1, np.uint8)))
    packed = nibbles[0::2] | (nibbles[1::2] << 4)
    return head + packed.tobytes() + literal[escaped].tobytes()


def code8(cells: Buffer, before: Buffer, out: Buffer, how: int) -> int:
    """See ``solecore._plain.code8``."""
    n = how & 2047
    at = (how >> AT_SHIFT) & 2047
    value = np.frombuffer(cells, np.uint8, n)
    body = _code(value, False)
    flag = 0
    if how & MAY_DELTA:
        delta = _code(value - np.frombuffer(before, np.uint8, n), True)
        if delta is not None and (body is None or len(delta) <= len(body)):
            body = delta
            flag = IS_DELTA
    if body is None or len(body) > n:
        return 0
    end = at + len(body)
    memoryview(out)[at:end] = body
    return end | flag


def pack12(raw: Buffer, out: Buffer, n: int, at: int) -> int:
    """See ``solecore._plain.pack12``."""
    value = np.frombuffer(raw, np.uint16, n)
    if n & 1:
        value = np.concatenate((value, np.zeros(1, np.uint16)))
    low, high = value[0::2], value[1::2]
    packed = np.empty((low.size, 3), np.uint8)
    packed[:, 0] = low & 255
    packed[:, 1] = (low >> 8) | ((high & 15) << 4)
    packed[:, 2] = high >> 4
    end = at + (3 * n + 1) // 2
    memoryview(out)[at:end] = packed.tobytes()[: end - at]
    return end


def copy8(src: Buffer, out: Buffer, n: int, at: int) -> int:
    """See ``solecore._plain.copy8``."""
    memoryview(out)[at : at + n] = memoryview(src)[:n]
    return at + n


def copy16(src: Buffer, out: Buffer, n: int, at: int) -> int:
    """See ``solecore._plain.copy16``."""
    memoryview(out)[at : at + 2 * n] = np.frombuffer(src, np.uint16, n).astype("<u2").tobytes()
    return at + 2 * n


_FULL = b"\xff"


def cobs(src: Buffer, out: Buffer, n: int) -> int:
    """See ``solecore._plain.cobs``."""
    parts = []
    runs = bytes(memoryview(src)[:n]).split(b"\x00")
    last = len(runs) - 1
    for k, run in enumerate(runs):
        while len(run) > 254:
            parts += [_FULL, run[:254]]
            run = run[254:]
        if len(run) == 254:
            parts += [_FULL, run]
            if k < last:  # the zero behind a full group needs a group of its own
                parts.append(b"\x01")
        else:
            parts += [bytes((len(run) + 1,)), run]
    parts.append(b"\x00")
    framed = b"".join(parts)
    memoryview(out)[: len(framed)] = framed
    return len(framed)
