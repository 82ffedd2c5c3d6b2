"""The kernels in plain Python: the reference that every other implementation must equal.

All buffers belong to the caller; nothing is allocated per cell and no value exceeds 2**30.
"""

N_SUMS: int = 7
SUM_F: int = 0  # all cells
SUM_HEEL: int = 1  # zone 1
SUM_FORE: int = 2  # zone 2
SUM_X: int = 3
SUM_Y: int = 4
SUM_ACTIVE: int = 5  # cells above zero
SUM_PEAK: int = 6

DELTA: int = 1 << 22  # flag in the ``how`` of code8
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
    """Fill ``out`` (u32, N_SUMS); ``geometry`` is u8: n of x, y, zone (1 heel, 2 forefoot)."""
    f = h = t = sx = sy = active = peak = 0
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
            if v > peak:
                peak = v
    out[0] = f
    out[1] = h
    out[2] = t
    out[3] = sx
    out[4] = sy
    out[5] = active
    out[6] = peak


def code8_size(cells, before, n, delta):
    """Return the bytes that ``code8`` would write, or 0 if the frame needs too many tokens."""
    tokens = literals = escapes = 0
    i = 0
    while i < n:
        j = i
        while j < n and cells[j] == (before[j] if delta else 0):
            j += 1
        if j - i >= MIN_RUN or (j == n and j > i):
            tokens += (j - i + 126) // 127
            i = j
            continue
        zeros = 0
        j = i
        while j < n and zeros < MIN_RUN:
            d = (cells[j] - (before[j] if delta else 0)) & 255
            zeros = 0 if d else zeros + 1
            if delta and 8 <= d <= 248:
                escapes += 1
            j += 1
        j -= zeros
        tokens += (j - i + 126) // 127
        literals += j - i
        i = j
    if tokens > MAX_TOKENS:
        return 0
    return 1 + tokens + ((literals + 1) // 2 + escapes if delta else literals)


def code8(cells, before, out, how):
    """Write one coded frame into ``out``; return its end.

    ``how`` is ``n | offset << AT_SHIFT``, plus ``DELTA``. Written: the number of tokens; tokens
    (1..127 = so many cells without change, 128 + m = m literal cells); then for a key frame the
    literal cells as bytes, for a delta frame their differences as nibbles (difference + 8, -7..7;
    0 = escape; the first cell in the low half) followed by the escaped differences modulo 256.
    Key frames differ from zero, delta frames from ``before``.
    """
    n = how & 2047
    at = (how >> AT_SHIFT) & 2047
    delta = how & DELTA
    head = at
    at += 1
    literals = 0
    i = 0
    while i < n:
        j = i
        while j < n and cells[j] == (before[j] if delta else 0):
            j += 1
        if j - i >= MIN_RUN or (j == n and j > i):
            run = j - i
            i = j
            while run > 0:
                out[at] = run if run < 127 else 127
                at += 1
                run -= 127
            continue
        zeros = 0
        j = i
        while j < n and zeros < MIN_RUN:
            zeros = zeros + 1 if cells[j] == (before[j] if delta else 0) else 0
            j += 1
        j -= zeros
        run = j - i
        literals += run
        i = j
        while run > 0:
            out[at] = 128 + (run if run < 127 else 127)
            at += 1
            run -= 127
    out[head] = at - head - 1
    token = head + 1
    last = at
    tail = at + ((literals + 1) >> 1)  # escaped differences
    half = 0
    i = 0
    while token < last:
        run = out[token]
        token += 1
        if run < 128:
            i += run
            continue
        run -= 128
        while run > 0:
            if delta:
                d = (cells[i] - before[i]) & 255
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
            else:
                out[at] = cells[i]
                at += 1
            i += 1
            run -= 1
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


def uncobs(frame):
    """Return the bytes stuffed in ``frame`` (no delimiter), or None if it is broken.

    A code byte stands where the zero of the group before it goes, so zeros are put in place; only
    the code after a full group must leave.
    """
    if 0 in frame:
        return None
    body = bytearray(frame)
    n = len(body)
    full = []
    i = 0
    while i < n:
        code = body[i]
        body[i] = 0
        i += code
        if code == 255:
            full.append(i)
    if i != n:
        return None
    for at in reversed(full):
        if at < n:
            body[at:] = body[at + 1 :]
    return bytes(body[1:])
