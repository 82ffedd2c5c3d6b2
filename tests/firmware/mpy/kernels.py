# ruff: noqa: T201, PTH, RUF005, C419, B905
# Twin script: every kernel of two implementations on the same random and extreme input.
# argv: the module beside _plain ("_viper" in MicroPython, "numpy" on the host), seed, rounds.
import binascii
import sys
from array import array

from solecore import _plain as plain

NS = (1, 2, 3, 4, 16, 61, 126, 127, 128, 254, 255, 381, 660, 955, 1185)


class Random:
    """The same numbers everywhere, within small integers."""

    def __init__(self, seed):
        self.state = seed & 0xFFFF

    def __call__(self, n):
        self.state = (self.state * 75 + 74) % 65537
        return self.state % n


def frames_of(n, rnd, kind):
    """Return cells and the cells before them: kind 0 to 7 are extremes, then noise."""
    cells = bytearray(n)
    before = bytearray(n)
    for i in range(n):
        if kind == 1:
            cells[i] = 255
        elif kind == 2:
            before[i] = 255
        elif kind == 3:
            cells[i] = before[i] = 255
        elif kind == 4:  # all that a nibble holds, and just more
            cells[i] = 100 + i % 18
            before[i] = 100 + 8
        elif kind == 5:  # as many tokens as can be
            cells[i] = 5 if i % 4 == 0 else 0
        elif kind == 6:  # runs of every length
            cells[i] = before[i] = 7
            if (i * i // 9) % 5 == 0:
                cells[i] = 8
        elif kind == 7:
            cells[i] = i & 255
            before[i] = (i >> 1) & 255
        elif kind > 7:
            before[i] = rnd(256) if rnd(3) == 0 else 0
            r = rnd(8)
            cells[i] = (
                rnd(256) if r == 0 else ((before[i] + rnd(19) - 9) & 255 if r == 1 else before[i])
            )
    return cells, before


def results(k, n, rnd, kind):
    """Return all that the kernels of ``k`` write and return."""
    raw = array("H", [0] * n)
    table = array("H", [0] * (2 * n + 1))
    for i in range(n):
        raw[i] = (0, 4095, rnd(4096), rnd(4096))[kind & 3]
        table[i] = (0, 65535, rnd(4096), rnd(200))[(kind >> 1) & 3]
        table[n + i] = (65535, 0, rnd(65536), 4096)[(kind >> 2) & 3]
    table[2 * n] = (0, 3, 255, 256)[rnd(4)]
    out = [bytearray(n)]
    k.calibrate(raw, table, out[0], n)
    cells, before = frames_of(n, rnd, kind)
    place = bytearray(3 * n)
    for i in range(n):
        place[i] = 255 if kind == 1 else rnd(256)
        place[n + i] = 255 if kind == 1 else rnd(256)
        place[2 * n + i] = rnd(3)
    sums = array("I", [0] * plain.N_SUMS)
    k.sums(cells, place, sums, n)
    out.append(list(sums))
    for flag in (0, plain.MAY_DELTA):
        at = rnd(40)
        coded = bytearray(2 * n + 60)
        end = k.code8(cells, before, coded, n | at << plain.AT_SHIFT | flag)
        out.append((end, coded[at : end & 2047] if end else None))
    for fill in range(3):
        at = rnd(20)
        packed = bytearray(2 * n + 30)
        out.append((k.pack12(raw, packed, n, at), packed))
        copied = bytearray(n + 30)
        out.append((k.copy8(cells, copied, n, at), copied))
        words = bytearray(2 * n + 30)
        out.append((k.copy16(raw, words, n, at), words))
        signed = array("h", [raw[i] - 2048 for i in range(n)])
        out.append((k.copy16(signed, words, n, at), words))
        source = bytearray(n)
        for i in range(n):
            source[i] = (rnd(255) + 1, cells[i], 0 if rnd(200) == 0 else 9)[fill]
        framed = bytearray(n + 20)
        end = k.cobs(source, framed, n)
        out.append((end, framed))
        assert plain.uncobs(bytes(framed[: end - 1])) == bytes(source)
        assert k.uncobs(bytes(framed[: end - 1])) == bytes(source)
    return out


def digest(value):
    if value is None:
        return b"-"
    if isinstance(value, int):
        return b"%d;" % value
    if isinstance(value, bytearray):
        return bytes(value)
    return b"".join(digest(part) for part in value)


def main():
    if sys.argv[1] == "numpy":
        from solekit import numpy_kernels as other
    else:
        from solecore import _viper as other
    seed = int(sys.argv[2])
    n_cases = 0
    crc = 0
    for n in NS:
        for kind in range(8 + int(sys.argv[3])):
            expected = results(plain, n, Random(seed + 977 * kind + n), kind)
            got = results(other, n, Random(seed + 977 * kind + n), kind)
            if got != expected:
                which = [i for i in range(len(expected)) if got[i] != expected[i]]
                print("differ", n, kind, which)
            crc = binascii.crc32(digest(expected), crc)
            n_cases += 1
    print("cases", n_cases, "crc", crc)


if __name__ == "__main__":
    main()
