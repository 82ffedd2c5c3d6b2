"""Which form fits which layout, and how many frames one message carries."""

from solecore.wire.messages import (
    CODED8,
    FORM_NAMES,
    FRAME_CODED8,
    FRAMES_RAW8,
    FRAMES_RAW12,
    MAX_MESSAGE,
    RAW8,
    RAW12,
)

MAX_CELLS: int = 1185  # raw8 of one frame still fits a message
KEY_FRAME: int = 0
DELTA_FRAME: int = 1
PLAIN_FRAME: int = 2  # too many tokens: the cells as they are


def frame_size(form: int, n_cells: int) -> int:
    """Return the largest number of bytes of one frame in ``form``, without header."""
    if form == RAW12:
        return (3 * n_cells + 1) // 2
    if form in (RAW8, CODED8):
        return n_cells
    raise ValueError("form %d is not one of raw12 (1), raw8 (2), coded8 (3)" % form)


def header_size(form: int) -> int:
    """Return the bytes before the first frame."""
    if form == RAW12:
        return FRAMES_RAW12.size
    return FRAMES_RAW8.size if form == RAW8 else FRAME_CODED8.size


def misfit(form: int, n_cells: int) -> str:
    """Return why ``form`` cannot carry ``n_cells``, or an empty string if it can."""
    size = frame_size(form, n_cells) + header_size(form)
    if size <= MAX_MESSAGE:
        return ""
    return "%s of %d cells is %d bytes, a message holds %d" % (
        FORM_NAMES[form],
        n_cells,
        size,
        MAX_MESSAGE,
    )


def forms_that_fit(n_cells: int) -> int:
    """Return a bit field: bit f is set if form f fits."""
    bits = 0
    for form in (RAW12, RAW8, CODED8):
        if not misfit(form, n_cells):
            bits |= 1 << form
    return bits


def frames_per_message(form: int, n_cells: int, period_us: int) -> int:
    """Return how many frames share a message: at most 100 ms of them and one notification."""
    if form == CODED8:
        return 1
    room = (230 - header_size(form)) // frame_size(form, n_cells)
    n = 100000 // period_us
    n = n if n < room else room
    return n if n > 1 else 1
