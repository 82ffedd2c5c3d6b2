"""The kernels for MicroPython's viper emitter; contracts and comments are in ``_plain``.

Imported only after a probe shows that the decorator exists.
"""

import micropython
from micropython import const

from solecore._plain import AT_SHIFT, DELTA, MAX_TOKENS, MIN_RUN, N_SUMS, uncobs  # noqa: F401

_RUN = const(3)
_DELTA = const(1 << 22)


@micropython.viper
def calibrate(raw: ptr16, table: ptr16, out: ptr8, n: int):
    dead = int(table[2 * n])
    i = 0
    while i < n:
        v = int(raw[i]) - int(table[i])
        if v <= 0:
            out[i] = 0
        else:
            v = (v * int(table[n + i]) + 32768) >> 16
            if v > 255:
                v = 255
            if v < dead:
                v = 0
            out[i] = v
        i += 1


@micropython.viper
def sums(cells: ptr8, geometry: ptr8, out: ptr32, n: int):
    f = 0
    h = 0
    t = 0
    sx = 0
    sy = 0
    active = 0
    peak = 0
    i = 0
    n2 = 2 * n
    while i < n:
        v = int(cells[i])
        if v:
            f += v
            active += 1
            sx += v * int(geometry[i])
            sy += v * int(geometry[n + i])
            zone = int(geometry[n2 + i])
            if zone == 1:
                h += v
            elif zone == 2:
                t += v
            if v > peak:
                peak = v
        i += 1
    out[0] = f
    out[1] = h
    out[2] = t
    out[3] = sx
    out[4] = sy
    out[5] = active
    out[6] = peak


@micropython.viper
def code8_size(cells: ptr8, before: ptr8, n: int, delta: int) -> int:
    tokens = 0
    literals = 0
    escapes = 0
    mask = 255 if delta else 0
    i = 0
    while i < n:
        j = i
        while j < n and int(cells[j]) == (int(before[j]) & mask):
            j += 1
        if j - i >= _RUN or (j == n and j > i):
            tokens += (j - i + 126) // 127
            i = j
            continue
        zeros = 0
        j = i
        while j < n and zeros < _RUN:
            d = (int(cells[j]) - (int(before[j]) & mask)) & 255
            if d:
                zeros = 0
                if d >= 8 and d <= 248 and mask:
                    escapes += 1
            else:
                zeros += 1
            j += 1
        j -= zeros
        tokens += (j - i + 126) // 127
        literals += j - i
        i = j
    if tokens > 255:
        return 0
    if mask:
        return 1 + tokens + ((literals + 1) >> 1) + escapes
    return 1 + tokens + literals


@micropython.viper
def code8(cells: ptr8, before: ptr8, out: ptr8, how: int) -> int:
    n = how & 2047
    at = (how >> 11) & 2047
    mask = 255 if how & _DELTA else 0
    head = at
    at += 1
    literals = 0
    i = 0
    while i < n:
        j = i
        while j < n and int(cells[j]) == (int(before[j]) & mask):
            j += 1
        run = j - i
        kind = 0
        if run < _RUN and not (j == n and run > 0):
            kind = 128
            zeros = 0
            j = i
            while j < n and zeros < _RUN:
                if int(cells[j]) == (int(before[j]) & mask):
                    zeros += 1
                else:
                    zeros = 0
                j += 1
            j -= zeros
            run = j - i
            literals += run
        i = j
        while run > 0:
            if run < 127:
                out[at] = kind + run
            else:
                out[at] = kind + 127
            at += 1
            run -= 127
    out[head] = at - head - 1
    token = head + 1
    last = at
    tail = at + ((literals + 1) >> 1)
    half = 0
    low = 0
    i = 0
    while token < last:
        run = int(out[token])
        token += 1
        if run < 128:
            i += run
            continue
        run -= 128
        while run > 0:
            if mask:
                d = (int(cells[i]) - int(before[i])) & 255
                if d >= 8 and d <= 248:
                    out[tail] = d
                    tail += 1
                    d = 0
                else:
                    d = (d + 8) & 15
                if half:
                    out[at] = low | (d << 4)
                    at += 1
                    half = 0
                else:
                    low = d
                    out[at] = d
                    half = 1
            else:
                out[at] = cells[i]
                at += 1
            i += 1
            run -= 1
    if mask:
        return tail
    return at


@micropython.viper
def pack12(raw: ptr16, out: ptr8, n: int, at: int) -> int:
    i = 0
    while i + 1 < n:
        a = int(raw[i])
        b = int(raw[i + 1])
        out[at] = a & 255
        out[at + 1] = (a >> 8) | ((b & 15) << 4)
        out[at + 2] = b >> 4
        at += 3
        i += 2
    if i < n:
        a = int(raw[i])
        out[at] = a & 255
        out[at + 1] = a >> 8
        at += 2
    return at


@micropython.viper
def copy8(src: ptr8, out: ptr8, n: int, at: int) -> int:
    i = 0
    while i < n:
        out[at + i] = src[i]
        i += 1
    return at + n


@micropython.viper
def cobs(src: ptr8, out: ptr8, n: int) -> int:
    mark = 0
    at = 1
    i = 0
    while i < n:
        if at - mark == 255:
            out[mark] = 255
            mark = at
            at += 1
        byte = int(src[i])
        if byte:
            out[at] = byte
        else:
            out[mark] = at - mark
            mark = at
        at += 1
        i += 1
    out[mark] = at - mark
    out[at] = 0
    return at + 1
