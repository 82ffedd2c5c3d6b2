"""The self-test of the viper loops, over words in memory; ``kernels`` drops it after use."""

from array import array

from solefoot.drivers.scan import _plain, plan
from solefoot.drivers.scan.wiring import Mux, Shift, Wiring


def holds(module) -> bool:
    """Return whether every loop of ``module`` does what wiring and plain twin say."""
    return _sweeps(module) and _counts(module)


def _counts(module):
    results = []
    for kernels in (module, _plain):
        raw = array("H", [0, 1, 4095, 65535, 4096, 2048, 12345, 9])
        kernels.counts12(raw, 7, 4095)
        results.append(list(raw))
        frame = bytearray(range(3, 255, 17))
        frame[0:6] = b"\x80\x00\x7f\xff\xff\xf8"
        for flip in (0, 4095):
            more = array("H", bytes(18))
            kernels.signed16(frame, more, 7 | 1 << 4, flip)
            results.append(list(more))
    return results[:3] == results[3:]


class _Watch:
    """Stands for the converter: counts up, and keeps what the GPIO words held at each reading."""

    def __init__(self, gpio):
        self.gpio = gpio
        self.seen = []
        self.slept = 0

    def read(self):
        self.seen.append((self.gpio[2], self.gpio[3]))
        return (len(self.seen) * 331 & 4095) << 4

    def sleep(self, us):
        self.slept += us


def _sweeps(module):
    """Compare both sweeps over words in memory with what the wiring says."""
    for lines, other in (
        (Mux((3, 4), (5, 31)), Mux((0, 1, 2))),
        (Shift(7, 8, 9), Mux((0, 1, 2))),
        (Shift(7, 8, None), Mux((0, 1, 2))),
        (Mux((0, 1, 2)), Shift(7, 8, 9, 0)),
    ):
        wiring = Wiring(5, 6, lines, other)
        gpio = array("I", bytes(16))
        words = plan.plan_of(wiring, plan.GpioWords(gpio, 2, 3, 1), 4095)
        words[plan.WAIT] = 7
        pairs = [_pairs(words, plan.ROW_AT), _pairs(words, plan.COL_AT)]
        module.clear(words, gpio)
        if (gpio[2], gpio[3]) != pairs[1][-1]:
            return False
        for rows_seen in (False, True):
            if rows_seen:
                words[plan.COL_WRITES] = 0  # then the last to write before a reading are the rows
            watch = _Watch(gpio)
            raw = array("H", bytes(60))
            module.sweep(raw, words, gpio, (watch.read, watch.sleep))
            if watch.slept != 30 * 7 or (gpio[2], gpio[3]) != pairs[0][-1]:
                return False
            for i in range(30):
                wanted = pairs[0][i // 6] if rows_seen else pairs[1][i % 6]
                if raw[i] != ((i + 1) * 331 & 4095) ^ 4095 or watch.seen[i] != wanted:
                    return False
        # In memory "done" and the result stay what the command holds.
        sar = array("I", [0, 0])
        words[plan.COMMAND] = (1 << 31) | 0x10000 | 0x5A5
        words[plan.LIMIT] = 3
        raw = array("H", bytes(62))
        if module.sweep_sar(raw, words, gpio, sar) != 30 or sar[1]:
            return False
        if sar[0] != (1 << 31) | 0x30000 | 0x5A5 or (gpio[2], gpio[3]) != pairs[0][-1]:
            return False
        for i in range(31):
            if raw[i] != (0x5A5 ^ 4095 if i < 30 else 0):
                return False
        words[plan.COMMAND] = 0
        if module.sweep_sar(raw, words, gpio, sar) != 0:
            return False
        module.idle(words, gpio, 3)
    return True


def _pairs(words, first):
    """Return the last (set, clear) pair of each of 6 steps, then of none selected."""
    at, steps, writes = words[first], words[first + 1], words[first + 2]
    pairs = []
    for step in list(range(6)) + [steps]:
        if step != steps and step >= steps:
            step = steps - 1
        j = at + 2 * writes * (step + 1) - 2
        pairs.append((words[j], words[j + 1]))
    return pairs
