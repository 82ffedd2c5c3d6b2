"""The loops over converted counts in plain Python: contract of the viper ones, and fallback."""


def counts12(raw, n: int, flip: int) -> None:
    """Keep 12 bits of ``n`` counts; ``flip`` 4095 turns them round."""
    i = 0
    while i < n:
        raw[i] = (raw[i] & 4095) ^ flip
        i += 1


def signed16(frame, raw, how: int, flip: int) -> None:
    """Turn big-endian signed words into counts of 0 to 4095; ``flip``: of the negative half.

    ``how`` = number of words (at most 15) | index of the first count << 4.
    """
    n = how & 15
    at = how >> 4
    i = 0
    while i < n:
        v = frame[2 * i] << 8 | frame[2 * i + 1]
        if v >= 32768:
            v -= 65536
        if flip:
            v = -v
        v >>= 3
        if v < 0:
            v = 0
        elif v > 4095:
            v = 4095
        raw[at + i] = v
        i += 1
