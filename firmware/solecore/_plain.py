"""The kernels in plain Python: the reference that every other implementation must equal.

All buffers belong to the caller; nothing is allocated per cell and no value exceeds 2**30.
"""

from solecore._uncobs import uncobs  # noqa: F401 - part of every kernel module

N_SUMS: int = 6
SUM_F: int = 0  # all cells
SUM_HEEL: int = 1  # zone 1
SUM_FORE: int = 2  # zone 2
SUM_X: int = 3
SUM_Y: int = 4
SUM_ACTIVE: int = 5  # cells above zero

MAY_DELTA: int = 1 << 22  # flag in the ``how`` of code8
IS_DELTA: int = 1 << 11  # flag in what it returns
AT_SHIFT: int = 11  # where ``how`` carries the output offset
MIN_RUN: int = 3  # zero runs shorter than this travel inside a literal run
MAX_TOKENS: int = 255


def calibrate(raw, table, out, n):
    """``out[i] = clamp(round((raw[i] - base[i]) * gain[i] / 65536), 0, 255)``, or 0 if too small.

    Too small is below the dead-band.

    ``raw`` holds 12-bit counts; ``table`` is u16: n of base, n of gain, the dead-band.
    """
    dead = table[2 * n]
    for i in range(n):
        v = raw[i] - table[i]
        if v <= 0:
            out[i] = 0
        else:
            v = (v * table[n + i] + 32768) >> 16
            if v > 255:
                v = 255
            out[i] = v if v >= dead else 0


def sums(cells, geometry, out, n):
    """Fill ``out`` (u32, N_SUMS); ``geometry`` is u8: n of x, y, zone (1 heel, 2 forefoot, 0).

    ``cells`` begins at a multiple of four in memory, as every bytearray does.
    """
    f = h = t = sx = sy = active = 0
    for i in range(n):
        v = cells[i]
        if v:
            f += v
            active += 1
            sx += v * geometry[i]
            sy += v * geometry[n + i]
            zone = geometry[2 * n + i]
            if zone == 1:
                h += v
            elif zone == 2:
                t += v
    out[0] = f
    out[1] = h
    out[2] = t
    out[3] = sx
    out[4] = sy
    out[5] = active


def code8(cells, before, out, how):
    """Write a frame in its shorter code into ``out``; return its end, 0 if the cells are shorter.

    ``how`` is ``n | offset << AT_SHIFT``, plus ``MAY_DELTA``: then the shorter of a key frame and
    a delta frame is written, the latter where they are equal, and ``IS_DELTA`` is added to the
    end. Written: the number of tokens; tokens (1..127 = so many cells without change, 128 + m = m
    literal cells); then for a key frame the literal cells as bytes, for a delta frame their
    differences as nibbles (difference + 8, -7..7; 0 = escape; the first cell in the low half)
    followed by the escaped differences modulo 256. Key frames differ from zero, delta frames from
    ``before``. A code has at most MAX_TOKENS tokens and ``n`` bytes; ``out`` has room for n + 4.
    ``cells`` and ``before`` begin at multiples of four in memory.
    """
    n = how & 2047
    at = (how >> AT_SHIFT) & 2047
    delta = False
    size = _code_size(cells, before, n, False)
    if how & MAY_DELTA:
        delta_size = _code_size(cells, before, n, True)
        if delta_size <= size:
            delta = True
            size = delta_size
    if size > n:
        return 0
    last = _put_tokens(cells, before, n, delta, out, at + 1)
    out[at] = last - at - 1
    end = _put_literals(cells, before, delta, out, at + 1, last)
    return end | IS_DELTA if delta else end


def _run_end(cells, before, n, delta, i):
    """Return where the run that begins with cell ``i`` ends; negative for a run of literals."""
    j = i
    while j < n and cells[j] == (before[j] if delta else 0):
        j += 1
    if j - i >= MIN_RUN or j == n:
        return j
    zeros = 0
    j = i
    while j < n and zeros < MIN_RUN:
        zeros = zeros + 1 if cells[j] == (before[j] if delta else 0) else 0
        j += 1
    return zeros - j


def _code_size(cells, before, n, delta):
    """Return the bytes of a code; more than there can be if it needs too many tokens."""
    tokens = literals = escapes = 0
    i = 0
    while i < n:
        j = _run_end(cells, before, n, delta, i)
        if j < 0:
            j = -j
            literals += j - i
            for k in range(i, j):
                if delta and 8 <= (cells[k] - before[k]) & 255 <= 248:
                    escapes += 1
        tokens += (j - i + 126) // 127
        i = j
    if tokens > MAX_TOKENS:
        return 2047
    return 1 + tokens + ((literals + 1) // 2 + escapes if delta else literals)


def _put_tokens(cells, before, n, delta, out, at):
    i = 0
    while i < n:
        j = _run_end(cells, before, n, delta, i)
        kind = 0
        if j < 0:
            j = -j
            kind = 128
        while i < j:
            run = j - i if j - i < 127 else 127
            out[at] = kind + run
            at += 1
            i += run
    return at


def _put_literals(cells, before, delta, out, token, at):
    """Write the literal cells of the tokens from ``token`` to ``at`` there; return the end."""
    literals = 0
    for i in range(token, at):
        literals += out[i] - 128 if out[i] > 128 else 0
    last = at
    tail = at + ((literals + 1) >> 1)
    half = 0
    i = 0
    while token < last:
        run = out[token]
        token += 1
        if run < 128:
            i += run
            continue
        stop = i + run - 128
        while i < stop:
            if not delta:
                out[at] = cells[i]
                at += 1
                i += 1
                continue
            d = (cells[i] - before[i]) & 255
            i += 1
            if 8 <= d <= 248:
                out[tail] = d
                tail += 1
                d = 0
            else:
                d = (d + 8) & 15
            if half:
                out[at] = out[at] | (d << 4)
                at += 1
            else:
                out[at] = d
            half ^= 1
    return tail if delta else at


def pack12(raw, out, n, at):
    """Write ``n`` values of 12 bits at ``at``, two in three bytes, low first; return the end."""
    i = 0
    while i + 1 < n:
        a = raw[i]
        b = raw[i + 1]
        out[at] = a & 255
        out[at + 1] = (a >> 8) | ((b & 15) << 4)
        out[at + 2] = b >> 4
        at += 3
        i += 2
    if i < n:
        out[at] = raw[i] & 255
        out[at + 1] = raw[i] >> 8
        at += 2
    return at


def copy8(src, out, n, at):
    """Copy ``n`` bytes to ``out[at:]``; return the end."""
    for i in range(n):
        out[at + i] = src[i]
    return at + n


def copy16(src, out, n, at):
    """Write ``n`` 16-bit words, signed or not, low byte first, at ``at``; return the end."""
    for i in range(n):
        out[at] = src[i] & 255
        out[at + 1] = (src[i] >> 8) & 255
        at += 2
    return at


def cobs(src, out, n):
    """Stuff ``n`` bytes of ``src`` (multi-block COBS), add the delimiter; return the length."""
    mark = 0  # where the code byte of the open group goes
    at = 1
    for i in range(n):
        if at - mark == 255:
            out[mark] = 255
            mark = at
            at += 1
        byte = src[i]
        if byte:
            out[at] = byte
        else:
            out[mark] = at - mark
            mark = at
        at += 1
    out[mark] = at - mark
    out[at] = 0
    return at + 1
