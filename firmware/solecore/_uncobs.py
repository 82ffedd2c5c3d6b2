"""Unstuff COBS frames: no loop over bytes, so one form serves every kernel module."""


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
