"""SHA-512 (FIPS 180-4) for short input; MicroPython's hashlib ends at SHA-256."""

_MASK: int = (1 << 64) - 1
_BLOCK: int = 128


def _root(n, k):
    """Return the integer ``k``-th root of ``n``."""
    x = 1 << (n.bit_length() if hasattr(n, "bit_length") else 208) // k + 1
    while True:
        y = ((k - 1) * x + n // x ** (k - 1)) // k
        if y >= x:
            return x
        x = y


def _primes(n):
    found = []
    candidate = 2
    while len(found) < n:
        if all([candidate % p for p in found]):
            found.append(candidate)
        candidate += 1
    return found


def _turn(x, n):
    return (x >> n | x << (64 - n)) & _MASK


def digest(data: bytes) -> bytes:
    """Return the 64 bytes of ``data``'s digest.

    The constants are the fractions of the roots of primes: computed, as eighty words of a table
    would stay in the heap.
    """
    primes = _primes(80)
    words = [_root(p << 192, 3) & _MASK for p in primes]
    state = [_root(p << 128, 2) & _MASK for p in primes[:8]]
    padded = (
        data + b"\x80" + bytes(-(len(data) + 17) % _BLOCK) + (8 * len(data)).to_bytes(16, "big")
    )
    for at in range(0, len(padded), _BLOCK):
        _block(state, words, padded[at : at + _BLOCK])
    return b"".join([word.to_bytes(8, "big") for word in state])


def _block(state, words, block):
    w = [int.from_bytes(block[i : i + 8], "big") for i in range(0, _BLOCK, 8)]
    for i in range(16, 80):
        a, b = w[i - 15], w[i - 2]
        small = _turn(a, 1) ^ _turn(a, 8) ^ a >> 7
        large = _turn(b, 19) ^ _turn(b, 61) ^ b >> 6
        w.append((w[i - 16] + small + w[i - 7] + large) & _MASK)
    a, b, c, d, e, f, g, h = state
    for i in range(80):
        choice = e & f ^ ~e & _MASK & g
        t = h + (_turn(e, 14) ^ _turn(e, 18) ^ _turn(e, 41)) + choice + words[i] + w[i]
        major = a & b ^ a & c ^ b & c
        u = (_turn(a, 28) ^ _turn(a, 34) ^ _turn(a, 39)) + major
        h, g, f, e, d, c, b, a = g, f, e, (d + t) & _MASK, c, b, a, (t + u) & _MASK
    for i, value in enumerate((a, b, c, d, e, f, g, h)):
        state[i] = (state[i] + value) & _MASK
