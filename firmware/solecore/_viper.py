"""The kernels for MicroPython's viper emitter; contracts and comments are in ``_plain``.

Imported only after a probe shows that the decorator exists.
"""

import micropython
from micropython import const

from solecore._uncobs import uncobs  # noqa: F401

_MAY_DELTA = const(1 << 22)
_IS_DELTA = const(1 << 11)


# Pointers walk, and what is tested is the number itself wherever that does: a comparison costs
# nine Thumb instructions, a test three, an index that varies four. The first two arguments are in
# processor registers, all else is in memory.


@micropython.viper
def calibrate(raw: ptr16, table: ptr16, out: ptr8, n: int):
    gain = ptr16(int(table) + 2 * n)
    dead = int(table[2 * n])
    while n >> 2:  # four cells at a time: walking costs as much as half a cell
        v = int(raw[0]) - int(table[0])
        if v > 0:
            v = (int(gain[0]) * v + 32768) >> 16
            if v >> 8:
                v = 255
            if v < dead:
                v = 0
            out[0] = v
        else:
            out[0] = 0
        v = int(raw[1]) - int(table[1])
        if v > 0:
            v = (int(gain[1]) * v + 32768) >> 16
            if v >> 8:
                v = 255
            if v < dead:
                v = 0
            out[1] = v
        else:
            out[1] = 0
        v = int(raw[2]) - int(table[2])
        if v > 0:
            v = (int(gain[2]) * v + 32768) >> 16
            if v >> 8:
                v = 255
            if v < dead:
                v = 0
            out[2] = v
        else:
            out[2] = 0
        v = int(raw[3]) - int(table[3])
        if v > 0:
            v = (int(gain[3]) * v + 32768) >> 16
            if v >> 8:
                v = 255
            if v < dead:
                v = 0
            out[3] = v
        else:
            out[3] = 0
        raw = ptr16(int(raw) + 8)
        table = ptr16(int(table) + 8)
        gain = ptr16(int(gain) + 8)
        out = ptr8(int(out) + 4)
        n -= 4
    while n:
        v = int(raw[0]) - int(table[0])
        if v > 0:
            v = (int(gain[0]) * v + 32768) >> 16
            if v >> 8:
                v = 255
            if v < dead:
                v = 0
            out[0] = v
        else:
            out[0] = 0
        raw = ptr16(int(raw) + 2)
        table = ptr16(int(table) + 2)
        gain = ptr16(int(gain) + 2)
        out = ptr8(int(out) + 1)
        n -= 1


@micropython.viper
def sums(cells: ptr8, geometry: ptr8, out: ptr32, n: int):
    y = ptr8(int(geometry) + n)
    zones = ptr8(int(geometry) + 2 * n)
    active = 0
    sx = 0
    sy = 0
    f = 0
    h = 0
    t = 0
    while n >> 2:  # four cells at a time, which often are all zero
        if int(ptr32(cells)[0]):
            v = int(cells[0])
            if v:
                active += 1
                f = v + f
                sx = int(geometry[0]) * v + sx
                sy = int(y[0]) * v + sy
                zone = int(zones[0])
                if zone:
                    if zone & 1:
                        h = v + h
                    else:
                        t = v + t
            v = int(cells[1])
            if v:
                active += 1
                f = v + f
                sx = int(geometry[1]) * v + sx
                sy = int(y[1]) * v + sy
                zone = int(zones[1])
                if zone:
                    if zone & 1:
                        h = v + h
                    else:
                        t = v + t
            v = int(cells[2])
            if v:
                active += 1
                f = v + f
                sx = int(geometry[2]) * v + sx
                sy = int(y[2]) * v + sy
                zone = int(zones[2])
                if zone:
                    if zone & 1:
                        h = v + h
                    else:
                        t = v + t
            v = int(cells[3])
            if v:
                active += 1
                f = v + f
                sx = int(geometry[3]) * v + sx
                sy = int(y[3]) * v + sy
                zone = int(zones[3])
                if zone:
                    if zone & 1:
                        h = v + h
                    else:
                        t = v + t
        cells = ptr8(int(cells) + 4)
        geometry = ptr8(int(geometry) + 4)
        y = ptr8(int(y) + 4)
        zones = ptr8(int(zones) + 4)
        n -= 4
    while n:
        v = int(cells[0])
        if v:
            active += 1
            f = v + f
            sx = int(geometry[0]) * v + sx
            sy = int(y[0]) * v + sy
            zone = int(zones[0])
            if zone:
                if zone & 1:
                    h = v + h
                else:
                    t = v + t
        cells = ptr8(int(cells) + 1)
        geometry = ptr8(int(geometry) + 1)
        y = ptr8(int(y) + 1)
        zones = ptr8(int(zones) + 1)
        n -= 1
    out[0] = f
    out[1] = h
    out[2] = t
    out[3] = sx
    out[4] = sy
    out[5] = active


