"""How long a cell must settle: a test on the foot, loaded only when it is asked for."""

_TEST_US: int = 20
_TEST_SCANS: int = 4
_LOADED: int = 200  # counts: below, one count is too large a share of a cell to judge by


def settle_test(readout, raw) -> tuple:
    """Return ``(settle_us, counts at 1 to 20 us)`` of the heaviest cell; settle_us 0: no load.

    The first time whose count lies within 1 of that at 20 us. ``readout`` keeps the time it had.
    Stand still on the insole: each count is the mean of a few scans.
    """
    before = readout.settle_us
    curve = []
    times = []
    try:
        readout.set_settle(_TEST_US)
        readout.scan_into(raw)
        cell = max(range(len(raw)), key=lambda i: raw[i])
        for settle_us in range(1, _TEST_US + 1):
            readout.set_settle(settle_us)
            times.append(readout.settle_us)  # what the back-end makes of it
            total = 0
            for _ in range(_TEST_SCANS):
                readout.scan_into(raw)
                total += raw[cell]
            curve.append((total + _TEST_SCANS // 2) // _TEST_SCANS)
    finally:
        readout.set_settle(before)
    if curve[-1] < _LOADED:
        return 0, curve
    first = 0
    while abs(curve[first] - curve[-1]) > 1:
        first += 1
    return times[first], curve
