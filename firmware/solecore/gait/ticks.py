"""Arithmetic on ticks (microseconds modulo 2**30) within the small integers of 32-bit builds."""

from solecore.wire.messages import TICKS_MASK


def add(ticks, step):
    """Return ``ticks + step`` modulo 2**30; 0 <= step < 2**30."""
    room = TICKS_MASK - ticks
    return ticks + step if step <= room else step - room - 1


def diff(later, earlier):
    """Return ``later - earlier`` modulo 2**30."""
    d = later - earlier
    return d if d >= 0 else d + TICKS_MASK + 1


def elapsed(later, later_wraps, earlier, earlier_wraps):
    """Return the microseconds from ``earlier`` to ``later``, at most 2**30 - 1 (17.9 minutes)."""
    n = later_wraps - earlier_wraps
    if n > 1 or (n == 1 and later >= earlier):
        return TICKS_MASK
    return diff(later, earlier)
