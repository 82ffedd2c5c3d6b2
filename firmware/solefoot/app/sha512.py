"""SHA-512 (FIPS 180-4) for short input; MicroPython's hashlib ends at SHA-256.

The heap of a running insole is small and full of holes, so nothing here is longer than 16 words.
The constants are the fractions of the roots of primes: computed, as a table of them would stay.
"""

_MASK: int = (1 << 64) - 1
_BLOCK: int = 128


def _primes():
    candidate = 2
    while True:
        divisor = 2
        while divisor * divisor <= candidate and candidate % divisor:
            divisor += 1
        if divisor * divisor > candidate:
            yield candidate
        candidate += 1


def _fraction(p, k):
    """Return the first 64 bits behind the point of the ``k``-th root of ``p``."""
    n = p << 64 * k
    x = 8 << 64  # above the square root of 19 and the cube root of 409
    while True:
        y = ((k - 1) * x + n // x ** (k - 1)) // k
        if y >= x:
            return x & _MASK
        x = y


def _turn(x, n):
    return (x >> n | x << (64 - n)) & _MASK


def digest(data: bytes) -> bytes:
    """Return the 64 bytes of ``data``'s digest."""
    primes = _primes()
    state = [_fraction(next(primes), 2) for _ in range(8)]
    padded = (
        data + b"\x80" + bytes(-(len(data) + 17) % _BLOCK) + (8 * len(data)).to_bytes(16, "big")
    )
    for at in range(0, len(padded), _BLOCK):
        _block(state, padded, at)
    return b"".join([word.to_bytes(8, "big") for word in state])


def _block(state, data, at):
    w = [int.from_bytes(data[i : i + 8], "big") for i in range(at, at + _BLOCK, 8)]
    a, b, c, d, e, f, g, h = state
    i = 0
    for prime in _primes():
        word = w[i & 15]
        choice = e & f ^ ~e & _MASK & g
        t = h + (_turn(e, 14) ^ _turn(e, 18) ^ _turn(e, 41)) + choice + _fraction(prime, 3) + word
        major = a & b ^ a & c ^ b & c
        u = (_turn(a, 28) ^ _turn(a, 34) ^ _turn(a, 39)) + major
        h, g, f, e, d, c, b, a = g, f, e, (d + t) & _MASK, c, b, a, (t + u) & _MASK
        x, y = w[i + 1 & 15], w[i + 14 & 15]  # of this place's next word, 16 rounds from here
        x = _turn(x, 1) ^ _turn(x, 8) ^ x >> 7
        y = _turn(y, 19) ^ _turn(y, 61) ^ y >> 6
        w[i & 15] = (word + x + w[i + 9 & 15] + y) & _MASK
        i += 1
        if i == 80:
            break
    for i, value in enumerate((a, b, c, d, e, f, g, h)):
        state[i] = (state[i] + value) & _MASK
