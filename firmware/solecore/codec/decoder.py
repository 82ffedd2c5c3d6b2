"""Read pressure frames, one at a time: the reference for the host's batch decoder."""

from solecore.codec.forms import DELTA_FRAME, KEY_FRAME, PLAIN_FRAME
from solecore.wire.schema import WireError


def unpack12(body, n: int, at: int) -> list:
    """Return ``n`` values packed by ``pack12`` at ``at``."""
    out = []
    for i in range(n):
        j = at + 3 * (i >> 1)
        if i & 1:
            out.append((body[j + 1] >> 4) | (body[j + 2] << 4))
        else:
            out.append(body[j] | (body[j + 1] & 15) << 8)
    return out


def decode_coded8(mode: int, n_tokens: int, body, before, n: int) -> bytes:
    """Return the ``n`` cells of a coded frame; ``before`` are the cells of the frame before it."""
    if mode == PLAIN_FRAME:
        if len(body) != n:
            raise WireError("plain frame of %d bytes for %d cells" % (len(body), n))
        return bytes(body)
    if mode not in (KEY_FRAME, DELTA_FRAME) or n_tokens > len(body):
        raise WireError(
            "coded frame of mode %d with %d tokens in %d bytes" % (mode, n_tokens, len(body))
        )
    out = bytearray(before if mode == DELTA_FRAME else n)
    literals = sum(token - 128 for token in body[:n_tokens] if token > 127)
    at = n_tokens
    tail = at + ((literals + 1) // 2 if mode == DELTA_FRAME else literals)
    half = 0
    i = 0
    for token in body[:n_tokens]:
        if token < 128:
            i += token
            continue
        for _ in range(token - 128):
            if i >= n or at >= len(body):
                raise WireError(
                    "coded frame runs over: cell %d of %d, byte %d of %d" % (i, n, at, len(body))
                )
            if mode == KEY_FRAME:
                out[i] = body[at]
                at += 1
            else:
                d = body[at] >> 4 if half else body[at] & 15
                at += half
                half ^= 1
                if d == 0:
                    if tail >= len(body):
                        raise WireError("coded frame ends before its escapes")
                    out[i] = (out[i] + body[tail]) & 255
                    tail += 1
                else:
                    out[i] = (out[i] + d - 8) & 255
            i += 1
    if i != n or tail != len(body):
        raise WireError(
            "coded frame covers %d of %d cells, %d of %d bytes" % (i, n, tail, len(body))
        )
    return bytes(out)
