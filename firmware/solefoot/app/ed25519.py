"""Ed25519 signatures (RFC 8032), verified only; plain integers, no table.

Refused besides a wrong signature: S not below the group's order, a key or R that is not the one
encoding of a point, a key of small order (which would fit many messages).
"""

from solefoot.app.sha512 import digest

_P: int = (1 << 255) - 19
_ORDER: int = (1 << 252) + 27742317777372353535851937790883648493


def _inverse(x):
    return pow(x, _P - 2, _P)


def _point(data):
    """Return the point that ``data`` encodes as (X, Y, Z, T), or None."""
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    if y >= _P:
        return None
    d = -121665 * _inverse(121666) % _P
    square = (y * y - 1) * _inverse(d * y * y + 1) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
        if (x * x - square) % _P:
            return None
    if not x and sign:
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _add(p, q, d2):
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = p[3] * q[3] % _P * d2 % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _double(p):
    a = p[0] * p[0] % _P
    b = p[1] * p[1] % _P
    c = 2 * p[2] * p[2] % _P
    h = a + b
    e = h - (p[0] + p[1]) * (p[0] + p[1]) % _P
    g = a - b
    f = c + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _encode(p):
    z = _inverse(p[2])
    x, y = p[0] * z % _P, p[1] * z % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def verify(key: bytes, message: bytes, signature: bytes, feed=None) -> bool:
    """Return whether ``signature`` (64 bytes) of ``message`` was made with the key of ``key``.

    It takes seconds on a board: ``feed()`` is called all the while, for a watchdog.
    """
    if len(key) != 32 or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    a = _point(key)
    if s >= _ORDER or a is None:
        return False
    eightfold = _double(_double(_double(a)))
    if not eightfold[0] % _P:
        return False
    k = int.from_bytes(digest(signature[:32] + key + message), "little") % _ORDER
    base = _point((4 * _inverse(5) % _P).to_bytes(32, "little"))
    # R = S B - k A, both products in one pass.
    minus = (_P - a[0], a[1], 1, _P - a[3])
    d2 = -2 * 121665 * _inverse(121666) % _P
    both = _add(base, minus, d2)
    r = (0, 1, 1, 0)
    for i in range(252, -1, -1):
        if feed is not None:
            feed()
        r = _double(r)
        bits = (s >> i & 1) | (k >> i & 1) << 1
        if bits:
            r = _add(r, (base, minus, both)[bits - 1], d2)
    return _encode(r) == signature[:32]