@micropython.viper
def code8(cells: ptr8, before: ptr8, out: ptr8, how: int) -> int:
    n = how & 2047
    head = ptr8(int(out) + ((how >> 11) & 2047))
    end = int(cells) + n
    # Key frame: runs of zeros, four cells at a time where they lie in one word, and of literals.
    token = ptr8(int(head) + 1)
    literals = 0
    while int(cells) - end:
        start = int(cells)
        while int(cells) - end:
            if int(cells) & 3:
                pass
            elif (end - int(cells)) >> 2:
                if int(ptr32(cells)[0]):
                    pass
                else:
                    cells = ptr8(int(cells) + 4)
                    continue
            if int(cells[0]):
                break
            cells = ptr8(int(cells) + 1)
        run = int(cells) - start
        kind = 0
        if run < 3 and int(cells) != end:
            kind = 128
            while int(cells) - end:
                if int(cells[0]):
                    cells = ptr8(int(cells) + 1)
                    continue
                rest = end - int(cells)
                if rest < 2:
                    break
                if int(cells[1]) == 0:
                    if rest == 2:
                        break
                    if int(cells[2]) == 0:
                        break
                cells = ptr8(int(cells) + 1)
            run = int(cells) - start
            literals += run
        while run > 127:
            token[0] = kind + 127
            token = ptr8(int(token) + 1)
            run -= 127
        token[0] = kind + run
        token = ptr8(int(token) + 1)
    cells = ptr8(int(cells) - n)
    tokens = int(token) - int(head) - 1
    size = 1 + tokens + literals
    if tokens > 255 or size > n:
        size = n + 1
    mode = 0
    if how & _MAY_DELTA:
        # The same for the differences, with the tokens behind those of the key frame.
        first = int(token)
        literals = 0
        escapes = 0
        while int(cells) - end:
            start = int(cells)
            while int(cells) - end:
                if int(cells) & 3:
                    pass
                elif (end - int(cells)) >> 2:
                    if int(ptr32(cells)[0]) ^ int(ptr32(before)[0]):
                        pass
                    else:
                        cells = ptr8(int(cells) + 4)
                        before = ptr8(int(before) + 4)
                        continue
                if int(cells[0]) ^ int(before[0]):
                    break
                cells = ptr8(int(cells) + 1)
                before = ptr8(int(before) + 1)
            run = int(cells) - start
            kind = 0
            if run < 3 and int(cells) != end:
                kind = 128
                while int(cells) - end:
                    d = ((int(cells[0]) - int(before[0]) + 7) & 255) + 1
                    if d >> 4:
                        escapes += 1
                    elif d ^ 8:
                        pass
                    else:
                        rest = end - int(cells)
                        if rest < 2:
                            break
                        if int(cells[1]) == int(before[1]):
                            if rest == 2:
                                break
                            if int(cells[2]) == int(before[2]):
                                break
                    cells = ptr8(int(cells) + 1)
                    before = ptr8(int(before) + 1)
                run = int(cells) - start
                literals += run
            while run > 127:
                token[0] = kind + 127
                token = ptr8(int(token) + 1)
                run -= 127
            token[0] = kind + run
            token = ptr8(int(token) + 1)
        cells = ptr8(int(cells) - n)
        before = ptr8(int(before) - n)
        run = int(token) - first
        literals = (literals + 1) >> 1
        literals += run + 1
        if run < 256 and literals + escapes <= size and literals + escapes <= n:
            mode = _IS_DELTA
            size = literals + escapes
            tokens = run
            token = ptr8(first)
            head = ptr8(int(head) + 1)
            while run:
                head[0] = token[0]
                head = ptr8(int(head) + 1)
                token = ptr8(int(token) + 1)
                run -= 1
            head = ptr8(int(head) - tokens - 1)
            tail = ptr8(int(head) + literals)
    if size > n:
        return 0
    head[0] = tokens
    token = ptr8(int(head) + 1)
    to = ptr8(int(token) + tokens)
    low = 0
    while tokens:
        tokens -= 1
        run = int(token[0])
        token = ptr8(int(token) + 1)
        if run < 128:
            cells = ptr8(int(cells) + run)
            before = ptr8(int(before) + run)
            continue
        end = int(cells) + run - 128
        if mode:
            while int(cells) - end:
                d = ((int(cells[0]) - int(before[0]) + 7) & 255) + 1
                cells = ptr8(int(cells) + 1)
                before = ptr8(int(before) + 1)
                if d >> 4:
                    tail[0] = d - 8
                    tail = ptr8(int(tail) + 1)
                    d = 0
                if low:
                    to[0] = low ^ (d << 4)
                    to = ptr8(int(to) + 1)
                    low = 0
                else:
                    low = d | 256
        else:
            while int(cells) - end:
                to[0] = cells[0]
                cells = ptr8(int(cells) + 1)
                to = ptr8(int(to) + 1)
    if low:
        to[0] = low
    return int(head) - int(out) + size + mode


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
def copy16(src: ptr16, out: ptr8, n: int, at: int) -> int:
    end = at + 2 * n
    while at < end:
        v = int(src[0])
        src = ptr16(int(src) + 2)
        out[at] = v
        out[at + 1] = v >> 8
        at += 2
    return at


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
