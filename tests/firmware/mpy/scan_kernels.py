# ruff: noqa: T201
# The compiled viper loops over words in memory, against what the wiring says, line by line.
# Prints: whether the self-test holds, steps seen right, sweeps compared.
from array import array

from solefoot.drivers.scan import _plain, kernels, plan
from solefoot.drivers.scan.wiring import Mux, Shift, Wiring


def main():
    viper = kernels.load()
    seen = sweeps = 0
    for rows, cols, row_lines, col_lines in (
        (30, 22, Shift(1, 2, 3), Mux((4, 5, 6, 7), (8, 9))),
        (29, 21, Mux((0, 1, 2, 3, 31)), Mux((4, 5, 6, 7), (8, 9))),
        (4, 3, Shift(1, 2, 30, 0), Shift(4, 5, 6)),
    ):
        steps = row_lines.steps(rows), col_lines.steps(cols)
        # Memory keeps only the last word written: the way is followed by ending after each line.
        for n in range(1, (cols if isinstance(col_lines, Mux) else 1) + 1):
            wiring = Wiring(rows, n, row_lines, col_lines)
            gpio = array("I", bytes(16))
            words = plan.plan_of(wiring, plan.GpioWords(gpio, 2, 3, 1), 0)
            words[plan.WAIT] = 2
            words[plan.LIMIT] = 1
            words[plan.COMMAND] = 1 << 31 | 0x10000 | 0x123
            words[plan.ROW_WRITES] = 0  # so that the columns write last
            sar = array("I", [0])
            raw = array("H", bytes(2 * rows * n))
            if viper.sweep_sar(raw, words, gpio, sar) != rows * n or sum(raw) != 0x123 * rows * n:
                print("sweep of", rows, n)
            last = 2 * n - 2 if isinstance(col_lines, Mux) else 6
            if (gpio[2], gpio[3]) == (steps[1][last], steps[1][last + 1]):
                seen += 1
            sweeps += 1
    raw = array("H", [(i * 2017) & 65535 for i in range(99)])
    frame = bytearray([(i * 89 + 3) & 255 for i in range(16)])
    for flip in (0, 4095):
        there, here = array("H", raw), array("H", raw)
        viper.counts12(there, 98, flip)
        _plain.counts12(here, 98, flip)
        for n in range(9):
            viper.signed16(frame, there, n | (n * 9) << 4, flip)
            _plain.signed16(frame, here, n | (n * 9) << 4, flip)
        seen += list(there) == list(here)
        sweeps += 1
    print(viper is not None, seen, sweeps)


main()
