"""A wiring as the words that the register kernels walk through; indices of ``_viper``."""

from array import array

ROWS: int = 0
COLS: int = 1
WAIT: int = 2  # microseconds for ``sweep``, reads of the GPIO register for ``sweep_sar``
SET: int = 3  # word of the register that sets GPIOs, counted from the GPIO base
CLEAR: int = 4
OUT: int = 5  # a word that may be read without effect
FLIP: int = 6
COMMAND: int = 7  # what the SAR control register holds while a conversion does not start
LIMIT: int = 8  # polls until a conversion counts as failed
ROW_AT: int = 9  # steps of (set, clear) pairs; the last step is used again and again,
ROW_STEPS: int = 10  # and behind it stands the one that selects none
ROW_WRITES: int = 11
COL_AT: int = 12
COL_STEPS: int = 13
COL_WRITES: int = 14
SIZE: int = 15


class GpioWords:
    """Where a chip has its GPIO registers: words from ``base`` (an address, or an array)."""

    def __init__(self, base, set_word, clear_word, out_word) -> None:
        self.base = base
        self.set_word = set_word
        self.clear_word = clear_word
        self.out_word = out_word


def esp32s3_gpio() -> GpioWords:
    """Return OUT_W1TS, OUT_W1TC and OUT of GPIO 0 to 31."""
    return GpioWords(0x60004000, 2, 3, 1)


def rp2040_gpio() -> GpioWords:
    """Return the SIO words of the Pico and Pico W."""
    return GpioWords(0xD0000000, 5, 6, 4)


def rp2350_gpio() -> GpioWords:
    """Return the SIO words of the Pico 2 and Pico 2 W, GPIO 0 to 31."""
    return GpioWords(0xD0000000, 6, 8, 4)


def plan_of(wiring, gpio, flip) -> array:
    """Return the plan of ``wiring`` with the registers ``gpio``; ValueError over 32 GPIOs."""
    if max(wiring.gpios) > 31:
        raise ValueError("GPIO %d is not in the first bank (0 to 31)" % max(wiring.gpios))
    rows = wiring.row_lines.steps(wiring.rows)
    cols = wiring.col_lines.steps(wiring.cols)
    plan = array("I", bytes(4 * (SIZE + len(rows) + len(cols))))
    plan[ROWS] = wiring.rows
    plan[COLS] = wiring.cols
    plan[SET] = gpio.set_word
    plan[CLEAR] = gpio.clear_word
    plan[OUT] = gpio.out_word
    plan[FLIP] = flip
    at = SIZE
    for first, lines, words in (
        (ROW_AT, wiring.row_lines, rows),
        (COL_AT, wiring.col_lines, cols),
    ):
        plan[first] = at
        plan[first + 1] = len(words) // (2 * lines.WRITES) - 1
        plan[first + 2] = lines.WRITES
        for word in words:
            plan[at] = word
            at += 1
    return plan
